// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Span} from "../src/interfaces/IIncidentBook.sol";
import {Families} from "../src/libraries/Families.sol";
import {Sweep, Track} from "../src/libraries/Sweep.sol";
import {Test} from "./Test.sol";

contract SweepTest is Test {
    uint64 private constant END = type(uint64).max;

    /* COVERED */

    function test_ALiarWhoSpansTwoHonestSpellsDoesNotJoinThem() public pure {
        Track[] memory tracks = new Track[](2);
        tracks[0] = Track(0, false, _one(0, 200));
        tracks[1] = Track(1, false, _two(0, 10, 100, 110));
        _assertSpans(Sweep.covered(tracks, 2, 0, END), _two(0, 10, 100, 110), "liar");
    }

    function test_AbsenceAloneNeverCoversHoweverManyFamilies() public pure {
        Track[] memory tracks = new Track[](3);
        for (uint8 i; i < 3; i++) {
            tracks[i] = Track(i, true, _one(0, 100));
        }
        assertEq(Sweep.covered(tracks, 2, 0, END).length, 0, "spans");
    }

    function test_TwoPathsOfOneFamilyCountOnce() public pure {
        Track[] memory tracks = new Track[](2);
        tracks[0] = Track(4, false, _one(0, 100));
        tracks[1] = Track(4, true, _one(0, 100));
        assertEq(Sweep.covered(tracks, 2, 0, END).length, 0, "spans");
    }

    function test_AFamilyThatAlsoCoversWithAbsenceStillCountsAsWitness() public pure {
        Track[] memory tracks = new Track[](3);
        tracks[0] = Track(0, true, _one(0, 100));
        tracks[1] = Track(0, false, _one(20, 40));
        tracks[2] = Track(1, true, _one(0, 100));
        _assertSpans(Sweep.covered(tracks, 2, 0, END), _one(20, 40), "witnessed part");
    }

    function test_SpansThatTouchAreOne() public pure {
        Track[] memory tracks = new Track[](3);
        tracks[0] = Track(0, false, _one(0, 100));
        tracks[1] = Track(1, false, _one(0, 50));
        tracks[2] = Track(2, false, _one(50, 80));
        _assertSpans(Sweep.covered(tracks, 2, 0, END), _one(0, 80), "handed over");
    }

    function test_SpansAreCutToTheWindow() public pure {
        Track[] memory tracks = new Track[](2);
        tracks[0] = Track(0, false, _two(0, 100, 120, 300));
        tracks[1] = Track(1, false, _two(0, 100, 120, 300));
        _assertSpans(Sweep.covered(tracks, 2, 40, 200), _two(40, 100, 120, 200), "window");
    }

    /// @dev Second by second, the definition itself.
    function testFuzz_CoveredIsExactlyWhatEnoughFamiliesClaim(uint256 seed) public pure {
        Track[] memory tracks = new Track[](5);
        for (uint8 i; i < 5; i++) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint64 a = uint64(seed % 20);
            uint64 b = a + 1 + uint64((seed >> 16) % 15);
            uint64 c = b + uint64((seed >> 32) % 10);
            uint64 d = c + 1 + uint64((seed >> 48) % 15);
            tracks[i] = Track(uint8((seed >> 64) % 4), (seed >> 80) % 2 == 0, _two(a, b, c, d));
        }
        uint256 quorum = 2 + seed % 2;
        Span[] memory spans = Sweep.covered(tracks, quorum, 3, 50);

        for (uint64 time; time < 60; time++) {
            bool inSpan = _holds(spans, time);
            assertEq(inSpan, time >= 3 && time < 50 && _agreed(tracks, quorum, time), vm.toString(uint256(time)));
        }
        for (uint256 i = 1; i < spans.length; i++) {
            assertGt(spans[i].from, spans[i - 1].until, "spans are apart");
        }
    }

    /* SPANS */

    function test_ShortSpansAreDroppedAndTheMinimumStays() public pure {
        _assertSpans(Sweep.dropShort(_two(0, 9, 20, 30), 10), _one(20, 30), "dropped");
    }

    function test_TheFirstGroupEndsAtAGapLargerThanTheMergeGap() public pure {
        _assertSpans(Sweep.firstGroup(_two(0, 10, 40, 50), 30, 1000, 16), _two(0, 10, 40, 50), "gap of 30");
        _assertSpans(Sweep.firstGroup(_two(0, 10, 41, 50), 30, 1000, 16), _one(0, 10), "gap of 31");
    }

    function test_TheFirstGroupIsCutAtItsLongestAndAtItsNumber() public pure {
        _assertSpans(Sweep.firstGroup(_two(100, 110, 120, 150), 30, 40, 16), _two(100, 110, 120, 140), "longest");
        _assertSpans(Sweep.firstGroup(_two(100, 110, 140, 150), 30, 40, 16), _one(100, 110), "begins at the cut");
        _assertSpans(Sweep.firstGroup(_two(100, 110, 120, 150), 30, 400, 1), _one(100, 110), "number");
        assertEq(Sweep.firstGroup(new Span[](0), 30, 40, 16).length, 0, "nothing");
    }

    function testFuzz_UnionIntersectionAndDifferenceCountEverySecondOnce(uint256 seed) public pure {
        Span[] memory a = _two(2, 2 + 1 + uint64(seed % 20), 30, 31 + uint64((seed >> 8) % 20));
        uint64 start = uint64((seed >> 16) % 25);
        Span[] memory b = _two(start, start + 1 + uint64((seed >> 24) % 10), 40, 41 + uint64((seed >> 32) % 30));
        Span[] memory either = Sweep.unite(a, b);
        Span[] memory both = Sweep.intersect(a, b, 0, END);
        Span[] memory without = Sweep.subtract(a, b);
        Span[] memory before = Sweep.before(a, start);
        for (uint64 time; time < 80; time++) {
            assertEq(_holds(either, time), _holds(a, time) || _holds(b, time), "union");
            assertEq(_holds(both, time), _holds(a, time) && _holds(b, time), "intersection");
            assertEq(_holds(without, time), _holds(a, time) && !_holds(b, time), "difference");
            assertEq(_holds(before, time), _holds(a, time) && time < start, "before");
        }
        assertEq(
            Sweep.measure(either) + Sweep.measure(both), Sweep.measure(a) + Sweep.measure(b), "inclusion and exclusion"
        );
    }

    function test_ADifferenceLosesNothingElse() public pure {
        Span[] memory all = _two(0, 10, 20, 30);
        _assertSpans(Sweep.subtract(all, new Span[](0)), all, "nothing cut");
        _assertSpans(Sweep.subtract(all, _one(10, 20)), all, "the gap");
        _assertSpans(Sweep.subtract(all, _one(5, 25)), _two(0, 5, 25, 30), "a cut across two");
        _assertSpans(Sweep.subtract(all, _two(0, 10, 22, 24)), _two(20, 22, 24, 30), "one whole, one in the middle");
        assertEq(Sweep.subtract(all, _one(0, 30)).length, 0, "all");
        _assertSpans(Sweep.subtract(_one(0, 10), _two(2, 3, 3, 4)), _two(0, 2, 4, 10), "cuts that touch");
    }

    function test_AnIntersectionKeepsWithinBounds() public pure {
        Span[] memory all = _two(0, 10, 20, 30);
        _assertSpans(Sweep.intersect(all, all, 5, 25), _two(5, 10, 20, 25), "bounds");
    }

    function test_AUnionSkipsOnlyTheSpansForWhichThereIsNoRoom() public pure {
        Span[] memory full = _two(0, 10, 20, 30);
        _assertSpans(Sweep.uniteUpTo(full, _two(40, 50, 60, 70), 2), full, "no room");
        _assertSpans(Sweep.uniteUpTo(full, _two(5, 12, 40, 50), 2), _two(0, 12, 20, 30), "what joins a span needs none");
        _assertSpans(Sweep.uniteUpTo(full, _two(8, 25, 40, 50), 2), _two(0, 30, 40, 50), "what joins two makes some");
        _assertSpans(Sweep.uniteUpTo(new Span[](0), full, 1), _one(0, 10), "the oldest first");
    }

    /* FAMILIES */

    function test_PathsThatShareAPartyThroughAThirdAreOneFamily() public pure {
        bytes32[][] memory parties = new bytes32[][](4);
        parties[0] = _parties("a", "b");
        parties[1] = _parties("c", "d");
        parties[2] = _parties("e", "f");
        parties[3] = _parties("d", "b");
        (uint8[] memory families, uint256 count) = Families.assign(parties);
        assertEq(count, 2, "families");
        assertEq(families[0], 0, "first");
        assertEq(families[1], 0, "joined by the fourth");
        assertEq(families[2], 1, "alone");
        assertEq(families[3], 0, "fourth");
    }

    /// @dev Against the transitive closure of "shares a party".
    function testFuzz_FamiliesAreTheClosureOfSharing(uint256 seed) public pure {
        bytes32[][] memory parties = new bytes32[][](8);
        bool[8][8] memory joined;
        for (uint256 i; i < 8; i++) {
            parties[i] = _parties(bytes32((seed >> (8 * i)) % 13), bytes32((seed >> (8 * i + 100)) % 13));
        }
        for (uint256 i; i < 8; i++) {
            for (uint256 j; j < 8; j++) {
                joined[i][j] = parties[i][0] == parties[j][0] || parties[i][0] == parties[j][1]
                    || parties[i][1] == parties[j][0] || parties[i][1] == parties[j][1];
            }
        }
        for (uint256 k; k < 8; k++) {
            for (uint256 i; i < 8; i++) {
                for (uint256 j; j < 8; j++) {
                    joined[i][j] = joined[i][j] || (joined[i][k] && joined[k][j]);
                }
            }
        }

        (uint8[] memory families, uint256 count) = Families.assign(parties);
        for (uint256 i; i < 8; i++) {
            assertLt(families[i], count, "number");
            for (uint256 j; j < 8; j++) {
                assertEq(families[i] == families[j], joined[i][j], "same family");
            }
        }
    }

    /* HELPERS */

    function _agreed(Track[] memory tracks, uint256 quorum, uint64 time) private pure returns (bool) {
        uint256 claimed;
        bool witnessed;
        for (uint256 family; family < 4; family++) {
            bool claims;
            for (uint256 i; i < tracks.length; i++) {
                if (tracks[i].family != family || !_holds(tracks[i].spells, time)) continue;
                claims = true;
                witnessed = witnessed || !tracks[i].absence;
            }
            if (claims) claimed++;
        }
        return witnessed && claimed >= quorum;
    }

    function _holds(Span[] memory spans, uint64 time) private pure returns (bool) {
        for (uint256 i; i < spans.length; i++) {
            if (spans[i].from <= time && time < spans[i].until) return true;
        }
        return false;
    }

    function _one(uint64 from, uint64 until) private pure returns (Span[] memory spans) {
        spans = new Span[](1);
        spans[0] = Span(from, until);
    }

    function _two(uint64 a, uint64 b, uint64 c, uint64 d) private pure returns (Span[] memory spans) {
        spans = new Span[](2);
        spans[0] = Span(a, b);
        spans[1] = Span(c, d);
    }

    function _parties(bytes32 a, bytes32 b) private pure returns (bytes32[] memory list) {
        list = new bytes32[](2);
        list[0] = a;
        list[1] = b;
    }

    function _assertSpans(Span[] memory given, Span[] memory expected, string memory what) private pure {
        assertEq(given.length, expected.length, string.concat(what, ": number"));
        for (uint256 i; i < given.length; i++) {
            assertEq(given[i].from, expected[i].from, string.concat(what, ": from"));
            assertEq(given[i].until, expected[i].until, string.concat(what, ": until"));
        }
    }
}
