// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IHeartbeatPath} from "../interfaces/IHeartbeatPath.sol";
import {IPath} from "../interfaces/IPath.sol";
import {Heartbeat} from "./Heartbeat.sol";

/// @title Heartbeats that one relayer brings
/// @dev Warning: the relayer is trusted for what it relays. It can silence a subject or keep it alive; alone it pays nothing, since
/// silence never pays without a family of another kind.
contract HeartbeatPath is Heartbeat {
    /// @inheritdoc IHeartbeatPath
    address public immutable relayer;

    /// @param relayer_ The only sender of beats. For the rest see `Heartbeat`.
    constructor(
        address relayer_,
        uint64 period_,
        uint64 latency_,
        uint64 alarmAfter_,
        bytes32[] memory subjects,
        bytes32[] memory controls
    ) Heartbeat(period_, latency_, alarmAfter_, subjects, controls) {
        if (relayer_ == address(0)) revert InvalidSetup("relayer is zero");
        relayer = relayer_;
    }

    /// @inheritdoc IHeartbeatPath
    function beat(bytes32 subject, uint64 sentAt) external {
        if (msg.sender != relayer) revert NotRelayer(msg.sender);
        _beat(subject, sentAt);
    }

    /// @inheritdoc IPath
    function parties() external view returns (bytes32[] memory list) {
        list = new bytes32[](1);
        list[0] = bytes32(uint256(uint160(relayer)));
    }
}
