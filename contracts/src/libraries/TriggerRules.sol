// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IIncidentBook, Member, Span, Trigger, TriggerPath} from "../interfaces/IIncidentBook.sol";
import {IPath, PathKind} from "../interfaces/IPath.sol";
import {Families} from "./Families.sol";
import {SubjectId} from "./SubjectId.sol";
import {Sweep} from "./Sweep.sol";

/// @notice A trigger, as the sweep needs it, and how far it has come. What a sale reads are the first three slots and the members.
/// @param grace Longest grace of its paths, seconds.
/// @param interrupted Whether `windows` or `struck` hold anything: spares the sweep two reads.
/// @param since End of the last incident that paid, or the trigger's creation.
/// @param incidents How many incidents it has had.
/// @param settledAt When its last incident that paid is settled.
/// @param open Whether the last incident is not final: spares a sale the look at it.
/// @param windows Announced stops, oldest first, disjoint.
/// @param struck What disputes struck out, oldest first, disjoint, not touching.
struct Rule {
    bytes32 subject;
    uint32 mergeGap;
    uint32 minimumSpell;
    uint32 challengePeriod;
    uint32 checkpointStep;
    uint32 coolingOff;
    uint32 tail;
    uint32 grace;
    uint8 quorum;
    uint8 memberCount;
    bool interrupted;
    uint40 since;
    uint32 incidents;
    uint40 settledAt;
    bool open;
    uint32 calendarSecondsPerYear;
    address guardian;
    address court;
    address arbiter;
    address calendarSigner;
    Member[8] members;
    Span[] windows;
    Span[] struck;
}

/// @title Which triggers are sound; the bounds are listed at `IIncidentBook.createTrigger`
library TriggerRules {
    uint256 private constant MAX_PATHS = 8;
    uint256 private constant MAX_PARTIES = 32;
    uint32 private constant MAX_GRACE = 7 days;
    uint256 private constant MIN_PATIENCE = 15 minutes;
    uint32 private constant MIN_SILENCE = 1 days;
    /// @dev Evidence that comes after the restart is silent until there is one.
    uint32 private constant MIN_SILENCE_OF_RECOVERY = 30 days;
    uint32 private constant MAX_SILENCE = 90 days;
    uint32 private constant MAX_CALENDAR = 7 days;

    /// @dev Checks `trigger` and writes it to the empty `rule`; returns how many families its paths make.
    function write(Rule storage rule, Trigger calldata trigger) external returns (uint256 count) {
        SubjectId.check(trigger.subjectId);
        _checkPaths(trigger.paths);
        uint32 grace = _longestGrace(trigger.paths);
        _checkTimes(trigger, grace);
        uint8[] memory families;
        (families, count) = Families.assign(_parties(trigger.paths));

        _writeTerms(rule, trigger, grace);
        rule.memberCount = uint8(families.length);
        uint256 witnesses;
        for (uint256 i; i < families.length; i++) {
            Member memory member = _member(trigger.paths[i], families[i]);
            if (!member.absence) witnesses |= 1 << member.family;
            rule.members[i] = member;
        }

        _checkFamilies(trigger.quorum, count, Sweep.bits(witnesses));
    }

    function _writeTerms(Rule storage rule, Trigger calldata trigger, uint32 grace) private {
        rule.subject = keccak256(bytes(trigger.subjectId));
        rule.mergeGap = trigger.mergeGap;
        rule.minimumSpell = trigger.minimumSpell;
        rule.challengePeriod = trigger.challengePeriod;
        rule.checkpointStep = trigger.checkpointStep;
        rule.coolingOff = trigger.coolingOff;
        rule.tail = trigger.tail;
        rule.grace = grace;
        rule.quorum = trigger.quorum;
        rule.guardian = trigger.guardian;
        rule.since = uint40(block.timestamp);
        rule.court = trigger.court;
        rule.calendarSecondsPerYear = trigger.calendarSecondsPerYear;
        rule.arbiter = trigger.arbiter;
        rule.calendarSigner = trigger.calendarSigner;
    }

    function _member(TriggerPath calldata path, uint8 family) private view returns (Member memory) {
        PathKind kind = IPath(path.path).kind();
        uint32 least = kind == PathKind.RECOVERY ? MIN_SILENCE_OF_RECOVERY : MIN_SILENCE;
        if (path.maximumSilence < least || path.maximumSilence > MAX_SILENCE) {
            revert IIncidentBook.InvalidTrigger("maximumSilence");
        }
        return Member(path.path, family, kind == PathKind.ABSENCE, false, 0, path.maximumSilence);
    }

    /// @dev With any one family silent the rest must make a quorum that is not all ABSENCE.
    function _checkFamilies(uint256 quorum, uint256 families, uint256 witnesses) private pure {
        if (quorum < 2) revert IIncidentBook.InvalidTrigger("quorum");
        if (families < quorum + 1) revert IIncidentBook.NotEnoughFamilies(families, quorum + 1);
        if (witnesses < 2) revert IIncidentBook.NotEnoughFamilies(witnesses, 2);
    }

    function _checkPaths(TriggerPath[] calldata paths) private view {
        if (paths.length == 0 || paths.length > MAX_PATHS) revert IIncidentBook.InvalidTrigger("paths");
        for (uint256 i; i < paths.length; i++) {
            if (paths[i].path.code.length == 0) revert IIncidentBook.InvalidTrigger("paths");
            if (paths[i].grace > MAX_GRACE) revert IIncidentBook.InvalidTrigger("grace");
            for (uint256 j; j < i; j++) {
                if (paths[i].path == paths[j].path) revert IIncidentBook.InvalidTrigger("paths");
            }
        }
    }

    function _checkTimes(Trigger calldata trigger, uint32 grace) private pure {
        if (trigger.mergeGap > 1 days) revert IIncidentBook.InvalidTrigger("mergeGap");
        // Or anybody could end a running incident between two reports, and have the next one wait anew.
        if (uint256(trigger.mergeGap) + grace < MIN_PATIENCE) revert IIncidentBook.InvalidTrigger("mergeGap");
        if (trigger.minimumSpell > 1 days) revert IIncidentBook.InvalidTrigger("minimumSpell");
        if (trigger.challengePeriod < 1 minutes || trigger.challengePeriod > 7 days) {
            revert IIncidentBook.InvalidTrigger("challengePeriod");
        }
        if (trigger.checkpointStep < 5 minutes || trigger.checkpointStep > 1 days) {
            revert IIncidentBook.InvalidTrigger("checkpointStep");
        }
        if (trigger.coolingOff > 30 days) revert IIncidentBook.InvalidTrigger("coolingOff");
        uint256 proposedBy = uint256(grace) + trigger.mergeGap + trigger.minimumSpell + trigger.challengePeriod;
        if (trigger.tail < proposedBy || trigger.tail > 90 days) revert IIncidentBook.InvalidTrigger("tail");
        if (trigger.calendarSecondsPerYear > MAX_CALENDAR) {
            revert IIncidentBook.InvalidTrigger("calendarSecondsPerYear");
        }
    }

    function _longestGrace(TriggerPath[] calldata paths) private pure returns (uint32 grace) {
        for (uint256 i; i < paths.length; i++) {
            if (paths[i].grace > grace) grace = paths[i].grace;
        }
    }

    /// @dev For each path: its contract, whom it names itself, and whom the trigger's creator names besides.
    function _parties(TriggerPath[] calldata paths) private view returns (bytes32[][] memory parties) {
        parties = new bytes32[][](paths.length);
        for (uint256 i; i < paths.length; i++) {
            bytes32[] memory own = IPath(paths[i].path).parties();
            bytes32[] calldata declared = paths[i].parties;
            uint256 named = own.length + declared.length;
            if (named == 0 || named > MAX_PARTIES) revert IIncidentBook.InvalidTrigger("parties");

            parties[i] = new bytes32[](named + 1);
            for (uint256 j; j < named; j++) {
                parties[i][j] = j < own.length ? own[j] : declared[j - own.length];
            }
            parties[i][named] = bytes32(uint256(uint160(paths[i].path)));
        }
    }
}
