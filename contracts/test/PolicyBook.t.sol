// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

import {PolicyBook} from "../src/PolicyBook.sol";
import {ICoverPool} from "../src/interfaces/ICoverPool.sol";
import {IIncidentBook, Span} from "../src/interfaces/IIncidentBook.sol";
import {IPolicyDescriptor} from "../src/interfaces/IPolicyDescriptor.sol";
import {IPolicyBook, Listing, Policy, Quote, Semantics, Terms} from "../src/interfaces/IPolicyBook.sol";
import {CoverBase} from "./CoverBase.sol";
import {ScriptedBook} from "./ScriptedBook.sol";

/// @title An underwriter that is a contract and accepts one digest
contract Desk is IERC1271 {
    bytes32 private immutable _accepted;

    constructor(bytes32 accepted) {
        _accepted = accepted;
    }

    function isValidSignature(bytes32 digest, bytes calldata) external view returns (bytes4) {
        return digest == _accepted ? IERC1271.isValidSignature.selector : bytes4(0);
    }
}

/// @title An underwriter that never comes to an end
contract EndlessDesk is IERC1271 {
    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        while (gasleft() > 0) {}
        return IERC1271.isValidSignature.selector;
    }
}

contract PolicyBookTest is CoverBase {
    function setUp() public override {
        super.setUp();
        _stake(staker, 200_000 * one);
    }

    function _refused(Quote memory quote, bytes memory reason) private {
        _fund(quote.buyer, quote.premium);
        bytes memory signature = _sign(quote);
        vm.prank(quote.buyer);
        vm.expectRevert(reason);
        policies.buy(quote, signer, signature);
    }

    function _outOfBounds(string memory field, uint256 value, uint256 bound_) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IPolicyBook.QuoteOutOfBounds.selector, field, value, bound_);
    }

    /* BUYING */

    function test_BuyingMintsThePolicyAndPaysThePool() public {
        Quote memory quote = _quote();
        uint256 id = _buy(quote);

        assertEq(id, quote.nonce, "the first underwriter's nonce");
        assertEq(policies.ownerOf(id), buyer, "holder");
        assertEq(policies.underwriterOf(id), signer, "underwriter");
        assertEq(pool.exposureOf(SUBJECT), 25_000 * one, "limit in force on the trigger");
        (uint256 cap, uint256 used) = policies.underwriterLimits(signer);
        assertEq(cap, 10_000_000 * one, "underwriter's cap");
        assertEq(used, 25_000 * one, "underwriter's limits in force");
        assertEq(policies.policyIdOf(signer, quote.nonce), id, "id of the nonce");
        Policy memory policy = policies.policy(id);
        assertEq(keccak256(abi.encode(policy.terms)), keccak256(abi.encode(quote.terms)), "terms");
        assertEq(policy.start, quote.start, "start");
        assertEq(policy.end, quote.end, "end");
        assertEq(policy.standby, standby, "standby");
        assertEq(policy.premium, 500 * one, "premium");
        assertEq(asset.balanceOf(buyer), 0, "buyer's balance");
        assertEq(pool.exposureOf(SUBJECT), 25_000 * one, "exposure");
    }

    function _exclusionsHash(Span[] memory spans) private pure returns (bytes32) {
        bytes memory hashes;
        for (uint256 i; i < spans.length; ++i) {
            hashes = bytes.concat(
                hashes,
                keccak256(abi.encode(keccak256("Span(uint64 from,uint64 until)"), spans[i].from, spans[i].until))
            );
        }
        return keccak256(hashes);
    }

    function test_TheDigestIsTheOneOfTheStandard() public {
        Quote memory q = _quote();
        q.exclusions = new Span[](2);
        q.exclusions[0] = Span(q.start + 1 days, q.start + 2 days);
        q.exclusions[1] = Span(q.start + 2 days, q.start + 3 days);
        bytes32 termsHash = keccak256(
            abi.encode(
                keccak256(
                    "Terms(uint32 waiting,uint8 semantics,uint64 rate,uint96 failoverBenefit,uint96 incidentLimit,uint96 aggregateLimit)"
                ),
                q.terms
            )
        );
        bytes32[] memory words = new bytes32[](15);
        words[0] = keccak256(
            "Quote(address pool,address asset,address buyer,bytes32 triggerId,Terms terms,uint64 start,uint64 end,Span[] exclusions,address standby,uint96 premium,bytes32 modelVersion,uint256 renews,uint256 nonce,uint64 deadline)Span(uint64 from,uint64 until)Terms(uint32 waiting,uint8 semantics,uint64 rate,uint96 failoverBenefit,uint96 incidentLimit,uint96 aggregateLimit)"
        );
        words[1] = bytes32(uint256(uint160(q.pool)));
        words[2] = bytes32(uint256(uint160(q.asset)));
        words[3] = bytes32(uint256(uint160(q.buyer)));
        words[4] = q.triggerId;
        words[5] = termsHash;
        words[6] = bytes32(uint256(q.start));
        words[7] = bytes32(uint256(q.end));
        words[8] = _exclusionsHash(q.exclusions);
        words[9] = bytes32(uint256(uint160(q.standby)));
        words[10] = bytes32(uint256(q.premium));
        words[11] = q.modelVersion;
        words[12] = bytes32(q.renews);
        words[13] = bytes32(q.nonce);
        words[14] = bytes32(uint256(q.deadline));
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("PolicyBook"),
                keccak256("1"),
                block.chainid,
                address(policies)
            )
        );
        bytes32 expected = keccak256(abi.encodePacked("\x19\x01", domain, keccak256(abi.encodePacked(words))));
        assertEq(policies.quoteDigest(q), expected, "digest");
    }

    function test_AContractCanUnderwriteByItsOwnRule() public {
        Quote memory quote = _quote();
        address desk = address(new Desk(policies.quoteDigest(quote)));
        policies.setUnderwriter(desk, uint96(100_000 * one));
        _fund(buyer, quote.premium);
        vm.prank(buyer);
        uint256 id = policies.buy(quote, desk, "");
        assertEq(policies.underwriterOf(id), desk, "underwriter");

        Quote memory other = _quote();
        _fund(buyer, other.premium);
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.BadSignature.selector, desk));
        policies.buy(other, desk, "");
    }

    function test_WhatAnUnderwritersContractMayCostIsBounded() public {
        address desk = address(new EndlessDesk());
        policies.setUnderwriter(desk, uint96(100_000 * one));
        Quote memory quote = _quote();
        uint256 left = gasleft();
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.BadSignature.selector, desk));
        policies.buy(quote, desk, "");
        assertLe(left - gasleft(), 300_000, "gas");
    }

    function test_NobodyIsNoUnderwriterSoWhatCannotBeReadIsNobodysSignature() public {
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.NotUnderwriter.selector, address(0)));
        policies.setUnderwriter(address(0), uint96(100_000 * one));
        Quote memory quote = _quote();
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.NotUnderwriter.selector, address(0)));
        policies.buy(quote, address(0), "");
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.BadSignature.selector, signer));
        policies.buy(quote, signer, "");
    }

    function test_WhatARecordCannotHoldIsRefused() public {
        Quote memory quote = _quote();
        quote.premium = uint96(type(uint88).max) + 1;
        _refused(quote, _outOfBounds("premium", quote.premium, type(uint88).max));
        quote = _quote();
        quote.terms.waiting = uint32(type(uint24).max) + 1;
        _refused(quote, _outOfBounds("waiting", quote.terms.waiting, type(uint24).max));
        quote = _quote();
        quote.nonce = 0;
        _refused(quote, _outOfBounds("nonce", 0, 2 ** 40 - 1));
        quote.nonce = 2 ** 40;
        _refused(quote, _outOfBounds("nonce", 2 ** 40, 2 ** 40 - 1));
        vm.warp(uint256(type(uint32).max) - 20 days);
        _catchUp();
        quote = _quote();
        _refused(quote, _outOfBounds("end", quote.end, type(uint32).max));
    }

    function test_AnIdIsTheUnderwritersNumberAndTheNonce() public {
        address second = vm.addr(0x5EC0);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.NotUnderwriter.selector, second));
        policies.policyIdOf(second, 7);
        policies.setUnderwriter(second, uint96(100_000 * one));
        policies.setUnderwriter(second, uint96(50_000 * one));
        assertEq(policies.policyIdOf(second, 7), 2 ** 40 + 7, "second underwriter");
        assertEq(policies.policyIdOf(signer, 2 ** 40 - 1), 2 ** 40 - 1, "first underwriter");
    }

    /* LESSON 12: QUOTE REPLAY */

    function test_Lesson12_AQuoteServesOnlyItsBuyer() public {
        Quote memory quote = _quote();
        bytes memory signature = _sign(quote);
        vm.prank(staker);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.WrongQuote.selector, "buyer"));
        policies.buy(quote, signer, signature);
    }

    function test_Lesson12_AQuoteServesOnce() public {
        Quote memory quote = _quote();
        _buy(quote);
        _refused(quote, abi.encodeWithSelector(IPolicyBook.NonceUsed.selector, signer, quote.nonce));
    }

    function test_Lesson12_AQuoteOfAnotherContractOrChainIsRefused() public {
        Quote memory quote = _quote();
        bytes32 here = policies.quoteDigest(quote);
        PolicyBook other =
            new PolicyBook(address(this), ICoverPool(address(pool)), IIncidentBook(address(book)), descriptor);
        assertFalse(other.quoteDigest(quote) == here, "another contract has another digest");

        bytes memory signature = _sign(quote);
        _fund(buyer, quote.premium);
        vm.chainId(77);
        assertFalse(policies.quoteDigest(quote) == here, "another chain has another digest");
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.BadSignature.selector, signer));
        policies.buy(quote, signer, signature);
    }

    function test_Lesson12_AQuoteExpiresAndIsShortLived() public {
        Quote memory quote = _quote();
        quote.deadline = uint64(block.timestamp) - 1;
        _refused(quote, _outOfBounds("deadline", block.timestamp - 1, block.timestamp));
        quote.deadline = uint64(block.timestamp) + 1 hours + 1;
        _refused(quote, _outOfBounds("deadline", block.timestamp + 1 hours + 1, block.timestamp + 1 hours));
        quote.deadline = uint64(block.timestamp);
        _buy(quote);
    }

    function test_AnAlteredQuoteIsRefused() public {
        Quote memory quote = _quote();
        bytes memory signature = _sign(quote);
        quote.premium -= 1;
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.BadSignature.selector, signer));
        policies.buy(quote, signer, signature);
    }

    function test_AnotherPoolOrAssetIsRefused() public {
        Quote memory quote = _quote();
        quote.pool = staker;
        _refused(quote, abi.encodeWithSelector(IPolicyBook.WrongQuote.selector, "pool"));
        quote = _quote();
        quote.asset = staker;
        _refused(quote, abi.encodeWithSelector(IPolicyBook.WrongQuote.selector, "asset"));
    }

    /* BOUNDS */

    function test_TheStartKeepsToCoolingOffAndLead() public {
        Quote memory quote = _quote();
        uint256 earliest = block.timestamp + COOLING_OFF;
        quote.start = uint64(earliest) - 1;
        _refused(quote, _outOfBounds("start", earliest - 1, earliest));
        quote.start = uint64(earliest + 30 days) + 1;
        _refused(quote, _outOfBounds("start", earliest + 30 days + 1, earliest + 30 days));
    }

    function test_TheTermKeepsToTheListing() public {
        Quote memory quote = _quote();
        quote.end = quote.start + 7 days - 1;
        _refused(quote, _outOfBounds("end", quote.end, quote.start + 7 days));
        quote.end = quote.start + 366 days + 1;
        _refused(quote, _outOfBounds("end", quote.end, quote.start + 366 days));
        quote.end = quote.start - 1;
        _refused(quote, _outOfBounds("end", quote.end, quote.start + 7 days));
    }

    function test_TheTermsKeepToTheListing() public {
        Quote memory quote = _quote();
        quote.terms.waiting = 30 minutes - 1;
        _refused(quote, _outOfBounds("waiting", 30 minutes - 1, 30 minutes));

        quote = _quote();
        quote.terms.rate = 0;
        _refused(quote, _outOfBounds("rate", 0, 1));

        quote = _quote();
        quote.terms.incidentLimit = quote.terms.aggregateLimit + 1;
        _refused(quote, _outOfBounds("incidentLimit", quote.terms.incidentLimit, quote.terms.aggregateLimit));

        quote = _quote();
        quote.terms.failoverBenefit = 0;
        quote.terms.incidentLimit = uint96(7_200 * one - 1);
        _refused(quote, _outOfBounds("incidentLimit", 7_200 * one - 1, 7_200 * one));
    }

    function test_NeitherBenefitNorQualifyingReachesTheLimitSooner() public {
        Quote memory quote = _quote();
        quote.terms.failoverBenefit = uint96(3_000 * one);
        quote.terms.incidentLimit = uint96(10_200 * one - 1);
        _refused(quote, _outOfBounds("incidentLimit", 10_200 * one - 1, 10_200 * one));
        quote.terms.incidentLimit += 1;
        _buy(quote);

        quote = _quote();
        quote.terms.semantics = Semantics.QUALIFYING;
        quote.terms.failoverBenefit = 0;
        quote.terms.waiting = 2 hours;
        quote.terms.incidentLimit = uint96(14_400 * one - 1);
        _refused(quote, _outOfBounds("incidentLimit", 14_400 * one - 1, 14_400 * one));
        quote.terms.incidentLimit += 1;
        _buy(quote);
    }

    function test_ThePremiumIsNeverBelowTheFloorRoundedUp() public {
        Quote memory quote = _quote();
        // 1 % a year of 25,000 over 30 of 365 days.
        uint256 floor = (25_000 * one * 30 + 36_499) / 36_500;
        quote.premium = uint96(floor - 1);
        _refused(quote, _outOfBounds("premium", floor - 1, floor));
        quote.premium = uint96(floor);
        _buy(quote);
    }

    function test_TermsThatTheTailWouldCutAreRefused() public {
        Quote memory quote = _quote();
        // 6 days and 22 hours to the limit after an hour's waiting, and the challenge period: half an hour inside the tail.
        quote.terms.rate = uint64(one / 100);
        quote.terms.failoverBenefit = 0;
        uint256 longest = 7 days - 1 hours - CHALLENGE;
        quote.terms.incidentLimit = uint96(longest * quote.terms.rate);
        _buy(quote);

        quote = _quote();
        quote.terms.rate = uint64(one / 100);
        quote.terms.failoverBenefit = 0;
        quote.terms.incidentLimit = uint96(longest * quote.terms.rate + 1);
        _refused(quote, _outOfBounds("tail", TAIL, TAIL + 1));
    }

    function test_OnlyListedAndOpenTriggersAreSold() public {
        Quote memory quote = _quote();
        quote.triggerId = keccak256("unlisted");
        _refused(quote, abi.encodeWithSelector(IPolicyBook.NotListed.selector, quote.triggerId));

        policies.stopSales(TRIGGER);
        _refused(_quote(), abi.encodeWithSelector(IPolicyBook.SalesClosed.selector, TRIGGER));
    }

    function test_TheCapHoldsForAllTriggersOfASubjectTogether() public {
        bytes32 twin = keccak256("twin");
        book.addTrigger(twin, SUBJECT, COOLING_OFF, TAIL, CHALLENGE);
        Listing memory listing = _listing();
        listing.cap = uint96(25_000 * one);
        policies.list(TRIGGER, listing);
        policies.list(twin, listing);
        uint256 id = _buy();
        Quote memory quote = _quote();
        quote.triggerId = twin;
        _refused(quote, abi.encodeWithSelector(IPolicyBook.CapExceeded.selector, "subject", 50_000 * one, 25_000 * one));
        assertEq(pool.exposureOf(SUBJECT), 25_000 * one, "in force by either trigger");

        vm.warp(policies.policy(id).end + TAIL + 1);
        policies.release(id);
        assertEq(pool.exposureOf(SUBJECT), 0, "free again");
    }

    function test_CapsHoldPerSubjectAndPerUnderwriter() public {
        Listing memory listing = _listing();
        listing.cap = uint96(50_000 * one);
        policies.list(TRIGGER, listing);
        _buy();
        _buy();
        _refused(
            _quote(), abi.encodeWithSelector(IPolicyBook.CapExceeded.selector, "subject", 75_000 * one, 50_000 * one)
        );

        policies.setUnderwriter(signer, uint96(60_000 * one));
        Quote memory quote = _quote();
        quote.triggerId = OTHER_TRIGGER;
        _refused(
            quote, abi.encodeWithSelector(IPolicyBook.CapExceeded.selector, "underwriter", 75_000 * one, 60_000 * one)
        );

        policies.setUnderwriter(signer, 0);
        _refused(quote, abi.encodeWithSelector(IPolicyBook.NotUnderwriter.selector, signer));
    }

    /* LESSON 10: KNOWN LOSS */

    function test_Lesson10_NothingIsSoldFromTheFirstAlarmOn() public {
        book.setAlarm(TRIGGER, 1);
        _refused(_quote(), abi.encodeWithSelector(IPolicyBook.NotQuiet.selector, TRIGGER));

        book.setAlarm(TRIGGER, 0);
        book.open(TRIGGER);
        _refused(_quote(), abi.encodeWithSelector(IPolicyBook.NotQuiet.selector, TRIGGER));
    }

    /* OWNER */

    function test_OnlyTheOwnerListsAndNamesUnderwriters() public {
        vm.startPrank(buyer);
        bytes memory reason = abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, buyer);
        vm.expectRevert(reason);
        policies.list(TRIGGER, _listing());
        vm.expectRevert(reason);
        policies.stopSales(TRIGGER);
        vm.expectRevert(reason);
        policies.setUnderwriter(buyer, 1);
        vm.stopPrank();
    }

    function test_AListingWithoutSenseIsRefused() public {
        Listing memory listing = _listing();
        listing.minimumTerm = 1 days - 1;
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.InvalidListing.selector, "minimumTerm"));
        policies.list(TRIGGER, listing);
        listing = _listing();
        listing.maximumTerm = listing.minimumTerm - 1;
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.InvalidListing.selector, "maximumTerm"));
        policies.list(TRIGGER, listing);
        vm.expectRevert(abi.encodeWithSelector(ScriptedBook.UnknownTrigger.selector, bytes32(uint256(1))));
        policies.list(bytes32(uint256(1)), _listing());
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.NotListed.selector, bytes32(uint256(1))));
        policies.stopSales(bytes32(uint256(1)));
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.InvalidSetup.selector, "pool"));
        new PolicyBook(address(this), ICoverPool(address(0)), IIncidentBook(address(book)), descriptor);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.InvalidSetup.selector, "book"));
        new PolicyBook(address(this), ICoverPool(address(pool)), IIncidentBook(address(0)), descriptor);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.InvalidSetup.selector, "descriptor"));
        new PolicyBook(
            address(this), ICoverPool(address(pool)), IIncidentBook(address(book)), IPolicyDescriptor(address(0))
        );
    }
}
