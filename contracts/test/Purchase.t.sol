// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {Span} from "../src/interfaces/IIncidentBook.sol";
import {IPermit2} from "../src/interfaces/IPermit2.sol";
import {IPolicyBook, Permit, Quote} from "../src/interfaces/IPolicyBook.sol";
import {CoverBase} from "./CoverBase.sol";
import {Permit2, RealPermit2} from "./harness/Permit2.sol";

/// @title A buyer that is a contract and accepts what one key has signed
contract SmartBuyer is IERC1271 {
    address private immutable _digester;
    bytes32 public accepted;

    constructor() {
        _digester = msg.sender;
    }

    function accept(bytes32 digest) external {
        accepted = digest;
    }

    function isValidSignature(bytes32 digest, bytes calldata) external view returns (bytes4) {
        return digest == accepted ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }
}

/// @title Who may buy, and how the premium may be paid
contract PurchaseTest is CoverBase {
    uint256 private constant BUYER_KEY = 0xB0B;
    bytes32 private constant PERMIT_TYPEHASH =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

    function setUp() public override {
        super.setUp();
        buyer = vm.addr(BUYER_KEY);
        _stake(staker, 200_000 * one);
    }

    function _bytes(uint256 key, bytes32 digest) private pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    /* BY ANYBODY FOR THE BUYER */

    function test_WithTheBuyersSignatureAnyoneBuysAtTheBuyersCost() public {
        Quote memory quote = _quote();
        _fund(buyer, quote.premium);
        bytes memory offer = _sign(quote);
        bytes memory acceptance = _bytes(BUYER_KEY, policies.quoteDigest(quote));
        vm.prank(other);
        uint256 id = policies.buyFor(quote, signer, offer, acceptance);
        assertEq(policies.ownerOf(id), buyer, "holder");
        assertEq(asset.balanceOf(buyer), 0, "paid by the buyer");
    }

    function test_AContractBuysByItsOwnRule() public {
        SmartBuyer wallet = new SmartBuyer();
        Quote memory quote = _quote();
        quote.buyer = address(wallet);
        _fund(address(wallet), quote.premium);
        bytes memory offer = _sign(quote);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.BadSignature.selector, address(wallet)));
        policies.buyFor(quote, signer, offer, "");

        wallet.accept(policies.quoteDigest(quote));
        uint256 id = policies.buyFor(quote, signer, offer, "");
        assertEq(policies.ownerOf(id), address(wallet), "holder");
    }

    function test_AnotherOnesSignatureIsNoAcceptance() public {
        Quote memory quote = _quote();
        _fund(buyer, quote.premium);
        bytes memory offer = _sign(quote);
        bytes memory acceptance = _bytes(SIGNER_KEY, policies.quoteDigest(quote));
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.BadSignature.selector, buyer));
        policies.buyFor(quote, signer, offer, acceptance);
    }

    /* PERMITS */

    function _permit(uint256 amount, uint256 deadline) private view returns (Permit memory permit) {
        bytes32 message =
            keccak256(abi.encode(PERMIT_TYPEHASH, buyer, address(pool), amount, asset.nonces(buyer), deadline));
        permit.amount = uint160(amount);
        permit.deadline = deadline;
        permit.signature = _bytes(BUYER_KEY, keccak256(abi.encodePacked("\x19\x01", asset.DOMAIN_SEPARATOR(), message)));
    }

    function _permit2(uint256 amount) private view returns (Permit memory permit) {
        permit.permit2 = true;
        permit.amount = uint160(amount);
        permit.expiration = uint48(block.timestamp);
        permit.deadline = block.timestamp;
        IPermit2.PermitDetails memory details =
            IPermit2.PermitDetails(address(asset), permit.amount, permit.expiration, 0);
        IPermit2.PermitSingle memory single = IPermit2.PermitSingle(details, address(pool), permit.deadline);
        permit.signature = _bytes(BUYER_KEY, RealPermit2.digest(permit2, single));
    }

    function _buyWithPermit(Quote memory quote, Permit memory permit) private returns (uint256) {
        bytes memory offer = _sign(quote);
        vm.prank(buyer);
        return policies.buyWithPermit(quote, signer, offer, permit);
    }

    function test_TheAssetsOwnPermitDoesForTheAllowance() public {
        Quote memory quote = _quote();
        asset.mint(buyer, quote.premium);
        _buyWithPermit(quote, _permit(quote.premium, block.timestamp));
        assertEq(asset.balanceOf(buyer), 0, "paid");
    }

    function test_Permit2DoesForTheAllowance() public {
        Quote memory quote = _quote();
        asset.mint(buyer, quote.premium);
        vm.prank(buyer);
        asset.approve(address(permit2), type(uint256).max);
        _buyWithPermit(quote, _permit2(quote.premium));
        assertEq(asset.balanceOf(buyer), 0, "paid");
    }

    function test_APermitThatFailsIsNotNeededWhereAnAllowanceDoes() public {
        Quote memory quote = _quote();
        _fund(buyer, quote.premium);
        Permit memory permit = _permit(quote.premium, block.timestamp - 1);
        _buyWithPermit(quote, permit);

        quote = _quote();
        _fund(buyer, quote.premium);
        permit = _permit2(quote.premium);
        permit.signature = "garbage";
        _buyWithPermit(quote, permit);

        quote = _quote();
        _fund(buyer, quote.premium);
        permit.permit2 = false;
        _buyWithPermit(quote, permit);
    }

    function test_WithoutAnAllowanceAFailedPermitBuysNothing() public {
        Quote memory quote = _quote();
        asset.mint(buyer, quote.premium);
        Permit memory permit = _permit2(quote.premium);
        permit.amount -= 1;
        bytes memory offer = _sign(quote);
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(Permit2.AllowanceExpired.selector, 0));
        policies.buyWithPermit(quote, signer, offer, permit);
    }

    function test_SomebodyElseWhoUsesThePermitFirstStopsNobody() public {
        Quote memory quote = _quote();
        asset.mint(buyer, quote.premium);
        Permit memory permit = _permit(quote.premium, block.timestamp);
        (bytes32 r, bytes32 s, uint8 v) = _split(permit.signature);
        vm.prank(other);
        asset.permit(buyer, address(pool), quote.premium, permit.deadline, v, r, s);
        _buyWithPermit(quote, permit);
        assertEq(asset.balanceOf(buyer), 0, "paid");
    }

    function _split(bytes memory signature) private pure returns (bytes32 r, bytes32 s, uint8 v) {
        assembly ("memory-safe") {
            r := mload(add(signature, 32))
            s := mload(add(signature, 64))
            v := byte(0, mload(add(signature, 96)))
        }
    }

    function test_OnlyTheBuyerUsesTheBuyersPermit() public {
        Quote memory quote = _quote();
        Permit memory permit = _permit(quote.premium, block.timestamp);
        bytes memory offer = _sign(quote);
        vm.prank(other);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.WrongQuote.selector, "buyer"));
        policies.buyWithPermit(quote, signer, offer, permit);
    }

    function test_APoolWithoutPermit2TakesAllowancesOnly() public {
        vm.etch(address(permit2), "");
        Quote memory quote = _quote();
        _fund(buyer, quote.premium);
        Permit memory permit;
        permit.permit2 = true;
        _buyWithPermit(quote, permit);
        assertEq(asset.balanceOf(buyer), 0, "paid");
    }

    function test_DepositsGoThroughPermit2Too() public {
        asset.mint(other, one);
        vm.prank(other);
        vm.expectRevert(abi.encodeWithSelector(Permit2.AllowanceExpired.selector, 0));
        pool.deposit(one, other);
    }

    /* EXCLUSIONS */

    function _excluding(uint64 from, uint64 until, uint64 from2, uint64 until2) private returns (Quote memory quote) {
        quote = _quote();
        quote.exclusions = new Span[](2);
        quote.exclusions[0] = Span(quote.start + from, quote.start + until);
        quote.exclusions[1] = Span(quote.start + from2, quote.start + until2);
    }

    function test_ExcludedSecondsAreNotPaid() public {
        Quote memory quote = _excluding(1 hours, 3 hours, 5 hours, 20 hours);
        uint256 id = _buy(quote);
        uint256 sequence = _incident(TRIGGER, quote.start, 6 hours);
        (uint256 owed,,) = policies.owedFor(id, sequence);
        assertEq(owed, 2 * 3600 * one, "owed");
        assertEq(policies.claim(id, sequence), 2 * 3600 * one, "six hours less three excluded and one of waiting");
        book.confirm(TRIGGER, quote.start, 20 hours);
        assertEq(policies.claim(id, sequence), 0, "all the rest is excluded");
    }

    function test_AnIncidentInSeveralSpansIsCutByItsOwnSeconds() public {
        Quote memory quote = _excluding(1 hours, 4 hours, 4 hours, 5 hours);
        uint256 id = _buy(quote);
        uint256 sequence = _incident(TRIGGER, quote.start, 6 hours);
        Span[] memory spans = new Span[](2);
        spans[0] = Span(quote.start, quote.start + 3 hours);
        spans[1] = Span(quote.start + 4 hours + 30 minutes, quote.start + 7 hours + 30 minutes);
        book.setSpans(TRIGGER, spans);
        assertEq(policies.claim(id, sequence), (1 hours + 2 hours + 30 minutes - 1 hours) * one, "outside the windows");
    }

    function testFuzz_WhatIsExcludedIsNeverPaidAndNothingElse(uint256 a, uint256 b, uint256 c, uint256 d, uint256 x)
        public
    {
        uint64[4] memory t = [uint64(bound(a, 0, 3000)), 0, 0, 0];
        t[1] = t[0] + uint64(bound(b, 1, 3000));
        t[2] = t[1] + uint64(bound(c, 0, 3000));
        t[3] = t[2] + uint64(bound(d, 1, 3000));
        Quote memory quote = _excluding(t[0], t[1], t[2], t[3]);
        uint256 id = _buy(quote);
        uint64 covered = uint64(bound(x, 1, 13_000));
        uint256 sequence = _incident(TRIGGER, quote.start, covered);
        uint256 left;
        for (uint64 second; second < covered; ++second) {
            bool excluded = (second >= t[0] && second < t[1]) || (second >= t[2] && second < t[3]);
            if (!excluded) ++left;
        }
        uint256 owed = left > 1 hours ? (left - 1 hours) * one : 0;
        assertEq(policies.claim(id, sequence), owed < 10_000 * one ? owed : 10_000 * one, "paid");
    }

    function test_ExclusionsAreFewAscendingAndDisjoint() public {
        Quote memory quote = _quote();
        quote.exclusions = new Span[](5);
        _refused(quote, "exclusions", 5, 4);
        quote = _excluding(10, 20, 19, 30);
        _refused(quote, "exclusions", quote.start + 19, quote.start + 20);
        quote = _excluding(10, 10, 20, 30);
        _refused(quote, "exclusions", quote.start + 10, quote.start + 11);
        quote = _excluding(10, 20, 20, 30);
        quote.exclusions[1].until = type(uint64).max;
        _refused(quote, "exclusions", type(uint64).max, type(uint40).max);
    }

    function test_AttestationsMustBePaidForUntilTheEnd() public {
        Quote memory quote = _quote();
        book.setFundedUntil(TRIGGER, quote.end - 1);
        _refused(quote, "end", quote.end, quote.end - 1);
        book.setFundedUntil(TRIGGER, quote.end);
        _buy(quote);
    }

    function _refused(Quote memory quote, string memory field, uint256 value, uint256 bound_) private {
        bytes memory offer = _sign(quote);
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.QuoteOutOfBounds.selector, field, value, bound_));
        policies.buy(quote, signer, offer);
    }
}
