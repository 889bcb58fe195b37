// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICoverPool, Solvency} from "../src/interfaces/ICoverPool.sol";
import {Quote} from "../src/interfaces/IPolicyBook.sol";
import {CoverBase} from "./CoverBase.sol";
import {HostileAsset} from "./HostileAsset.sol";

contract ReserveTest is CoverBase {
    /* ALARMS */

    function test_AnAlarmHoldsOneIncidentsLimitsForADay() public {
        _stake(staker, 100_000 * one);
        _buy();
        book.setAlarm(TRIGGER, 1);
        pool.poke(TRIGGER);
        assertEq(pool.reserveOf(TRIGGER), 10_000 * one, "held");
        assertEq(pool.solvency().reserve, 10_000 * one, "pool's reserve");
        _warpBy(24 hours - 1);
        pool.poke(TRIGGER);
        assertEq(pool.reserveOf(TRIGGER), 10_000 * one, "held to the last second");
        _warpBy(1);
        pool.poke(TRIGGER);
        assertEq(pool.reserveOf(TRIGGER), 0, "lapsed");
        _warpBy(1 hours);
        pool.poke(TRIGGER);
        assertEq(pool.reserveOf(TRIGGER), 0, "the same alarm begins no other hold");
        assertFalse(book.quiet(TRIGGER), "but sales stay shut");
    }

    function test_AFalseAlarmIsReleasedAsSoonAsItIsOver() public {
        _stake(staker, 100_000 * one);
        _buy();
        book.setAlarm(TRIGGER, 1);
        pool.poke(TRIGGER);
        book.setAlarm(TRIGGER, 0);
        pool.poke(TRIGGER);
        assertEq(pool.solvency().reserve, 0, "reserve");
        assertTrue(pool.priceReliable(), "price");
    }

    function test_OneFamilyHoldsAtMostSeventyTwoHoursInThirtyDays() public {
        _stake(staker, 100_000 * one);
        _buy();
        uint256 first = block.timestamp;
        for (uint256 i; i < 3; ++i) {
            book.setAlarm(TRIGGER, 1);
            pool.poke(TRIGGER);
            assertEq(pool.reserveOf(TRIGGER), 10_000 * one, "held");
            _warpBy(25 hours);
            book.setAlarm(TRIGGER, 0);
            pool.poke(TRIGGER);
        }
        book.setAlarm(TRIGGER, 1);
        pool.poke(TRIGGER);
        assertEq(pool.reserveOf(TRIGGER), 0, "a fourth hold is refused");
        book.setAlarm(TRIGGER, 3);
        pool.poke(TRIGGER);
        assertEq(pool.reserveOf(TRIGGER), 10_000 * one, "another family has its own");
        book.setAlarm(TRIGGER, 0);
        pool.poke(TRIGGER);

        // The first hold was on the account of the day after it began: 31 days on, at midnight, it is forgotten.
        vm.warp((first / 1 days + 32) * 1 days - 1);
        book.setAlarm(TRIGGER, 1);
        pool.poke(TRIGGER);
        assertEq(pool.reserveOf(TRIGGER), 0, "to the end of the window");
        book.setAlarm(TRIGGER, 0);
        pool.poke(TRIGGER);
        _warpBy(1);
        book.setAlarm(TRIGGER, 1);
        pool.poke(TRIGGER);
        assertEq(pool.reserveOf(TRIGGER), 10_000 * one, "a new hold");
    }

    function test_ShortAlarmsUseUpNoMoreThanTheTimeTheyHold() public {
        _stake(staker, 100_000 * one);
        _buy();
        for (uint256 i; i < 20; ++i) {
            book.setAlarm(TRIGGER, 1);
            pool.poke(TRIGGER);
            _warpBy(10 minutes);
            book.setAlarm(TRIGGER, 0);
            pool.poke(TRIGGER);
            _warpBy(24 hours);
        }
        book.setAlarm(TRIGGER, 1);
        pool.poke(TRIGGER);
        assertEq(pool.reserveOf(TRIGGER), 10_000 * one, "held after 200 minutes in all");
        _warpBy(24 hours - 1);
        pool.poke(TRIGGER);
        assertEq(pool.reserveOf(TRIGGER), 10_000 * one, "for its whole day");
    }

    function test_AnAlarmUsesNothingUpWhileNothingIsInsured() public {
        _stake(staker, 100_000 * one);
        for (uint256 i; i < 3; ++i) {
            book.setAlarm(TRIGGER, 1);
            pool.poke(TRIGGER);
            _warpBy(24 hours);
            book.setAlarm(TRIGGER, 0);
            pool.poke(TRIGGER);
        }
        _buy();
        book.setAlarm(TRIGGER, 1);
        pool.poke(TRIGGER);
        assertEq(pool.reserveOf(TRIGGER), 10_000 * one, "held");
    }

    function test_WhatIsHeldForAnIncidentIsNotOnTheAccountOfTheAlarm() public {
        _stake(staker, 100_000 * one);
        Quote memory quote = _quote();
        _buy(quote);
        for (uint64 i; i < 4; ++i) {
            book.setAlarm(TRIGGER, 1);
            pool.poke(TRIGGER);
            assertEq(pool.reserveOf(TRIGGER), 10_000 * one, "held for the alarm");
            _warpBy(10 minutes);
            _incident(TRIGGER, uint64(block.timestamp), 1 hours);
            pool.poke(TRIGGER);
            _warpBy(24 hours);
            book.setAlarm(TRIGGER, 0);
            _end(TRIGGER);
        }
        assertEq(pool.reserveOf(TRIGGER), 0, "settled");
    }

    function testFuzz_AFamilyNeverHoldsMoreThanItsPart(uint32[40] memory waits, uint40 alarms) public {
        _stake(staker, 100_000 * one);
        _buy();
        uint256 begin = block.timestamp;
        uint256 held;
        for (uint256 i; i < 40; ++i) {
            book.setAlarm(TRIGGER, alarms >> i & 1);
            pool.poke(TRIGGER);
            uint256 wait = bound(waits[i], 1, 18 hours);
            if (block.timestamp + wait > begin + 30 days) break;
            // A reserve may outlast its hold until somebody pokes: somebody does, at its end.
            if (pool.reserveOf(TRIGGER) > 0) {
                uint256 step = wait / 64 + 1;
                for (uint256 past; past < wait; past += step) {
                    _warpBy(step);
                    pool.poke(TRIGGER);
                    if (pool.reserveOf(TRIGGER) > 0) held += step;
                }
            } else {
                _warpBy(wait);
            }
        }
        assertLe(held, 72 hours, "held");
    }

    /* INCIDENTS */

    function test_AnIncidentHoldsWhatItCanStillBeOwed() public {
        _stake(staker, 100_000 * one);
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        _buy();
        uint256 sequence = _incident(TRIGGER, quote.start, 2 hours);
        pool.poke(TRIGGER);
        assertEq(pool.reserveOf(TRIGGER), 20_000 * one, "both limits");
        policies.claim(id, sequence);
        assertEq(pool.reserveOf(TRIGGER), 16_400 * one, "less what was paid");
        _warpBy(3 days);
        pool.poke(TRIGGER);
        assertEq(pool.reserveOf(TRIGGER), 16_400 * one, "as long as it is unsettled");
        _end(TRIGGER);
        assertEq(pool.reserveOf(TRIGGER), 0, "settled");
        (uint256 incidents, uint256 aggregates) = pool.limitsOf(TRIGGER);
        assertEq(incidents, 20_000 * one, "the next incident's limits");
        assertEq(aggregates, 46_400 * one, "all that can still be owed");
    }

    function test_AClaimLatchesTheReserveIfNobodyPoked() public {
        _stake(staker, 100_000 * one);
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        uint256 sequence = _incident(TRIGGER, quote.start, 2 hours);
        policies.claim(id, sequence);
        assertEq(pool.reserveOf(TRIGGER), 6_400 * one, "the rest of the incident's limit");
    }

    function test_ANextIncidentBeforeTheFirstSettledHoldsForBoth() public {
        _stake(staker, 100_000 * one);
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        uint256 first = _incident(TRIGGER, quote.start, 2 hours);
        policies.claim(id, first);
        book.finalise(TRIGGER);
        uint256 second = _incident(TRIGGER, quote.start + 1 days, 20 hours);
        pool.poke(TRIGGER);
        assertEq(pool.reserveOf(TRIGGER), 16_400 * one, "the rest of the first and all of the second");
        policies.claim(id, second);
        assertEq(pool.reserveOf(TRIGGER), 6_400 * one, "the rest of the first");
        _end(TRIGGER);
        assertEq(pool.solvency().reserve, 0, "settled");
    }

    function test_ASettledIncidentIsNotAddedToTheNextThoughNobodyPoked() public {
        _stake(staker, 100_000 * one);
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        _incident(TRIGGER, quote.start, 1 hours + 1);
        pool.poke(TRIGGER);
        policies.claim(id, 0);
        book.finalise(TRIGGER);
        book.settle(TRIGGER);
        _incident(TRIGGER, quote.start + 9 days, 1 hours + 1);
        pool.poke(TRIGGER);
        assertEq(pool.reserveOf(TRIGGER), 10_000 * one, "one incident's limit");
    }

    function test_ASaleReleasesTheReserveOfWhatIsSettled() public {
        _stake(staker, 100_000 * one);
        Quote memory quote = _quote();
        _buy(quote);
        _incident(TRIGGER, quote.start, 2 hours);
        pool.poke(TRIGGER);
        book.finalise(TRIGGER);
        book.settle(TRIGGER);
        _buy();
        assertEq(pool.reserveOf(TRIGGER), 0, "reserve");
        assertTrue(pool.priceReliable(), "price");
    }

    function test_EveryUnsettledIncidentIsHeldForThoughTheyArePokedTogether() public {
        _stake(staker, 100_000 * one);
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        _incident(TRIGGER, quote.start, 20 hours);
        book.finalise(TRIGGER);
        book.open(TRIGGER);
        book.finalise(TRIGGER);
        _incident(TRIGGER, quote.start + 1 days, 20 hours);
        pool.poke(TRIGGER);
        assertEq(pool.reserveOf(TRIGGER), 20_000 * one, "two of them, none for the one without a trace");
        policies.claim(id, 0);
        assertEq(pool.reserveOf(TRIGGER), 10_000 * one, "the other's");
        policies.claim(id, 2);
        assertEq(pool.reserveOf(TRIGGER), 0, "both paid");
    }

    function test_AnAlarmThatBecomesAnIncidentIsHeldOnce() public {
        _stake(staker, 100_000 * one);
        Quote memory quote = _quote();
        _buy(quote);
        book.setAlarm(TRIGGER, 1);
        pool.poke(TRIGGER);
        _incident(TRIGGER, quote.start, 2 hours);
        pool.poke(TRIGGER);
        assertEq(pool.solvency().reserve, 10_000 * one, "reserve");
        _warpBy(10 days);
        pool.poke(TRIGGER);
        assertEq(pool.solvency().reserve, 10_000 * one, "an incident does not lapse");
    }

    function test_ALateClaimLeavesTheHoldOfANewAlarmAlone() public {
        _stake(staker, 100_000 * one);
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        uint256 sequence = _incident(TRIGGER, quote.start, 2 hours);
        _end(TRIGGER);
        book.setAlarm(TRIGGER, 1);
        pool.poke(TRIGGER);
        assertEq(policies.claim(id, sequence), 3600 * one, "paid");
        assertEq(pool.reserveOf(TRIGGER), 10_000 * one, "what a next incident may be owed");
    }

    function test_ReleasingAPolicyEndsItsPartOfAHold() public {
        _stake(staker, 100_000 * one);
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        vm.warp(quote.end + TAIL + 1);
        book.setAlarm(TRIGGER, 1);
        pool.poke(TRIGGER);
        assertEq(pool.solvency().reserve, 10_000 * one, "held");
        policies.release(id);
        assertEq(pool.solvency().reserve, 0, "reserve");
        pool.poke(TRIGGER);
        assertEq(pool.reserveOf(TRIGGER), 0, "nothing to hold");
    }

    /* LOSSES BEYOND THE ASSETS */

    /// @dev Two policies of 25,000 each on joined subjects, then the pool shrinks to what the first incidents leave.
    function _twoPolicies() private returns (uint256 first, uint256 second, uint64 start) {
        _stake(staker, 50_000 * one);
        Quote memory quote = _quote();
        quote.terms.incidentLimit = quote.terms.aggregateLimit;
        first = _buy(quote);
        start = quote.start;
        quote = _quote();
        quote.terms.incidentLimit = quote.terms.aggregateLimit;
        quote.triggerId = OTHER_TRIGGER;
        second = _buy(quote);
    }

    function _twoIncidents(bool secondFirst) private returns (uint256 first, uint256 second) {
        uint64 start;
        (first, second, start) = _twoPolicies();
        _lose(20_000 * one);
        _incident(TRIGGER, start, 1 hours + 25_000);
        _incident(OTHER_TRIGGER, start, 1 hours + 25_000);
        pool.poke(TRIGGER);
        pool.poke(OTHER_TRIGGER);
        policies.claim(secondFirst ? second : first, 0);
        policies.claim(secondFirst ? first : second, 0);
    }

    function test_TwoIncidentsBeyondTheAssetsArePaidProRataWhoeverClaimsFirst() public {
        uint256 snapshot = nonce;
        (uint256 first, uint256 second) = _twoIncidents(false);
        assertEq(policies.policy(first).paid, 10_000 * one, "first policy");
        assertEq(policies.policy(second).paid, 10_000 * one, "second policy");
        assertEq(pool.debtOf(first), 15_000 * one, "first debt");
        assertEq(pool.solvency().debts, 30_000 * one, "debts");
        assertEq(pool.totalAssets(), 0, "nothing is left to stakers");

        nonce = snapshot;
        _deploy(6);
        (first, second) = _twoIncidents(true);
        assertEq(policies.policy(first).paid, 10_000 * one, "first policy, claimed last");
        assertEq(policies.policy(second).paid, 10_000 * one, "second policy, claimed first");
    }

    function test_ATriggerThatNobodyPokedLosesNothingOfItsPart() public {
        _addThird();
        _stake(staker, 24_000 * one + 1_000 * one);
        Quote memory quote = _quote();
        quote.terms.incidentLimit = quote.terms.aggregateLimit;
        uint256 first = _buy(quote);
        Quote memory next = _quote();
        next.terms.incidentLimit = next.terms.aggregateLimit;
        next.triggerId = THIRD_TRIGGER;
        uint256 second = _buy(next);
        _incident(TRIGGER, quote.start, 1 hours + 25_000);
        _incident(THIRD_TRIGGER, quote.start, 1 hours + 25_000);
        policies.claim(first, 0);
        assertEq(pool.payDebt(first, _triggers()), 0, "nor by asking for the rest at once");
        policies.claim(second, 0);
        assertEq(policies.policy(first).paid, 13_000 * one, "first, half of all there is");
        assertEq(policies.policy(second).paid, 13_000 * one, "second, the same");
    }

    function test_WhatWasKeptBackForOthersIsPaidOnceTheyAreSeenToNeedNothing() public {
        _addThird();
        _stake(staker, 25_000 * one);
        Quote memory quote = _quote();
        quote.terms.incidentLimit = quote.terms.aggregateLimit;
        uint256 first = _buy(quote);
        Quote memory next = _quote();
        next.terms.incidentLimit = next.terms.aggregateLimit;
        next.triggerId = THIRD_TRIGGER;
        _buy(next);
        _incident(TRIGGER, quote.start, 1 hours + 10_000);
        policies.claim(first, 0);
        assertEq(policies.policy(first).paid, 5_200 * one, "its part of the worst");
        assertEq(pool.payDebt(first, _triggers()), 4_800 * one, "the rest");
    }

    function test_DebtsRankBeforeSharesAndAreTheHolders() public {
        (uint256 first, uint256 second, uint64 start) = _twoPolicies();
        _lose(20_000 * one);
        _incident(TRIGGER, start, 1 hours + 10_000);
        _incident(OTHER_TRIGGER, start, 1 hours + 10_000);
        pool.poke(TRIGGER);
        pool.poke(OTHER_TRIGGER);
        policies.claim(first, 0);
        assertEq(pool.debtOf(first), 6_000 * one, "debt while the worst is possible");
        assertEq(pool.payDebt(first, _triggers()), 0, "nothing beyond the reserve");
        vm.prank(staker);
        vm.expectRevert(abi.encodeWithSelector(ICoverPool.ReserveStands.selector, 40_000 * one));
        pool.deposit(1, staker);

        policies.claim(second, 0);
        _end(TRIGGER);
        _end(OTHER_TRIGGER);
        vm.prank(staker);
        vm.expectRevert(abi.encodeWithSelector(ICoverPool.DebtsStand.selector, 12_000 * one));
        pool.deposit(1, staker);

        vm.prank(buyer);
        policies.transferFrom(buyer, other, first);
        assertEq(pool.payDebt(first, _triggers()), 6_000 * one, "paid when the worst did not come");
        assertEq(asset.balanceOf(other), 6_000 * one, "to the holder of now");
        assertEq(pool.payDebt(first, _triggers()), 0, "once");
        (uint256 owed, uint256 paid, uint256 debt) = policies.owedFor(first, 0);
        assertEq(owed, paid, "all paid");
        assertEq(debt, 0, "no debt");
        assertEq(pool.payDebt(second, _triggers()), 6_000 * one, "the other's too");
        assertEq(pool.solvency().debts, 0, "debts");
        _balanced("counted is held");
    }

    function test_AfterALossSalesStop() public {
        (uint256 first,, uint64 start) = _twoPolicies();
        _incident(TRIGGER, start, 1 hours + 25_000);
        policies.claim(first, 0);
        _end(TRIGGER);
        Solvency memory s = pool.solvency();
        assertEq(s.exposed, 25_000 * one, "exposure left");
        assertEq(s.free, 0, "free");
        assertEq(s.assets - s.unearned, 25_000 * one, "backing left");
    }

    /* TRANSFERS THAT FAIL */

    function _claimRefused(HostileAsset.Refusal refusal) private {
        _stake(staker, 100_000 * one);
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        uint256 sequence = _incident(TRIGGER, quote.start, 2 hours);
        asset.refuse(buyer, refusal);
        assertEq(policies.claim{gas: 5_000_000}(id, sequence), 3600 * one, "counts as paid");
        assertEq(pool.creditOf(buyer), 3600 * one, "credit");
        assertEq(pool.solvency().claimable, 3600 * one, "set aside");
        _balanced("counted is held");

        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(ICoverPool.InvalidReceiver.selector, address(pool)));
        pool.withdrawCredit(address(pool));
        vm.prank(buyer);
        assertEq(pool.withdrawCredit(other), 3600 * one, "withdrawn");
        assertEq(asset.balanceOf(other), 3600 * one, "where the holder wants it");
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(ICoverPool.NothingClaimable.selector, buyer));
        pool.withdrawCredit(other);
        _balanced("counted is still held");
    }

    function test_ABlacklistedHolderGetsACredit() public {
        _claimRefused(HostileAsset.Refusal.REVERTS);
    }

    function test_APolicyHeldByThePoolItselfBecomesACredit() public {
        _stake(staker, 100_000 * one);
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        vm.prank(buyer);
        policies.transferFrom(buyer, address(pool), id);
        policies.claim(id, _incident(TRIGGER, quote.start, 2 hours));
        assertEq(pool.creditOf(address(pool)), 3600 * one, "credit");
        _balanced("counted is held");
    }

    function test_ATransferThatReturnsFalseBecomesACredit() public {
        _claimRefused(HostileAsset.Refusal.RETURNS_FALSE);
    }

    function test_ATransferThatBurnsItsGasBecomesACredit() public {
        _claimRefused(HostileAsset.Refusal.BURNS_GAS);
    }

    function test_ATransferThatReturnsALotBecomesACredit() public {
        _claimRefused(HostileAsset.Refusal.RETURNS_A_LOT);
    }

    function testFuzz_NobodyTurnsAPaymentIntoACreditByStarvingIt(uint256 gas_) public {
        _stake(staker, 100_000 * one);
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        uint256 sequence = _incident(TRIGGER, quote.start, 2 hours);
        try policies.claim{gas: bound(gas_, 100_000, 700_000)}(id, sequence) {
            assertEq(asset.balanceOf(buyer), 3600 * one, "paid in full");
        } catch {
            assertEq(policies.policy(id).owed, 0, "nothing happened");
        }
        assertEq(pool.creditOf(buyer), 0, "credit");
    }

    /* SALES */

    function test_AStaleReserveOfTheTriggerDoesNotStandInTheWayOfItsOwnSale() public {
        _stake(staker, 30_000 * one);
        Quote memory sold = _quote();
        _buy(sold);
        vm.warp(sold.start + 3 days);
        _catchUp();
        _incident(TRIGGER, uint64(block.timestamp) - 600, 600);
        pool.poke(TRIGGER);
        assertEq(pool.reserveOf(TRIGGER), 10_000 * one, "held");
        book.finalise(TRIGGER);
        book.settle(TRIGGER);

        Quote memory quote = _quote();
        quote.terms.rate = uint64(one / 10);
        quote.terms.failoverBenefit = 0;
        quote.terms.incidentLimit = uint96(1_000 * one);
        quote.terms.aggregateLimit = uint96(1_000 * one);
        _buy(quote);
    }

    function test_AnOrderIsSoldOnlyIfItsLimitsAreBackedByWhatTheReserveLeavesThen() public {
        _stake(staker, 61_000 * one);
        Quote memory sold = _quote();
        uint256 first = _buy(sold);
        vm.warp(sold.end - 20 days);
        _catchUp();
        Quote memory quote = _quote();
        (quote.renews, quote.start, quote.end) = (first, sold.end, sold.end + 30 days);
        bytes memory signature = _sign(quote);
        vm.prank(buyer);
        policies.orderRenewal(quote, signer, signature);
        _fund(buyer, quote.premium);
        book.setAlarm(TRIGGER, 1);
        pool.poke(TRIGGER);
        _incident(TRIGGER, uint64(block.timestamp) - 8 hours, 2 hours);
        book.finalise(TRIGGER);
        _incident(TRIGGER, uint64(block.timestamp) - 3 hours, 2 hours);

        // Two incidents nobody poked hold 20,000; 61,000 and the first premium less that back 41,000 of the 50,000.
        uint256 backed = pool.solvency().assets - pool.solvency().unearned - 20_000 * one;
        vm.expectRevert(abi.encodeWithSelector(ICoverPool.Insolvent.selector, 0, 50_000 * one, backed));
        policies.buy(quote, signer, "");
    }
}
