// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Span} from "../src/interfaces/IIncidentBook.sol";
import {SpanListHarness} from "./harness/SpanListHarness.sol";
import {Test} from "./Test.sol";

contract SpanListTest is Test {
    SpanListHarness private list;

    function setUp() public {
        list = new SpanListHarness();
    }

    /// @dev Against one flag a second.
    function testFuzz_ItHoldsWhatWasAddedAndCutsThatAlone(uint256 seed) public {
        bool[] memory held = new bool[](400);
        uint64 end;
        for (uint256 i; i < 12; i++) {
            seed = uint256(keccak256(abi.encode(seed)));
            end += 1 + uint64(seed % 20);
            uint64 from = end - 1 - uint64((seed >> 8) % (end < 30 ? end : 30));
            list.add(from, end);
            for (uint64 time = from; time < end; time++) {
                held[time] = true;
            }
        }

        Span[] memory all = list.endingAfter(0);
        for (uint256 i = 1; i < all.length; i++) {
            assertGt(all[i].from, all[i - 1].until, "sorted and apart");
        }
        Span[] memory whole = new Span[](2);
        (whole[0], whole[1]) = (Span(5, 90), Span(100, 300));
        Span[] memory left = list.cut(whole);
        for (uint64 time; time < 400; time++) {
            bool within = (time >= 5 && time < 90) || (time >= 100 && time < 300);
            assertEq(_holds(all, time), held[time], "held");
            assertEq(_holds(left, time), within && !held[time], "left");
        }
    }

    function testFuzz_OnlyWhatEndsLaterIsRead(uint64 since) public {
        since = uint64(bound(since, 0, 1000));
        for (uint64 i; i < 20; i++) {
            list.add(50 * i, 50 * i + 20);
        }
        Span[] memory later = list.endingAfter(since);
        uint256 first = since < 20 ? 0 : (since - 20) / 50 + 1;
        assertEq(later.length, first > 20 ? 0 : 20 - first, "number");
        if (later.length != 0) assertEq(later[0].from, 50 * first, "first");
    }

    function test_WhatCannotBeReadCountsAsCut() public {
        for (uint64 i; i < 70; i++) {
            list.add(100 * i + 50, 100 * i + 60);
        }
        Span[] memory whole = new Span[](1);
        whole[0] = Span(0, 6360);
        Span[] memory left = list.cut(whole);
        assertEq(left.length, 64, "64 are read");
        assertEq(left[63].until, 6350, "and nothing after the last of them");

        whole[0] = Span(1000, 7000);
        left = list.cut(whole);
        assertEq(left.length, 61, "sixty and the rest");
        assertEq(left[60].until, 7000, "to the end");
        assertEq(list.endingAfter(0).length, 64, "the oldest");
        assertEq(list.cut(new Span[](0)).length, 0, "of nothing nothing");
    }

    function _holds(Span[] memory spans, uint64 time) private pure returns (bool) {
        for (uint256 i; i < spans.length; i++) {
            if (spans[i].from <= time && time < spans[i].until) return true;
        }
        return false;
    }
}
