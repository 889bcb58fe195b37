// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IIncidentBook, Incident, Span, Trigger} from "../src/interfaces/IIncidentBook.sol";
import {IncidentBookBase} from "./IncidentBookBase.sol";
import {ScriptedPath} from "./ScriptedPath.sol";

/// @title No single family chooses where an incident begins or ends, nor what belongs to it
/// @dev `watchers` is the family that lies; it may say anything, and take it back.
contract IncidentBookStartTest is IncidentBookBase {
    uint64 private constant H = 1 hours;

    /* START */

    function test_AFamilyThatSpeaksFirstDoesNotChooseTheStart() public {
        _silent(0, 5 * H);
        watchers.add(T0 + 5 * H - 10 minutes, T0 + 5 * H, false);
        book.propose(id);
        passBy(5 minutes);
        observers.add(T0, T0 + 5 * H, false);
        book.propose(id);

        vm.warp(T0 + 5 * H + CHALLENGE);
        fails(IIncidentBook.NotReady.selector, T0 + 5 * H + 5 minutes + CHALLENGE);
        book.confirm(id, 0);
        passBy(5 minutes);
        book.confirm(id, 0);
        assertEq(last().from, T0, "the honest start, whichever checkpoint is confirmed");
        assertEq(last().coveredSeconds, 5 * H, "every honest second");
    }

    function test_AnEarlierStartIsAcceptedThoughItAddsLessThanAStep() public {
        down(2000, 5000, false);
        book.propose(id);
        heartbeat.add(T0 + 1940, T0 + 5000, false);
        posting.add(T0 + 1940, T0 + 5000, false);
        watchers.forget();
        watchers.add(T0 + 1941, T0 + 5000, false);
        fails(IIncidentBook.CheckpointTooSmall.selector, 3059, 3000 + STEP);
        book.propose(id);
        watchers.forget();
        watchers.add(T0 + 1940, T0 + 5000, false);
        book.propose(id);
        confirmReady(0);
        assertEq(last().from, T0 + 1940, "from");
    }

    /// @dev Seconds let out one by one use up nothing.
    function test_SmallStepsBackwardsDoNotKeepTheWholeOut() public {
        _silent(0, 30 minutes);
        watchers.add(T0 + 20 minutes, T0 + 30 minutes, false);
        book.propose(id);
        for (uint64 i = 1; i <= 12; i++) {
            watchers.forget();
            watchers.add(T0 + 20 minutes - i * 1 minutes, T0 + 30 minutes, false);
            book.propose(id);
        }
        observers.add(T0, T0 + 30 minutes, false);
        book.propose(id);
        vm.warp(T0 + 30 minutes + CHALLENGE);
        book.confirm(id, 3);
        assertEq(last().from, T0, "from");
        assertEq(last().coveredSeconds, 30 minutes, "covered");
    }

    /// @dev The griefing that the window bounds: each earlier start has a clock of its own.
    function test_AFamilyCannotPutOffTheStartForEver() public {
        _silent(0, 5 * H);
        watchers.add(T0 + 4 * H, T0 + 5 * H, false);
        book.propose(id);
        passBy(CHALLENGE);
        watchers.forget();
        watchers.add(T0 + 4 * H - 5 minutes, T0 + 5 * H, false);
        book.propose(id);

        passBy(1);
        watchers.forget();
        watchers.add(T0 + 4 * H - 10 minutes, T0 + 5 * H, false);
        fails(IIncidentBook.CheckpointTooSmall.selector, H + 10 minutes, H + 5 minutes + STEP);
        book.propose(id);
        vm.warp(T0 + 5 * H + 2 * CHALLENGE);
        book.confirm(id, 1);
        assertEq(last().from, T0 + 4 * H - 5 minutes, "from");
    }

    function test_AfterTheWindowAnEarlierStartNeedsAStepAndStillCountsFirst() public {
        _silent(0, 5 * H);
        watchers.add(T0 + 4 * H, T0 + 5 * H, false);
        book.propose(id);
        passBy(CHALLENGE + 1);
        observers.add(T0 + H, T0 + 5 * H, false);
        book.propose(id);
        confirmReady(0);
        assertEq(last().from, T0 + H, "from");
    }

    function test_AnEarlierStartIsRefusedOnceTheStartIsFrozen() public {
        down(2000, 5000, false);
        book.propose(id);
        confirmReady(0);
        watchers.forget();
        watchers.add(T0 + 1000, T0 + 5000, false);
        heartbeat.add(T0 + 1000, T0 + 5000, false);
        fails(IIncidentBook.CheckpointTooSmall.selector, 3000, 3000 + STEP);
        book.propose(id);
    }

    /// @dev However many earlier starts are taken back: the earliest of what is left counts, and nobody picks another.
    function test_AnEarliestStartThatIsTakenBackLeavesTheNextOne() public {
        heartbeat.add(T0, T0 + 20 minutes, false);
        _silent(2 * H, 7 * H);
        watchers.add(T0 + 7 * H - 10 minutes, T0 + 7 * H, false);
        book.propose(id);
        observers.add(T0 + 2 * H, T0 + 7 * H, false);
        book.propose(id);
        watchers.forget();
        watchers.add(T0, T0 + 20 minutes, false);
        book.propose(id);
        (, Span[] memory spans) = book.checkpointOf(id, 0, 2);
        assertSpans(spans, [uint64(0), 20 minutes], "a silence of another day, made an incident");

        watchers.forget();
        watchers.add(T0 + 7 * H - 10 minutes, T0 + 7 * H, false);
        confirmReady(0);
        assertEq(last().from, T0 + 2 * H, "the honest start");
    }

    function test_APathThatFailsForAMomentDoesNotChooseTheStart() public {
        down(2000, 5000, true);
        book.propose(id);
        heartbeat.add(T0 + 500, T0 + 5000, false);
        longer(9000, true);
        watchers.forget();
        watchers.add(T0 + 500, T0 + 9000, true);
        book.propose(id);
        passBy(CHALLENGE);
        watchers.setMood(ScriptedPath.Mood.REVERTING);
        observers.setMood(ScriptedPath.Mood.REVERTING);
        book.confirm(id, 0);
        assertEq(last().from, 0, "nothing to take");
        watchers.setMood(ScriptedPath.Mood.SOUND);
        observers.setMood(ScriptedPath.Mood.SOUND);
        book.confirm(id, 0);
        assertEq(last().from, T0 + 500, "the earliest");
    }

    /* GRACE */

    function test_NothingIsConfirmedBeforeEvidenceOfAnEarlierStartHasHadItsGrace() public {
        Trigger memory trigger = rollup();
        trigger.paths[1].grace = 1 days;
        id = book.createTrigger(trigger);
        _silent(6 * H, 7 * H);
        watchers.add(T0 + 6 * H, T0 + 7 * H, false);
        book.propose(id);
        vm.warp(T0 + 30 * H - 1);
        fails(IIncidentBook.NotReady.selector, T0 + 30 * H);
        book.confirm(id, 0);
        passBy(1);
        book.confirm(id, 0);
    }

    function test_ALaterSmallIncidentDoesNotSwallowAnOutageWhoseEvidenceIsInTime() public {
        Trigger memory trigger = rollup();
        trigger.paths[1].grace = 1 days;
        id = book.createTrigger(trigger);
        _silent(0, 5 * H);
        _silent(6 * H, 6 * H + 15 minutes);
        watchers.add(T0 + 6 * H, T0 + 6 * H + 15 minutes, false);
        book.propose(id);
        pass(8 * H);
        observers.add(T0, T0 + 5 * H, false);
        book.propose(id);

        vm.warp(T0 + 40 * H);
        book.finalise(id);
        assertEq(book.incident(id, 0).coveredSeconds, 5 * H, "the outage");
        book.propose(id);
        vm.warp(T0 + 80 * H);
        book.finalise(id);
        assertEq(book.incident(id, 1).coveredSeconds, 15 minutes, "and the other after it");
    }

    /* WHAT BELONGS TO IT */

    function test_LaterSpellsDoNotHideAProposedOutage() public {
        down(0, 5 * H, false);
        book.propose(id);
        vm.prank(guardian);
        book.delay(id, uint64(block.timestamp) + 72 hours);
        for (uint64 i; i < 40; i++) {
            down((9 + i) * H, (9 + i) * H + 60, false);
        }
        vm.warp(T0 + 80 * H);
        book.confirm(id, 0);
        assertEq(last().coveredSeconds, 5 * H, "all of it");
    }

    /// @dev Of each path eight spells beyond what was proposed are read, so that this is one incident and not many.
    function test_AnOutageInManyPiecesIsOneIncident() public {
        for (uint64 i; i < 30; i++) {
            down(i * 120, i * 120 + 60, false);
        }
        for (uint64 i; i < 14; i++) {
            down(2 * H + i * 30 minutes, 2 * H + i * 30 minutes + 15 minutes, false);
            try book.propose(id) {} catch {}
        }
        vm.warp(T0 + 12 * H);
        book.propose(id);
        passBy(CHALLENGE);
        book.finalise(id);
        assertEq(last().from, T0 + 2 * H, "from");
        assertEq(last().coveredSeconds, 14 * 15 minutes, "covered");
    }

    function test_WhatComesLongAfterIsNoCheckpointOfTheIncidentThoughItsEvidenceBeGone() public {
        down(0, 10 * H, false);
        book.propose(id);
        watchers.forget();
        pass(31 * H);
        watchers.add(T0 + 20 * H, T0 + 31 * H, false);
        observers.add(T0 + 20 * H, T0 + 31 * H, false);
        fails(IIncidentBook.CheckpointTooSmall.selector, 0, 10 * H + 1);
        book.propose(id);
    }

    function test_ComponentsFurtherApartAreNeverConfirmedAsOne() public {
        down(2000, 3000, false);
        down(4500, 5500, false);
        book.propose(id);
        observers.forget();
        observers.add(T0 + 2000, T0 + 2700, false);
        observers.add(T0 + 4501, T0 + 5500, false);
        confirmReady(0);
        assertSpans(book.confirmedSpans(id, 0), [uint64(2000), 2700], "1801 seconds apart");
        observers.forget();
        observers.add(T0 + 2000, T0 + 2701, false);
        observers.add(T0 + 4501, T0 + 5500, false);
        book.confirm(id, 0);
        assertSpans(book.confirmedSpans(id, 0), [uint64(2000), 2701], [uint64(4501), 5500], "1800 seconds apart");
    }

    /// @dev Sixty-four slivers are all that an incident holds, and yet the whole is taken in.
    function test_SliversDoNotKeepTheWholeFromBeingConfirmed() public {
        _silent(0, 30 * H);
        watchers.add(T0, T0 + 30 * H, false);
        book.propose(id);
        passBy(CHALLENGE);
        for (uint64 round; round < 5; round++) {
            watchers.forget();
            for (uint64 i; i < 16; i++) {
                uint64 from = (round * 16 + i) * 11 minutes;
                watchers.add(T0 + from, T0 + from + 10 minutes, false);
            }
            book.confirm(id, 0);
        }
        assertEq(book.confirmedSpans(id, 0).length, 64, "full");
        observers.add(T0, T0 + 30 * H, false);
        book.confirm(id, 0);
        assertEq(last().coveredSeconds, 30 * H, "all of it");
    }

    /* END */

    /// @dev One family says "ended" ahead of the others, time and again: small steps count only when nothing can follow.
    function test_AFamilyThatSaysItEndedDoesNotSplitARunningOutage() public {
        uint64 time = 2 * H;
        pass(time);
        heartbeat.add(T0, T0 + time - 15 minutes, true);
        observers.add(T0, T0 + time - 60, true);
        watchers.add(T0, T0 + time, false);
        book.propose(id);
        for (uint256 i; i < 8; i++) {
            time += 5 minutes;
            pass(time);
            observers.grow(T0 + time - 60, true);
            watchers.grow(T0 + time, false);
            fails(IIncidentBook.CheckpointTooSmall.selector, time - 60, 2 * H - 60 + STEP);
            book.propose(id);
        }
        time += 10 minutes;
        pass(time);
        heartbeat.grow(T0 + time, false);
        observers.grow(T0 + time, false);
        vm.warp(T0 + time + GAP + GRACE + 1);
        book.propose(id);
        passBy(CHALLENGE);
        book.finalise(id);
        assertEq(last().coveredSeconds, time, "every honest second");
    }

    /* PROPERTY */

    /// @dev Two honest families say of every outage the same, as it goes on; a third says anything and takes it back, before and after every
    /// move. Every honest second of outages long enough is confirmed, and no incident begins within an outage.
    /// forge-config: default.fuzz.runs = 64
    function testFuzz_OneFamilyTakesNoHonestSecondAway(uint256 seed) public {
        uint64 start;
        uint64 total;
        uint64 time = T0;
        for (uint256 step; step < 40; step++) {
            seed = uint256(keccak256(abi.encode(seed)));
            time += uint64(5 + seed % 40) * 60;
            vm.warp(time);
            bool turn = (seed >> 8) % 3 == 0;
            if (start != 0) {
                observers.grow(time, !turn);
                posting.grow(time, !turn);
                if (turn) total += time - start;
                if (turn) start = 0;
            } else if (turn && step < 36) {
                start = time - 4 minutes;
                observers.add(start, time, true);
                posting.add(start, time, true);
            }
            _lie(seed);
            _move(seed >> 24);
            _lie(seed >> 32);
            if ((seed >> 16) % 2 == 0) _move(seed >> 48);
        }
        if (start != 0) total += time - start;
        for (uint256 i; i < 60; i++) {
            passBy(20 minutes);
            _move(seed >> i);
        }
        _checkHonest(total);
    }

    function _checkHonest(uint64 total) private view {
        uint256 confirmed;
        for (uint256 i; i < observers.spellCount(0); i++) {
            (uint64 from, uint64 until,) = observers.spell(0, i);
            for (uint256 sequence; sequence < book.incidentCount(id); sequence++) {
                uint64 begin = book.incident(id, sequence).from;
                assertFalse(from < begin && begin < until, "an incident begins within an outage");
                Span[] memory spans = book.confirmedSpans(id, sequence);
                for (uint256 j; j < spans.length; j++) {
                    uint64 a = from > spans[j].from ? from : spans[j].from;
                    uint64 b = until < spans[j].until ? until : spans[j].until;
                    if (a < b) confirmed += b - a;
                }
            }
            if (until - from < MINIMUM) total -= until - from;
        }
        assertGe(confirmed, total, "an honest second is missing");
    }

    function _lie(uint256 seed) private {
        if (seed % 2 == 0) watchers.forget();
        uint256 count = watchers.spellCount(0);
        uint64 time = T0;
        if (count != 0) (, time,) = watchers.spell(0, count - 1);
        for (uint256 i; i < (seed >> 1) % 6; i++) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint64 from = time + uint64(seed % 40 minutes);
            time = from + 1 + uint64((seed >> 16) % 3 hours);
            if (time > block.timestamp) return;
            watchers.add(from, time, seed % 2 == 0);
        }
    }

    /// @dev Whoever it is tries everything, in one order or the other.
    function _move(uint256 seed) private {
        try book.propose(id) {} catch {}
        uint256 count = book.incidentCount(id);
        if (count == 0) return;
        Incident memory each = book.incident(id, count - 1);
        if (each.finalAt != 0) return;
        for (uint256 i; i < each.checkpoints; i++) {
            try book.confirm(id, seed % 2 == 0 ? i : each.checkpoints - 1 - i) {} catch {}
        }
        try book.finalise(id) {} catch {}
    }

    /* HELPERS */

    function _silent(uint64 from, uint64 until) private {
        pass(until);
        heartbeat.add(T0 + from, T0 + until, false);
    }
}
