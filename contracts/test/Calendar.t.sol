// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IIncidentBook, Span} from "../src/interfaces/IIncidentBook.sol";
import {IncidentBookBase} from "./IncidentBookBase.sol";

/// @title A wallet that is a contract, as a test asks
contract Wallet {
    enum Answer {
        GOOD,
        BAD,
        SHORT,
        LONG,
        REVERTS,
        BURNS
    }

    Answer public answer;

    function set(Answer answer_) external {
        answer = answer_;
    }

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        if (answer == Answer.REVERTS) revert();
        while (answer == Answer.BURNS) {}
        if (answer == Answer.BAD) return 0xffffffff;
        bytes32 good = IERC1271.isValidSignature.selector;
        uint256 size = answer == Answer.SHORT ? 4 : answer == Answer.LONG ? 64 : 32;
        assembly ("memory-safe") {
            mstore(0, good)
            return(0, size)
        }
    }
}

/// @title Stops that were announced are no covered time
contract CalendarTest is IncidentBookBase {
    uint64 private constant HOUR = 1 hours;
    uint64 private constant DAY = 1 days;

    /* ANNOUNCING */

    function test_WhoeverHandsItInAWindowIsAnnouncedByItsSigner() public {
        vm.expectEmit(address(book));
        emit IIncidentBook.WindowAnnounced(id, T0 + 4 * DAY, T0 + 4 * DAY + HOUR);
        vm.prank(makeAddr("anyone"));
        announce(4 * DAY, 4 * DAY + HOUR);
        assertSpans(book.windows(id, 0), [4 * DAY, 4 * DAY + HOUR], "windows");
        assertEq(book.windows(id, T0 + 4 * DAY + HOUR).length, 0, "none ends later");
    }

    function test_AWindowOfAnotherSignerTriggerBookOrChainIsRefused() public {
        Span memory window = Span(T0 + 4 * DAY, T0 + 4 * DAY + HOUR);
        bytes memory signature = signed(CALENDAR, window);
        bytes memory bad = abi.encodeWithSelector(IIncidentBook.BadWindowSignature.selector, calendarSigner);
        bytes memory other = signed(1, window);
        fails(bad);
        book.announce(id, window, other);
        fails(bad);
        book.announce(id, window, "");
        fails(bad);
        book.announce(id, Span(window.from, window.until + 1), signature);

        guardian = address(0);
        bytes32 twin = book.createTrigger(rollup());
        fails(bad);
        book.announce(twin, window, signature);
        uint256 here = block.chainid;
        vm.chainId(here + 1);
        fails(bad);
        book.announce(id, window, signature);
        vm.chainId(here);
        book.announce(id, window, signature);
    }

    function test_WithoutASignerNothingIsAnnounced() public {
        calendarSigner = address(0);
        id = book.createTrigger(rollup());
        Span memory window = Span(T0 + 4 * DAY, T0 + 4 * DAY + HOUR);
        fails(abi.encodeWithSelector(IIncidentBook.NoCalendar.selector, id));
        book.announce(id, window, new bytes(65));
    }

    function test_AContractSignsToo() public {
        Wallet wallet = new Wallet();
        calendarSigner = address(wallet);
        id = book.createTrigger(rollup());
        Span memory window = Span(T0 + 4 * DAY, T0 + 4 * DAY + HOUR);
        for (uint256 i = 1; i < 6; i++) {
            wallet.set(Wallet.Answer(i));
            fails(abi.encodeWithSelector(IIncidentBook.BadWindowSignature.selector, address(wallet)));
            book.announce(id, window, "");
        }
        wallet.set(Wallet.Answer.GOOD);
        book.announce(id, window, "");
        assertEq(book.windows(id, 0).length, 1, "announced");
    }

    function testFuzz_AWindowBeginsThreeToThirtyDaysAheadAndLastsTenMinutes(uint64 ahead, uint64 length) public {
        ahead = uint64(bound(ahead, 2 days, 31 days));
        length = uint64(bound(length, 1, HOUR));
        Span memory window = Span(T0 + ahead, T0 + ahead + length);
        bytes memory signature = signed(CALENDAR, window);
        if (ahead < 72 * HOUR || ahead > 30 days) {
            _outOfRange(window.from, T0 + 72 * HOUR, T0 + 30 days);
        } else if (length < 10 minutes) {
            fails(
                abi.encodeWithSelector(
                    IIncidentBook.WindowTooShort.selector, window.from, window.until, uint64(10 minutes)
                )
            );
        }
        book.announce(id, window, signature);
        if (ahead >= 72 * HOUR && ahead <= 30 days && length >= 10 minutes) {
            assertEq(book.windows(id, 0).length, 1, "announced");
        }
    }

    function test_TheBoundsOfAWindowAreTakenToTheSecond() public {
        announce(72 * HOUR, 72 * HOUR + 10 minutes);
        announce(30 * DAY, 30 * DAY + 10 minutes);
        assertEq(book.windows(id, 0).length, 2, "both");
        Span memory backwards = Span(T0 + 30 * DAY + HOUR, T0 + 30 * DAY);
        bytes memory signature = signed(CALENDAR, backwards);
        vm.warp(T0 + DAY);
        fails(
            abi.encodeWithSelector(
                IIncidentBook.WindowTooShort.selector, backwards.from, backwards.until, uint64(10 minutes)
            )
        );
        book.announce(id, backwards, signature);
    }

    function test_WindowsFollowOneAnotherAndMayTouch() public {
        announce(5 * DAY, 5 * DAY + HOUR);
        Span memory window = Span(T0 + 5 * DAY + HOUR - 1, T0 + 5 * DAY + 2 * HOUR);
        bytes memory signature = signed(CALENDAR, window);
        _outOfRange(window.from, T0 + 5 * DAY + HOUR, T0 + 30 days);
        book.announce(id, window, signature);
        announce(5 * DAY + HOUR, 5 * DAY + 2 * HOUR);

        // Twice the same is refused.
        window = Span(T0 + 5 * DAY + HOUR, T0 + 5 * DAY + 2 * HOUR);
        signature = signed(CALENDAR, window);
        _outOfRange(window.from, T0 + 5 * DAY + 2 * HOUR, T0 + 30 days);
        book.announce(id, window, signature);
    }

    function test_TheirSecondsAreCappedInEachYear() public {
        announce(4 * DAY, 4 * DAY + 20 * HOUR);
        Span memory window = Span(T0 + 10 * DAY, T0 + 10 * DAY + 4 * HOUR + 1);
        bytes memory signature = signed(CALENDAR, window);
        fails(IIncidentBook.CalendarExhausted.selector, 24 * HOUR + 1, DAY);
        book.announce(id, window, signature);
        announce(10 * DAY, 10 * DAY + 4 * HOUR);

        // A year after the first one's middle half of it counts.
        vm.warp(T0 + 350 * DAY);
        uint64 from = 365 * DAY + 4 * DAY;
        window = Span(T0 + from, T0 + from + 20 * HOUR + 1);
        signature = signed(CALENDAR, window);
        announce(from, from + 20 * HOUR);
        window = Span(T0 + from + 20 * HOUR, T0 + from + 20 * HOUR + 10 minutes);
        signature = signed(CALENDAR, window);
        fails(IIncidentBook.CalendarExhausted.selector, 24 * HOUR + 10 minutes, DAY);
        book.announce(id, window, signature);
    }

    /// @dev Whatever is tried, no 365 days hold more announced seconds than the cap, nor more than 32 windows.
    function testFuzz_NoYearHoldsMoreThanTheCap(uint256 seed) public {
        for (uint256 i; i < 48; i++) {
            seed = uint256(keccak256(abi.encode(seed)));
            vm.warp(block.timestamp + seed % (20 * DAY));
            uint64 from = uint64(block.timestamp) + 3 * DAY + uint64((seed >> 32) % (3 * DAY));
            Span memory window = Span(from, from + 10 minutes + uint64((seed >> 64) % ((seed >> 96) % 5 + 1)) * HOUR);
            bytes memory signature = signed(CALENDAR, window);
            try book.announce(id, window, signature) {} catch {}
        }
        Span[] memory all = book.windows(id, 0);
        for (uint256 i; i < all.length; i++) {
            uint256 total;
            for (uint256 j; j <= i; j++) {
                uint64 yearAgo = all[i].until - 365 days;
                if (all[j].until > yearAgo) total += all[j].until - (all[j].from > yearAgo ? all[j].from : yearAgo);
            }
            assertLe(total, DAY, "seconds in a year");
            if (i != 0) assertGe(all[i].from, all[i - 1].until, "ascending");
        }
    }

    function test_AtMost32BeginWithinAYear() public {
        for (uint64 i; i < 32; i++) {
            announce(4 * DAY + i * HOUR, 4 * DAY + i * HOUR + 10 minutes);
        }
        Span memory window = Span(T0 + 6 * DAY, T0 + 6 * DAY + 10 minutes);
        bytes memory signature = signed(CALENDAR, window);
        fails(IIncidentBook.TooManyWindows.selector, 32);
        book.announce(id, window, signature);
        vm.warp(T0 + 365 * DAY);
        announce(365 * DAY + 4 * DAY, 365 * DAY + 4 * DAY + 10 minutes);
        assertEq(book.windows(id, 0).length, 33, "a year later");
    }

    /* WHAT IT CUTS */

    function test_AnnouncedTimeIsCutOutOfWhatIsCovered() public {
        announce(4 * DAY, 4 * DAY + 20 minutes);
        down(4 * DAY - HOUR, 4 * DAY + 2 * HOUR, true);
        (Span[] memory spans,) = book.sweep(id);
        assertSpans(
            spans, [4 * DAY - HOUR, 4 * DAY], [4 * DAY + 20 minutes, 4 * DAY + 2 * HOUR], "before and after the window"
        );
        book.propose(id);
        confirmReady(0);
        assertEq(last().coveredSeconds, 3 * HOUR - 20 minutes, "the window is not counted");
    }

    function test_AnOutageWithinItsWindowIsNoIncident() public {
        announce(4 * DAY, 4 * DAY + 4 * HOUR);
        down(4 * DAY, 4 * DAY + 4 * HOUR, false);
        fails(abi.encodeWithSelector(IIncidentBook.NothingToPropose.selector, id));
        book.propose(id);
    }

    function test_WhatAWindowLeavesIsDroppedIfItIsShort() public {
        announce(4 * DAY, 4 * DAY + HOUR);
        down(4 * DAY - MINIMUM + 1, 4 * DAY + HOUR + MINIMUM, false);
        (Span[] memory spans,) = book.sweep(id);
        assertSpans(spans, [4 * DAY + HOUR, 4 * DAY + HOUR + MINIMUM], "a second too short before, just enough after");
    }

    function test_AWindowLongerThanTheMergeGapMakesTwoIncidents() public {
        announce(4 * DAY, 4 * DAY + GAP + 1);
        down(4 * DAY - HOUR, 4 * DAY + 2 * HOUR, false);
        (Span[] memory spans,) = book.sweep(id);
        assertSpans(spans, [4 * DAY - HOUR, 4 * DAY], "the first");
    }

    /// @dev Announced while an incident runs, a window lies ahead of everything proposed.
    function testFuzz_AWindowTakesNoConfirmedSecond(uint64 from, uint64 length) public {
        from = uint64(bound(from, 73 * HOUR, 160 * HOUR));
        length = uint64(bound(length, 10 minutes, 23 * HOUR));
        down(0, HOUR, true);
        book.propose(id);
        confirmReady(0);
        announce(from + CHALLENGE, from + CHALLENGE + length);
        assertEq(last().coveredSeconds, HOUR, "kept");
        longer(from + CHALLENGE + length, true);
        book.propose(id);
        confirmReady(1);
        assertEq(last().coveredSeconds, from + CHALLENGE < 168 * HOUR ? from + CHALLENGE : 168 * HOUR, "to the window");
    }

    function _outOfRange(uint64 from, uint64 earliest, uint64 latest) private {
        fails(abi.encodeWithSelector(IIncidentBook.WindowOutOfRange.selector, from, earliest, latest));
    }
}
