// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Incident, Span} from "../../src/interfaces/IIncidentBook.sol";
import {PathKind} from "../../src/interfaces/IPath.sol";
import {IncidentBookBase} from "../IncidentBookBase.sol";
import {IncidentHandler} from "./IncidentHandler.sol";

/// @title What holds of incidents after any sequence of moves; the numbers are those of INVARIANTS.md
contract IncidentInvariants is IncidentBookBase {
    IncidentHandler private _handler;

    function setUp() public override {
        super.setUp();
        watchers = path(PathKind.QUORUM, "liar");
        observers = path(PathKind.QUORUM, "honest");
        heartbeat = path(PathKind.QUORUM, "as honest");
        posting = path(PathKind.ABSENCE, "honest for life");
        id = book.createTrigger(rollup());
        vm.warp(T0 + 11 days);
        _handler = new IncidentHandler(book, id, guardian, court, CALENDAR, watchers, [observers, heartbeat], posting);
        targetContract(address(_handler));
        _handler.pass(1);
    }

    /// @dev I14: fewer than k families lie, so every second is one that an honest family claims too, and so was truly down.
    function invariant_WhatIsConfirmedWasDownAndNeitherAnnouncedNorStruckOut() public view {
        for (uint256 sequence; sequence < book.incidentCount(id); ++sequence) {
            Span[] memory spans = book.confirmedSpans(id, sequence);
            for (uint256 i; i < spans.length; ++i) {
                assertEq(_overlap(spans[i], 0), spans[i].until - spans[i].from, "I14 it was down");
                assertEq(_overlap(spans[i], 1), 0, "I14 announced");
                assertEq(_overlap(spans[i], 2), 0, "I14 struck out");
            }
        }
    }

    /// @dev I4, I15
    function invariant_ConfirmedSecondsNeverShrink() public view {
        for (uint256 sequence; sequence < book.incidentCount(id); ++sequence) {
            Span[] memory spans = book.confirmedSpans(id, sequence);
            Span[] memory before = _handler.confirmedBefore(sequence);
            assertEq(spans.length, before.length, "I4 nothing but keepers' moves changes it");
            uint256 covered;
            for (uint256 i; i < spans.length; ++i) {
                assertEq(spans[i].from, before[i].from, "I4 from");
                assertEq(spans[i].until, before[i].until, "I4 until");
                if (i != 0) assertGt(spans[i].from, spans[i - 1].until, "I4 sorted and apart");
                covered += spans[i].until - spans[i].from;
            }
            assertEq(book.incident(id, sequence).coveredSeconds, covered, "I4 the measure");
        }
    }

    /// @dev I6
    function invariant_IncidentsFollowOneAnother() public view {
        uint64 end;
        for (uint256 sequence; sequence < book.incidentCount(id); ++sequence) {
            Incident memory each = book.incident(id, sequence);
            if (each.coveredSeconds == 0) continue;
            assertGe(each.from, end, "I6 after the one before");
            assertLe(each.until, each.from + 168 hours, "I6 no longer than a week");
            end = each.until;
        }
    }

    /// @dev I16
    function invariant_ListsOfCutsAreSortedAndApart() public view {
        Span[] memory struck = book.struck(id, 0);
        for (uint256 i = 1; i < struck.length; ++i) {
            assertGt(struck[i].from, struck[i - 1].until, "I16 struck");
        }
        for (uint256 i; i < _handler.struckCount(); ++i) {
            (uint64 from, uint64 until) = _handler.struck(i);
            assertTrue(_held(Span(from, until), struck), "I16 what was struck out stays so");
        }
        Span[] memory windows = book.windows(id, 0);
        assertEq(windows.length, _handler.windowCount(), "I16 windows");
        for (uint256 i = 1; i < windows.length; ++i) {
            assertGe(windows[i].from, windows[i - 1].until, "I16 windows in order");
        }
    }

    /// @dev I17: when powers rest and disputes have lapsed, every outage that is long enough and that nobody announced or struck out is
    /// confirmed to the second.
    function afterInvariant() public {
        if (_handler.down()) _handler.turn();
        vm.warp(block.timestamp + 14 days);
        for (uint256 i; i < 30; ++i) {
            _handler.propose();
            _handler.pass(CHALLENGE);
            _handler.finalise();
        }
        for (uint256 i; i < _handler.outageCount(); ++i) {
            (uint64 from, uint64 until) = _handler.outages(i);
            Span memory outage = Span(from, until);
            if (until - from < MINIMUM || _overlap(outage, 1) + _overlap(outage, 2) != 0) continue;
            assertEq(_confirmed(outage), until - from, "I17 an honest second is missing");
        }
        invariant_WhatIsConfirmedWasDownAndNeitherAnnouncedNorStruckOut();
        invariant_ConfirmedSecondsNeverShrink();
        invariant_IncidentsFollowOneAnother();
        invariant_ListsOfCutsAreSortedAndApart();
    }

    /// @dev Seconds that a span shares with outages (0), windows (1) or what was struck out (2).
    function _overlap(Span memory span, uint256 kind) private view returns (uint256 total) {
        uint256 count = kind == 0 ? _handler.outageCount() : kind == 1 ? _handler.windowCount() : _handler.struckCount();
        for (uint256 i; i < count; ++i) {
            (uint64 from, uint64 until) =
                kind == 0 ? _handler.outages(i) : kind == 1 ? _handler.windows(i) : _handler.struck(i);
            total += _shared(span, from, until);
        }
    }

    function _confirmed(Span memory span) private view returns (uint256 total) {
        for (uint256 sequence; sequence < book.incidentCount(id); ++sequence) {
            Span[] memory spans = book.confirmedSpans(id, sequence);
            for (uint256 i; i < spans.length; ++i) {
                total += _shared(span, spans[i].from, spans[i].until);
            }
        }
    }

    function _shared(Span memory span, uint64 from, uint64 until) private pure returns (uint256) {
        if (span.from > from) from = span.from;
        if (span.until < until) until = span.until;
        return from < until ? until - from : 0;
    }

    function _held(Span memory span, Span[] memory spans) private pure returns (bool) {
        for (uint256 i; i < spans.length; ++i) {
            if (spans[i].from <= span.from && span.until <= spans[i].until) return true;
        }
        return false;
    }
}
