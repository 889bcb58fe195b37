// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPath} from "./IPath.sol";

/// @notice What one observer signs (EIP-712): the subject was down in [from, until).
/// @param ended Whether the observer saw the subject come back at `until`.
/// @param deadline Last second at which the signature may be used.
struct Observation {
    bytes32 subject;
    uint64 from;
    uint64 until;
    bool ended;
    uint64 deadline;
}

/// @title m of n observers attest the intersection of the intervals that each of them signed
interface IWatcherPath is IPath {
    /// @dev What a spell is now. A new last one also closes the spell before it. Spells that the report touched are united with this one,
    /// and those after it may have other numbers than before.
    event SpellReported(bytes32 indexed subject, uint256 indexed index, uint64 from, uint64 until, bool open);
    event AlarmRaised(bytes32 indexed subject, address indexed observer, uint64 alarmedUntil);
    event Attended(uint64 presentAt);

    error InvalidObservers(string reason);
    error TooFewObservations(uint256 given, uint256 needed);
    error SignersNotAscending(address signer);
    error NotObserver(address signer);
    error Expired(uint64 deadline);
    error LengthMismatch(uint256 observations, uint256 signatures);
    error AlarmFromFuture(uint64 since, uint64 current);
    error TooFewSignatures(uint256 given, uint256 needed);
    /// @dev An attendance must satisfy last < presentAt <= current.
    error BadAttendance(uint64 presentAt, uint64 last, uint64 current);
    error MixedSubjects(bytes32 expected, bytes32 given);
    /// @dev An observation must satisfy from < until <= now.
    error BadInterval(uint64 from, uint64 until, uint64 current);
    error NoIntersection(uint64 from, uint64 until);
    /// @dev The intersection lies within a spell attested already (which ends at `attested`), and does not close it.
    error NothingNew(uint64 until, uint64 attested);

    /// @notice Takes observations of one subject by m or more observers, in ascending order of signer, and attests their intersection:
    /// unites it with the spells that it touches (at most 64 at a time, the newest), else puts a new spell in its place among them.
    /// @dev So neither a report of less, by one who lies, nor an earlier or later one handed in first takes a second from what m observers
    /// agree on. A spell is open only while it is the last one. Any report also is an alarm for `ALARM_SECONDS`.
    function report(Observation[] calldata observations, bytes[] calldata signatures) external;

    /// @notice One observer's first sign of trouble, good for `ALARM_SECONDS` after `since`.
    function raiseAlarm(bytes32 subject, uint64 since, uint64 deadline, bytes calldata signature) external;

    /// @notice Takes "present at `presentAt`" signed by m or more observers, in ascending order of signer: a sign of life for every subject while
    /// there is nothing to report.
    function attend(uint64 presentAt, bytes[] calldata signatures) external;

    /// @notice When the observers were last present; zero before the first time.
    function attendedAt() external view returns (uint64);

    /// @notice How long after `since` one alarm lasts, and a report after it was handed in.
    function ALARM_SECONDS() external view returns (uint64);
    /// @notice Until when the alarms and reports of `subject` last as alarms; zero if there was none.
    function alarmedUntil(bytes32 subject) external view returns (uint64);

    function observers() external view returns (address[] memory);
    function threshold() external view returns (uint256);
    function observationDigest(Observation calldata observation) external view returns (bytes32);
    function alarmDigest(bytes32 subject, uint64 since, uint64 deadline) external view returns (bytes32);
    function attendanceDigest(uint64 presentAt) external view returns (bytes32);
}
