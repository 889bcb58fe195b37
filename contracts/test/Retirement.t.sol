// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IIncidentBook, Member, Span} from "../src/interfaces/IIncidentBook.sol";
import {IncidentBookBase} from "./IncidentBookBase.sol";
import {ScriptedPath} from "./ScriptedPath.sol";

/// @title Paths that are dead, retired for good
contract RetirementTest is IncidentBookBase {
    uint64 private constant NOTICE = 1 hours;

    /* RETIRING */

    function test_APathStillHeardOfIsNotRetired() public {
        vm.warp(T0 + SILENCE);
        fails(abi.encodeWithSelector(IIncidentBook.PathIsAlive.selector, 0, T0 + SILENCE));
        book.retire(id, 0);
        assertEq(book.membersOf(id)[0].silentSince, 0, "not noted");
    }

    function test_ASilentPathIsNotedAndRetiredAnHourLater() public {
        vm.warp(T0 + SILENCE + 1);
        vm.expectEmit(address(book));
        emit IIncidentBook.PathSilent(id, 0, address(watchers), T0);
        book.retire(id, 0);
        Member memory member = book.membersOf(id)[0];
        assertFalse(member.retired, "noted only");
        assertEq(member.silentSince, T0 + SILENCE + 1, "since");

        passBy(NOTICE);
        fails(abi.encodeWithSelector(IIncidentBook.PathNoted.selector, 0, T0 + SILENCE + 1 + NOTICE));
        book.retire(id, 0);
        passBy(1);
        vm.expectEmit(address(book));
        emit IIncidentBook.PathRetired(id, 0, address(watchers));
        book.retire(id, 0);
        member = book.membersOf(id)[0];
        assertTrue(member.retired, "retired");
        assertEq(member.silentSince, T0 + SILENCE + 2 + NOTICE, "since its retirement");
        assertEq(member.path, address(watchers), "path");
        assertEq(member.maximumSilence, SILENCE, "maximum");

        fails(abi.encodeWithSelector(IIncidentBook.PathIsRetired.selector, 0));
        book.retire(id, 0);
    }

    function test_HeardOfAgainTheNoteIsCleared() public {
        vm.warp(T0 + SILENCE + 1);
        book.retire(id, 2);
        heartbeat.setLastHeard(block.timestamp);
        vm.expectEmit(address(book));
        emit IIncidentBook.PathBack(id, 2, address(heartbeat));
        book.retire(id, 2);
        assertEq(book.membersOf(id)[2].silentSince, 0, "cleared");
        passBy(SILENCE + 1);
        book.retire(id, 2);
        assertFalse(book.membersOf(id)[2].retired, "noted anew");
    }

    function test_ABrokenPathIsRetiredWhenItWasNotedLongerAgoThanItsMaximum() public {
        for (uint256 mood = 1; mood < uint256(ScriptedPath.Mood.FROM_FUTURE); mood++) {
            posting.setMood(ScriptedPath.Mood(mood));
            vm.expectEmit(address(book));
            emit IIncidentBook.PathBroken(id, 3, address(posting));
            book.retire(id, 3);
            posting.setMood(ScriptedPath.Mood.SOUND);
            posting.setLastHeard(block.timestamp);
            book.retire(id, 3);
        }
        posting.setMood(ScriptedPath.Mood.REVERTING);
        book.retire(id, 3);
        uint64 noted = uint64(block.timestamp);
        passBy(SILENCE);
        fails(abi.encodeWithSelector(IIncidentBook.PathNoted.selector, 3, noted + SILENCE));
        book.retire(id, 3);
        passBy(1);
        book.retire(id, 3);
        assertTrue(book.membersOf(id)[3].retired, "retired");
    }

    function test_APathThatSaysItWasHeardOfInTheFutureIsBroken() public {
        watchers.setLastHeard(block.timestamp + 1);
        vm.expectEmit(address(book));
        emit IIncidentBook.PathBroken(id, 0, address(watchers));
        book.retire(id, 0);
        watchers.setLastHeard(block.timestamp);
        book.retire(id, 0);
        watchers.setLastHeard(uint256(1) << 64);
        book.retire(id, 0);
        assertEq(book.membersOf(id)[0].silentSince, T0, "noted again");
    }

    /// @dev Longer than any maximum, so that afterwards every path looks dead to whoever is first.
    function test_AHostThatStalledForMonthsRetiresNobody() public {
        vm.warp(T0 + 91 days);
        for (uint256 i; i < 4; i++) {
            book.retire(id, i);
        }
        passBy(NOTICE);
        for (uint256 i; i < 4; i++) {
            ScriptedPath(book.membersOf(id)[i].path).setLastHeard(block.timestamp);
            book.retire(id, i);
            assertEq(book.membersOf(id)[i].silentSince, 0, "cleared");
        }
        assertFalse(book.impaired(id), "whole");
        assertTrue(book.quiet(id), "quiet");
    }

    function testFuzz_NobodyRetiresAPathByStarvingGas(uint256 gas_) public {
        gas_ = bound(gas_, 30_000, 400_000);
        try book.retire{gas: gas_}(id, 0) {
            assertTrue(false, "a live path was noted");
        } catch (bytes memory reason) {
            bytes4 why = bytes4(reason);
            assertTrue(
                reason.length == 0 || why == IIncidentBook.NotEnoughGas.selector
                    || why == IIncidentBook.PathIsAlive.selector,
                "no other reason"
            );
        }
    }

    function test_WhatIsNoPathOrNoTriggerIsSaid() public {
        fails(IIncidentBook.UnknownPath.selector, 4);
        book.retire(id, 4);
        bytes memory unknown = abi.encodeWithSelector(IIncidentBook.UnknownTrigger.selector, bytes32("other"));
        fails(unknown);
        book.retire("other", 0);
        fails(unknown);
        book.membersOf("other");
    }

    /* WHAT A RETIRED PATH SAYS */

    function test_ARetiredPathRaisesNoAlarm() public {
        _retire(0);
        watchers.setAlarmed(true);
        (uint256 alarmed, uint256 live) = book.alarms(id);
        assertEq(alarmed, 0, "alarmed");
        assertEq(live, 14, "live");
        assertFalse(book.quiet(id), "one witness is left");
    }

    function test_NothingFromItsRetirementOnCounts() public {
        _retire(0);
        uint64 retired = uint64(book.membersOf(id)[0].silentSince) - T0;
        watchers.add(T0 + retired - 5000, T0 + retired, true);
        down(retired + 500, retired + 9000, true);
        watchers.forget();
        watchers.add(T0 + retired - 5000, T0 + retired + 9000, true);
        observers.forget();
        observers.add(T0 + retired - 6000, T0 + retired + 9000, true);
        (Span[] memory spans,) = book.sweep(id);
        assertSpans(spans, [retired - 5000, retired], "cut at its retirement");

        watchers.forget();
        watchers.add(T0 + retired, T0 + retired + 9000, true);
        (spans,) = book.sweep(id);
        assertEq(spans.length, 0, "nothing");
        heartbeat.add(T0 + retired + 1000, T0 + retired + 3000, true);
        (spans,) = book.sweep(id);
        assertSpans(spans, [retired + 1000, retired + 3000], "the others are heard");
    }

    function test_ConfirmedSecondsStayThoughTheirPathIsRetired() public {
        down(0, 5000, false);
        book.propose(id);
        confirmReady(0);
        _retire(1);
        confirmReady(0);
        assertEq(last().coveredSeconds, 5000, "kept");
        book.finalise(id);
        assertEq(last().coveredSeconds, 5000, "and final");
        // Retired before anything that still counts, it isn't asked any more.
        down(SILENCE + 5 days, SILENCE + 5 days + 5000, false);
        heartbeat.add(T0 + SILENCE + 5 days, T0 + SILENCE + 5 days + 5000, false);
        book.propose(id);
        confirmReady(0);
        passBy(1 days);
        book.finalise(id);
        observers.setMood(ScriptedPath.Mood.BURNING);
        (Span[] memory spans,) = book.sweep{gas: 400_000}(id);
        assertEq(spans.length, 0, "asked by nobody");
    }

    /* IMPAIRED */

    function test_WithFewerFamiliesThanOneMoreThanTheQuorumATriggerIsImpaired() public {
        assertFalse(book.impaired(id), "four");
        _retire(2);
        assertFalse(book.impaired(id), "three");
        assertTrue(book.quiet(id), "may be sold");
        _retire(3);
        assertTrue(book.impaired(id), "two");
        assertFalse(book.quiet(id), "not sold");
    }

    function test_WithFewerThanTwoWitnessesATriggerIsImpaired() public {
        _retire(1);
        assertTrue(book.impaired(id), "one witness");
    }

    function test_AFamilyIsThereWhileOneOfItsPathsIs() public {
        heartbeat = path(watchers.kind(), "watchers");
        id = book.createTrigger(rollup());
        assertEq(book.familiesOf(id)[2], 0, "one family");
        _retire(2);
        assertFalse(book.impaired(id), "its other path is there");
        _retire(0);
        assertTrue(book.impaired(id), "gone");
    }

    /* FUNDED */

    function test_ATriggerIsFundedAsLongAsItsFirstPathToRunOut() public {
        assertEq(book.saleRules(id).fundedUntil, type(uint64).max, "nobody pays");
        heartbeat.setFundedUntil(T0 + 500);
        posting.setFundedUntil(T0 + 300);
        assertEq(book.saleRules(id).fundedUntil, T0 + 300, "the least");
        posting.setFundedUntil(uint256(1) << 64);
        assertEq(book.saleRules(id).fundedUntil, T0 + 500, "no number of 64 bits is no answer");
        posting.setFundedUntil(0);
        assertEq(book.saleRules(id).fundedUntil, 0, "never funded");
        posting.setMood(ScriptedPath.Mood.BURNING);
        assertEq(book.saleRules(id).fundedUntil, T0 + 500, "no answer");
        _retire(3);
        posting.setMood(ScriptedPath.Mood.SOUND);
        posting.setFundedUntil(1);
        assertEq(book.saleRules(id).fundedUntil, T0 + 500, "retired");
    }

    function test_WitnessesAreNotPaidForAndWhatDoesNotAnswerSellsNothing() public {
        watchers.setFundedUntil(1);
        assertEq(book.saleRules(id).fundedUntil, type(uint64).max, "a witness");
        for (uint256 i; i < 4; i++) {
            ScriptedPath(book.membersOf(id)[i].path).setMood(ScriptedPath.Mood.REVERTING);
        }
        assertEq(book.saleRules(id).fundedUntil, type(uint64).max, "nobody to ask");
        assertFalse(book.quiet(id), "nothing is sold");
    }

    function _retire(uint256 index) private {
        ScriptedPath path_ = ScriptedPath(book.membersOf(id)[index].path);
        vm.warp(path_.heardAt() > block.timestamp - SILENCE ? path_.heardAt() + SILENCE + 1 : block.timestamp);
        book.retire(id, index);
        vm.warp(uint256(book.membersOf(id)[index].silentSince) + SILENCE + 1);
        book.retire(id, index);
        assertTrue(book.membersOf(id)[index].retired, "retired");
    }
}
