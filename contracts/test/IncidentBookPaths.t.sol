// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IncidentBook} from "../src/IncidentBook.sol";
import {IIncidentBook, Span, Trigger, TriggerPath} from "../src/interfaces/IIncidentBook.sol";
import {Observation} from "../src/interfaces/IWatcherPath.sol";
import {HeartbeatPath} from "../src/paths/HeartbeatPath.sol";
import {WatcherPath} from "../src/paths/WatcherPath.sol";
import {Test} from "./Test.sol";

/// @title The book over real paths: two sets of watchers and a heartbeat, k = 2
contract IncidentBookPathsTest is Test {
    uint64 private constant T0 = 1_700_000_000;
    uint64 private constant PERIOD = 300;
    bytes32 private constant SUBJECT = keccak256("eip155:42161");
    bytes32 private constant CONTROL = keccak256("eip155:10");

    IncidentBook private book;
    WatcherPath[2] private watchers;
    uint256[3][2] private keys;
    HeartbeatPath private heartbeat;
    bytes32 private id;

    function setUp() public {
        vm.warp(T0);
        book = new IncidentBook();
        for (uint256 set; set < 2; set++) {
            address[] memory observers = new address[](3);
            for (uint256 i; i < 3; i++) {
                keys[set][i] = 1 + 10 * set + i;
                for (uint256 j = i; j > 0 && vm.addr(keys[set][j]) < vm.addr(keys[set][j - 1]); j--) {
                    (keys[set][j], keys[set][j - 1]) = (keys[set][j - 1], keys[set][j]);
                }
            }
            for (uint256 i; i < 3; i++) {
                observers[i] = vm.addr(keys[set][i]);
            }
            watchers[set] = new WatcherPath(observers, 2);
        }
        bytes32[] memory subjects = new bytes32[](2);
        bytes32[] memory controls = new bytes32[](2);
        (subjects[0], controls[0], subjects[1], controls[1]) = (SUBJECT, CONTROL, CONTROL, SUBJECT);
        heartbeat = new HeartbeatPath(address(this), 0, PERIOD, 60, 600, subjects, controls);
        id = book.createTrigger(_trigger());
    }

    function test_TheThreePathsAreThreeFamilies() public view {
        uint8[] memory families = book.familiesOf(id);
        for (uint8 i; i < 3; i++) {
            assertEq(families[i], i, "family");
        }
        assertTrue(book.quiet(id), "quiet");
    }

    /// @dev The second set of watchers is silent throughout: one family may be.
    function test_AHaltIsPaidWhileItLastsByOneWitnessAndTheHeartbeat() public {
        _beats(SUBJECT, 0, 0);
        _beats(CONTROL, 0, 600);
        vm.warp(T0 + 601);
        assertFalse(book.quiet(id), "the heartbeat's alarm");

        _beats(CONTROL, 900, 7200);
        _report(0, 30, 7200, false);
        book.propose(id);
        _beats(CONTROL, 7500, 9000);
        book.confirm(id, 0);
        assertEq(book.incident(id, 0).from, T0 + 300, "silence counts after the period");
        assertEq(book.incident(id, 0).coveredSeconds, 7140 - 300, "to latency ago");

        _beats(SUBJECT, 9100, 9100);
        _report(0, 30, 9050, true);
        book.propose(id);
        vm.warp(T0 + 20_000);
        book.finalise(id);
        assertEq(book.incident(id, 0).until, T0 + 9000, "to the control's last beat in the silence");
    }

    function test_AHostStallIsNoIncident() public {
        _beats(SUBJECT, 0, 0);
        _beats(CONTROL, 0, 0);
        vm.warp(T0 + 100_000);
        heartbeat.beat(SUBJECT, T0 + 100_000);
        heartbeat.beat(CONTROL, T0 + 100_000);
        vm.expectRevert(abi.encodeWithSelector(IIncidentBook.NothingToPropose.selector, id));
        book.propose(id);
    }

    function test_WithBothSetsOfWatchersTheHeartbeatMayBeSilent() public {
        vm.warp(T0 + 8000);
        _report(0, 100, 8000, true);
        _report(1, 130, 7970, true);
        (Span[] memory spans, bool open) = book.sweep(id);
        assertEq(spans.length, 1, "spans");
        assertEq(spans[0].from, T0 + 130, "from");
        assertEq(spans[0].until, T0 + 7970, "until");
        assertTrue(open, "both say it ended, yet another piece may follow within the merge gap");
        assertFalse(book.quiet(id), "and nothing is sold on evidence that nobody has proposed yet");
    }

    /* HELPERS */

    function _trigger() private view returns (Trigger memory trigger) {
        trigger.subjectId = "eip155:42161";
        trigger.paths = new TriggerPath[](3);
        trigger.paths[0].path = address(watchers[0]);
        trigger.paths[1].path = address(watchers[1]);
        trigger.paths[2].path = address(heartbeat);
        for (uint256 i; i < 3; i++) {
            trigger.paths[i].grace = 15 minutes;
            trigger.paths[i].maximumSilence = 30 days;
        }
        trigger.quorum = 2;
        trigger.mergeGap = 30 minutes;
        trigger.minimumSpell = 10 minutes;
        trigger.challengePeriod = 30 minutes;
        trigger.checkpointStep = 30 minutes;
        trigger.coolingOff = 1 days;
        trigger.tail = 7 days;
    }

    function _beats(bytes32 subject, uint64 from, uint64 until) private {
        for (uint64 t = from; t <= until; t += PERIOD) {
            vm.warp(T0 + t);
            heartbeat.beat(subject, T0 + t);
        }
    }

    /// @dev Two observers of a set sign [from, until), seconds after T0.
    function _report(uint256 set, uint64 from, uint64 until, bool ended) private {
        Observation[] memory list = new Observation[](2);
        bytes[] memory signatures = new bytes[](2);
        for (uint256 i; i < 2; i++) {
            list[i] = Observation(SUBJECT, T0 + from, T0 + until, ended, uint64(block.timestamp));
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[set][i], watchers[set].observationDigest(list[i]));
            signatures[i] = abi.encodePacked(r, s, v);
        }
        watchers[set].report(list, signatures);
    }
}
