// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {ICoverPool} from "../src/interfaces/ICoverPool.sol";
import {IPolicyBook, Listing, Quote, Semantics} from "../src/interfaces/IPolicyBook.sol";
import {CoverBase} from "./CoverBase.sol";

contract ClaimsTest is CoverBase {
    function setUp() public override {
        super.setUp();
        _stake(staker, 200_000 * one);
    }

    /* LESSON 10: WHAT FAILED BEFORE */

    function test_Lesson10_WhatFailedBeforeTheStartIsNotCovered() public {
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        uint256 sequence = _incident(TRIGGER, quote.start - 1, 5 days);
        vm.expectRevert(
            abi.encodeWithSelector(IPolicyBook.NotCovered.selector, id, quote.start - 1, quote.start, quote.end)
        );
        policies.claim(id, sequence);
    }

    function test_Lesson10_AnOutageOlderThanTheStartIsNotCoveredByBeingCut() public {
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        uint64 from = quote.start - 20 hours;
        _incident(TRIGGER, from, 168 hours);
        _end(TRIGGER);
        book.open(TRIGGER);
        _end(TRIGGER);
        uint256 second = _incident(TRIGGER, from + 168 hours, 168 hours);
        _end(TRIGGER);
        uint256 third = _incident(TRIGGER, from + 2 * 168 hours, 20 hours);
        bytes memory reason = abi.encodeWithSelector(IPolicyBook.NotCovered.selector, id, from, quote.start, quote.end);
        vm.expectRevert(reason);
        policies.claim(id, second);
        vm.expectRevert(reason);
        policies.claim(id, third);
        (uint256 owed,,) = policies.owedFor(id, third);
        assertEq(owed, 0, "owed");
        _end(TRIGGER);

        vm.warp(quote.end + TAIL + 1);
        policies.release(id);
        assertEq(asset.balanceOf(buyer), 0, "nor paid by the release");
    }

    function test_AnOutageThatBeganInForceIsCoveredBeyondTheCut() public {
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        _incident(TRIGGER, quote.start, 168 hours);
        _end(TRIGGER);
        uint256 second = _incident(TRIGGER, quote.start + 168 hours, 2 hours);
        assertEq(policies.claim(id, second), 3600 * one, "the continuation");
        _end(TRIGGER);
        uint256 last = _incident(TRIGGER, quote.end - 1 days, 168 hours);
        _end(TRIGGER);
        uint256 beyond = _incident(TRIGGER, quote.end + 6 days, 2 hours);
        assertEq(policies.claim(id, last), 10_000 * one, "across the end in whole");
        vm.expectRevert(
            abi.encodeWithSelector(IPolicyBook.NotCovered.selector, id, quote.end - 1 days, quote.start, quote.end)
        );
        policies.claim(id, beyond);
    }

    /* CLAIMING */

    function test_AClaimPaysTheHolderWhoeverAsks() public {
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        vm.prank(buyer);
        policies.transferFrom(buyer, staker, id);
        uint256 sequence = _incident(TRIGGER, quote.start, 1 hours + 1234);
        uint256 before = asset.balanceOf(staker);

        vm.prank(standby);
        uint256 paid = policies.claim(id, sequence);

        assertEq(paid, 1234 * one, "paid");
        assertEq(asset.balanceOf(staker) - before, 1234 * one, "holder's balance");
        (uint256 owed, uint256 sent, uint256 debt) = policies.owedFor(id, sequence);
        assertEq(owed, 1234 * one, "owed");
        assertEq(sent, 1234 * one, "sent");
        assertEq(debt, 0, "debt");
        assertEq(policies.policy(id).paid, 1234 * one, "paid by the policy's account");
    }

    function test_ClaimingTwiceIsHarmless() public {
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        uint256 sequence = _incident(TRIGGER, quote.start, 1 hours + 1234);
        policies.claim(id, sequence);
        assertEq(policies.claim(id, sequence), 0, "second claim");
        assertEq(asset.balanceOf(buyer), 1234 * one, "buyer's balance");
    }

    function test_HoursArePaidWhileTheOutageStillRuns() public {
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        uint256 sequence = _incident(TRIGGER, quote.start, 2 hours);
        assertEq(policies.claim(id, sequence), 3600 * one, "first hour");
        book.confirm(TRIGGER, quote.start, 3 hours);
        assertEq(policies.claim(id, sequence), 3600 * one, "second hour");
        book.confirm(TRIGGER, quote.start, 30 hours);
        assertEq(policies.claim(id, sequence), 2800 * one, "up to the incident limit");
        assertEq(policies.policy(id).owed, 10_000 * one, "owed in all");
    }

    function test_AllIncidentsTogetherStayWithinTheAggregateLimit() public {
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        uint256[4] memory expected = [10_000 * one, 10_000 * one, 5_000 * one, 0];
        for (uint64 i; i < 4; ++i) {
            uint256 sequence = _incident(TRIGGER, quote.start + i * 2 days, 40 hours);
            assertEq(policies.claim(id, sequence), expected[i], "paid");
            _end(TRIGGER);
        }
        assertEq(pool.exposureOf(SUBJECT), 0, "exposure left");
        (uint256 incidents, uint256 aggregates) = pool.limitsOf(TRIGGER);
        assertEq(incidents + aggregates, 0, "limits left");
    }

    function test_AnUnknownOrUnconfirmedIncidentIsRefused() public {
        uint256 id = _buy();
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.UnknownIncident.selector, TRIGGER, 0));
        policies.claim(id, 0);
        book.open(TRIGGER);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.UnknownIncident.selector, TRIGGER, 0));
        policies.claim(id, 0);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.UnknownPolicy.selector, 9));
        policies.claim(9, 0);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.UnknownPolicy.selector, 9));
        policies.policy(9);
    }

    function test_OneBadItemNeverSpoilsTheOthers() public {
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        uint256 second = _buy();
        uint256 sequence = _incident(TRIGGER, quote.start, 2 hours);
        uint256[] memory ids = new uint256[](3);
        uint256[] memory sequences = new uint256[](3);
        (ids[0], ids[1], ids[2]) = (id, 99, second);
        sequences[1] = sequence;

        vm.expectEmit(address(policies));
        emit IPolicyBook.ClaimSkipped(99, 0, abi.encodeWithSelector(IPolicyBook.UnknownPolicy.selector, 99));
        assertEq(policies.claimMany(ids, sequences), 7200 * one, "paid in all");
    }

    function test_ClaimManyIsBounded() public {
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.TooMany.selector, 65, 64));
        policies.claimMany(new uint256[](65), new uint256[](65));
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.LengthMismatch.selector, 2, 1));
        policies.claimMany(new uint256[](2), new uint256[](1));
    }

    /* LESSONS 1, 3, 4: ELIGIBLE BY WHEN IT HAPPENED */

    function test_Lesson1_AnOutageAcrossTheEndIsPaidInWhole() public {
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        vm.warp(quote.end + 2 days);
        uint256 sequence = _incident(TRIGGER, quote.end - 1, 20 hours);
        assertEq(policies.claim(id, sequence), 10_000 * one, "paid after the end");
    }

    function test_Lesson3_ReleasingPaysAnEligibleIncidentFirst() public {
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        _incident(TRIGGER, quote.start + 1 days, 2 hours);
        _end(TRIGGER);
        vm.warp(quote.end + TAIL + 1);
        _catchUp();
        policies.release(id);
        assertEq(asset.balanceOf(buyer), 3600 * one, "paid at the release");
        assertTrue(policies.policy(id).released, "released");
    }

    function test_Lesson3_EvidenceThatNobodyProposedYetForbidsTheRelease() public {
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        vm.warp(quote.end + TAIL + 1);
        book.setSwept(TRIGGER, quote.end - 1, quote.end + 1 days);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.EvidencePending.selector, TRIGGER));
        policies.release(id);

        book.setSwept(TRIGGER, quote.end, quote.end + 1 days);
        policies.release(id);
        assertTrue(policies.policy(id).released, "what began at the end is none of the policy's");
    }

    function test_Lesson4_ALateReportCountsByItsEvidence() public {
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        vm.warp(quote.end + TAIL - 1);
        uint256 sequence = _incident(TRIGGER, quote.start, 2 hours);
        assertEq(policies.claim(id, sequence), 3600 * one, "paid a month later");
    }

    function test_Lesson15_TheFirstSecondIsCoveredAndTheEndIsNot() public {
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        uint256 first = _incident(TRIGGER, quote.start, 2 hours);
        uint256 last = _incident(TRIGGER, quote.end - 1, 2 hours);
        uint256 beyond = _incident(TRIGGER, quote.end, 2 hours);
        assertEq(policies.claim(id, first), 3600 * one, "at the start");
        assertEq(policies.claim(id, last), 3600 * one, "in the last second");
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.NotCovered.selector, id, quote.end, quote.start, quote.end));
        policies.claim(id, beyond);
    }

    /* FAILOVER */

    function test_AFailoverWithinTheIncidentPaysItsBenefitOnce() public {
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        vm.warp(quote.start + 90 minutes);
        vm.prank(standby);
        policies.activateFailover(id);
        uint256 sequence = _incident(TRIGGER, quote.start, 2 hours);
        assertEq(policies.activationOf(id, sequence), quote.start + 90 minutes, "recorded for the next incident");
        assertEq(policies.claim(id, sequence), 4600 * one, "hour and benefit");
        assertEq(policies.claim(id, sequence), 0, "once");
    }

    function test_AFailoverOutsideTheIncidentProvesNothing() public {
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        vm.warp(quote.start - 1);
        vm.prank(standby);
        policies.activateFailover(id);
        uint256 early = _incident(TRIGGER, quote.start, 2 hours);
        assertEq(policies.claim(id, early), 3600 * one, "before it began");
        _end(TRIGGER);

        uint256 late = _incident(TRIGGER, quote.start + 1 days, 2 hours);
        vm.warp(quote.start + 1 days + 2 hours + 1);
        vm.prank(standby);
        policies.activateFailover(id);
        assertEq(policies.claim(id, late), 3600 * one, "after it ended");
    }

    function _activate(uint256 id) private {
        vm.prank(standby);
        policies.activateFailover(id);
    }

    function test_AnActivationTooEarlyCanBeRepeatedAndProofCannotBeTakenBack() public {
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        vm.warp(quote.start - 1);
        _activate(id);
        uint256 sequence = _incident(TRIGGER, quote.start, 2 hours);
        vm.warp(quote.start + 2 hours - 1);
        _activate(id);
        vm.warp(quote.start + 20 hours);
        _activate(id);
        assertEq(policies.activationOf(id, sequence), quote.start + 2 hours - 1, "proof stays");
        assertEq(policies.claim(id, sequence), 4600 * one, "in the last second of the incident");
    }

    function test_AFailoverWhileAnEarlierIncidentIsNotFinalYetProvesTheLaterOne() public {
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        uint256 first = _incident(TRIGGER, quote.start, 2 hours);
        vm.warp(quote.start + 1 days + 30 minutes);
        _activate(id);
        book.finalise(TRIGGER);
        uint256 second = _incident(TRIGGER, quote.start + 1 days, 2 hours);
        assertEq(policies.claim(id, second), 4600 * one, "benefit of the second");
        assertEq(policies.claim(id, first), 3600 * one, "none for the first");
    }

    function test_AFailoverOutlivesAnIncidentThatLeavesNoTrace() public {
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        vm.warp(quote.start + 30 minutes);
        book.open(TRIGGER);
        _activate(id);
        book.finalise(TRIGGER);
        uint256 second = _incident(TRIGGER, quote.start, 2 hours);
        assertEq(policies.claim(id, second), 4600 * one, "benefit");
    }

    function test_OneFailoverIsPaidOnceThoughTheOutageIsCutInTwo() public {
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        uint256 first = _incident(TRIGGER, quote.start, 2 hours);
        vm.warp(quote.start + 2 hours);
        _activate(id);
        book.finalise(TRIGGER);
        uint256 second = _incident(TRIGGER, quote.start + 2 hours, 2 hours);
        assertEq(policies.claim(id, first), 3600 * one, "not before the cut");
        assertEq(policies.claim(id, second), 4600 * one, "but after it");
    }

    function test_OnlyTheStandbyProvesAFailover() public {
        uint256 id = _buy();
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.NotStandby.selector, buyer));
        policies.activateFailover(id);
    }

    /* RELEASING */

    function test_CollateralStaysThroughTheTailAndThenIsFree() public {
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        vm.warp(quote.end + TAIL);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.NotReleasable.selector, id, quote.end + TAIL));
        policies.release(id);

        vm.warp(quote.end + TAIL + 1);
        policies.release(id);
        assertEq(pool.exposureOf(SUBJECT), 0, "exposure");
        assertEq(pool.exposureOf(SUBJECT), 0, "limit in force on the trigger");
        (, uint256 used) = policies.underwriterLimits(signer);
        assertEq(used, 0, "underwriter's limits in force");
    }

    function test_Lesson9_NothingIsReleasedTwice() public {
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        _buy();
        vm.warp(quote.end + TAIL + 1);
        policies.release(id);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.AlreadyReleased.selector, id));
        policies.release(id);
        assertEq(pool.exposureOf(SUBJECT), 25_000 * one, "the other policy's limit stays");
        _incident(TRIGGER, quote.start, 2 hours);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.AlreadyReleased.selector, id));
        policies.claim(id, 0);
    }

    function test_AnUnsettledTriggerForbidsTheRelease() public {
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        vm.warp(quote.end + TAIL + 1);
        book.open(TRIGGER);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.TriggerUnsettled.selector, TRIGGER));
        policies.release(id);
    }

    function test_AnOutageAfterTheEndHoldsNothingUpHoweverLongItLasts() public {
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        uint256 second = _buy(quote.end);
        _incident(TRIGGER, quote.end - 1 days, 1 days);
        vm.warp(quote.end + TAIL + 1);
        _catchUp();
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.TriggerUnsettled.selector, TRIGGER));
        policies.release(id);
        book.finalise(TRIGGER);
        _warpBy(1 days - 1);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.TriggerUnsettled.selector, TRIGGER));
        policies.release(id);

        _warpBy(1);
        book.open(TRIGGER);
        pool.poke(TRIGGER);
        policies.release(id);
        assertTrue(policies.policy(id).released, "what is open began after the last incident, so after the end");
        assertEq(asset.balanceOf(buyer), 10_000 * one, "paid first");

        book.confirm(TRIGGER, quote.end + 1 days, 6 days);
        policies.release(second);
        assertEq(pool.exposureOf(SUBJECT), 0, "exposure");
        assertEq(pool.reserveOf(TRIGGER), 0, "reserve");
    }

    function _buy(uint64 end) private returns (uint256) {
        Quote memory quote = _quote();
        quote.end = end;
        return _buy(quote);
    }

    function test_Lesson13_ReleasingAfterManyIncidentsTakesSeveralBoundedCalls() public {
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        for (uint64 i; i < 40; ++i) {
            _incident(TRIGGER, quote.start + i * 6 hours, 1 hours + 1);
            _end(TRIGGER);
        }
        vm.warp(quote.end + TAIL + 1);
        policies.release(id);
        assertFalse(policies.policy(id).released, "not yet");
        assertEq(asset.balanceOf(buyer), 32 * one, "32 incidents paid");
        policies.release(id);
        assertTrue(policies.policy(id).released, "released");
        assertEq(asset.balanceOf(buyer), 40 * one, "all incidents paid");
    }

    function test_Lesson14_EditsOfAListingLeaveCoverInForceAlone() public {
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        Listing memory listing = _listing();
        listing.cap = 1;
        listing.open = false;
        policies.list(TRIGGER, listing);
        uint256 sequence = _incident(TRIGGER, quote.start, 2 hours);
        assertEq(policies.claim(id, sequence), 3600 * one, "paid as sold");
        assertEq(pool.exposureOf(SUBJECT), 21_400 * one, "what is left of the limit");
    }

    /* LESSON 11: REENTRANCY */

    function test_Lesson11_AReceiverThatClaimsAgainIsPaidOnce() public {
        _callsBack(address(policies), abi.encodeCall(IPolicyBook.claim, (1, 0)));
    }

    function test_Lesson11_AReceiverThatCallsThePoolIsPaidOnce() public {
        _callsBack(address(pool), abi.encodeCall(ICoverPool.withdrawCredit, (buyer)));
        _callsBack(address(pool), abi.encodeCall(ICoverPool.settle, (_triggers())));
    }

    function _callsBack(address target, bytes memory data) private {
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        uint256 sequence = _incident(TRIGGER, quote.start, 2 hours);
        uint256 before = asset.balanceOf(buyer);
        asset.hook(buyer, target, data);
        policies.claim(id, sequence);
        assertTrue(asset.hookFailed(), "the door was shut");
        assertEq(
            bytes4(asset.hookAnswer()),
            ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector,
            "why it was shut"
        );
        assertEq(asset.balanceOf(buyer) - before, 3600 * one, "paid once");
        _end(TRIGGER);
    }

    /* FUZZ */

    function testFuzz_APolicyNeverGetsMoreThanItsLimits(uint32[6] memory covered, bool[6] memory failover, uint8 mode)
        public
    {
        Quote memory quote = _quote();
        quote.terms.semantics = mode % 2 == 0 ? Semantics.RETENTION : Semantics.QUALIFYING;
        quote.terms.incidentLimit = uint96(11_800 * one);
        uint256 id = _buy(quote);
        uint256 owedInAll;
        for (uint64 i; i < 6; ++i) {
            uint64 from = quote.start + i * 4 days;
            vm.warp(from);
            if (failover[i]) {
                vm.prank(standby);
                policies.activateFailover(id);
            }
            uint64 seconds_ = uint64(bound(covered[i], 1, 90 hours));
            uint256 sequence = _incident(TRIGGER, from, seconds_ / 2 + 1);
            policies.claim(id, sequence);
            book.confirm(TRIGGER, from, seconds_ + 1);
            policies.claim(id, sequence);
            (uint256 owed, uint256 paid, uint256 debt) = policies.owedFor(id, sequence);
            assertLe(owed, quote.terms.incidentLimit, "incident limit");
            assertEq(paid + debt, owed, "paid and debt are what is owed");
            owedInAll += owed;
            _end(TRIGGER);
        }
        assertLe(owedInAll, quote.terms.aggregateLimit, "aggregate limit");
        assertEq(policies.policy(id).owed, owedInAll, "owed by the policy's account");
        assertEq(asset.balanceOf(buyer), owedInAll, "received");
        assertEq(pool.exposureOf(SUBJECT), quote.terms.aggregateLimit - owedInAll, "exposure left");
    }

    /* SEVERAL INCIDENTS */

    /// @dev What the book says of the `which`-th incident, begun on the policy's `which`-th day.
    function _tell(uint256 which, uint64 start, uint256 covered) private {
        uint64 from = start + uint64(which * 1 days);
        bytes memory answer = abi.encode(from, from + covered, covered, 1, 0, 0, 1);
        vm.mockCall(address(book), abi.encodeWithSignature("incident(bytes32,uint256)", TRIGGER, which), answer);
    }

    function testFuzz_IncidentsAreOwedForInWhateverOrderTheyGrowAndWhoeverHolds(uint256 seed) public {
        _stake(staker, 500_000 * one);
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        uint256[4] memory covered;
        uint256[4] memory due;
        for (uint256 i; i < 4; ++i) {
            _tell(i, quote.start, 0);
        }
        for (uint256 i; i < 24; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 which = seed % 4;
            covered[which] += (seed >> 8) % 6000 + 1;
            _tell(which, quote.start, covered[which]);
            address holder = policies.ownerOf(id);
            vm.prank(holder);
            policies.transferFrom(holder, seed >> 100 & 1 == 1 ? other : buyer, id);
            uint256 elsewhere = due[0] + due[1] + due[2] + due[3] - due[which];
            uint256 gross = covered[which] > 3600 ? (covered[which] - 3600) * one : 0;
            if (gross > 10_000 * one) gross = 10_000 * one;
            if (gross > 25_000 * one - elsewhere) gross = 25_000 * one - elsewhere;

            policies.claim(id, which);

            due[which] = gross;
            for (uint256 j; j < 4; ++j) {
                if (covered[j] == 0) continue;
                (uint256 owed, uint256 paid,) = policies.owedFor(id, j);
                assertEq(paid, due[j], "taken in by incident");
                assertEq(owed, due[j], "owed by incident");
            }
            assertEq(policies.policy(id).owed, elsewhere + gross, "in all");
        }
        (uint256 limits, uint256 all) = pool.limitsOf(TRIGGER);
        uint256 left = 25_000 * one - policies.policy(id).owed;
        assertEq(all, left, "aggregate left");
        assertEq(limits, left < 10_000 * one ? left : 10_000 * one, "next incident");
    }
}
