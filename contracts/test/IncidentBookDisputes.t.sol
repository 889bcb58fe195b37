// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Dispute, IIncidentBook, Span} from "../src/interfaces/IIncidentBook.sol";
import {IncidentBookBase} from "./IncidentBookBase.sol";

/// @title What a court can hold back, and what it can't
contract IncidentBookDisputesTest is IncidentBookBase {
    uint64 private constant HOUR = 1 hours;
    uint64 private constant LAPSE = 10 days;

    /* OPENING */

    function test_OnlyTheTriggersCourtDisputes() public {
        down(0, 2 * HOUR, true);
        book.propose(id);
        fails(abi.encodeWithSelector(IIncidentBook.NotCourt.selector, address(this)));
        book.openDispute(id, T0);
        fails(abi.encodeWithSelector(IIncidentBook.NotCourt.selector, address(this)));
        book.closeDispute(id, true);
    }

    function test_WithoutACourtNobodyDisputes() public {
        Dispute memory none = book.disputeOf(id);
        assertEq(none.rounds + none.from + none.lapsesAt, 0, "before the first incident");
        court = address(0);
        id = book.createTrigger(rollup());
        down(0, 2 * HOUR, true);
        book.propose(id);
        fails(abi.encodeWithSelector(IIncidentBook.NotCourt.selector, address(this)));
        book.openDispute(id, T0);
    }

    function test_OnlyAnOpenIncidentIsDisputed() public {
        bytes memory none = abi.encodeWithSelector(IIncidentBook.NoOpenIncident.selector, id);
        fails(none);
        openDispute(0);
        fails(none);
        closeDispute(true);
    }

    function test_ADisputeIsToldAndLapsesInTenDays() public {
        down(0, 2 * HOUR, true);
        vm.prank(guardian);
        book.propose(id);
        assertEq(book.proposerOf(id, 0), guardian, "who proposed it first");

        vm.expectEmit(address(book));
        emit IIncidentBook.DisputeOpened(id, 0, 1, T0 + HOUR, T0 + 2 * HOUR + LAPSE);
        openDispute(HOUR);
        Dispute memory opened = book.disputeOf(id);
        assertEq(opened.from, T0 + HOUR, "from");
        assertEq(opened.lapsesAt, T0 + 2 * HOUR + LAPSE, "lapses");
        assertEq(opened.rounds, 1, "rounds");
    }

    function test_WhatIsConfirmedOrDidNotHappenYetCannotBeDisputed() public {
        down(0, 2 * HOUR, true);
        book.propose(id);
        _outOfRange(type(uint64).max - T0, 0);
        _outOfRange(2 * HOUR, 0);
        confirmReady(0);
        _outOfRange(2 * HOUR - 1, 2 * HOUR);
        openDispute(2 * HOUR);
    }

    function test_WhatIsBeforeTheLastIncidentsEndCannotBeDisputed() public {
        down(HOUR, 2 * HOUR, false);
        book.propose(id);
        passBy(HOUR);
        book.finalise(id);
        down(10 * HOUR, 12 * HOUR, true);
        book.propose(id);
        _outOfRange(2 * HOUR - 1, 2 * HOUR);
        openDispute(2 * HOUR);
    }

    function test_ThereIsOneDisputeAtATimeAndThreeAnIncident() public {
        down(0, 2 * HOUR, true);
        book.propose(id);
        for (uint256 round = 1; round <= 3; round++) {
            openDispute(0);
            assertEq(book.disputeOf(id).rounds, round, "rounds");
            fails(IIncidentBook.DisputeOpen.selector, block.timestamp + LAPSE);
            openDispute(0);
            if (round == 2) closeDispute(false);
            else passBy(LAPSE);
        }
        fails(IIncidentBook.TooManyRounds.selector, 3);
        openDispute(0);
    }

    /* WHILE IT IS OPEN */

    function test_UndisputedHoursAreConfirmedAndNothingIsFinal() public {
        down(0, 2 * HOUR, true);
        book.propose(id);
        openDispute(HOUR);
        confirmReady(0);
        assertEq(last().coveredSeconds, HOUR, "what lies before");
        assertSpans(book.confirmedSpans(id, 0), [uint64(0), HOUR], "confirmed");
        confirmReady(0);
        assertEq(last().coveredSeconds, HOUR, "no more however often");

        fails(IIncidentBook.DisputeOpen.selector, T0 + 2 * HOUR + LAPSE);
        book.finalise(id);
    }

    function test_ADisputeFromTheStartHoldsEverythingBack() public {
        down(HOUR, 3 * HOUR, true);
        book.propose(id);
        openDispute(HOUR);
        confirmReady(0);
        assertEq(last().from, 0, "the start is not frozen");
        assertEq(last().coveredSeconds, 0, "nothing is confirmed");
    }

    function test_FurtherCheckpointsAreProposedWhileItIsOpen() public {
        down(0, 2 * HOUR, true);
        book.propose(id);
        openDispute(HOUR);
        longer(4 * HOUR, true);
        (, uint256 checkpoint) = book.propose(id);
        confirmReady(checkpoint);
        assertEq(last().coveredSeconds, HOUR, "held back too");
        closeDispute(false);
        book.confirm(id, checkpoint);
        assertEq(last().coveredSeconds, 4 * HOUR, "the sweep stands");
    }

    /* CLOSING */

    function test_RejectedTheSweepStands() public {
        down(0, 2 * HOUR, true);
        book.propose(id);
        openDispute(HOUR);
        passBy(CHALLENGE);
        vm.expectEmit(address(book));
        emit IIncidentBook.DisputeClosed(id, 0, false, T0 + HOUR, uint64(block.timestamp));
        closeDispute(false);
        assertEq(book.struck(id, 0).length, 0, "nothing struck");
        book.confirm(id, 0);
        assertEq(last().coveredSeconds, 2 * HOUR, "all");
        fails(abi.encodeWithSelector(IIncidentBook.NoOpenDispute.selector, id));
        closeDispute(true);
    }

    function test_ACourtThatIsSilentForTenDaysHasLost() public {
        down(0, 2 * HOUR, true);
        book.propose(id);
        openDispute(0);
        uint64 lapsesAt = uint64(block.timestamp) + LAPSE;
        vm.warp(lapsesAt - 1);
        book.confirm(id, 0);
        assertEq(last().coveredSeconds, 0, "to the last second");
        vm.warp(lapsesAt);
        fails(abi.encodeWithSelector(IIncidentBook.NoOpenDispute.selector, id));
        closeDispute(true);
        book.finalise(id);
        assertEq(last().coveredSeconds, 2 * HOUR, "without anybody closing it");
    }

    function test_UpheldTheTimeUntilTheRulingIsStruckOutForGood() public {
        down(0, 2 * HOUR, true);
        book.propose(id);
        openDispute(HOUR);
        longer(3 * HOUR, true);
        vm.expectEmit(address(book));
        emit IIncidentBook.DisputeClosed(id, 0, true, T0 + HOUR, T0 + 3 * HOUR);
        closeDispute(true);
        assertSpans(book.struck(id, 0), [HOUR, 3 * HOUR], "struck");
        assertEq(book.struck(id, T0 + 3 * HOUR).length, 0, "none ends later");

        (Span[] memory spans,) = book.sweep(id);
        assertSpans(spans, [uint64(0), HOUR], "swept");
        passBy(HOUR);
        book.finalise(id);
        assertEq(last().coveredSeconds, HOUR, "what was not disputed");

        longer(6 * HOUR, true);
        book.propose(id);
        (, spans) = book.checkpointOf(id, 1, 0);
        assertSpans(spans, [3 * HOUR, 6 * HOUR], "what came after the ruling is the next incident");
    }

    function test_AnIncidentStruckOutEntirelyLeavesNoTrace() public {
        down(0, 2 * HOUR, false);
        book.propose(id);
        openDispute(0);
        closeDispute(true);
        passBy(HOUR);
        book.finalise(id);
        assertEq(last().coveredSeconds, 0, "nothing");
        assertFalse(book.unsettled(id), "settled at once");
        fails(abi.encodeWithSelector(IIncidentBook.NothingToPropose.selector, id));
        book.propose(id);
    }

    function test_WhatIsStruckOutMakesRoomForTheNextCheckpoint() public {
        down(0, 3 * HOUR, true);
        book.propose(id);
        passBy(CHALLENGE);
        openDispute(150 minutes);
        book.confirm(id, 0);
        assertEq(last().coveredSeconds, 150 minutes, "confirmed");
        vm.warp(T0 + 3 * HOUR + 10 minutes);
        vm.warp(block.timestamp + CHALLENGE);
        closeDispute(true);
        // Struck are 2:30 to 3:40; more than the merge gap, so that the rest is the next incident.
        longer(5 * HOUR, false);
        (Span[] memory spans,) = book.sweep(id);
        assertSpans(spans, [uint64(0), 150 minutes], "one incident");
        passBy(HOUR);
        book.finalise(id);
        book.propose(id);
        (, spans) = book.checkpointOf(id, 1, 0);
        assertSpans(spans, [3 * HOUR + 40 minutes, 5 * HOUR], "the rest");
    }

    /// @dev Proposed are three hours, of which a quarter of one is struck out; with the twelve minutes that follow the ruling it is
    /// less than what was proposed, yet they count.
    function test_SecondsAfterARulingAreNotLostToWhatWasProposedBefore() public {
        down(0, 3 * HOUR, true);
        book.propose(id);
        openDispute(2 * HOUR + 45 minutes);
        vm.warp(T0 + 3 * HOUR + 5 minutes);
        closeDispute(true);
        longer(3 * HOUR + 17 minutes, false);
        passBy(46 minutes);
        book.propose(id);
        passBy(CHALLENGE);
        book.finalise(id);
        assertSpans(
            book.confirmedSpans(id, 0),
            [uint64(0), 2 * HOUR + 45 minutes],
            [3 * HOUR + 5 minutes, 3 * HOUR + 17 minutes],
            "both sides of the ruling"
        );
    }

    function test_RulingsThatTouchAreOneStruckSpan() public {
        down(0, 2 * HOUR, true);
        book.propose(id);
        openDispute(HOUR);
        closeDispute(true);
        longer(4 * HOUR, true);
        openDispute(2 * HOUR);
        closeDispute(true);
        assertSpans(book.struck(id, 0), [HOUR, 4 * HOUR], "united");
        longer(6 * HOUR, true);
        openDispute(5 * HOUR);
        closeDispute(true);
        assertSpans(book.struck(id, 0), [HOUR, 4 * HOUR], [5 * HOUR, 6 * HOUR], "apart");
    }

    function test_ALaterRulingSwallowsEarlierOnes() public {
        down(0, 2 * HOUR, true);
        book.propose(id);
        openDispute(HOUR);
        closeDispute(true);
        longer(4 * HOUR, true);
        openDispute(3 * HOUR);
        closeDispute(true);
        openDispute(0);
        closeDispute(true);
        assertSpans(book.struck(id, 0), [uint64(0), 4 * HOUR], "one");
    }

    /* PROPERTIES */

    /// @dev Whatever it disputes and however it rules, the court adds no second and takes back none: at every moment what is confirmed is
    /// within what both families say, and never less than before.
    function testFuzz_ACourtAddsNoSecondAndTakesNoneBack(uint256 seed) public {
        down(0, 2 * HOUR, true);
        book.propose(id);
        uint64 before;
        for (uint256 i; i < 16; i++) {
            seed = uint256(keccak256(abi.encode(seed)));
            vm.prank(court);
            if (seed % 3 == 0) {
                try book.openDispute(id, uint64(bound(seed >> 8, T0, block.timestamp + 1))) {} catch {}
            } else if (seed % 3 == 1) {
                try book.closeDispute(id, (seed >> 8) % 2 == 0) {} catch {}
            }
            longer(uint64(block.timestamp - T0 + (seed >> 16) % (2 days)), true);
            try book.propose(id) {} catch {}
            if (book.incident(id, 0).finalAt == 0) {
                uint256 known = book.incident(id, 0).checkpoints;
                try book.confirm(id, (seed >> 80) % known) {} catch {}
            }
            uint64 now_ = book.incident(id, 0).coveredSeconds;
            assertGe(now_, before, "confirmed seconds shrank");
            assertLe(now_, block.timestamp - T0, "more than was down");
            Span[] memory spans = book.confirmedSpans(id, 0);
            for (uint256 j; j < spans.length; j++) {
                assertGe(spans[j].from, T0, "before it was down");
            }
            before = now_;
        }
    }

    /// @dev The worst that a court which upholds nothing can do: three disputes from the start, each to its lapse.
    function testFuzz_AnHonestOutageIsPayableAtTheLatestAfterThreeLapses(uint64 pause) public {
        pause = uint64(bound(pause, 0, 1 days));
        down(0, 2 * HOUR, false);
        book.propose(id);
        for (uint256 round; round < 3; round++) {
            openDispute(0);
            vm.warp(book.disputeOf(id).lapsesAt - 1);
            book.confirm(id, 0);
            assertEq(last().coveredSeconds, 0, "held back");
            passBy(1);
        }
        passBy(pause);
        fails(IIncidentBook.TooManyRounds.selector, 3);
        openDispute(0);
        assertLe(block.timestamp, T0 + 2 * HOUR + 30 days + pause, "thirty days");
        book.finalise(id);
        assertEq(last().coveredSeconds, 2 * HOUR, "to the second");
    }

    function _outOfRange(uint64 from, uint64 earliest) private {
        fails(
            abi.encodeWithSelector(
                IIncidentBook.DisputeOutOfRange.selector, T0 + from, T0 + earliest, uint64(block.timestamp)
            )
        );
        openDispute(from);
    }
}
