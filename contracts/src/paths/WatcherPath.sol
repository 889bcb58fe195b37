// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IPath, PathKind} from "../interfaces/IPath.sol";
import {IWatcherPath, Observation} from "../interfaces/IWatcherPath.sol";

/// @title m of n fixed observers attest downtime by signature
/// @dev Nobody can add, remove or replace an observer: new observers are a new path, and a new trigger.
contract WatcherPath is IWatcherPath, EIP712 {
    struct Spell {
        uint64 from;
        uint64 until;
        bool open;
    }

    bytes32 private constant OBSERVATION_TYPEHASH =
        keccak256("Observation(bytes32 subject,uint64 from,uint64 until,bool ended,uint64 deadline)");
    bytes32 private constant ALARM_TYPEHASH = keccak256("Alarm(bytes32 subject,uint64 since,uint64 deadline)");
    bytes32 private constant ATTENDANCE_TYPEHASH = keccak256("Attendance(uint64 presentAt)");

    /// @notice Most observers a path may have.
    uint256 public constant MAX_OBSERVERS = 16;
    /// @dev Spells that one report unites at most. Bounds its gas.
    uint256 private constant MAX_UNITED = 64;
    /// @inheritdoc IWatcherPath
    uint64 public constant ALARM_SECONDS = 1 hours;
    /// @inheritdoc IWatcherPath
    uint256 public immutable threshold;
    /// @inheritdoc IWatcherPath
    uint64 public attendedAt;
    uint64 private immutable _createdAt;

    address[] private _observers;
    mapping(address => bool) private _isObserver;
    mapping(bytes32 => Spell[]) private _spells;
    /// @inheritdoc IWatcherPath
    mapping(bytes32 => uint64) public alarmedUntil;

    /// @param observers_ Strictly ascending, at most `MAX_OBSERVERS`.
    /// @param threshold_ How many must agree; one makes every observer a single point of failure.
    constructor(address[] memory observers_, uint256 threshold_) EIP712("WatcherPath", "1") {
        if (observers_.length > MAX_OBSERVERS) revert InvalidObservers("more than 16");
        if (threshold_ == 0 || threshold_ > observers_.length) revert InvalidObservers("threshold not in 1..n");
        address previous;
        for (uint256 i; i < observers_.length; i++) {
            if (observers_[i] <= previous) revert InvalidObservers("not strictly ascending");
            previous = observers_[i];
            _isObserver[previous] = true;
        }

        threshold = threshold_;
        _createdAt = uint64(block.timestamp);
        _observers = observers_;
    }

    /* REPORTING */

    /// @inheritdoc IWatcherPath
    function report(Observation[] calldata observations, bytes[] calldata signatures) external {
        if (observations.length != signatures.length) {
            revert LengthMismatch(observations.length, signatures.length);
        }
        if (observations.length < threshold) revert TooFewObservations(observations.length, threshold);
        _checkSigners(observations, signatures);

        (bytes32 subject, uint64 from, uint64 until, bool ended) = _intersection(observations);

        _attest(subject, from, until, ended);
    }

    /// @inheritdoc IWatcherPath
    function raiseAlarm(bytes32 subject, uint64 since, uint64 deadline, bytes calldata signature) external {
        if (block.timestamp > deadline) revert Expired(deadline);
        if (since > block.timestamp) revert AlarmFromFuture(since, uint64(block.timestamp));
        address signer = ECDSA.recover(alarmDigest(subject, since, deadline), signature);
        if (!_isObserver[signer]) revert NotObserver(signer);

        uint64 until = since + ALARM_SECONDS;
        if (until > alarmedUntil[subject]) alarmedUntil[subject] = until;

        emit AlarmRaised(subject, signer, alarmedUntil[subject]);
    }

    /// @inheritdoc IWatcherPath
    function attend(uint64 presentAt, bytes[] calldata signatures) external {
        if (presentAt <= attendedAt || presentAt > block.timestamp) {
            revert BadAttendance(presentAt, attendedAt, uint64(block.timestamp));
        }
        if (signatures.length < threshold) revert TooFewSignatures(signatures.length, threshold);
        bytes32 digest = attendanceDigest(presentAt);
        address previous;
        for (uint256 i; i < signatures.length; i++) {
            previous = _checkSigner(digest, signatures[i], previous);
        }

        attendedAt = presentAt;

        emit Attended(presentAt);
    }

    /* EVIDENCE */

    /// @inheritdoc IPath
    function kind() external pure returns (PathKind) {
        return PathKind.QUORUM;
    }

    /// @inheritdoc IPath
    function parties() external view returns (bytes32[] memory list) {
        uint256 count = _observers.length;
        list = new bytes32[](count);
        for (uint256 i; i < count; i++) {
            list[i] = bytes32(uint256(uint160(_observers[i])));
        }
    }

    /// @inheritdoc IPath
    function spellCount(bytes32 subject) external view returns (uint256) {
        return _spells[subject].length;
    }

    /// @inheritdoc IPath
    function spell(bytes32 subject, uint256 index) external view returns (uint64 from, uint64 until, bool open) {
        Spell memory found = _spells[subject][index];
        return (found.from, found.until, found.open);
    }

    /// @inheritdoc IPath
    function alarmed(bytes32 subject) external view returns (bool) {
        return alarmedUntil[subject] > block.timestamp;
    }

    /// @inheritdoc IPath
    /// @dev An alarm or a report counts from when it was raised or handed in, an attendance from when observers were present.
    function lastHeard(bytes32 subject) external view returns (uint64 last) {
        last = attendedAt > _createdAt ? attendedAt : _createdAt;
        uint64 until = alarmedUntil[subject];
        if (until > last + ALARM_SECONDS) last = until - ALARM_SECONDS;
    }

    /// @inheritdoc IPath
    function fundedUntil(bytes32) external pure returns (uint64) {
        return type(uint64).max;
    }

    /* OBSERVERS */

    /// @inheritdoc IWatcherPath
    function observers() external view returns (address[] memory) {
        return _observers;
    }

    /// @inheritdoc IWatcherPath
    function observationDigest(Observation calldata observation) public view returns (bytes32) {
        return _hashTypedDataV4(
            keccak256(
                abi.encode(
                    OBSERVATION_TYPEHASH,
                    observation.subject,
                    observation.from,
                    observation.until,
                    observation.ended,
                    observation.deadline
                )
            )
        );
    }

    /// @inheritdoc IWatcherPath
    function alarmDigest(bytes32 subject, uint64 since, uint64 deadline) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(ALARM_TYPEHASH, subject, since, deadline)));
    }

    /// @inheritdoc IWatcherPath
    function attendanceDigest(uint64 presentAt) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(ATTENDANCE_TYPEHASH, presentAt)));
    }

    /* INTERNAL */

    function _checkSigners(Observation[] calldata observations, bytes[] calldata signatures) private view {
        address previous;
        for (uint256 i; i < observations.length; i++) {
            if (block.timestamp > observations[i].deadline) revert Expired(observations[i].deadline);
            previous = _checkSigner(observationDigest(observations[i]), signatures[i], previous);
        }
    }

    function _checkSigner(bytes32 digest, bytes calldata signature, address previous)
        private
        view
        returns (address signer)
    {
        signer = ECDSA.recover(digest, signature);
        if (signer <= previous) revert SignersNotAscending(signer);
        if (!_isObserver[signer]) revert NotObserver(signer);
    }

    /// @dev What all observations have in common: from the latest start to the earliest end.
    function _intersection(Observation[] calldata observations)
        private
        view
        returns (bytes32 subject, uint64 from, uint64 until, bool ended)
    {
        subject = observations[0].subject;
        until = type(uint64).max;
        ended = true;
        for (uint256 i; i < observations.length; i++) {
            Observation calldata each = observations[i];
            if (each.subject != subject) revert MixedSubjects(subject, each.subject);
            if (each.from >= each.until || each.until > block.timestamp) {
                revert BadInterval(each.from, each.until, uint64(block.timestamp));
            }
            if (each.from > from) from = each.from;
            if (each.until < until) until = each.until;
            ended = ended && each.ended;
        }
        if (from >= until) revert NoIntersection(from, until);
    }

    /// @dev Unites what is attested with all spells that it touches, so that no report of a part keeps the whole from being heard, or puts
    /// it in its place among them. No attested second is ever lost.
    function _attest(bytes32 subject, uint64 from, uint64 until, bool ended) private {
        Spell[] storage list = _spells[subject];
        uint256 count = list.length;
        uint256 high = count;
        while (high != 0 && list[high - 1].from > until) high--;
        uint256 low = high;
        while (low != 0 && list[low - 1].until >= from && high - low < MAX_UNITED) low--;
        // Reported again, it unites with the rest.
        if (low != 0 && from < list[low - 1].until) from = list[low - 1].until;

        bool open = !ended && high == count;
        if (low == high) {
            if (low == count && count != 0) list[count - 1].open = false;
            _makeRoom(list, low);
        } else {
            Spell memory last = list[high - 1];
            uint64 start = list[low].from;
            bool closes = until == last.until && ended && last.open;
            if (high - low == 1 && from >= start && until <= last.until && !closes) {
                revert NothingNew(until, last.until);
            }
            if (start < from) from = start;
            if (until <= last.until) (until, open) = (last.until, last.open && !closes);
            _remove(list, low + 1, high);
        }
        list[low] = Spell(from, until, open);
        // For a while sales stop, though the spell be over: it may make an incident that nobody has proposed yet.
        alarmedUntil[subject] = uint64(block.timestamp) + ALARM_SECONDS;

        emit SpellReported(subject, low, from, until, open);
    }

    function _makeRoom(Spell[] storage list, uint256 index) private {
        list.push();
        for (uint256 i = list.length - 1; i > index; i--) {
            list[i] = list[i - 1];
        }
    }

    function _remove(Spell[] storage list, uint256 low, uint256 high) private {
        uint256 gone = high - low;
        if (gone == 0) return;
        for (uint256 i = high; i < list.length; i++) {
            list[i - gone] = list[i];
        }
        for (; gone != 0; gone--) {
            list.pop();
        }
    }
}
