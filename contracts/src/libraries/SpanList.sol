// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Span} from "../interfaces/IIncidentBook.sol";
import {Sweep} from "./Sweep.sol";

/// @title Stored lists of spans: sorted, disjoint
library SpanList {
    /// @dev Spans that one reading takes at most. Bounds its gas.
    uint256 internal constant MOST = 64;

    /// @notice The `MOST` oldest spans that end after `since`.
    function endingAfter(Span[] storage list, uint64 since) internal view returns (Span[] memory spans) {
        return _read(list, since, type(uint64).max);
    }

    /// @notice `spans` without the seconds of the list. If more than `MOST` spans of the list lie among them, nothing after those is left:
    /// what can't be read counts as cut.
    function cut(Span[] storage list, Span[] memory spans) internal view returns (Span[] memory) {
        if (spans.length == 0) return spans;
        Span[] memory cuts = _read(list, spans[0].from, spans[spans.length - 1].until);
        if (cuts.length == MOST) cuts[MOST - 1].until = type(uint64).max;
        return Sweep.subtract(spans, cuts);
    }

    /// @notice Adds a span that ends no earlier than all others, united with those that it touches.
    function add(Span[] storage list, uint64 from, uint64 until) internal {
        uint256 count = list.length;
        while (count != 0 && list[count - 1].until >= from) {
            if (list[count - 1].from < from) from = list[count - 1].from;
            list.pop();
            count--;
        }
        list.push(Span(from, until));
    }

    /// @dev At most `MOST` spans that end after `from` and begin before `until`.
    function _read(Span[] storage list, uint64 from, uint64 until) private view returns (Span[] memory spans) {
        uint256 total = list.length;
        uint256 first = _firstAfter(list, from, total);
        spans = new Span[](total - first < MOST ? total - first : MOST);
        uint256 count;
        while (count < spans.length) {
            Span memory span = list[first + count];
            if (span.from >= until) break;
            spans[count++] = span;
        }
        assembly ("memory-safe") {
            mstore(spans, count)
        }
    }

    /// @dev Index of the first span that ends after `time`; their number if none does.
    function _firstAfter(Span[] storage list, uint64 time, uint256 high) private view returns (uint256 low) {
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (list[middle].until > time) high = middle;
            else low = middle + 1;
        }
    }
}
