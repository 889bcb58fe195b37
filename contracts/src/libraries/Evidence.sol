// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Member, Span} from "../interfaces/IIncidentBook.sol";
import {PathReader} from "./PathReader.sol";
import {SpanList} from "./SpanList.sol";
import {Sweep, Track} from "./Sweep.sol";
import {Rule} from "./TriggerRules.sol";

/// @title What the paths of a trigger hold, agreed on by enough families, without what was announced or struck out
library Evidence {
    /// @notice Covered components within [since, cap), announced and struck time cut out, then short ones dropped.
    /// @param reach Spells that begin later don't crowd out those before.
    function components(Rule storage rule, uint64 since, uint64 cap, uint64 reach)
        external
        view
        returns (Span[] memory spans)
    {
        bytes32 subject = rule.subject;
        Track[] memory tracks = new Track[](rule.memberCount);
        for (uint256 i; i < tracks.length; i++) {
            tracks[i] = _track(rule.members[i], subject, since, reach);
        }

        spans = Sweep.covered(tracks, rule.quorum, since, cap);
        if (rule.interrupted) {
            spans = SpanList.cut(rule.windows, spans);
            spans = SpanList.cut(rule.struck, spans);
        }
        spans = Sweep.dropShort(spans, rule.minimumSpell);
    }

    /// @dev Of a retired path nothing from its retirement on counts.
    function _track(Member memory member, bytes32 subject, uint64 since, uint64 reach)
        private
        view
        returns (Track memory)
    {
        Span[] memory spells;
        if (!member.retired) {
            spells = PathReader.spells(member.path, subject, since, reach);
        } else if (since < member.silentSince) {
            spells = Sweep.before(PathReader.spells(member.path, subject, since, reach), member.silentSince);
        }
        return Track(member.family, member.absence, spells);
    }
}
