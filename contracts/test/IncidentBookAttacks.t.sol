// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IIncidentBook, Span, Trigger} from "../src/interfaces/IIncidentBook.sol";
import {HeartbeatPath} from "../src/paths/HeartbeatPath.sol";
import {WatcherPath} from "../src/paths/WatcherPath.sol";
import {RealPaths} from "./RealPaths.sol";

/// @title Attacks by name, over real paths
/// @dev A path that bombs with return data, and callers that starve gas, are in IncidentBook.t.sol; an arbiter and a calendar's wallet that
/// do so in Disputes.t.sol and Calendar.t.sol.
contract IncidentBookAttacksTest is RealPaths {
    uint64 private constant HOUR = 1 hours;

    /* THE HOST STALLS FOR HOURS */

    /// @dev Both heartbeats fall silent at once, and a liar among the watchers calls that an outage.
    function testFuzz_Attack_AHostStalledForHoursIsNoOutageThoughALiarSaysSo(uint64 stall) public {
        stall = uint64(bound(stall, 2 * HOUR, 48 * HOUR));
        beats(SUBJECT, 0, HOUR);
        beats(CONTROL, HOUR, HOUR);
        uint64 back = HOUR + stall;
        beats(SUBJECT, back, back);
        beats(CONTROL, back, back);
        report(0, HOUR, back, true);
        vm.expectRevert(abi.encodeWithSelector(IIncidentBook.NothingToPropose.selector, id));
        book.propose(id);
    }

    /// @dev In the middle of a true outage the host stalls: the hours that no two families saw are not paid, those that they saw are.
    function test_Attack_AHostStallWithinAnOutageLosesOnlyWhatNobodySaw() public {
        beats(SUBJECT, 0, 0);
        beats(CONTROL, 0, 4 * HOUR);
        report(0, 60, 4 * HOUR, false);
        book.propose(id);
        vm.warp(T0 + 10 * HOUR);
        beats(CONTROL, 10 * HOUR, 12 * HOUR);
        report(0, 10 * HOUR, 12 * HOUR, false);
        book.confirm(id, 0);
        assertEq(book.incident(id, 0).coveredSeconds, 4 * HOUR - LATENCY - PERIOD, "before the stall");
        book.propose(id);
        vm.warp(block.timestamp + 30 minutes);
        book.finalise(id);
        assertEq(book.incident(id, 0).until, T0 + 4 * HOUR, "to the control's last beat");
        book.propose(id);
        vm.warp(block.timestamp + 30 minutes);
        book.confirm(id, 0);
        assertEq(book.incident(id, 1).from, T0 + 10 * HOUR, "after the stall");
        assertEq(book.incident(id, 1).coveredSeconds, 2 * HOUR, "what both saw");
    }

    /* A CALLER OMITS EVIDENCE */

    /// @dev Whatever gas the proposer sends, it proposes what every path holds, or nothing.
    function testFuzz_Attack_AProposerCannotOmitEvidence(uint256 gas_) public {
        beats(SUBJECT, 0, 0);
        beats(CONTROL, 0, 4 * HOUR);
        report(0, HOUR, 3 * HOUR, true);
        report(1, 2 * HOUR, 4 * HOUR - 2 * LATENCY, true);
        gas_ = bound(gas_, 100_000, 1_200_000);
        try book.propose{gas: gas_}(id) {
            (, Span[] memory spans) = book.checkpointOf(id, 0, 0);
            assertEq(spans.length, 1, "one span");
            assertEq(spans[0].from, T0 + HOUR, "from the first witness on");
            assertEq(spans[0].until, T0 + 4 * HOUR - 2 * LATENCY, "to the second one's end");
        } catch (bytes memory reason) {
            bool starved = reason.length == 0 || bytes4(reason) == IIncidentBook.NotEnoughGas.selector;
            assertTrue(starved, "no other reason");
        }
    }

    /* THE CHALLENGE CLOCK IS RESET */

    /// @dev Somebody proposes anew as often as the book lets him; the first hours are confirmed at their own time all the same.
    function test_Attack_ProposingAnewResetsNoClock() public {
        _at(HOUR);
        report(0, 0, HOUR, false);
        report(1, 0, HOUR, false);
        book.propose(id);
        uint64 readyAt = uint64(block.timestamp) + 30 minutes;
        for (uint64 minute = 1; minute <= 30; minute++) {
            _at(HOUR + minute * 60);
            report(0, HOUR, HOUR + minute * 60, false);
            report(1, HOUR, HOUR + minute * 60, false);
            try book.propose(id) {} catch {}
        }
        assertEq(block.timestamp, readyAt, "to the second");
        assertEq(book.incident(id, 0).checkpoints, 2, "another one was proposed");
        book.confirm(id, 0);
        assertEq(book.incident(id, 0).coveredSeconds, HOUR, "the first hour");
    }

    /* PROPOSALS ARE SQUATTED AT THE LAST SECOND */

    /// @dev Before every proposal of an honest keeper somebody proposes what was there a moment ago, so that the keeper's adds too little.
    /// Nothing is lost and no clock grows longer than the last checkpoint's.
    function testFuzz_Attack_ASquatterWhoProposesASecondEarlierTakesNothing(uint256 seed) public {
        uint64 told = 10 minutes;
        _at(told);
        report(0, 0, told, false);
        report(1, 0, told, false);
        for (uint256 i; i < 12; i++) {
            seed = uint256(keccak256(abi.encode(seed)));
            try book.propose(id) {} catch {}
            uint64 next = told + 1 + uint64(seed % (HOUR / 2));
            _at(next);
            report(0, told, next, i == 11);
            report(1, told, next, i == 11);
            told = next;
            try book.propose(id) {} catch {}
        }
        vm.warp(block.timestamp + HOUR);
        try book.propose(id) {} catch {}
        vm.warp(block.timestamp + 30 minutes);
        book.finalise(id);
        assertEq(book.incident(id, 0).from, T0, "start");
        assertEq(book.incident(id, 0).coveredSeconds, told, "to the second");
    }

    /// @dev Somebody opens the incident of an outage at the first second that makes one, to start its clock with as little as may be.
    function test_Attack_OpeningAnIncidentEarlyFreezesNothingSmall() public {
        _at(10 minutes);
        report(0, 0, 10 minutes, false);
        report(1, 0, 10 minutes, false);
        book.propose(id);
        _at(40 minutes);
        book.confirm(id, 0);
        assertEq(book.incident(id, 0).coveredSeconds, 10 minutes, "as proposed");
        _at(3 * HOUR);
        report(0, 10 minutes, 3 * HOUR, true);
        report(1, 10 minutes, 3 * HOUR, true);
        book.propose(id);
        _at(4 * HOUR);
        book.finalise(id);
        assertEq(book.incident(id, 0).coveredSeconds, 3 * HOUR, "the whole");
        assertEq(book.incidentCount(id), 1, "one incident, one waiting period");
    }

    /* PATHS SHARE A TRANSPORT AND DECLARE THEMSELVES INDEPENDENT */

    function test_Attack_TwoPathsOfOneRelayerAreOneFamilyWhateverTheirCreatorDeclares() public {
        heartbeats[1] = heartbeat(relayers[0]);
        Trigger memory made = trigger();
        bytes32 shared = book.createTrigger(made);
        assertEq(book.familiesOf(shared)[2], book.familiesOf(shared)[3], "one family");
        assertFalse(book.familiesOf(shared)[1] == book.familiesOf(shared)[2], "the watchers are another");

        made = trigger();
        made.quorum = 3;
        vm.expectRevert(abi.encodeWithSelector(IIncidentBook.NotEnoughFamilies.selector, 3, 4));
        book.createTrigger(made);
    }

    function test_Attack_ObserversWhoAlsoRelayMakeNoFamilyOfTheirOwn() public {
        address[] memory observers = new address[](1);
        observers[0] = relayers[0];
        watchers[0] = new WatcherPath(observers, 1);
        observers[0] = relayers[1];
        watchers[1] = new WatcherPath(observers, 1);
        Trigger memory made = trigger();
        vm.expectRevert(abi.encodeWithSelector(IIncidentBook.NotEnoughFamilies.selector, 2, 3));
        book.createTrigger(made);
    }

    function test_Attack_APathThatNamesAnotherPathIsOfItsFamily() public {
        Trigger memory made = trigger();
        made.paths[0].parties = new bytes32[](1);
        made.paths[0].parties[0] = bytes32(uint256(uint160(address(watchers[1]))));
        made.paths[2].parties = new bytes32[](1);
        made.paths[2].parties[0] = bytes32(uint256(uint160(relayers[1])));
        vm.expectRevert(abi.encodeWithSelector(IIncidentBook.NotEnoughFamilies.selector, 2, 3));
        book.createTrigger(made);
    }

    function _at(uint64 time) private {
        vm.warp(T0 + time);
    }
}
