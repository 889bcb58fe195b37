// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPath} from "./IPath.sol";

/// @title Silence of a subject's heartbeat, counted only while its control's beats are heard on the same path
interface IHeartbeatPath is IPath {
    event Beat(bytes32 indexed subject, uint64 sentAt);
    /// @param budget What is left for beats, this payment included; in the host's coin.
    event Funded(address indexed from, uint256 amount, uint256 budget);
    event BeatPaid(bytes32 indexed subject, uint256 amount);

    error NotRelayer(address caller);
    error UnknownSubject(bytes32 subject);
    error InvalidSetup(string reason);
    /// @dev Its beats cost nothing: money would be stuck here.
    error NothingToFund();
    /// @dev A beat counts only in order: `sentAt` must exceed the last one's.
    error OutOfOrder(uint64 sentAt, uint64 last);
    /// @dev A beat counts only if sentAt <= now <= sentAt + latency.
    error Late(uint64 sentAt, uint64 current, uint64 latency);

    /// @notice Takes "alive at `sentAt`" of a subject; only the relayer.
    function beat(bytes32 subject, uint64 sentAt) external;

    /// @notice Pays for beats to come, in the host's coin; anyone may. Nobody gets it back but the relayer, beat by beat.
    function fund() external payable;

    /// @notice When the subject's last counted beat was sent; zero before the first.
    function lastBeat(bytes32 subject) external view returns (uint64);
    /// @notice The subject whose beats, sent no more than one and a half periods apart, show that path, relayer and host are alive while
    /// `subject` is silent.
    function controlOf(bytes32 subject) external view returns (bytes32);
    /// @notice Longest time between two beats that is no silence, seconds.
    function period() external view returns (uint64);
    /// @notice After how much time without a beat, its control being heard, a subject is alarmed; seconds.
    function alarmAfter() external view returns (uint64);
    /// @notice How late a beat may arrive, seconds.
    function latency() external view returns (uint64);
    function relayer() external view returns (address);
    /// @notice What the relayer gets for a beat, if the budget reaches: of each subject the first one sent in each `period` of the clock, so
    /// that beating faster empties nothing sooner. In the host's coin; zero if beats are not paid here.
    function beatCost() external view returns (uint256);
    /// @notice What is left for beats, in the host's coin; coins forced on the contract are not in it.
    function budget() external view returns (uint256);
}
