// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IIncidentBook, Member} from "../interfaces/IIncidentBook.sol";
import {PathReader} from "./PathReader.sol";
import {Sweep} from "./Sweep.sol";
import {Rule} from "./TriggerRules.sol";

/// @title Which paths of a trigger are alive, alarmed and paid for
library Roster {
    /// @dev Between the note of a silence and the retirement. A host that stalled for days silences every path; this is the time
    /// that they have to be heard of again.
    uint64 internal constant NOTICE = 1 hours;

    /// @dev See `IIncidentBook.retire`.
    function retire(Rule storage rule, bytes32 triggerId, uint256 index) external {
        if (index >= rule.memberCount) revert IIncidentBook.UnknownPath(index);
        Member memory member = rule.members[index];
        if (member.retired) revert IIncidentBook.PathIsRetired(index);

        (bool sound, uint64 heard) = PathReader.heard(member.path, rule.subject);
        uint64 silentAt = heard + member.maximumSilence;
        if (sound && block.timestamp <= silentAt) {
            if (member.silentSince == 0) revert IIncidentBook.PathIsAlive(index, silentAt);
            rule.members[index].silentSince = 0;
            emit IIncidentBook.PathBack(triggerId, index, member.path);
            return;
        }

        if (member.silentSince == 0) {
            rule.members[index].silentSince = uint40(block.timestamp);
            if (sound) emit IIncidentBook.PathSilent(triggerId, index, member.path, heard);
            else emit IIncidentBook.PathBroken(triggerId, index, member.path);
            return;
        }

        uint64 retirableAt = uint64(member.silentSince) + (sound ? NOTICE : member.maximumSilence);
        if (block.timestamp <= retirableAt) revert IIncidentBook.PathNoted(index, retirableAt);
        member.retired = true;
        member.silentSince = uint40(block.timestamp);
        rule.members[index] = member;
        emit IIncidentBook.PathRetired(triggerId, index, member.path);
    }

    /// @notice Bit sets of families: with an alarmed path, with a path that answered.
    function alarms(Rule storage rule) external view returns (uint256 alarmed, uint256 live) {
        bytes32 subject = rule.subject;
        uint256 count = rule.memberCount;
        for (uint256 i; i < count; i++) {
            Member memory member = rule.members[i];
            if (member.retired) continue;
            (bool sound, bool on) = PathReader.alarmed(member.path, subject);
            if (sound) live |= 1 << member.family;
            if (on) alarmed |= 1 << member.family;
        }
    }

    /// @dev See `IIncidentBook.impaired`.
    function impaired(Rule storage rule) external view returns (bool) {
        uint256 left;
        uint256 witnesses;
        uint256 count = rule.memberCount;
        for (uint256 i; i < count; i++) {
            Member memory member = rule.members[i];
            if (member.retired) continue;
            left |= 1 << member.family;
            if (!member.absence) witnesses |= 1 << member.family;
        }
        return !enough(rule, left, witnesses);
    }

    /// @notice Whether with any one of these families silent the rest make a quorum that is not all ABSENCE.
    function enough(Rule storage rule, uint256 families, uint256 witnesses) internal view returns (bool) {
        return Sweep.bits(families) > rule.quorum && Sweep.bits(witnesses) >= 2;
    }

    /// @notice Whether no path is alarmed and enough families answer, and until when the evidence that must keep coming is paid for.
    function sellable(Rule storage rule) internal view returns (bool sound, uint64 fundedUntil) {
        bytes32 subject = rule.subject;
        fundedUntil = type(uint64).max;
        sound = true;
        uint256 live;
        uint256 witnesses;
        uint256 count = rule.memberCount;
        for (uint256 i; i < count; i++) {
            Member memory member = rule.members[i];
            if (member.retired) continue;
            (bool answered, bool on) = PathReader.alarmed(member.path, subject);
            if (on) sound = false;
            if (!answered) continue;
            live |= 1 << member.family;
            if (!member.absence) {
                witnesses |= 1 << member.family;
                continue;
            }
            (bool told, uint64 until) = PathReader.fundedUntil(member.path, subject);
            if (told && until < fundedUntil) fundedUntil = until;
        }
        // Only unretired paths are live, so that an impaired trigger never has enough.
        sound = sound && enough(rule, live, witnesses);
    }
}
