// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Listing, IPolicyBook, Quote} from "../src/interfaces/IPolicyBook.sol";
import {CoverBase} from "./CoverBase.sol";
import {IncidentBookBase} from "./IncidentBookBase.sol";
import {ScriptedPath} from "./ScriptedPath.sol";

/// @title Failures of earlier systems and attacks that no verb's own file tests; LESSONS.md lists all, with their tests
contract LessonsOfIncidentsTest is IncidentBookBase {
    function testFuzz_Lesson2_PathsThatBreakInAnyWayStallNoVerb(uint256 mood, uint256 other) public {
        down(0, 2 hours, false);
        heartbeat.setMood(ScriptedPath.Mood(bound(mood, 1, 8)));
        posting.setMood(ScriptedPath.Mood(bound(other, 1, 8)));
        heartbeat.add(T0, T0 + 1 hours, false);
        posting.add(T0, T0 + 1 hours, false);

        book.propose(id);
        (uint256 alarmed,) = book.alarms(id);
        assertEq(alarmed, 0, "what can't be read is no alarm");
        confirmReady(0);
        assertEq(last().coveredSeconds, 2 hours, "confirmed");
        vm.prank(guardian);
        book.delay(id, uint64(block.timestamp) + 1);
        passBy(GAP + GRACE);
        book.finalise(id);
        assertEq(last().finalAt, block.timestamp, "final");
        assertTrue(book.unsettled(id), "within the window");
        passBy(book.SETTLEMENT_WINDOW());
        assertFalse(book.unsettled(id), "settled");
    }

    function test_AProposalASecondBeforeTheWholeIsKnownSquatsNothing() public {
        down(0, 3 hours, false);
        watchers.grow(T0 + MINIMUM, false);
        book.propose(id);
        watchers.grow(T0 + 3 hours, false);
        (, uint256 whole) = book.propose(id);
        assertEq(whole, 1, "the whole is a checkpoint of its own");

        confirmReady(1);
        assertEq(last().from, T0, "from");
        assertEq(last().coveredSeconds, 3 hours, "nothing is lost to who spoke first");
    }

    function test_AProposalIsTheSameWhoeverMakesItAndNobodyLeavesEvidenceOut() public {
        down(0, 2 hours, false);
        heartbeat.add(T0 + 2 hours, T0 + 3 hours, false);
        observers.add(T0 + 2 hours, T0 + 3 hours, false);
        pass(3 hours);
        vm.prank(makeAddr("somebody who would rather show less"));
        book.propose(id);
        confirmReady(0);
        assertEq(last().coveredSeconds, 3 hours, "all that the paths hold");
    }
}

contract LessonsOfMoneyTest is CoverBase {
    function test_Lesson14_WhatIsReleasedFreesItsCapacityAndNothingElseDoes() public {
        _stake(staker, 1_000_000 * one);
        Listing memory listing = _listing();
        listing.cap = _terms().aggregateLimit;
        policies.list(TRIGGER, listing);
        Quote memory quote = _quote();
        uint256 id = _buy(quote);

        listing.maximumTerm = 60 days;
        policies.list(TRIGGER, listing);
        _refused(_quote(), listing.cap);
        vm.warp(quote.end + TAIL);
        _catchUp();
        _refused(_quote(), listing.cap);
        vm.warp(quote.end + TAIL + 1);
        policies.release(id);
        assertGt(_buy(), id, "sold again");
    }

    function _refused(Quote memory quote, uint96 cap) private {
        _fund(quote.buyer, quote.premium);
        bytes memory signature = _sign(quote);
        vm.expectRevert(
            abi.encodeWithSelector(IPolicyBook.CapExceeded.selector, "subject", 2 * uint256(cap), uint256(cap))
        );
        vm.prank(quote.buyer);
        policies.buy(quote, signer, signature);
    }
}
