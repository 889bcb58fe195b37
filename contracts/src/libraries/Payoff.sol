// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {Semantics, Terms} from "../interfaces/IPolicyBook.sol";

/// @title What a policy is owed for one incident: the same definition that prices it
/// @dev qualifies = covered > waiting; S = qualifies ? (retention ? covered - waiting : covered) : 0;
/// gross = rate * S + (failover and qualifies ? benefit : 0); owed = min(gross, incident limit, aggregate limit - owed elsewhere).
library Payoff {
    /// @param covered Covered seconds of the incident. @param failover Whether a failover was proven within it.
    /// @param owedElsewhere What the policy is owed for its other incidents.
    /// @return Exact: no division, so nothing to round. Zero if the aggregate limit is used up.
    function owed(Terms memory terms, uint256 covered, bool failover, uint256 owedElsewhere)
        internal
        pure
        returns (uint256)
    {
        if (covered <= terms.waiting || owedElsewhere >= terms.aggregateLimit) return 0;

        uint256 paidSeconds = terms.semantics == Semantics.RETENTION ? covered - terms.waiting : covered;
        uint256 gross = terms.rate * paidSeconds + (failover ? terms.failoverBenefit : 0);

        return Math.min(Math.min(gross, terms.incidentLimit), terms.aggregateLimit - owedElsewhere);
    }

    /// @notice The most that the policy's next incident can be owed, `owedSoFar` for the earlier ones.
    function nextIncidentLimit(Terms memory terms, uint256 owedSoFar) internal pure returns (uint256) {
        return Math.min(terms.incidentLimit, Math.saturatingSub(terms.aggregateLimit, owedSoFar));
    }

    /// @notice Fewest covered seconds, rounded up, that surely reach the incident limit without a failover, never above `longest`.
    function secondsToLimitUp(Terms memory terms, uint256 longest) internal pure returns (uint256) {
        return Math.min(terms.waiting + Math.ceilDiv(terms.incidentLimit, terms.rate), longest);
    }
}
