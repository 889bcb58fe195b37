// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IHeartbeatPath} from "../interfaces/IHeartbeatPath.sol";
import {Span} from "../interfaces/IIncidentBook.sol";
import {IPath, PathKind} from "../interfaces/IPath.sol";

/// @title What silence of beats proves, whatever carries them: who inherits says how a beat arrives
/// @dev Of each subject two lists are kept.
///
/// Windows: times in which its beats were heard. A beat at t extends the last window if t is at most one and a half periods after the last
/// beat, else it opens a new one. What counts is when beats were sent, not how late they arrive, or a host's stall of up to `latency` would
/// pass for silence of the subject. The half period is for a relayer that looks in turns at blocks that come a little late; no more of a
/// stall than that can count. A window that never got a second beat has no length and gives way.
///
/// Spells: its silences, cut by the windows of its control. A silence runs from last beat + period to the next counted beat; while it
/// lasts, to now - latency, for a beat sent later than that may still arrive. So a running spell only grows, and the beat that ends the
/// silence, never sent before now - latency, never takes back a second. Running spells are computed; that beat stores them.
abstract contract Heartbeat is IHeartbeatPath {
    /// @dev Pieces of one silence that count: the first windows of the control after the silence began. Bounds the gas of a view.
    uint256 private constant MAX_PIECES = 8;

    /// @inheritdoc IHeartbeatPath
    uint64 public immutable period;
    /// @inheritdoc IHeartbeatPath
    uint64 public immutable latency;
    /// @inheritdoc IHeartbeatPath
    uint64 public immutable alarmAfter;
    uint64 private immutable _createdAt;

    /// @inheritdoc IHeartbeatPath
    mapping(bytes32 => bytes32) public controlOf;

    mapping(bytes32 => Span[]) private _windows;
    mapping(bytes32 => Span[]) private _spells;

    /// @param period_ Longest time between two beats that is no silence, seconds.
    /// @param latency_ How late a beat may arrive, seconds.
    /// @param alarmAfter_ After how much time without a beat the path is alarmed, seconds; at least the period.
    /// @param subjects Every subject of the path, controls included.
    /// @param controls For each subject another one of them; two may be each other's.
    constructor(
        uint64 period_,
        uint64 latency_,
        uint64 alarmAfter_,
        bytes32[] memory subjects,
        bytes32[] memory controls
    ) {
        if (period_ == 0 || period_ > 1 days) revert InvalidSetup("period not in 1..1 day");
        if (latency_ == 0 || latency_ > 1 days) revert InvalidSetup("latency not in 1..1 day");
        if (alarmAfter_ < period_ || alarmAfter_ > 7 days) revert InvalidSetup("alarmAfter not in period..7 days");
        if (subjects.length != controls.length) revert InvalidSetup("each subject needs one control");

        for (uint256 i; i < subjects.length; i++) {
            if (controls[i] == 0 || controls[i] == subjects[i]) revert InvalidSetup("a control is another subject");
            if (controlOf[subjects[i]] != 0) revert InvalidSetup("subject listed twice");
            controlOf[subjects[i]] = controls[i];
        }
        for (uint256 i; i < controls.length; i++) {
            if (controlOf[controls[i]] == 0) revert InvalidSetup("a control must be a subject of the path");
        }

        period = period_;
        latency = latency_;
        alarmAfter = alarmAfter_;
        _createdAt = uint64(block.timestamp);
    }

    /* EVIDENCE */

    /// @inheritdoc IPath
    function kind() external pure returns (PathKind) {
        return PathKind.ABSENCE;
    }

    /// @inheritdoc IPath
    function spellCount(bytes32 subject) external view returns (uint256) {
        (Span[] memory running,) = _running(subject);
        return _spells[subject].length + running.length;
    }

    /// @inheritdoc IPath
    function spell(bytes32 subject, uint256 index) external view returns (uint64 from, uint64 until, bool open) {
        uint256 stored = _spells[subject].length;
        if (index < stored) return (_spells[subject][index].from, _spells[subject][index].until, false);

        (Span[] memory running, bool grows) = _running(subject);
        index -= stored;
        return (running[index].from, running[index].until, grows && index == running.length - 1);
    }

    /// @inheritdoc IPath
    function alarmed(bytes32 subject) external view returns (bool) {
        uint64 last = lastBeat(subject);
        if (last == 0) return false;
        if (block.timestamp - last > alarmAfter && block.timestamp - lastBeat(controlOf[subject]) <= alarmAfter) {
            return true;
        }
        (, bool grows) = _running(subject);
        return grows;
    }

    /// @inheritdoc IPath
    function lastHeard(bytes32 subject) external view returns (uint64 last) {
        last = lastBeat(subject);
        uint64 control = lastBeat(controlOf[subject]);
        if (control > last) last = control;
        if (last == 0) last = _createdAt;
    }

    /// @inheritdoc IHeartbeatPath
    function lastBeat(bytes32 subject) public view returns (uint64) {
        uint256 count = _windows[subject].length;
        return count == 0 ? 0 : _windows[subject][count - 1].until;
    }

    /* INTERNAL */

    /// @dev Counts a beat, however it came here; returns when the one before was sent, zero if there was none.
    function _beat(bytes32 subject, uint64 sentAt) internal returns (uint64 last) {
        if (controlOf[subject] == 0) revert UnknownSubject(subject);
        last = lastBeat(subject);
        if (sentAt <= last) revert OutOfOrder(sentAt, last);
        if (sentAt > block.timestamp || block.timestamp > sentAt + latency) {
            revert Late(sentAt, uint64(block.timestamp), latency);
        }

        // A silence that no view could have shown before this beat leaves no spell: jitter would crowd out real ones.
        if (last != 0 && block.timestamp > last + period + latency) {
            (Span[] memory pieces,) = _pieces(controlOf[subject], last + period, sentAt);
            for (uint256 i; i < pieces.length; i++) {
                _spells[subject].push(pieces[i]);
            }
        }
        _extend(_windows[subject], last, sentAt);

        emit Beat(subject, sentAt);
    }

    function _extend(Span[] storage windows, uint64 last, uint64 sentAt) private {
        uint256 count = windows.length;
        if (count != 0 && sentAt - last <= _longestPause()) {
            windows[count - 1].until = sentAt;
        } else if (count != 0 && windows[count - 1].from == last) {
            windows[count - 1] = Span(sentAt, sentAt);
        } else {
            windows.push(Span(sentAt, sentAt));
        }
    }

    /// @dev The spells of a silence that still lasts, and whether the last of them may grow.
    function _running(bytes32 subject) private view returns (Span[] memory pieces, bool grows) {
        uint64 last = lastBeat(subject);
        if (last == 0 || block.timestamp <= last + period + latency) return (new Span[](0), false);
        return _pieces(controlOf[subject], last + period, uint64(block.timestamp) - latency);
    }

    /// @dev [from, until) cut by the first `MAX_PIECES` windows of the control that end after `from`.
    function _pieces(bytes32 control, uint64 from, uint64 until)
        private
        view
        returns (Span[] memory pieces, bool grows)
    {
        Span[] storage windows = _windows[control];
        pieces = new Span[](MAX_PIECES);
        uint256 count;
        uint256 total = windows.length;
        uint256 first = _firstAfter(windows, from);
        for (uint256 i = first; i < total && i < first + MAX_PIECES; i++) {
            Span memory window = windows[i];
            uint64 start = window.from > from ? window.from : from;
            uint64 end = window.until < until ? window.until : until;
            if (start >= end) break;
            pieces[count++] = Span(start, end);
            // The latest window grows while a beat that would extend it can still arrive.
            grows = i == total - 1 && block.timestamp <= window.until + _longestPause() + latency;
        }
        assembly ("memory-safe") {
            mstore(pieces, count)
        }
    }

    /// @dev Longest time between the sending of two beats of one window.
    function _longestPause() private view returns (uint64) {
        return period + period / 2;
    }

    /// @dev Index of the first window that ends after `time`; their number if none does.
    function _firstAfter(Span[] storage windows, uint64 time) private view returns (uint256 low) {
        uint256 high = windows.length;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (windows[middle].until > time) high = middle;
            else low = middle + 1;
        }
    }
}
