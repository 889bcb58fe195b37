// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IWatcherPath, Observation} from "../src/interfaces/IWatcherPath.sol";
import {WatcherPath} from "../src/paths/WatcherPath.sol";
import {Test} from "./Test.sol";

/// @title Observers that have nothing to report and say that they are there
contract WatcherAttendanceTest is Test {
    uint64 private constant BORN = 1_000_000;
    uint64 private constant NOW = BORN + 30 days;
    bytes32 private constant SUBJECT = keccak256("eip155:42161");

    WatcherPath private path;
    /// @dev In ascending order of their addresses; the last one is no observer.
    uint256[4] private keys;

    function setUp() public {
        vm.warp(BORN);
        address[] memory observers = new address[](3);
        for (uint256 i; i < 4; i++) {
            keys[i] = i + 1;
            for (uint256 j = i; j > 0 && vm.addr(keys[j]) < vm.addr(keys[j - 1]); j--) {
                (keys[j], keys[j - 1]) = (keys[j - 1], keys[j]);
            }
        }
        for (uint256 i; i < 3; i++) {
            observers[i] = vm.addr(keys[i]);
        }
        path = new WatcherPath(observers, 2);
        vm.warp(NOW);
    }

    function test_BeforeAnySignItWasLastHeardOfAtItsCreation() public view {
        assertEq(path.lastHeard(SUBJECT), BORN, "creation");
        assertEq(path.attendedAt(), 0, "never");
        assertEq(path.fundedUntil(SUBJECT), type(uint64).max, "nobody pays");
    }

    function test_AnAttendanceIsHeardForEverySubject() public {
        vm.expectEmit(address(path));
        emit IWatcherPath.Attended(NOW - 5);
        path.attend(NOW - 5, _two(0, 2, NOW - 5));
        assertEq(path.attendedAt(), NOW - 5, "attended");
        assertEq(path.lastHeard(SUBJECT), NOW - 5, "subject");
        assertEq(path.lastHeard("another"), NOW - 5, "another");
        assertFalse(path.alarmed(SUBJECT), "no alarm");
        assertEq(path.spellCount(SUBJECT), 0, "no spell");
    }

    function test_AnAlarmOrAReportIsASignOfLifeForItsSubject() public {
        path.raiseAlarm(SUBJECT, NOW - 60, NOW, _sign(0, path.alarmDigest(SUBJECT, NOW - 60, NOW)));
        assertEq(path.lastHeard(SUBJECT), NOW - 60, "alarm");
        Observation[] memory list = new Observation[](2);
        bytes[] memory signatures = new bytes[](2);
        for (uint256 i; i < 2; i++) {
            list[i] = Observation(SUBJECT, NOW - 500, NOW - 100, true, NOW);
            signatures[i] = _sign(i, path.observationDigest(list[i]));
        }
        path.report(list, signatures);
        assertEq(path.lastHeard(SUBJECT), NOW, "report");
        assertEq(path.lastHeard("another"), BORN, "another subject");
    }

    function test_AnAttendanceIsNewAndNotAhead() public {
        path.attend(NOW - 5, _two(0, 1, NOW - 5));
        _refused(
            NOW - 5,
            _two(0, 1, NOW - 5),
            abi.encodeWithSelector(IWatcherPath.BadAttendance.selector, NOW - 5, NOW - 5, NOW)
        );
        _refused(
            NOW + 1,
            _two(0, 1, NOW + 1),
            abi.encodeWithSelector(IWatcherPath.BadAttendance.selector, NOW + 1, NOW - 5, NOW)
        );
        path.attend(NOW, _two(0, 1, NOW));
    }

    function test_TooFewTwiceTheSameOrStrangersAreRefused() public {
        bytes[] memory one = new bytes[](1);
        one[0] = _sign(0, path.attendanceDigest(NOW));
        _refused(NOW, one, abi.encodeWithSelector(IWatcherPath.TooFewSignatures.selector, 1, 2));
        _refused(
            NOW, _two(0, 0, NOW), abi.encodeWithSelector(IWatcherPath.SignersNotAscending.selector, vm.addr(keys[0]))
        );
        _refused(
            NOW, _two(1, 0, NOW), abi.encodeWithSelector(IWatcherPath.SignersNotAscending.selector, vm.addr(keys[0]))
        );
        _refused(NOW, _two(0, 3, NOW), abi.encodeWithSelector(IWatcherPath.NotObserver.selector, vm.addr(keys[3])));
    }

    function testFuzz_ItWasLastHeardOfAtTheLatestSign(uint64 attended, uint64 alarmed) public {
        attended = uint64(bound(attended, 1, NOW));
        alarmed = uint64(bound(alarmed, 1, NOW));
        path.attend(attended, _two(0, 1, attended));
        path.raiseAlarm(SUBJECT, alarmed, NOW, _sign(0, path.alarmDigest(SUBJECT, alarmed, NOW)));
        uint64 latest = attended > alarmed ? attended : alarmed;
        assertEq(path.lastHeard(SUBJECT), latest > BORN ? latest : BORN, "latest");
    }

    function _refused(uint64 presentAt, bytes[] memory signatures, bytes memory reason) private {
        vm.expectRevert(reason);
        path.attend(presentAt, signatures);
    }

    function _two(uint256 first, uint256 second, uint64 presentAt) private view returns (bytes[] memory signatures) {
        signatures = new bytes[](2);
        signatures[0] = _sign(first, path.attendanceDigest(presentAt));
        signatures[1] = _sign(second, path.attendanceDigest(presentAt));
    }

    function _sign(uint256 who, bytes32 digest) private view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[who], digest);
        return abi.encodePacked(r, s, v);
    }
}
