// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Solvency} from "../../src/interfaces/ICoverPool.sol";
import {Policy} from "../../src/interfaces/IPolicyBook.sol";
import {CoverBase} from "../CoverBase.sol";
import {Handler} from "./Handler.sol";

/// @title What holds after any sequence of moves; the numbers are those of INVARIANTS.md
contract CoverInvariants is CoverBase {
    Handler private _handler;

    function setUp() public override {
        super.setUp();
        _addThird();
        _handler = new Handler(pool, policies, book, asset, [TRIGGER, OTHER_TRIGGER, THIRD_TRIGGER]);
        targetContract(address(_handler));
        policies.setUnderwriter(vm.addr(0x57013), uint96(_handler.THIEFS_CAP() * one));
        _handler.deposit(0, 100_000 * one);
        _handler.buy(0, 0, 10_000 * one, 20 days, false);
        _handler.buy(1, 1, 12_000 * one, 30 days, true);
        _handler.buy(2, 2, 40_000 * one, 30 days, false);
        assertEq(_handler.policyCount(), 3, "policies to begin with");
        vm.warp(NOON + 3 days);
    }

    /// @dev C1
    function invariant_CountedAssetsAndWhatIsSetAsideAreTheTokensHeld() public view {
        Solvency memory s = pool.solvency();
        assertEq(asset.balanceOf(address(pool)), s.assets + s.claimable, "C1");
    }

    /// @dev C2
    function invariant_EarnedAndUnearnedAreWritten() public view {
        (uint256 written, uint256 earned) = pool.premiums();
        assertEq(written, _handler.premiums(), "C2 written");
        assertEq(earned + pool.solvency().unearned, written, "C2 earned and unearned");
    }

    /// @dev C3, C4
    function invariant_APolicyGetsWhatItIsOwedAndNeverMoreThanItsLimits() public view {
        for (uint256 k; k < _handler.policyCount(); ++k) {
            uint256 id = _handler.ids(k);
            Policy memory policy = policies.policy(id);
            assertLe(policy.owed, policy.terms.aggregateLimit, "C3 aggregate limit");
            assertEq(policy.paid + pool.debtOf(id), policy.owed, "C4 paid and debt");
            assertEq(_handler.received(id), policy.paid, "C4 received");
            uint256 owed;
            for (uint256 i; i < book.incidentCount(policy.triggerId); ++i) {
                (uint256 now_, uint256 paid, uint256 debt) = policies.owedFor(id, i);
                assertLe(now_, policy.terms.incidentLimit, "C3 incident limit");
                assertLe(paid + debt, now_, "C4 never above what is owed");
                owed += paid + debt;
            }
            assertEq(owed, policy.owed, "C4 incidents add up");
        }
    }

    /// @dev C5, C6
    function invariant_ExposureAndLimitsAreTheSumsOverPolicies() public view {
        uint256[3] memory exposed;
        uint256[3] memory next;
        for (uint256 k; k < _handler.policyCount(); ++k) {
            uint256 id = _handler.ids(k);
            Policy memory policy = policies.policy(id);
            if (policy.released) continue;
            uint256 trigger = policy.triggerId == TRIGGER ? 0 : policy.triggerId == OTHER_TRIGGER ? 1 : 2;
            uint256 left = policy.terms.aggregateLimit - policy.owed;
            exposed[trigger] += left;
            next[trigger] += left < policy.terms.incidentLimit ? left : policy.terms.incidentLimit;
        }
        bytes32[3] memory subjects = [SUBJECT, OTHER_SUBJECT, THIRD_SUBJECT];
        for (uint256 i; i < 3; ++i) {
            assertEq(pool.exposureOf(subjects[i]), exposed[i], "C5 subject");
            (uint256 incidents, uint256 aggregates) = pool.limitsOf(_handler.triggers(i));
            assertEq(incidents, next[i], "C6 next incident");
            assertEq(aggregates, exposed[i], "C6 all incidents");
        }
        assertEq(pool.scenarioExposure(0), exposed[0] + exposed[1], "C5 joint scenario");
        assertEq(pool.scenarioExposure(1), exposed[2], "C5 single scenario");
    }

    /// @dev C7
    function invariant_TheReserveIsTheSumOverTriggersAndNeverAboveTheirLimits() public view {
        uint256 sum;
        for (uint256 i; i < 3; ++i) {
            uint256 reserve = pool.reserveOf(_handler.triggers(i));
            (, uint256 aggregates) = pool.limitsOf(_handler.triggers(i));
            assertLe(reserve, aggregates, "C7 limits");
            sum += reserve;
        }
        assertEq(pool.solvency().reserve, sum, "C7 sum");
    }

    /// @dev C8
    function invariant_DebtsAreTheSumOverPolicies() public view {
        uint256 debts;
        for (uint256 k; k < _handler.policyCount(); ++k) {
            uint256 id = _handler.ids(k);
            debts += pool.debtOf(id);
        }
        assertEq(pool.solvency().debts, debts, "C8");
    }

    /// @dev C9
    function invariant_WhatIsSetAsideCoversCreditsAndSettledRequests() public view {
        uint256 due;
        for (uint256 i; i < 3; ++i) {
            due += pool.maxWithdraw(_handler.stakers(i)) + pool.creditOf(_handler.buyers(i));
        }
        assertGe(pool.solvency().claimable, due, "C9");
        // Rounding leaves less than a unit for each request of a batch.
        assertLe(pool.solvency().claimable, due + 3 * 32, "C9 nothing is lost but rounding");
    }

    /// @dev C10
    function invariant_PendingSharesAreHeldByThePool() public view {
        uint256 pending;
        for (uint256 i; i < 3; ++i) {
            for (uint256 day = NOON / 1 days; day <= block.timestamp / 1 days; ++day) {
                pending += pool.pendingRedeemRequest(day, _handler.stakers(i));
            }
        }
        assertGe(pool.balanceOf(address(pool)) + 3 * 32, pending, "C10");
    }
}
