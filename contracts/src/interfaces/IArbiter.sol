// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Who rules on disputes, if it is a contract: it is told of each, and rules by calling `IDisputes.rule`
interface IArbiter {
    /// @notice A dispute of the trigger's incident was opened at the caller.
    /// @dev Called with `ARBITER_GAS`; what it answers, or that it fails, changes nothing.
    /// @param round From one.
    /// @param from What is covered from this second on is disputed.
    /// @param lapsesAt Last chance to rule: from then on the sweep stands.
    /// @param bond What each side posts, in the pool's asset.
    function disputeOpened(
        bytes32 triggerId,
        uint256 sequence,
        uint256 round,
        uint64 from,
        uint64 lapsesAt,
        uint256 bond
    ) external;
}
