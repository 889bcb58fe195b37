// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IHeartbeatPath} from "../src/interfaces/IHeartbeatPath.sol";
import {PathKind} from "../src/interfaces/IPath.sol";
import {HeartbeatPath} from "../src/paths/HeartbeatPath.sol";
import {Test} from "./Test.sol";

contract HeartbeatPathTest is Test {
    uint64 private constant T0 = 1_000_000;
    uint64 private constant PERIOD = 300;
    uint64 private constant LATENCY = 100;
    uint64 private constant ALARM = 500;
    bytes32 private constant SUBJECT = "subject";
    bytes32 private constant CONTROL = "control";

    HeartbeatPath private path;

    function setUp() public {
        vm.warp(T0);
        path = _path(PERIOD, LATENCY, ALARM, SUBJECT, CONTROL);
    }

    /* SETUP */

    function test_ItsOnlyPartyIsTheRelayer() public view {
        assertEq(path.parties().length, 1, "parties");
        assertEq(path.parties()[0], bytes32(uint256(uint160(address(this)))), "party");
        assertTrue(path.kind() == PathKind.ABSENCE, "kind");
        assertEq(path.controlOf(SUBJECT), CONTROL, "control");
        assertEq(path.controlOf(CONTROL), SUBJECT, "mutual");
    }

    function test_ASetupThatCannotWorkIsRefused() public {
        _failsSetup("period not in 1..1 day");
        _path(0, LATENCY, ALARM, SUBJECT, CONTROL);
        _failsSetup("latency not in 1..1 day");
        _path(PERIOD, 0, ALARM, SUBJECT, CONTROL);
        _failsSetup("alarmAfter not in period..7 days");
        _path(PERIOD, LATENCY, PERIOD - 1, SUBJECT, CONTROL);
        _failsSetup("a control is another subject");
        _path(PERIOD, LATENCY, ALARM, SUBJECT, SUBJECT);
        _failsSetup("a control is another subject");
        _path(PERIOD, LATENCY, ALARM, SUBJECT, 0);
        _failsSetup("relayer is zero");
        new HeartbeatPath(address(0), 0, PERIOD, LATENCY, ALARM, new bytes32[](0), new bytes32[](0));
        _failsSetup("each subject needs one control");
        new HeartbeatPath(address(this), 0, PERIOD, LATENCY, ALARM, new bytes32[](1), new bytes32[](0));

        (bytes32[] memory subjects, bytes32[] memory controls) = _both(SUBJECT, CONTROL);
        (subjects[1], controls[1]) = (SUBJECT, CONTROL);
        _failsSetup("subject listed twice");
        new HeartbeatPath(address(this), 0, PERIOD, LATENCY, ALARM, subjects, controls);
        (subjects, controls) = _both(SUBJECT, CONTROL);
        controls[1] = "nobody";
        _failsSetup("a control must be a subject of the path");
        new HeartbeatPath(address(this), 0, PERIOD, LATENCY, ALARM, subjects, controls);
    }

    /* BEATS */

    function test_ABeatThatIsLateIsRefused() public {
        vm.warp(T0 + 101);
        vm.expectRevert(abi.encodeWithSelector(IHeartbeatPath.Late.selector, T0, T0 + 101, LATENCY));
        path.beat(SUBJECT, T0);
        path.beat(SUBJECT, T0 + 1);
        assertEq(path.lastBeat(SUBJECT), T0 + 1, "the latest second that counts");
    }

    function test_ABeatFromTheFutureIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(IHeartbeatPath.Late.selector, T0 + 1, T0, LATENCY));
        path.beat(SUBJECT, T0 + 1);
    }

    function test_ABeatOutOfOrderIsRefused() public {
        path.beat(SUBJECT, T0);
        vm.expectRevert(abi.encodeWithSelector(IHeartbeatPath.OutOfOrder.selector, T0, T0));
        path.beat(SUBJECT, T0);
    }

    function test_OnlyTheRelayerBringsBeatsAndOnlyOfKnownSubjects() public {
        vm.prank(makeAddr("stranger"));
        vm.expectRevert(abi.encodeWithSelector(IHeartbeatPath.NotRelayer.selector, makeAddr("stranger")));
        path.beat(SUBJECT, T0);
        vm.expectRevert(abi.encodeWithSelector(IHeartbeatPath.UnknownSubject.selector, bytes32("nobody")));
        path.beat("nobody", T0);
    }

    /* SPELLS */

    function test_BeforeTheFirstBeatNothingIsSaid() public {
        _beats(CONTROL, 0, 3000);
        assertEq(path.spellCount(SUBJECT), 0, "spells");
        assertFalse(path.alarmed(SUBJECT), "alarm");
        assertEq(path.spellCount("nobody"), 0, "unknown subject");
        assertFalse(path.alarmed("nobody"), "alarm of an unknown subject");
    }

    function test_RegularBeatsLeaveNoSpell() public {
        for (uint64 t; t <= 3000; t += PERIOD) {
            _beats(SUBJECT, t, t);
            _beats(CONTROL, t, t);
            assertFalse(path.alarmed(SUBJECT), "alarm");
        }
        assertEq(path.spellCount(SUBJECT), 0, "spells");
    }

    function test_ASilenceCountsFromTheMissedBeatToLatencyAgoWhileTheControlIsHeard() public {
        _beats(SUBJECT, 0, 0);
        _beats(CONTROL, 0, 900);
        _assertSpell(0, 300, 800, true, "running");
        vm.warp(T0 + 950);
        _assertSpell(0, 300, 850, true, "grown");
        vm.warp(T0 + 1100);
        _assertSpell(0, 300, 900, true, "not beyond the control's last beat");
        _beats(CONTROL, 1200, 1200);
        _assertSpell(0, 300, 1100, true, "the control came again in time");
    }

    function test_TheNextBeatEndsTheSpell() public {
        _beats(SUBJECT, 0, 0);
        _beats(CONTROL, 0, 1200);
        _beats(SUBJECT, 1210, 1210);
        _assertSpell(0, 300, 1200, false, "ended");
        assertEq(path.spellCount(SUBJECT), 1, "spells");
        assertFalse(path.alarmed(SUBJECT), "alarm");
    }

    function test_AHostStallSilencesEverybodyAndNothingCounts() public {
        _beats(SUBJECT, 0, 0);
        _beats(CONTROL, 0, 0);
        vm.warp(T0 + 50_000);
        assertEq(path.spellCount(SUBJECT), 0, "while stalled");
        assertFalse(path.alarmed(SUBJECT), "alarm");
        path.beat(CONTROL, T0 + 50_000);
        assertEq(path.spellCount(SUBJECT), 0, "the control came first");
        path.beat(SUBJECT, T0 + 50_000);
        assertEq(path.spellCount(SUBJECT), 0, "after the stall");
    }

    function test_ASilenceIsCutWhereTheControlWasSilentToo() public {
        _beats(SUBJECT, 0, 0);
        _beats(CONTROL, 0, 900);
        _beats(CONTROL, 3000, 3900);
        _assertSpell(0, 300, 900, false, "first piece is closed");
        _assertSpell(1, 3000, 3800, true, "second piece runs");
        _beats(SUBJECT, 4000, 4000);
        _assertSpell(1, 3000, 3900, false, "second piece ended");
        assertEq(path.spellCount(SUBJECT), 2, "spells");
    }

    function test_ALoneBeatOfTheControlAfterAGapCoversNothing() public {
        _beats(SUBJECT, 0, 0);
        _beats(CONTROL, 0, 0);
        for (uint64 t = 1000; t <= 20_000; t += 1000) {
            _beats(CONTROL, t, t);
        }
        assertEq(path.spellCount(SUBJECT), 0, "lone beats");
        _beats(CONTROL, 20_300, 20_300);
        _assertSpell(0, 20_000, 20_200, true, "two beats in time make a window, and lone ones used up no room");
    }

    function test_AtMostTheOldestEightPiecesOfASilenceCount() public {
        _beats(SUBJECT, 0, 0);
        for (uint64 t = 0; t < 12_000; t += 1000) {
            _beats(CONTROL, t, t + 300);
        }
        assertEq(path.spellCount(SUBJECT), 8, "running");
        (,, bool open) = path.spell(SUBJECT, 7);
        assertFalse(open, "the eighth is closed");
        _beats(SUBJECT, 12_000, 12_000);
        assertEq(path.spellCount(SUBJECT), 8, "ended");
    }

    function test_ASpellStopsBeingOpenWhenTheControlCanNoLongerExtendIt() public {
        _beats(SUBJECT, 0, 0);
        _beats(CONTROL, 0, 900);
        vm.warp(T0 + 900 + PERIOD + PERIOD / 2 + LATENCY);
        _assertSpell(0, 300, 900, true, "a late beat may still come");
        vm.warp(block.timestamp + 1);
        _assertSpell(0, 300, 900, false, "none can");
        assertFalse(path.alarmed(SUBJECT), "alarm");
    }

    function test_JitterWithinTheLatencyLeavesNoSpell() public {
        for (uint64 t; t <= 20 * 350; t += 350) {
            _beats(SUBJECT, t, t);
            _beats(CONTROL, t, t);
        }
        assertEq(path.spellCount(SUBJECT), 0, "spells");
    }

    /// @dev Latency is no excuse: over a host's stall of twenty minutes nobody is heard, however late a beat may be.
    function test_ControlWindowsExtendOverSentTimeOnly() public {
        path = _path(PERIOD, 900, 600, SUBJECT, CONTROL);
        _beats(SUBJECT, 0, 3000);
        vm.warp(T0 + 3050);
        path.beat(CONTROL, T0 + 3050);
        vm.warp(T0 + 4400);
        path.beat(CONTROL, T0 + 3800);
        path.beat(CONTROL, T0 + 4400);
        path.beat(SUBJECT, T0 + 4400);
        assertEq(path.spellCount(SUBJECT), 0, "the control was unheard for as long");
    }

    function test_ABeatOneAndAHalfPeriodsAfterTheLastExtendsItsWindowToTheSecond() public {
        _beats(SUBJECT, 0, 0);
        _beats(CONTROL, 0, 300);
        _beats(CONTROL, 750, 750);
        vm.warp(T0 + 1000);
        _assertSpell(0, 300, 750, true, "within");
        _beats(CONTROL, 1201, 1501);
        _assertSpell(0, 300, 750, false, "one second more is a gap");
        _assertSpell(1, 1201, 1401, true, "and a new window");
    }

    /* ALARM */

    function test_ItIsAlarmedAfterItsTimeIfTheControlIsHeard() public {
        _beats(SUBJECT, 0, 0);
        _beats(CONTROL, 0, 300);
        vm.warp(T0 + 400);
        assertFalse(path.alarmed(SUBJECT), "no spell runs yet");
        path.beat(CONTROL, T0 + 400);
        vm.warp(T0 + 501);
        assertTrue(path.alarmed(SUBJECT), "alarm");
    }

    /* PROPERTY */

    /// @dev At every moment of any history: every spell shown before is still there, starts where it did, and has not shrunk.
    function testFuzz_WhatAViewAttestedStaysAttested(uint256 seed) public {
        uint64[40] memory from;
        uint64[40] memory until;
        uint256 count;
        for (uint256 step; step < 120; step++) {
            seed = uint256(keccak256(abi.encode(seed)));
            vm.warp(block.timestamp + seed % ((seed >> 8) % 5 == 0 ? 900 : 200));
            uint64 sentAt = uint64(block.timestamp - (seed >> 16) % (LATENCY + 1));
            bool silent = (step / 30) % 2 == 1 && (seed >> 24) % 10 != 0;
            bytes32 who = (seed >> 32) % 2 == 0 && !silent ? SUBJECT : CONTROL;
            if (sentAt > path.lastBeat(who)) path.beat(who, sentAt);

            uint256 present = path.spellCount(SUBJECT);
            assertGe(present, count, "a spell vanished");
            for (uint256 i; i < present && i < 40; i++) {
                (uint64 f, uint64 u, bool open) = path.spell(SUBJECT, i);
                assertLt(f, u, "empty spell");
                assertLe(u, block.timestamp, "spell from the future");
                if (i + 1 < present) assertFalse(open, "an earlier spell is open");
                if (i > 0) assertGe(f, until[i - 1], "out of order");
                if (i < count) {
                    assertEq(f, from[i], "start moved");
                    assertGe(u, until[i], "spell shrank");
                    if (i + 1 < count) assertEq(u, until[i], "an earlier spell grew");
                }
                (from[i], until[i]) = (f, u);
            }
            count = present;
        }
    }

    /* HELPERS */

    function _path(uint64 period, uint64 latency, uint64 alarmAfter, bytes32 subject, bytes32 control)
        private
        returns (HeartbeatPath)
    {
        (bytes32[] memory subjects, bytes32[] memory controls) = _both(subject, control);
        return new HeartbeatPath(address(this), 0, period, latency, alarmAfter, subjects, controls);
    }

    function _both(bytes32 subject, bytes32 control)
        private
        pure
        returns (bytes32[] memory subjects, bytes32[] memory controls)
    {
        subjects = new bytes32[](2);
        controls = new bytes32[](2);
        (subjects[0], controls[0]) = (subject, control);
        (subjects[1], controls[1]) = (control, subject);
    }

    /// @dev Beats each period from `from` to `until`, seconds after T0, each on time.
    function _beats(bytes32 subject, uint64 from, uint64 until) private {
        for (uint64 t = from; t <= until; t += PERIOD) {
            vm.warp(T0 + t);
            path.beat(subject, T0 + t);
        }
    }

    function _assertSpell(uint256 index, uint64 from, uint64 until, bool open, string memory what) private view {
        (uint64 f, uint64 u, bool o) = path.spell(SUBJECT, index);
        assertEq(f, T0 + from, string.concat(what, ": from"));
        assertEq(u, T0 + until, string.concat(what, ": until"));
        assertEq(o, open, string.concat(what, ": open"));
    }

    function _failsSetup(string memory reason) private {
        vm.expectRevert(abi.encodeWithSelector(IHeartbeatPath.InvalidSetup.selector, reason));
    }
}
