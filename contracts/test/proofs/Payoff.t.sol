// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Semantics, Terms} from "../../src/interfaces/IPolicyBook.sol";
import {Payoff} from "../../src/libraries/Payoff.sol";
import {Proof} from "./Proof.sol";

/// @title What no policy can be owed, for all terms that a policy can hold
/// @dev That more seconds and larger limits never pay less takes two products of unknowns, which is out of the solver's reach: integer_proofs.py
/// proves it of the formula.
contract PayoffProofs is Proof {
    /// @dev All widths in full.
    function check_OwedIsWithinBothLimits(
        uint32 waiting,
        bool qualifying,
        uint64 rate,
        uint96 benefit,
        uint96 incidentLimit,
        uint96 aggregateLimit,
        uint64 covered,
        bool failover,
        uint96 elsewhere
    ) external pure {
        Terms memory terms = _terms(waiting, qualifying, rate, benefit, incidentLimit, aggregateLimit);
        uint256 owed = Payoff.owed(terms, covered, failover, elsewhere);
        assert(owed <= incidentLimit);
        assert(owed == 0 || owed + elsewhere <= aggregateLimit);
    }

    /// @dev All widths in full.
    function check_NothingAtOrBelowTheWaitingPeriod(
        uint32 waiting,
        bool qualifying,
        uint64 rate,
        uint96 benefit,
        uint96 incidentLimit,
        uint96 aggregateLimit,
        uint64 covered,
        bool failover,
        uint96 elsewhere
    ) external pure {
        vm.assume(covered <= waiting);
        Terms memory terms = _terms(waiting, qualifying, rate, benefit, incidentLimit, aggregateLimit);
        assert(Payoff.owed(terms, covered, failover, elsewhere) == 0);
    }

    /// @dev All widths in full.
    function check_SomethingASecondLater(
        uint32 waiting,
        bool qualifying,
        uint64 rate,
        uint96 benefit,
        uint96 incidentLimit,
        uint96 aggregateLimit,
        bool failover,
        uint96 elsewhere
    ) external pure {
        vm.assume(rate > 0 && incidentLimit > 0 && elsewhere < aggregateLimit);
        Terms memory terms = _terms(waiting, qualifying, rate, benefit, incidentLimit, aggregateLimit);
        assert(Payoff.owed(terms, uint256(waiting) + 1, failover, elsewhere) > 0);
    }

    function _terms(
        uint32 waiting,
        bool qualifying,
        uint64 rate,
        uint96 benefit,
        uint96 incidentLimit,
        uint96 aggregateLimit
    ) private pure returns (Terms memory) {
        Semantics semantics = qualifying ? Semantics.QUALIFYING : Semantics.RETENTION;
        return Terms(waiting, semantics, rate, benefit, incidentLimit, aggregateLimit);
    }
}
