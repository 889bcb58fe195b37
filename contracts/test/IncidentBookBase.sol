// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IncidentBook} from "../src/IncidentBook.sol";
import {IIncidentBook, Incident, Span, Trigger, TriggerPath} from "../src/interfaces/IIncidentBook.sol";
import {PathKind} from "../src/interfaces/IPath.sol";
import {ScriptedPath} from "./ScriptedPath.sol";
import {Test} from "./Test.sol";

/// @title A book with one trigger over two QUORUM paths and two ABSENCE paths of four families, k = 2
abstract contract IncidentBookBase is Test {
    /// @dev When the trigger is created; every time of the tests is told from here.
    uint64 internal constant T0 = 1_700_000_000;
    uint32 internal constant CHALLENGE = 30 minutes;
    uint32 internal constant GAP = 30 minutes;
    uint32 internal constant MINIMUM = 10 minutes;
    uint32 internal constant STEP = 1 hours;
    uint32 internal constant GRACE = 15 minutes;
    uint32 internal constant SILENCE = 30 days;
    /// @dev The calendar signer's key.
    uint256 internal constant CALENDAR = 0xCA1;

    IncidentBook internal book;
    ScriptedPath internal watchers;
    ScriptedPath internal observers;
    ScriptedPath internal heartbeat;
    ScriptedPath internal posting;
    bytes32 internal id;
    address internal guardian;
    address internal court;
    address internal arbiter;
    address internal calendarSigner;

    function setUp() public virtual {
        vm.warp(T0);
        guardian = makeAddr("guardian");
        court = makeAddr("court");
        arbiter = makeAddr("arbiter");
        calendarSigner = vm.addr(CALENDAR);
        book = new IncidentBook();
        watchers = path(PathKind.QUORUM, "watchers");
        observers = path(PathKind.QUORUM, "observers");
        heartbeat = path(PathKind.ABSENCE, "relayer");
        posting = path(PathKind.ABSENCE, "batcher");
        id = book.createTrigger(rollup());
    }

    /* MAKING */

    function path(PathKind kind, bytes32 party) internal returns (ScriptedPath) {
        bytes32[] memory parties = new bytes32[](1);
        parties[0] = party;
        return new ScriptedPath(kind, parties);
    }

    function rollup() internal view returns (Trigger memory trigger) {
        trigger.subjectId = "eip155:42161";
        trigger.paths = new TriggerPath[](4);
        trigger.paths[0].path = address(watchers);
        trigger.paths[1].path = address(observers);
        trigger.paths[2].path = address(heartbeat);
        trigger.paths[3].path = address(posting);
        for (uint256 i; i < 4; i++) {
            trigger.paths[i].grace = GRACE;
            trigger.paths[i].maximumSilence = SILENCE;
        }
        trigger.quorum = 2;
        trigger.mergeGap = GAP;
        trigger.minimumSpell = MINIMUM;
        trigger.challengePeriod = CHALLENGE;
        trigger.checkpointStep = STEP;
        trigger.coolingOff = 1 days;
        trigger.tail = 7 days;
        trigger.guardian = guardian;
        trigger.court = court;
        trigger.arbiter = arbiter;
        trigger.calendarSigner = calendarSigner;
        trigger.calendarSecondsPerYear = 1 days;
    }

    /* TELLING */

    /// @dev Two QUORUM families say the same, `from` and `until` in seconds after T0, and time moves on to `until` if it lies ahead.
    function down(uint64 from, uint64 until, bool open) internal {
        pass(until);
        watchers.add(T0 + from, T0 + until, open);
        observers.add(T0 + from, T0 + until, open);
    }

    function longer(uint64 until, bool open) internal {
        pass(until);
        watchers.grow(T0 + until, open);
        observers.grow(T0 + until, open);
    }

    /// @dev Moves time on to `time` seconds after T0.
    function pass(uint64 time) internal {
        if (block.timestamp < T0 + time) vm.warp(T0 + time);
    }

    function passBy(uint64 duration) internal {
        vm.warp(block.timestamp + duration);
    }

    function confirmReady(uint256 checkpoint) internal {
        passBy(CHALLENGE);
        book.confirm(id, checkpoint);
    }

    function openDispute(uint64 from) internal {
        vm.prank(court);
        book.openDispute(id, T0 + from);
    }

    function closeDispute(bool upheld) internal {
        vm.prank(court);
        book.closeDispute(id, upheld);
    }

    /// @dev [from, until), seconds after T0, announced by the calendar signer.
    function announce(uint64 from, uint64 until) internal {
        Span memory window = Span(T0 + from, T0 + until);
        book.announce(id, window, signed(CALENDAR, window));
    }

    function signed(uint256 key, Span memory window) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, book.windowDigest(id, window));
        return abi.encodePacked(r, s, v);
    }

    function last() internal view returns (Incident memory) {
        return book.incident(id, book.incidentCount(id) - 1);
    }

    /* ASKING */

    function assertSpans(Span[] memory spans, uint64[2] memory only, string memory what) internal pure {
        assertEq(spans.length, 1, string.concat(what, ": number of spans"));
        assertSpan(spans[0], only, what);
    }

    function assertSpans(Span[] memory spans, uint64[2] memory first, uint64[2] memory second, string memory what)
        internal
        pure
    {
        assertEq(spans.length, 2, string.concat(what, ": number of spans"));
        assertSpan(spans[0], first, what);
        assertSpan(spans[1], second, what);
    }

    function assertSpan(Span memory span, uint64[2] memory expected, string memory what) internal pure {
        assertEq(span.from, T0 + expected[0], string.concat(what, ": from"));
        assertEq(span.until, T0 + expected[1], string.concat(what, ": until"));
    }

    function fails(bytes memory reason) internal {
        vm.expectRevert(reason);
    }

    function fails(bytes4 selector, uint256 a) internal {
        vm.expectRevert(abi.encodeWithSelector(selector, a));
    }

    function fails(bytes4 selector, uint256 a, uint256 b) internal {
        vm.expectRevert(abi.encodeWithSelector(selector, a, b));
    }

    function failsField(string memory field) internal {
        vm.expectRevert(abi.encodeWithSelector(IIncidentBook.InvalidTrigger.selector, field));
    }
}
