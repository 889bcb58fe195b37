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
    /// @inheritdoc IHeartbeatPath
    uint256 public immutable beatCost;
    /// @inheritdoc IHeartbeatPath
    uint256 public budget;

    /// @dev What a relayer that is a contract may use to receive. One that uses more is not paid.
    uint256 private constant RECEIVE_GAS = 30_000;
    uint256 private immutable _subjectCount;

    /// @param relayer_ The only sender of beats. For the rest see `Heartbeat`.
    /// @param beatCost_ What it gets for a beat out of what was prepaid, in the host's coin; zero if beats are not paid here.
    constructor(
        address relayer_,
        uint256 beatCost_,
        uint64 period_,
        uint64 latency_,
        uint64 alarmAfter_,
        bytes32[] memory subjects,
        bytes32[] memory controls
    ) Heartbeat(period_, latency_, alarmAfter_, subjects, controls) {
        if (relayer_ == address(0)) revert InvalidSetup("relayer is zero");
        relayer = relayer_;
        beatCost = beatCost_;
        _subjectCount = subjects.length;
    }

    /// @inheritdoc IHeartbeatPath
    function fund() external payable {
        if (beatCost == 0) revert NothingToFund();

        budget += msg.value;

        emit Funded(msg.sender, msg.value, budget);
    }

    /// @inheritdoc IHeartbeatPath
    function beat(bytes32 subject, uint64 sentAt) external {
        if (msg.sender != relayer) revert NotRelayer(msg.sender);
        uint64 last = _beat(subject, sentAt);
        if (sentAt / period > last / period) _pay(subject);
    }

    /// @dev No beat fails for want of money, or because the relayer can't receive it: the money stays for the next one.
    function _pay(bytes32 subject) private {
        uint256 amount = beatCost;
        if (amount == 0 || budget < amount) return;

        budget -= amount;
        address to = relayer;
        bool paid;
        assembly ("memory-safe") {
            paid := call(RECEIVE_GAS, to, amount, 0, 0, 0, 0)
        }
        if (paid) emit BeatPaid(subject, amount);
        else budget += amount;
    }

    /// @inheritdoc IPath
    function parties() external view returns (bytes32[] memory list) {
        list = new bytes32[](1);
        list[0] = bytes32(uint256(uint160(relayer)));
    }

    /// @inheritdoc IPath
    /// @dev Each subject has one paid beat a period. Rounded down.
    function fundedUntil(bytes32) external view returns (uint64) {
        if (beatCost == 0) return type(uint64).max;
        uint256 until = block.timestamp + budget / beatCost * period / _subjectCount;
        return until < type(uint64).max ? uint64(until) : type(uint64).max;
    }
}
