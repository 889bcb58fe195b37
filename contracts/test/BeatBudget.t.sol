// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IHeartbeatPath} from "../src/interfaces/IHeartbeatPath.sol";
import {HeartbeatPath} from "../src/paths/HeartbeatPath.sol";
import {Test} from "./Test.sol";

/// @title A relayer that is a contract, in every mood
contract ScriptedRelayer {
    enum Mood {
        SOUND,
        REVERTS,
        BURNS,
        BEATS_AGAIN
    }

    HeartbeatPath public path;
    Mood private _mood;
    bytes32 private _again;

    function serve(HeartbeatPath path_) external {
        path = path_;
    }

    function setMood(Mood mood, bytes32 again) external {
        (_mood, _again) = (mood, again);
    }

    function beat(bytes32 subject) external {
        path.beat(subject, uint64(block.timestamp));
    }

    receive() external payable {
        if (_mood == Mood.REVERTS) revert();
        while (_mood == Mood.BURNS) {}
        if (_mood == Mood.BEATS_AGAIN) path.beat(_again, uint64(block.timestamp));
    }
}

/// @title Who pays for the beats, and how far it reaches
contract BeatBudgetTest is Test {
    uint64 private constant PERIOD = 300;
    /// @dev On a boundary of the clock's periods.
    uint64 private constant T0 = 1_000_200;
    uint256 private constant COST = 1e15;
    bytes32 private constant SUBJECT = "subject";
    bytes32 private constant CONTROL = "control";

    ScriptedRelayer private relayer;
    HeartbeatPath private path;

    function setUp() public {
        vm.warp(T0);
        relayer = new ScriptedRelayer();
        path = _path(COST);
        relayer.serve(path);
        vm.deal(address(this), 100 ether);
    }

    /* FUNDING */

    function test_AnyoneFunds() public {
        address anyone = makeAddr("anyone");
        vm.deal(anyone, 1 ether);
        vm.expectEmit(address(path));
        emit IHeartbeatPath.Funded(anyone, 1 ether, 1 ether);
        vm.prank(anyone);
        path.fund{value: 1 ether}();
        path.fund{value: 2 ether}();
        assertEq(path.budget(), 3 ether, "budget");
        assertEq(path.beatCost(), COST, "cost");
    }

    function test_WithoutACostNothingIsFundedNorEnds() public {
        path = _path(0);
        vm.expectRevert(abi.encodeWithSelector(IHeartbeatPath.NothingToFund.selector));
        path.fund{value: 1}();
        assertEq(path.fundedUntil(SUBJECT), type(uint64).max, "for ever");
        relayer.serve(path);
        relayer.beat(SUBJECT);
        assertEq(path.lastBeat(SUBJECT), T0, "beats all the same");
    }

    function test_OnlyWhatIsFundedIsBudget() public {
        (bool sent,) = address(path).call{value: 1 ether}("");
        assertFalse(sent, "a plain transfer is refused");
        vm.deal(address(path), 5 ether);
        assertEq(path.budget(), 0, "forced coins count for nothing");
        relayer.beat(SUBJECT);
        assertEq(address(relayer).balance, 0, "nor do they pay");
    }

    /* BEATING */

    function test_ABeatIsReimbursed() public {
        path.fund{value: 1 ether}();
        vm.expectEmit(address(path));
        emit IHeartbeatPath.BeatPaid(SUBJECT, COST);
        relayer.beat(SUBJECT);
        assertEq(address(relayer).balance, COST, "received");
        assertEq(path.budget(), 1 ether - COST, "budget");
    }

    function test_NoBeatFailsForWantOfMoney() public {
        path.fund{value: COST - 1}();
        relayer.beat(SUBJECT);
        assertEq(path.lastBeat(SUBJECT), T0, "counted");
        assertEq(path.budget(), COST - 1, "kept");
        assertEq(path.fundedUntil(SUBJECT), T0, "to now");
    }

    function test_NoBeatFailsBecauseItsRelayerCannotReceive() public {
        path.fund{value: 1 ether}();
        for (uint256 mood = 1; mood < 3; mood++) {
            relayer.setMood(ScriptedRelayer.Mood(mood), 0);
            vm.warp(block.timestamp + PERIOD);
            relayer.beat(SUBJECT);
            assertEq(path.lastBeat(SUBJECT), block.timestamp, "counted");
            assertEq(path.budget(), 1 ether, "kept");
        }
    }

    function test_ARelayerThatBeatsAgainWhilePaidGetsNoMoreThanItsBeats() public {
        path.fund{value: 1 ether}();
        relayer.setMood(ScriptedRelayer.Mood.BEATS_AGAIN, CONTROL);
        relayer.beat(SUBJECT);
        assertEq(path.budget() + address(relayer).balance, 1 ether, "to the unit");
        assertGe(path.budget(), 1 ether - 2 * COST, "two beats at most");
    }

    function test_BeatingFasterThanThePeriodEmptiesNothingSooner() public {
        path.fund{value: 1 ether}();
        for (uint256 i; i < 3 * PERIOD; i += 10) {
            vm.warp(T0 + i);
            relayer.beat(SUBJECT);
        }
        assertEq(address(relayer).balance, 3 * COST, "one a period");
        vm.warp(T0 + 3 * PERIOD);
        relayer.beat(SUBJECT);
        assertEq(address(relayer).balance, 4 * COST, "the next period's");
    }

    /* HOW FAR IT REACHES */

    function test_TheBudgetReachesAsFarAsItsBeatsOfAllSubjects() public {
        path.fund{value: 10 * COST + COST - 1}();
        assertEq(path.fundedUntil(SUBJECT), T0 + 10 * PERIOD / 2, "ten beats of two subjects");
        path.fund{value: 1}();
        assertEq(path.fundedUntil(CONTROL), T0 + 11 * PERIOD / 2, "eleven");
    }

    /// @dev Whatever the relayer does, the money lasts as long as was said, less the one period that has begun.
    function testFuzz_WhatWasSaidToBeFundedIs(uint256 seed, uint256 beats) public {
        path.fund{value: bound(beats, 4, 40) * COST}();
        uint64 until = path.fundedUntil(SUBJECT);
        for (uint256 i; i < 120 && block.timestamp + PERIOD < until; i++) {
            seed = uint256(keccak256(abi.encode(seed)));
            bytes32 who = seed % 2 == 0 ? SUBJECT : CONTROL;
            if (path.lastBeat(who) < block.timestamp) {
                uint256 before = address(relayer).balance;
                uint64 last = path.lastBeat(who);
                relayer.beat(who);
                if (block.timestamp / PERIOD > last / PERIOD) {
                    assertEq(address(relayer).balance - before, COST, "paid while funded");
                }
            }
            vm.warp(block.timestamp + 1 + (seed >> 8) % 200);
        }
    }

    /* LAST HEARD */

    function test_BeforeAnyBeatItWasLastHeardOfAtItsCreationThenOfSubjectOrControl() public {
        vm.warp(T0 + 1000);
        assertEq(path.lastHeard(SUBJECT), T0, "creation");
        relayer.beat(CONTROL);
        assertEq(path.lastHeard(SUBJECT), T0 + 1000, "its control");
        vm.warp(T0 + 1200);
        relayer.beat(SUBJECT);
        assertEq(path.lastHeard(SUBJECT), T0 + 1200, "itself");
        assertEq(path.lastHeard(CONTROL), T0 + 1200, "and for the control");
        assertEq(path.lastHeard("stranger"), T0, "a stranger never");
    }

    function _path(uint256 cost) private returns (HeartbeatPath) {
        bytes32[] memory subjects = new bytes32[](2);
        bytes32[] memory controls = new bytes32[](2);
        (subjects[0], controls[0], subjects[1], controls[1]) = (SUBJECT, CONTROL, CONTROL, SUBJECT);
        return new HeartbeatPath(address(relayer), cost, PERIOD, 100, 500, subjects, controls);
    }
}
