// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Checkpoint, IIncidentBook, Incident, Span} from "../src/interfaces/IIncidentBook.sol";
import {IncidentBookBase} from "./IncidentBookBase.sol";
import {ScriptedPath} from "./ScriptedPath.sol";

/// @title The life of an incident: proposed, confirmed, final
contract IncidentBookTest is IncidentBookBase {
    /* EVIDENCE */

    function test_ALiarWhoSpansTwoHonestSpellsDoesNotJoinThem() public {
        pass(20_000);
        watchers.add(T0, T0 + 20_000, false);
        observers.add(T0, T0 + 1000, false);
        observers.add(T0 + 2000, T0 + 3000, false);
        (Span[] memory spans,) = book.sweep(id);
        assertSpans(spans, [uint64(0), 1000], [uint64(2000), 3000], "sweep");
    }

    function test_AbsenceAlonePaysNothing() public {
        pass(20_000);
        heartbeat.add(T0, T0 + 20_000, true);
        posting.add(T0, T0 + 20_000, true);
        vm.expectRevert(abi.encodeWithSelector(IIncidentBook.NothingToPropose.selector, id));
        book.propose(id);

        watchers.add(T0 + 4000, T0 + 6000, false);
        book.propose(id);
        (, Span[] memory spans) = book.checkpointOf(id, 0, 0);
        assertSpans(spans, [uint64(4000), 6000], "only what a witness claims too");
    }

    function test_OneFamilyAlonePaysNothing() public {
        pass(20_000);
        watchers.add(T0, T0 + 20_000, false);
        vm.expectRevert(abi.encodeWithSelector(IIncidentBook.NothingToPropose.selector, id));
        book.propose(id);
    }

    function test_APathThatMisbehavesIsSkippedAndTheQuorumStays() public {
        down(1000, 5000, false);
        heartbeat.add(T0 + 1000, T0 + 4000, false);
        pass(8000);
        observers.add(T0 + 6000, T0 + 7000, false);
        for (uint256 mood = 1; mood < uint256(ScriptedPath.Mood.HUNGRY); mood++) {
            observers.setMood(ScriptedPath.Mood(mood));
            (Span[] memory spans,) = book.sweep(id);
            assertSpans(spans, [uint64(1000), 4000], vm.toString(mood));

            heartbeat.setMood(ScriptedPath.Mood.REVERTING);
            (spans,) = book.sweep(id);
            assertEq(spans.length, 0, "one family left is no quorum");
            heartbeat.setMood(ScriptedPath.Mood.SOUND);
        }
    }

    function test_OverlappingSpellsMakeAPathUnreadable() public {
        pass(9000);
        watchers.add(T0 + 1000, T0 + 8000, false);
        observers.add(T0 + 1000, T0 + 5000, false);
        observers.add(T0 + 4999, T0 + 8000, false);
        (Span[] memory spans,) = book.sweep(id);
        assertEq(spans.length, 0, "skipped");
    }

    function test_APathWithoutCodeIsSkipped() public {
        down(1000, 5000, false);
        heartbeat.add(T0 + 1000, T0 + 5000, false);
        vm.etch(address(observers), "");
        (Span[] memory spans,) = book.sweep(id);
        assertSpans(spans, [uint64(1000), 5000], "the rest");
    }

    /// @dev Whatever gas the caller sends, no evidence is left out: it is all there, or the call fails.
    function testFuzz_ACallerCannotLeaveOutEvidenceByStarvingGas(uint256 gas_) public {
        down(1000, 5000, false);
        heartbeat.add(T0 + 6000, T0 + 7000, false);
        posting.add(T0 + 6000, T0 + 7000, false);
        watchers.add(T0 + 6000, T0 + 7000, false);
        pass(8000);
        gas_ = bound(gas_, 30_000, 1_500_000);
        try book.sweep{gas: gas_}(id) returns (Span[] memory spans, bool) {
            assertSpans(spans, [uint64(1000), 5000], [uint64(6000), 7000], "whole");
        } catch (bytes memory reason) {
            bool starved = reason.length == 0 || bytes4(reason) == IIncidentBook.NotEnoughGas.selector;
            assertTrue(starved, "no other reason");
        }
        try book.alarms{gas: gas_}(id) returns (uint256, uint256 live) {
            assertEq(live, 15, "every family is heard");
        } catch {}
    }

    function testFuzz_ACallerCannotHideAnAlarmByStarvingGas(uint256 gas_) public {
        posting.setAlarmed(true);
        posting.setMood(ScriptedPath.Mood.HUNGRY);
        (uint256 alarmed, uint256 live) = book.alarms(id);
        assertEq(alarmed, 8, "the last path needs much gas and is heard");
        gas_ = bound(gas_, 100_000, 250_000);
        try book.alarms{gas: gas_}(id) returns (uint256 alarmedThen, uint256 liveThen) {
            assertEq(alarmedThen, alarmed, "alarmed");
            assertEq(liveThen, live, "live");
        } catch (bytes memory reason) {
            bool starved = reason.length == 0 || bytes4(reason) == IIncidentBook.NotEnoughGas.selector;
            assertTrue(starved, "no other reason");
        }
    }

    function test_TooLittleGasForAPathIsSaid() public {
        down(1000, 5000, false);
        (bool done, bytes memory reason) = address(book).call{gas: 160_000}(abi.encodeCall(IIncidentBook.propose, (id)));
        assertFalse(done, "refused");
        assertEq(bytes32(bytes4(reason)), bytes32(IIncidentBook.NotEnoughGas.selector), "reason");
    }

    function test_OnlyTheSixteenNewestSpellsOfAPathAreRead() public {
        for (uint64 i; i < 17; i++) {
            down(10_000 * (i + 1), 10_000 * (i + 1) + 1000, false);
        }
        (Span[] memory spans,) = book.sweep(id);
        assertSpans(spans, [uint64(20_000), 21_000], "the second is the first that is read");
    }

    function test_NothingBeforeTheTriggerCounts() public {
        vm.warp(T0 + 5000);
        watchers.add(T0 - 5000, T0 + 5000, true);
        observers.add(T0 - 9000, T0 + 5000, true);
        (Span[] memory spans, bool open) = book.sweep(id);
        assertSpans(spans, [uint64(0), 5000], "cut");
        assertTrue(open, "open");
    }

    /* COMPONENTS */

    function test_ComponentsWithinTheMergeGapAreOneIncidentAndTheGapIsNotCounted() public {
        down(1000, 2000, false);
        down(2000 + GAP, 5000 + GAP, false);
        book.propose(id);
        confirmReady(0);
        assertSpans(book.confirmedSpans(id, 0), [uint64(1000), 2000], [2000 + uint64(GAP), 5000 + GAP], "spans");
        assertEq(last().coveredSeconds, 4000, "covered");
        assertEq(last().from, T0 + 1000, "from");
        assertEq(last().until, T0 + 5000 + GAP, "until");
    }

    function test_ComponentsFurtherApartAreTwoIncidents() public {
        down(1000, 2000, false);
        down(2001 + GAP, 5000 + GAP, false);
        book.propose(id);
        passBy(1 days);
        book.finalise(id);
        assertEq(last().coveredSeconds, 1000, "first");
        book.propose(id);
        passBy(1 days);
        book.finalise(id);
        assertEq(last().from, T0 + 2001 + GAP, "second");
        assertEq(book.incidentCount(id), 2, "incidents");
    }

    function test_ShortComponentsAreDropped() public {
        down(1000, 1000 + MINIMUM - 1, false);
        vm.expectRevert(abi.encodeWithSelector(IIncidentBook.NothingToPropose.selector, id));
        book.propose(id);
        longer(1000 + MINIMUM, false);
        book.propose(id);
    }

    function test_AnIncidentLastsAtMost168HoursAndTheRestIsTheNext() public {
        down(1000, 1000 + 200 hours, true);
        book.propose(id);
        (Span[] memory spans, bool open) = book.sweep(id);
        assertSpans(spans, [uint64(1000), 1000 + 168 hours], "first");
        assertFalse(open, "it can't grow");
        confirmReady(0);
        longer(1000 + 201 hours, true);
        book.finalise(id);
        assertEq(last().coveredSeconds, 168 hours, "first");

        book.propose(id);
        confirmReady(0);
        assertEq(last().from, T0 + 1000 + 168 hours, "the next begins there");
        assertEq(last().coveredSeconds, 33 hours, "second");
    }

    function test_TheLastPieceBeforeTheCapIsAcceptedThoughSmallerThanAStep() public {
        down(1000, 1000 + 168 hours - 60, true);
        book.propose(id);
        confirmReady(0);
        longer(1000 + 168 hours + 600, true);
        (, bool open) = book.sweep(id);
        assertFalse(open, "this incident can't grow");
        book.propose(id);
        confirmReady(1);
        assertEq(last().coveredSeconds, 168 hours, "covered");
    }

    function test_ACheckpointThatReachesBeyond168HoursFromTheStartIsCut() public {
        down(0, 1000, true);
        book.propose(id);
        observers.setMood(ScriptedPath.Mood.REVERTING);
        pass(169 hours);
        watchers.add(T0 + 2000, T0 + 169 hours, true);
        heartbeat.add(T0 + 2000, T0 + 169 hours, true);
        book.propose(id);
        observers.setMood(ScriptedPath.Mood.SOUND);
        confirmReady(1);
        assertEq(last().from, T0, "from");
        assertEq(last().until, T0 + 168 hours, "until");
        assertEq(last().coveredSeconds, 168 hours - 1000, "covered");
    }

    function test_SpansBeyondTheSixteenthAreTheNextIncident() public {
        for (uint64 i; i < 20; i++) {
            ScriptedPath each = i < 10 ? observers : heartbeat;
            each.add(T0 + 2000 * i, T0 + 2000 * i + 1000, false);
        }
        pass(100_000);
        watchers.add(T0, T0 + 100_000, false);
        book.propose(id);
        passBy(CHALLENGE);
        book.finalise(id);
        assertEq(last().coveredSeconds, 16_000, "sixteen spans");
        assertEq(last().until, T0 + 31_000, "until");
        (Span[] memory spans,) = book.sweep(id);
        assertEq(spans.length, 4, "the rest");
        assertEq(spans[0].from, T0 + 32_000, "after it");
    }

    /* PROPOSING */

    function test_AProposalNamesItsSpansAndItsClock() public {
        down(1000, 5000, false);
        Span[] memory spans = new Span[](1);
        spans[0] = Span(T0 + 1000, T0 + 5000);
        vm.expectEmit(address(book));
        emit IIncidentBook.CheckpointProposed(id, 0, 0, 4000, T0 + 5000 + CHALLENGE, spans);
        (uint256 sequence, uint256 checkpoint) = book.propose(id);
        assertEq(sequence, 0, "sequence");
        assertEq(checkpoint, 0, "checkpoint");

        Incident memory open = book.incident(id, 0);
        assertEq(open.proposedAt, T0 + 5000, "proposed");
        assertEq(open.from, 0, "nothing is frozen yet");
        assertEq(open.checkpoints, 1, "checkpoints");
    }

    function test_ALaterCheckpointDoesNotMoveAnEarlierOnesClock() public {
        down(0, 5000, true);
        book.propose(id);
        longer(9000, true);
        book.propose(id);
        (Checkpoint memory first,) = book.checkpointOf(id, 0, 0);
        (Checkpoint memory second,) = book.checkpointOf(id, 0, 1);
        assertEq(first.readyAt, T0 + 5000 + CHALLENGE, "first");
        assertEq(second.readyAt, T0 + 9000 + CHALLENGE, "second");
        assertEq(book.incidentCount(id), 1, "one incident");
    }

    function test_WhileItGrowsACheckpointMustAddAStep() public {
        down(0, 5000, true);
        book.propose(id);
        longer(5000 + STEP - 1, true);
        fails(IIncidentBook.CheckpointTooSmall.selector, 5000 + STEP - 1, 5000 + STEP);
        book.propose(id);
        longer(5000 + STEP, true);
        book.propose(id);
    }

    function test_WhenNothingMoreMayComeOneSecondIsEnoughButNotForEver() public {
        down(0, 5000, false);
        book.propose(id);
        longer(5001, false);
        vm.warp(T0 + 5001 + GAP + GRACE);
        fails(IIncidentBook.CheckpointTooSmall.selector, 5001, 5000 + STEP);
        book.propose(id);
        passBy(60);
        for (uint64 i = 1; i <= 8; i++) {
            longer(5000 + i, false);
            book.propose(id);
            fails(IIncidentBook.CheckpointTooSmall.selector, 5000 + i, 5000 + i + (i < 8 ? 1 : STEP));
            book.propose(id);
        }
        longer(5009, false);
        fails(IIncidentBook.CheckpointTooSmall.selector, 5009, 5008 + STEP);
        book.propose(id);

        passBy(CHALLENGE);
        book.finalise(id);
        assertEq(last().coveredSeconds, 5008, "final all the same");
    }

    function test_AnIncidentMayGrowUntilMergeGapAndGraceArePastWhateverItsPathsSay() public {
        down(0, 5000, false);
        book.propose(id);
        longer(5600, true);
        vm.warp(T0 + 5600 + GAP + GRACE);
        (, bool open) = book.sweep(id);
        assertTrue(open, "open");
        vm.warp(T0 + 5600 + GAP + GRACE + 1);
        (, open) = book.sweep(id);
        assertFalse(open, "over");
        book.propose(id);
    }

    /* CONFIRMING */

    function test_HoursThatNobodyDisputesAreConfirmedWhileTheSubjectIsStillDown() public {
        down(0, 5000, true);
        book.propose(id);
        longer(6000, true);
        confirmReady(0);
        assertEq(last().from, T0, "from");
        assertEq(last().coveredSeconds, 5000, "as proposed, not as swept now");
        assertEq(last().finalAt, 0, "still open");
        assertTrue(book.unsettled(id), "unsettled");
    }

    function test_ACheckpointWaitsItsChallengePeriodToTheSecond() public {
        down(0, 5000, false);
        book.propose(id);
        vm.warp(T0 + 5000 + CHALLENGE - 1);
        fails(IIncidentBook.NotReady.selector, T0 + 5000 + CHALLENGE);
        book.confirm(id, 0);
        vm.warp(T0 + 5000 + CHALLENGE);
        book.confirm(id, 0);
    }

    function test_WhatIsNotThereCannotBeConfirmed() public {
        vm.expectRevert(abi.encodeWithSelector(IIncidentBook.NoOpenIncident.selector, id));
        book.confirm(id, 0);
        down(0, 5000, false);
        book.propose(id);
        fails(IIncidentBook.UnknownCheckpoint.selector, 1);
        book.confirm(id, 1);
        vm.warp(T0 + 1 days);
        book.finalise(id);
        vm.expectRevert(abi.encodeWithSelector(IIncidentBook.NoOpenIncident.selector, id));
        book.confirm(id, 0);
    }

    function test_OnlyWhatAFreshSweepStillShowsIsConfirmed() public {
        down(0, 5000, false);
        book.propose(id);
        observers.forget();
        observers.add(T0 + 1000, T0 + 3000, false);
        confirmReady(0);
        assertSpans(book.confirmedSpans(id, 0), [uint64(1000), 3000], "cut");
        assertEq(last().from, T0 + 1000, "frozen");
    }

    function test_ConfirmingTwiceIsHarmless() public {
        down(0, 5000, false);
        book.propose(id);
        confirmReady(0);
        book.confirm(id, 0);
        assertEq(last().coveredSeconds, 5000, "covered");
    }

    function test_ConfirmedSecondsStayThoughTheEvidenceGoes() public {
        down(0, 5000, false);
        book.propose(id);
        confirmReady(0);
        observers.forget();
        book.confirm(id, 0);
        assertEq(last().coveredSeconds, 5000, "confirmed again");
        vm.warp(T0 + 1 days);
        book.finalise(id);
        assertEq(last().coveredSeconds, 5000, "final");
    }

    function test_WhatIsConfirmedAnchorsTheIncidentThoughItsEvidenceGoes() public {
        down(0, 5000, false);
        book.propose(id);
        confirmReady(0);
        watchers.forget();
        observers.forget();
        down(5001 + GAP, 20_000, false);
        (Span[] memory spans,) = book.sweep(id);
        assertSpans(spans, [uint64(0), 5000], "what comes later is another incident");
        fails(IIncidentBook.CheckpointTooSmall.selector, 5000, 5001);
        book.propose(id);
        passBy(1 days);
        book.finalise(id);
        assertEq(last().until, T0 + 5000, "until");
    }

    function test_TheOrderOfConfirmationDoesNotChooseTheStart() public {
        down(2000, 5000, true);
        book.propose(id);
        heartbeat.add(T0 + 1000, T0 + 5000, false);
        posting.add(T0 + 500, T0 + 5000, false);
        watchers.forget();
        watchers.add(T0 + 1000, T0 + 9000, true);
        longer(9000, true);
        book.propose(id);
        (, Span[] memory spans) = book.checkpointOf(id, 0, 1);
        assertSpans(spans, [uint64(1000), 9000], "the second begins earlier");

        confirmReady(0);
        assertEq(last().from, T0 + 1000, "which is the start, though the first is confirmed first");
        assertEq(last().coveredSeconds, 8000, "and all that follows");
    }

    function test_ACheckpointOfWhichNothingIsLeftDoesNotHoldUpTheNext() public {
        down(0, 1000, true);
        book.propose(id);
        watchers.forget();
        observers.forget();
        down(2000, 20_000, false);
        book.propose(id);
        confirmReady(1);
        assertEq(last().from, T0 + 2000, "from");
        book.confirm(id, 0);
        assertEq(last().coveredSeconds, 18_000, "nothing before the start");
    }

    function test_LateEvidenceFillsTheIncidentUp() public {
        down(1000, 3000, false);
        down(4000, 6000, false);
        book.propose(id);
        confirmReady(0);
        heartbeat.add(T0 + 500, T0 + 6500, false);
        watchers.forget();
        watchers.add(T0 + 500, T0 + 6500, false);
        vm.warp(T0 + 6501 + GAP + GRACE);
        book.propose(id);
        confirmReady(1);
        assertSpans(book.confirmedSpans(id, 0), [uint64(1000), 6500], "filled, and the start stays");
        assertEq(last().coveredSeconds, 5500, "covered");
    }

    /// @dev Paths that say anything, take it back and say something else: confirmed seconds stay, spans stay sorted and apart.
    function testFuzz_ConfirmedSecondsNeverShrink(uint256 seed) public {
        bool[] memory confirmed = new bool[](140);
        for (uint256 step; step < 24; step++) {
            seed = uint256(keccak256(abi.encode(seed)));
            _retell(watchers, seed);
            _retell(observers, seed >> 60);
            _retell(heartbeat, seed >> 120);
            passBy(20 minutes);
            try book.propose(id) {} catch {}
            if (book.incidentCount(id) == 0) continue;
            uint256 known = book.incident(id, 0).checkpoints;
            try book.confirm(id, (seed >> 180) % known) {} catch {}
            if (step == 20) try book.finalise(id) {} catch {}

            _checkKept(confirmed);
        }
    }

    function _retell(ScriptedPath path_, uint256 seed) private {
        path_.forget();
        uint64 time = T0 + 700 * uint64(seed % 10);
        for (uint256 i; i < 3; i++) {
            seed >>= 8;
            uint64 until = time + 700 * (1 + uint64(seed % 8));
            if (until > block.timestamp) return;
            path_.add(time, until, seed % 3 == 0);
            time = until + 700 * (1 + uint64((seed >> 4) % 3));
        }
    }

    /// @dev Evidence comes in pieces of 700 seconds, so one flag a piece is enough.
    function _checkKept(bool[] memory confirmed) private view {
        Span[] memory spans = book.confirmedSpans(id, 0);
        uint256 covered;
        for (uint256 piece; piece < confirmed.length; piece++) {
            bool now_;
            for (uint256 i; i < spans.length; i++) {
                uint256 start = T0 + 700 * piece;
                now_ = now_ || (spans[i].from <= start && start < spans[i].until);
            }
            assertTrue(now_ || !confirmed[piece], "a confirmed piece went");
            confirmed[piece] = now_;
            if (now_) covered += 700;
        }
        assertEq(book.incident(id, 0).coveredSeconds, covered, "covered is the measure of the spans");
        for (uint256 i = 1; i < spans.length; i++) {
            assertGt(spans[i].from, spans[i - 1].until, "apart");
        }
    }

    /* FINALISING */

    function test_AnIncidentIsFinalOnlyWhenNothingMoreCanBelongToIt() public {
        down(0, 5000, false);
        book.propose(id);
        vm.warp(T0 + 5000 + GAP + GRACE);
        fails(IIncidentBook.NotOver.selector, T0 + 5000 + GAP + GRACE);
        book.finalise(id);
        vm.warp(T0 + 5000 + GAP + GRACE + 1);
        vm.expectEmit(address(book));
        emit IIncidentBook.IncidentFinalised(id, 0, T0, T0 + 5000, 5000);
        book.finalise(id);
        assertEq(last().finalAt, block.timestamp, "final");
        assertEq(last().coveredSeconds, 5000, "it took in the last checkpoint itself");
    }

    function test_FinalityWaitsForTheLastCheckpointsClock() public {
        down(0, 5000, false);
        vm.warp(T0 + 9000);
        book.propose(id);
        fails(IIncidentBook.NotReady.selector, T0 + 9000 + CHALLENGE);
        book.finalise(id);
    }

    function test_FinalityWaitsForWhatIsNotProposedYet() public {
        down(0, 5000, false);
        book.propose(id);
        longer(5100, false);
        vm.warp(T0 + 1 days);
        fails(IIncidentBook.ProposalMissing.selector, 5100, 5000);
        book.finalise(id);
        book.propose(id);
        passBy(CHALLENGE);
        book.finalise(id);
        assertEq(last().coveredSeconds, 5100, "covered");
    }

    function test_APathThatFailsForAMomentDoesNotEndTheIncidentEarly() public {
        down(0, 9000, true);
        book.propose(id);
        observers.setMood(ScriptedPath.Mood.REVERTING);
        fails(IIncidentBook.NotOver.selector, T0 + 9000 + GAP + GRACE);
        book.finalise(id);
    }

    function test_ALaterSecondIsTheNextIncidentOnceThisOneIsFinal() public {
        down(0, 5000, false);
        book.propose(id);
        vm.warp(T0 + 1 days);
        book.finalise(id);
        longer(8000, false);
        (Span[] memory spans,) = book.sweep(id);
        assertSpans(spans, [uint64(5000), 8000], "the rest");
    }

    function test_AVoidIncidentSettlesAtOnceAndLeavesNoTrace() public {
        down(0, 5000, false);
        book.propose(id);
        watchers.setMood(ScriptedPath.Mood.REVERTING);
        vm.warp(T0 + 1 days);
        book.finalise(id);
        assertEq(last().coveredSeconds, 0, "covered");
        assertFalse(book.unsettled(id), "settled");

        watchers.setMood(ScriptedPath.Mood.SOUND);
        book.propose(id);
        confirmReady(0);
        assertEq(last().from, T0, "the evidence is good for another incident");
    }

    function test_AnIncidentIsUnsettledForADayAfterItIsFinal() public {
        assertFalse(book.unsettled(id), "none");
        down(0, 5000, false);
        book.propose(id);
        assertTrue(book.unsettled(id), "open");
        vm.warp(T0 + 10_000);
        book.finalise(id);
        vm.warp(T0 + 10_000 + 1 days - 1);
        assertTrue(book.unsettled(id), "last second");
        vm.warp(T0 + 10_000 + 1 days);
        assertFalse(book.unsettled(id), "settled");
    }

    function test_AVoidIncidentDoesNotSettleTheOneBefore() public {
        down(0, 5000, false);
        book.propose(id);
        vm.warp(T0 + 10_000);
        book.finalise(id);
        down(10_000, 12_000, false);
        book.propose(id);
        watchers.forget();
        vm.warp(T0 + 30_000);
        book.finalise(id);
        assertEq(last().coveredSeconds, 0, "void");
        assertTrue(book.unsettled(id), "the first one is still in its window");
    }

    function test_WithoutAnOpenIncidentNothingIsFinal() public {
        vm.expectRevert(abi.encodeWithSelector(IIncidentBook.NoOpenIncident.selector, id));
        book.finalise(id);
    }

    /* GUARDIAN */

    function test_TheGuardianDelaysOnceByAtMost72Hours() public {
        down(0, 5000, false);
        book.propose(id);
        vm.startPrank(guardian);
        uint64 longest = uint64(block.timestamp) + 72 hours;
        fails(IIncidentBook.DelayTooLong.selector, longest + 1, longest);
        book.delay(id, longest + 1);
        fails(IIncidentBook.DelayNotAhead.selector, block.timestamp, block.timestamp);
        book.delay(id, uint64(block.timestamp));
        book.delay(id, longest);
        fails(IIncidentBook.AlreadyDelayed.selector, longest);
        book.delay(id, longest);
        vm.stopPrank();

        vm.warp(longest - 1);
        fails(IIncidentBook.NotReady.selector, longest);
        book.confirm(id, 0);
        fails(IIncidentBook.NotReady.selector, longest);
        book.finalise(id);
        vm.warp(longest);
        book.confirm(id, 0);
        assertEq(last().delayedUntil, longest, "delayed");
    }

    function test_NobodyElseDelaysAndNothingIsDelayedInAdvance() public {
        fails(abi.encodeWithSelector(IIncidentBook.NotGuardian.selector, address(this)));
        book.delay(id, T0 + 1);
        vm.prank(guardian);
        vm.expectRevert(abi.encodeWithSelector(IIncidentBook.NoOpenIncident.selector, id));
        book.delay(id, T0 + 1);
    }

    /* ALARMS */

    function test_AnyAlarmOrIncidentEndsTheQuiet() public {
        assertTrue(book.quiet(id), "quiet");
        heartbeat.setAlarmed(true);
        (uint256 alarmed, uint256 live) = book.alarms(id);
        assertEq(alarmed, 4, "the third family");
        assertEq(live, 15, "all are live");
        assertFalse(book.quiet(id), "alarmed");
        heartbeat.setAlarmed(false);
        down(0, 5000, false);
        book.propose(id);
        assertFalse(book.quiet(id), "incident");
    }

    function test_APathThatCannotBeReadIsSilentAndWithTooFewLiveItIsNotQuiet() public {
        watchers.setAlarmed(true);
        watchers.setMood(ScriptedPath.Mood.BURNING);
        (uint256 alarmed, uint256 live) = book.alarms(id);
        assertEq(alarmed, 0, "silent");
        assertEq(live, 14, "not live");
        assertFalse(book.quiet(id), "three, but one witness");
        watchers.setMood(ScriptedPath.Mood.SOUND);
        watchers.setAlarmed(false);

        posting.setMood(ScriptedPath.Mood.BURNING);
        assertTrue(book.quiet(id), "three are enough, two of them witnesses");
        heartbeat.setMood(ScriptedPath.Mood.BOMBING);
        assertFalse(book.quiet(id), "two are not");
    }

    /* NAMES */

    function test_AnIncidentsNameHoldsNoObservation() public view {
        bytes32 expected = keccak256(abi.encode("INCIDENT_V1", block.chainid, address(book), id, uint256(3)));
        assertEq(book.incidentId(id, 3), expected, "id");
    }

    function test_WhatIsUnknownIsSaid() public {
        bytes32 other = "other";
        bytes memory unknown = abi.encodeWithSelector(IIncidentBook.UnknownTrigger.selector, other);
        fails(unknown);
        book.propose(other);
        fails(unknown);
        book.sweep(other);
        fails(unknown);
        book.unsettled(other);
        fails(unknown);
        book.getTrigger(other);
        vm.expectRevert(abi.encodeWithSelector(IIncidentBook.UnknownIncident.selector, id, 0));
        book.incident(id, 0);
        down(0, 5000, false);
        book.propose(id);
        fails(IIncidentBook.UnknownCheckpoint.selector, 1);
        book.checkpointOf(id, 0, 1);
    }
}
