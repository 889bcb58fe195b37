// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Semantics, Terms} from "../src/interfaces/IPolicyBook.sol";
import {Payoff} from "../src/libraries/Payoff.sol";
import {Test} from "./Test.sol";

contract PayoffTest is Test {
    function _terms(Semantics semantics) private pure returns (Terms memory) {
        return Terms({
            waiting: 3600,
            semantics: semantics,
            rate: 2,
            failoverBenefit: 500,
            incidentLimit: 10_000,
            aggregateLimit: 25_000
        });
    }

    function test_WaitingExactlyReachedPaysNothing() public pure {
        assertEq(Payoff.owed(_terms(Semantics.RETENTION), 3600, true, 0), 0, "retention");
        assertEq(Payoff.owed(_terms(Semantics.QUALIFYING), 3600, true, 0), 0, "qualifying");
    }

    function test_OneSecondMorePaysTheExcessOrTheWhole() public pure {
        assertEq(Payoff.owed(_terms(Semantics.RETENTION), 3601, false, 0), 2, "retention");
        assertEq(Payoff.owed(_terms(Semantics.QUALIFYING), 3601, false, 0), 7202, "qualifying");
    }

    function test_FailoverAddsItsBenefitWithinTheLimit() public pure {
        assertEq(Payoff.owed(_terms(Semantics.RETENTION), 3601, true, 0), 502, "below the limit");
        assertEq(Payoff.owed(_terms(Semantics.RETENTION), 3600 + 4900, true, 0), 10_000, "cut by the limit");
    }

    function test_AggregateLimitLeavesTheRest() public pure {
        assertEq(Payoff.owed(_terms(Semantics.RETENTION), 100_000, false, 20_000), 5_000, "the rest");
        assertEq(Payoff.owed(_terms(Semantics.RETENTION), 100_000, false, 25_000), 0, "used up");
        assertEq(Payoff.owed(_terms(Semantics.RETENTION), 100_000, false, 26_000), 0, "never below zero");
    }

    function test_LargestNumbersDoNotOverflow() public pure {
        Terms memory terms = Terms({
            waiting: 0,
            semantics: Semantics.QUALIFYING,
            rate: type(uint64).max,
            failoverBenefit: type(uint96).max,
            incidentLimit: type(uint96).max,
            aggregateLimit: type(uint96).max
        });
        assertEq(Payoff.owed(terms, type(uint64).max, true, 0), type(uint96).max, "limit");
    }

    /// @dev Adds up second by second, as the definition is told in words.
    function testFuzz_EqualsTheSumOverSeconds(
        uint16 covered,
        uint16 waiting,
        uint8 rate,
        bool qualifying,
        bool failover,
        uint24 incidentLimit,
        uint24 elsewhere
    ) public pure {
        uint256 seconds_ = bound(covered, 0, 400);
        Terms memory terms = Terms({
            waiting: uint32(bound(waiting, 0, 300)),
            semantics: qualifying ? Semantics.QUALIFYING : Semantics.RETENTION,
            rate: rate,
            failoverBenefit: 777,
            incidentLimit: incidentLimit,
            aggregateLimit: uint96(incidentLimit) * 2
        });

        uint256 expected;
        if (seconds_ > terms.waiting) {
            for (uint256 second = 1; second <= seconds_; ++second) {
                if (qualifying || second > terms.waiting) expected += rate;
            }
            if (failover) expected += 777;
        }
        if (expected > incidentLimit) expected = incidentLimit;
        uint256 left = elsewhere > terms.aggregateLimit ? 0 : terms.aggregateLimit - elsewhere;
        if (expected > left) expected = left;

        assertEq(Payoff.owed(terms, seconds_, failover, elsewhere), expected, "owed");
    }

    function testFuzz_NeverFallsAsTimeGoesOn(uint32 covered, uint32 more, uint64 rate, bool qualifying) public pure {
        Terms memory terms = _terms(qualifying ? Semantics.QUALIFYING : Semantics.RETENTION);
        terms.rate = rate;
        uint256 before = Payoff.owed(terms, covered, false, 0);
        uint256 later = Payoff.owed(terms, uint256(covered) + more, false, 0);
        assertGe(later, before, "owed later");
        assertLe(later, terms.incidentLimit, "incident limit");
    }

    function testFuzz_SecondsToLimitReachIt(uint64 rate, uint96 limit, uint32 waiting, bool qualifying) public pure {
        Terms memory terms = _terms(qualifying ? Semantics.QUALIFYING : Semantics.RETENTION);
        terms.rate = uint64(bound(rate, 1, type(uint64).max));
        terms.incidentLimit = uint96(bound(limit, 1, type(uint96).max));
        terms.aggregateLimit = terms.incidentLimit;
        terms.waiting = uint32(bound(waiting, 0, type(uint32).max));
        uint256 reach = Payoff.secondsToLimitUp(terms, type(uint256).max);
        assertEq(Payoff.owed(terms, reach, false, 0), terms.incidentLimit, "limit reached");
        assertEq(Payoff.secondsToLimitUp(terms, 10), reach < 10 ? reach : 10, "bounded");
    }
}
