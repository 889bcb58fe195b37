// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

/// @title The owner of policy book and pool: OpenZeppelin's timelock, which takes over what was offered to it when it is created
/// @dev Only the constructor is ours; the code that runs afterwards is OpenZeppelin's to the byte. Nobody is ever its administrator but the
/// timelock itself, so roles and delay change by its own operations alone.
contract Timelock is TimelockController {
    uint256 private constant MAXIMUM_DELAY = 30 days;

    /// @param field Name of the constructor's argument.
    error InvalidSetup(string field);

    /// @param minimumDelay Seconds from scheduling to execution, at least 1 and at most 30 days: a slip that nothing could mend.
    /// @param proposers Who may schedule, and cancel. Without any, nothing could ever be done.
    /// @param executors Who may execute what is due; the zero address stands for anyone.
    /// @param cancellers Who may cancel besides the proposers.
    /// @param owned Contracts whose ownership was offered to this address, which a deployer with foreseeable addresses can do beforehand.
    constructor(
        uint256 minimumDelay,
        address[] memory proposers,
        address[] memory executors,
        address[] memory cancellers,
        Ownable2Step[] memory owned
    ) TimelockController(minimumDelay, proposers, executors, address(0)) {
        if (minimumDelay == 0 || minimumDelay > MAXIMUM_DELAY) {
            revert InvalidSetup("minimumDelay");
        }
        if (proposers.length == 0) revert InvalidSetup("proposers");
        if (executors.length == 0) revert InvalidSetup("executors");
        for (uint256 i; i < cancellers.length; ++i) {
            _grantRole(CANCELLER_ROLE, cancellers[i]);
        }
        for (uint256 i; i < owned.length; ++i) {
            owned[i].acceptOwnership();
        }
    }
}
