// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICoverPool, Solvency} from "../src/interfaces/ICoverPool.sol";
import {IPolicyBook, Policy, Quote} from "../src/interfaces/IPolicyBook.sol";
import {CoverBase} from "./CoverBase.sol";
import {HostileAsset} from "./HostileAsset.sol";

/// @title A holder ends cover early and gets back what is unearned, less a tenth
contract CancellationTest is CoverBase {
    function setUp() public override {
        super.setUp();
        _stake(staker, 200_000 * one);
    }

    function _cancel(uint256 id) private returns (uint256 refund) {
        vm.prank(buyer);
        return policies.cancel(id);
    }

    /// @dev Days from the boundary after now to the boundary after the end, of those the premium is earned over.
    function _daysLeft(Quote memory quote) private view returns (uint256 left, uint256 all) {
        uint256 first = quote.start / 1 days + 1;
        uint256 last = (quote.end + 1 days - 1) / 1 days;
        uint256 from = block.timestamp / 1 days + 1;
        return (last - (from > first ? from : first), last - first);
    }

    function test_TheUnearnedPremiumComesBackLessATenth() public {
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        vm.warp(quote.start + 10 days + 3 hours);
        (uint256 left, uint256 all) = _daysLeft(quote);
        assertEq(left, 20, "days left");
        assertEq(all, 30, "days of the premium");

        uint256 refund = _cancel(id);

        assertEq(refund, 500 * one * left / all * 9 / 10, "refund");
        assertEq(asset.balanceOf(buyer), refund, "in the holder's hands");
        Policy memory policy = policies.policy(id);
        assertEq(policy.end, block.timestamp, "cover ends now");
        assertTrue(policy.cancelled, "marked as cancelled");
        (uint256 written, uint256 earned) = pool.premiums();
        assertEq(written, 500 * one - refund, "written less refund");
        assertEq(earned + pool.solvency().unearned, written, "earned and unearned");
        _balanced("counted is held");
    }

    function testFuzz_EarnedUnearnedAndRefundedAreWrittenExactly(uint256 premium, uint256 after_, uint256 term) public {
        Quote memory quote = _quote();
        quote.premium = uint96(bound(premium, 25_000 * one * 366 / 36_500 + 1, 20_000 * one));
        quote.end = quote.start + uint64(bound(term, 7 days, 366 days));
        uint256 other = _buy();
        uint256 id = _buy(quote);
        vm.warp(bound(after_, block.timestamp, quote.end - 1));
        _catchUp();
        (, uint256 earnedBefore) = pool.premiums();
        uint256 unearnedBefore = pool.solvency().unearned;

        uint256 refund = _cancel(id);

        (uint256 written, uint256 earned) = pool.premiums();
        assertEq(written + refund, 500 * one + quote.premium, "written and refunded");
        assertEq(earned + pool.solvency().unearned, written, "earned and unearned");
        assertGe(earned, earnedBefore, "nothing earned is taken back");
        assertLe(refund, unearnedBefore, "only what was unearned");
        vm.warp(quote.start + 368 days);
        _catchUp();
        assertEq(pool.solvency().unearned, 0, "all is earned in the end");
        (, earned) = pool.premiums();
        assertEq(earned, written, "to the unit");
        assertFalse(policies.policy(other).cancelled, "the other is untouched");
        _balanced("counted is held");
    }

    function test_BeforeItsStartNineTenthsOfThePremiumComeBack() public {
        uint256 id = _buy();
        assertEq(_cancel(id), 450 * one, "refund");
        assertEq(policies.policy(id).end, block.timestamp, "never in force");
    }

    function test_ItIsFreeOfChargeWhileTheTriggerIsImpaired() public {
        uint256 id = _buy();
        book.setImpaired(TRIGGER, true);
        assertEq(_cancel(id), 500 * one, "the whole premium");
    }

    function test_OnTheLastDayNothingIsLeftToPayBack() public {
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        vm.warp(quote.end - 1);
        pool.accrue();
        assertEq(_cancel(id), 0, "refund");
    }

    function test_LimitsStayLockedThroughTheTailAndWhatBeganBeforeIsPaid() public {
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        uint64 cancelledAt = quote.start + 10 days;
        vm.warp(cancelledAt);
        _cancel(id);
        assertEq(pool.exposureOf(SUBJECT), 25_000 * one, "exposure");

        uint256 before = _incident(TRIGGER, cancelledAt - 1, 2 hours);
        uint256 paid = asset.balanceOf(buyer);
        assertEq(policies.claim(id, before), 3600 * one, "what began a second before");
        assertEq(asset.balanceOf(buyer) - paid, 3600 * one, "received");
        _end(TRIGGER);
        uint256 later = _incident(TRIGGER, cancelledAt + 1 days, 2 hours);
        vm.expectRevert(
            abi.encodeWithSelector(IPolicyBook.NotCovered.selector, id, cancelledAt + 1 days, quote.start, cancelledAt)
        );
        policies.claim(id, later);
        _end(TRIGGER);

        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.NotReleasable.selector, id, cancelledAt + TAIL));
        policies.release(id);
        vm.warp(cancelledAt + TAIL + 1);
        policies.release(id);
        assertEq(pool.exposureOf(SUBJECT), 0, "free after the tail of the cancellation");
    }

    function test_OnlyTheHolderOrWhoIsApprovedCancels() public {
        uint256 id = _buy();
        vm.prank(standby);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.NotHolder.selector, id, standby));
        policies.cancel(id);

        vm.prank(buyer);
        policies.approve(standby, id);
        vm.prank(standby);
        uint256 refund = policies.cancel(id);
        assertEq(asset.balanceOf(buyer), refund, "the holder is paid");
    }

    function test_AfterItsEndAndTwiceItIsRefused() public {
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        uint256 second = _buy();
        _cancel(second);
        uint64 now_ = uint64(block.timestamp);
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.CoverOver.selector, second, now_));
        policies.cancel(second);

        vm.warp(quote.end);
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.CoverOver.selector, id, quote.end));
        policies.cancel(id);
    }

    function test_OnceAnythingIsOwedItIsRefusedThoughNobodyClaimed() public {
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        _incident(TRIGGER, quote.start, 1 hours + 7);
        vm.warp(quote.start + 3 days);
        _end(TRIGGER);
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.OwedAlready.selector, id, 7 * one));
        policies.cancel(id);
        assertEq(policies.policy(id).owed, 0, "nothing happened");
    }

    function test_WhatIsOverAndNotProposedYetStandsInTheWay() public {
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        vm.warp(quote.start + 3 days);
        _catchUp();
        // Down for six hours and up again, no path alarmed any more.
        uint64 from = uint64(block.timestamp) - 7 hours;
        book.setSwept(TRIGGER, from, from + 6 hours);
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.EvidencePending.selector, TRIGGER));
        policies.cancel(id);
    }

    function test_AfterManySmallIncidentsItTakesSeveralCalls() public {
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        vm.warp(quote.start + 2 days);
        for (uint64 i; i < 33; ++i) {
            _incident(TRIGGER, uint64(block.timestamp) - 1 days + i * 1000, 600);
            book.finalise(TRIGGER);
            book.settle(TRIGGER);
        }
        assertEq(_cancel(id), 0, "looked at the first 32");
        assertFalse(policies.policy(id).cancelled, "not yet");
        assertGt(_cancel(id), 0, "refund");
    }

    function test_WhatNeverBeganIsReleasedAtOnce() public {
        uint256 id = _buy();
        _cancel(id);
        _warpBy(1);
        policies.release(id);
        assertEq(pool.exposureOf(SUBJECT), 0, "exposure");
    }

    function test_AnIncidentThatOwesNothingDoesNotStandInTheWay() public {
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        _incident(TRIGGER, quote.start, 1 hours);
        vm.warp(quote.start + 3 days);
        _end(TRIGGER);
        assertGt(_cancel(id), 0, "refund");
    }

    function test_WhileAlarmedOrUnsettledItIsRefused() public {
        uint256 id = _buy();
        book.setAlarm(TRIGGER, 2);
        vm.startPrank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.NotQuiet.selector, TRIGGER));
        policies.cancel(id);
        book.setAlarm(TRIGGER, 0);
        book.open(TRIGGER);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.NotQuiet.selector, TRIGGER));
        policies.cancel(id);
        vm.stopPrank();
    }

    /* CLAIMS BEFORE REFUNDS, REFUNDS BEFORE SHARES */

    function test_WhileDebtsStandNothingIsPaidBack() public {
        Quote memory quote = _quote();
        quote.triggerId = OTHER_TRIGGER;
        uint256 id = _buy(quote);
        uint256 hit = _buy();
        _lose(12_000 * one);
        uint256 sequence = _incident(TRIGGER, quote.start, 1 hours + 10_000);
        policies.claim(hit, sequence);
        _end(TRIGGER);
        uint256 debts = pool.solvency().debts;
        assertGt(debts, 0, "debts");

        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(ICoverPool.DebtsStand.selector, debts));
        policies.cancel(id);

        pool.payDebt(hit, _triggers());
        assertEq(_cancel(id), 450 * one, "when they are paid");
    }

    function test_WhatAssetsDoNotCoverIsSharedByAllUnearnedPremium() public {
        uint256 id = _buy();
        uint256 second = _buy();
        _lose(250 * one);
        assertEq(_cancel(id), 112_500_000, "a quarter of nine tenths");
        _balanced("counted is held");
        // What the first left behind is earned, so the second gets no smaller part.
        assertEq(_cancel(second), (250 * one - 112_500_000) * 9 / 10, "all that is left stands for it alone");
        assertEq(pool.solvency().unearned, 0, "nothing is unearned");
    }

    function test_WhatAReserveHoldsIsNotPaidBack() public {
        uint256 id = _buy();
        Quote memory quote = _quote();
        quote.triggerId = OTHER_TRIGGER;
        _buy(quote);
        _lose(10_250 * one);
        book.setAlarm(OTHER_TRIGGER, 1);
        pool.poke(OTHER_TRIGGER);
        assertEq(_cancel(id), 112_500_000, "as if the reserve were gone");
    }

    function test_ARefundThatCannotBeSentIsACredit() public {
        uint256 id = _buy();
        asset.refuse(buyer, HostileAsset.Refusal.REVERTS);
        uint256 refund = _cancel(id);
        assertEq(pool.creditOf(buyer), refund, "credit");
        _balanced("counted is held");
    }

    function test_OnlyThePolicyBookRefunds() public {
        vm.expectRevert(abi.encodeWithSelector(ICoverPool.NotPolicyBook.selector, address(this)));
        pool.refund(TRIGGER, 1, 2, 3, 0, address(this));
    }

    /// @dev One call walks 64 days.
    function _accruedAfterOneCall() private view returns (uint64) {
        return (pool.accruedUpTo() / 1 days + 64) * 1 days;
    }

    function test_AfterLongSilenceItWaitsForTheCatchUp() public {
        Quote memory quote = _quote();
        quote.end = quote.start + 200 days;
        uint256 id = _buy(quote);
        vm.warp(quote.start + 100 days);
        uint64 walked = _accruedAfterOneCall();
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(ICoverPool.CatchUpNeeded.selector, walked));
        policies.cancel(id);
        _catchUp();
        assertGt(_cancel(id), 0, "refund");
    }

    function test_SolvencyNeverFallsByARefund() public {
        uint256 id = _buy();
        Solvency memory before = pool.solvency();
        _cancel(id);
        Solvency memory after_ = pool.solvency();
        assertGe(after_.free, before.free, "free");
    }
}
