// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Span} from "../interfaces/IIncidentBook.sol";

/// @notice What one path says.
/// @param family Its family.
/// @param absence Whether its evidence is the absence of something.
/// @param spells Oldest first, disjoint.
struct Track {
    uint8 family;
    bool absence;
    Span[] spells;
}

/// @title Time on which enough families agree, found by a sweep over end points, and the arithmetic of spans
/// @dev Lists of spans are sorted and disjoint; results also have no two spans that touch.
library Sweep {
    /* AGREEMENT */

    /// @notice Maximal spans within [since, cap) that at least `quorum` families cover, not all of them with ABSENCE alone.
    function covered(Track[] memory tracks, uint256 quorum, uint64 since, uint64 cap)
        internal
        pure
        returns (Span[] memory spans)
    {
        uint256[] memory next = new uint256[](tracks.length);
        spans = new Span[](_boundaries(tracks));
        uint256 count;
        uint64 time = since;
        while (time < cap) {
            (bool agreed, uint64 until) = _step(tracks, next, quorum, time);
            if (until == type(uint64).max) break;
            if (until > cap) until = cap;
            if (agreed) count = _append(spans, count, Span(time, until));
            time = until;
        }
        _truncate(spans, count);
    }

    /* SPANS */

    /// @notice The spans that last at least `minimum` seconds.
    function dropShort(Span[] memory spans, uint64 minimum) internal pure returns (Span[] memory kept) {
        kept = new Span[](spans.length);
        uint256 count;
        for (uint256 i; i < spans.length; i++) {
            if (spans[i].until - spans[i].from >= minimum) kept[count++] = spans[i];
        }
        _truncate(kept, count);
    }

    /// @notice The first spans of which each begins within `gap` of the one before: at most `most` of them, cut `longest` seconds after
    /// the first one's start.
    function firstGroup(Span[] memory spans, uint64 gap, uint64 longest, uint256 most)
        internal
        pure
        returns (Span[] memory group)
    {
        group = new Span[](spans.length < most ? spans.length : most);
        uint256 count;
        while (count < group.length) {
            Span memory span = spans[count];
            uint64 end = spans[0].from + longest;
            if (span.from >= end) break;
            if (count != 0 && span.from - spans[count - 1].until > gap) break;
            group[count++] = Span(span.from, span.until < end ? span.until : end);
        }
        _truncate(group, count);
    }

    /// @notice Seconds in either list.
    function unite(Span[] memory a, Span[] memory b) internal pure returns (Span[] memory spans) {
        spans = new Span[](a.length + b.length);
        uint256 i;
        uint256 j;
        uint256 count;
        while (i < a.length || j < b.length) {
            bool first = j == b.length || (i < a.length && a[i].from <= b[j].from);
            count = _append(spans, count, first ? a[i++] : b[j++]);
        }
        _truncate(spans, count);
    }

    /// @notice Seconds in `a` and in spans of `b`, oldest first: one after which more than `most` spans would be left is skipped.
    function uniteUpTo(Span[] memory a, Span[] memory b, uint256 most) internal pure returns (Span[] memory spans) {
        spans = a;
        Span[] memory one = new Span[](1);
        for (uint256 i; i < b.length; i++) {
            one[0] = b[i];
            Span[] memory more = unite(spans, one);
            if (more.length <= most) spans = more;
        }
    }

    /// @notice Seconds in both lists and within [low, high).
    function intersect(Span[] memory a, Span[] memory b, uint64 low, uint64 high)
        internal
        pure
        returns (Span[] memory spans)
    {
        spans = new Span[](a.length + b.length);
        uint256 i;
        uint256 j;
        uint256 count;
        while (i < a.length && j < b.length) {
            uint64 from = _larger(_larger(a[i].from, b[j].from), low);
            uint64 until = _smaller(_smaller(a[i].until, b[j].until), high);
            if (from < until) spans[count++] = Span(from, until);
            if (a[i].until < b[j].until) i++;
            else j++;
        }
        _truncate(spans, count);
    }

    /// @notice Seconds in `a` that are not in `cuts`.
    function subtract(Span[] memory a, Span[] memory cuts) internal pure returns (Span[] memory spans) {
        spans = new Span[](a.length + cuts.length);
        uint256 j;
        uint256 count;
        for (uint256 i; i < a.length; i++) {
            uint64 from = a[i].from;
            while (j < cuts.length && cuts[j].until <= from) j++;
            // The last cut may reach into the next span, so `j` stays on it.
            uint256 k = j;
            for (; k < cuts.length && cuts[k].from < a[i].until; k++) {
                if (from < cuts[k].from) spans[count++] = Span(from, cuts[k].from);
                from = cuts[k].until;
                j = k;
            }
            if (from < a[i].until) spans[count++] = Span(from, a[i].until);
        }
        _truncate(spans, count);
    }

    /// @notice Seconds before `end`.
    function before(Span[] memory a, uint64 end) internal pure returns (Span[] memory spans) {
        spans = new Span[](a.length);
        uint256 count;
        for (uint256 i; i < a.length && a[i].from < end; i++) {
            spans[count++] = Span(a[i].from, _smaller(a[i].until, end));
        }
        _truncate(spans, count);
    }

    /// @notice How many seconds the spans last together.
    function measure(Span[] memory spans) internal pure returns (uint64 seconds_) {
        for (uint256 i; i < spans.length; i++) {
            seconds_ += spans[i].until - spans[i].from;
        }
    }

    /// @notice How many bits of `set` are set.
    function bits(uint256 set) internal pure returns (uint256 count) {
        for (; set != 0; count++) {
            set &= set - 1;
        }
    }

    /* INTERNAL */

    /// @dev Who agrees at second `time`, and the first later second at which that may change (the largest number if never).
    /// `next` holds for each path the first spell that is not over yet.
    function _step(Track[] memory tracks, uint256[] memory next, uint256 quorum, uint64 time)
        private
        pure
        returns (bool agreed, uint64 until)
    {
        uint256 all;
        uint256 witnessed;
        until = type(uint64).max;
        for (uint256 i; i < tracks.length; i++) {
            Track memory track = tracks[i];
            uint256 k = next[i];
            while (k < track.spells.length && track.spells[k].until <= time) k++;
            next[i] = k;
            if (k == track.spells.length) continue;

            Span memory spell = track.spells[k];
            if (spell.from > time) {
                until = _smaller(until, spell.from);
                continue;
            }
            until = _smaller(until, spell.until);
            all |= 1 << track.family;
            if (!track.absence) witnessed |= 1 << track.family;
        }
        agreed = witnessed != 0 && bits(all) >= quorum;
    }

    function _boundaries(Track[] memory tracks) private pure returns (uint256 count) {
        for (uint256 i; i < tracks.length; i++) {
            count += 2 * tracks[i].spells.length;
        }
    }

    /// @dev Adds a span that begins no earlier than the last one; touching and overlapping spans unite.
    function _append(Span[] memory spans, uint256 count, Span memory span) private pure returns (uint256) {
        if (count != 0 && span.from <= spans[count - 1].until) {
            uint64 until = _larger(spans[count - 1].until, span.until);
            spans[count - 1] = Span(spans[count - 1].from, until);
            return count;
        }
        spans[count] = span;
        return count + 1;
    }

    function _truncate(Span[] memory spans, uint256 count) private pure {
        assembly ("memory-safe") {
            mstore(spans, count)
        }
    }

    function _larger(uint64 a, uint64 b) private pure returns (uint64) {
        return a > b ? a : b;
    }

    function _smaller(uint64 a, uint64 b) private pure returns (uint64) {
        return a < b ? a : b;
    }
}
