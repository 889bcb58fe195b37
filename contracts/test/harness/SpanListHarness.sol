// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Span} from "../../src/interfaces/IIncidentBook.sol";
import {SpanList} from "../../src/libraries/SpanList.sol";

/// @title A stored list of spans for a test to add to and cut with
contract SpanListHarness {
    Span[] private _list;

    function add(uint64 from, uint64 until) external {
        SpanList.add(_list, from, until);
    }

    function endingAfter(uint64 since) external view returns (Span[] memory) {
        return SpanList.endingAfter(_list, since);
    }

    function cut(Span[] memory spans) external view returns (Span[] memory) {
        return SpanList.cut(_list, spans);
    }
}
