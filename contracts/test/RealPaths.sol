// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IncidentBook} from "../src/IncidentBook.sol";
import {Trigger, TriggerPath} from "../src/interfaces/IIncidentBook.sol";
import {Observation} from "../src/interfaces/IWatcherPath.sol";
import {HeartbeatPath} from "../src/paths/HeartbeatPath.sol";
import {WatcherPath} from "../src/paths/WatcherPath.sol";
import {Test} from "./Test.sol";

/// @title A book over four real paths of four families: two sets of watchers, two heartbeats, k = 2
abstract contract RealPaths is Test {
    /// @dev Every time of the tests is told from here.
    uint64 internal constant T0 = 1_700_000_000;
    uint64 internal constant PERIOD = 300;
    uint64 internal constant LATENCY = 60;
    bytes32 internal constant SUBJECT = keccak256("eip155:42161");
    bytes32 internal constant CONTROL = keccak256("eip155:10");

    IncidentBook internal book;
    WatcherPath[2] internal watchers;
    HeartbeatPath[2] internal heartbeats;
    address[2] internal relayers;
    bytes32 internal id;

    function setUp() public virtual {
        vm.warp(T0);
        book = new IncidentBook();
        for (uint256 i; i < 2; i++) {
            address[] memory observers = new address[](1);
            observers[0] = vm.addr(i + 1);
            watchers[i] = new WatcherPath(observers, 1);
            relayers[i] = vm.addr(i + 11);
            heartbeats[i] = heartbeat(relayers[i]);
        }
        id = book.createTrigger(trigger());
    }

    function heartbeat(address relayer) internal returns (HeartbeatPath) {
        bytes32[] memory subjects = new bytes32[](2);
        bytes32[] memory controls = new bytes32[](2);
        (subjects[0], controls[0], subjects[1], controls[1]) = (SUBJECT, CONTROL, CONTROL, SUBJECT);
        return new HeartbeatPath(relayer, 0, PERIOD, LATENCY, 600, subjects, controls);
    }

    function trigger() internal view returns (Trigger memory made) {
        made.subjectId = "eip155:42161";
        made.paths = new TriggerPath[](4);
        made.paths[0].path = address(watchers[0]);
        made.paths[1].path = address(watchers[1]);
        made.paths[2].path = address(heartbeats[0]);
        made.paths[3].path = address(heartbeats[1]);
        for (uint256 i; i < 4; i++) {
            made.paths[i].grace = 15 minutes;
            made.paths[i].maximumSilence = 30 days;
        }
        made.quorum = 2;
        made.mergeGap = 30 minutes;
        made.minimumSpell = 10 minutes;
        made.challengePeriod = 30 minutes;
        made.checkpointStep = 30 minutes;
        made.coolingOff = 1 days;
        made.tail = 7 days;
    }

    /// @dev Both relayers beat each period from `from` to `until`, seconds after T0, each on time.
    function beats(bytes32 subject, uint64 from, uint64 until) internal {
        for (uint64 t = from; t <= until; t += PERIOD) {
            vm.warp(T0 + t);
            for (uint256 i; i < 2; i++) {
                vm.prank(relayers[i]);
                heartbeats[i].beat(subject, T0 + t);
            }
        }
    }

    /// @dev A set of watchers reports [from, until), seconds after T0.
    function report(uint256 set, uint64 from, uint64 until, bool ended) internal {
        Observation[] memory list = new Observation[](1);
        bytes[] memory signatures = new bytes[](1);
        list[0] = Observation(SUBJECT, T0 + from, T0 + until, ended, uint64(block.timestamp));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(set + 1, watchers[set].observationDigest(list[0]));
        signatures[0] = abi.encodePacked(r, s, v);
        watchers[set].report(list, signatures);
    }
}
