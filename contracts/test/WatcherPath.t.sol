// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {PathKind} from "../src/interfaces/IPath.sol";
import {IWatcherPath, Observation} from "../src/interfaces/IWatcherPath.sol";
import {WatcherPath} from "../src/paths/WatcherPath.sol";
import {Test} from "./Test.sol";

contract WatcherPathTest is Test {
    uint64 private constant NOW = 1_000_000;
    bytes32 private constant SUBJECT = keccak256("eip155:42161");

    WatcherPath private path;
    /// @dev In ascending order of their addresses.
    uint256[4] private keys;

    function setUp() public {
        vm.warp(NOW);
        for (uint256 i; i < 4; i++) {
            keys[i] = i + 1;
            for (uint256 j = i; j > 0 && vm.addr(keys[j]) < vm.addr(keys[j - 1]); j--) {
                (keys[j], keys[j - 1]) = (keys[j - 1], keys[j]);
            }
        }
        path = new WatcherPath(_observers(3), 2);
    }

    /* SETUP */

    function test_ItsPartiesAreItsObservers() public view {
        bytes32[] memory parties = path.parties();
        assertEq(parties.length, 3, "number");
        for (uint256 i; i < 3; i++) {
            assertEq(parties[i], bytes32(uint256(uint160(vm.addr(keys[i])))), "party");
            assertEq(path.observers()[i], vm.addr(keys[i]), "observer");
        }
        assertTrue(path.kind() == PathKind.QUORUM, "kind");
        assertEq(path.threshold(), 2, "threshold");
    }

    function test_ASetupThatCannotWorkIsRefused() public {
        _failsSetup("threshold not in 1..n");
        new WatcherPath(_observers(3), 0);
        _failsSetup("threshold not in 1..n");
        new WatcherPath(_observers(3), 4);

        address[] memory twice = new address[](2);
        (twice[0], twice[1]) = (vm.addr(1), vm.addr(1));
        _failsSetup("not strictly ascending");
        new WatcherPath(twice, 1);

        _failsSetup("not strictly ascending");
        new WatcherPath(new address[](1), 1);

        _failsSetup("more than 16");
        new WatcherPath(new address[](17), 1);
    }

    /* REPORTING */

    function test_TheIntersectionOfWhatObserversSignedIsAttested() public {
        _report(100, 300, true, 150, 280, false);
        _assertSpell(0, 150, 280, true, "intersection");
        assertEq(path.spellCount(SUBJECT), 1, "spells");
        assertEq(path.spellCount("another"), 0, "another subject");
    }

    function test_ASpellGrowsAtBothEnds() public {
        _report(100, 300, false, 100, 300, false);
        _report(50, 400, false, 60, 400, false);
        _assertSpell(0, 60, 400, true, "grown");
        _report(400, 500, true, 400, 500, true);
        _assertSpell(0, 60, 500, false, "grown and ended");
        _report(20, 200, false, 20, 200, false);
        _assertSpell(0, 20, 500, false, "what reaches less far says nothing of its end");
        _report(10, 500, false, 10, 500, false);
        _assertSpell(0, 10, 500, false, "nor does it open again");
        assertEq(path.spellCount(SUBJECT), 1, "spells");
    }

    /// @dev The third observer lies, with an honest signature of the first, handed in before the honest two's.
    function test_ReportsOfSliversKeepNothingOfTheWholeFromBeingHeard() public {
        for (uint64 i; i < 20; i++) {
            _report(100, 300, false, 150 + 5 * i, 151 + 5 * i, false);
        }
        assertEq(path.spellCount(SUBJECT), 20, "slivers");
        _report(100, 300, false, 100, 300, false);
        _assertSpell(0, 100, 300, true, "the whole");
        assertEq(path.spellCount(SUBJECT), 1, "spells");
    }

    function test_AReportUnitesSixtyFourSpellsAtATime() public {
        for (uint64 i; i < 70; i++) {
            _report(100, 900, true, 110 + 10 * i, 111 + 10 * i, true);
        }
        _report(100, 900, true, 100, 900, true);
        assertEq(path.spellCount(SUBJECT), 7, "the newest 64 are one");
        _assertSpell(6, 161, 900, false, "from the end of the one before");
        _report(100, 900, true, 100, 900, true);
        assertEq(path.spellCount(SUBJECT), 1, "again");
        _assertSpell(0, 100, 900, false, "the whole");
    }

    function test_AReportOfAnEarlierStopTakesItsPlaceBeforeALaterOne() public {
        _report(500, 600, false, 500, 600, false);
        _report(900, 950, false, 900, 950, false);
        _report(700, 800, false, 700, 800, false);
        _report(100, 400, true, 100, 400, true);
        _assertSpell(0, 100, 400, false, "first");
        _assertSpell(1, 500, 600, false, "second");
        _assertSpell(2, 700, 800, false, "third, though nobody said it ended");
        _assertSpell(3, 900, 950, true, "fourth");
        vm.expectEmit(address(path));
        emit IWatcherPath.SpellReported(SUBJECT, 1, 450, 850, false);
        _report(450, 850, false, 450, 850, false);
        assertEq(path.spellCount(SUBJECT), 3, "two were united");
        _assertSpell(2, 900, 950, true, "the last one is as before");
    }

    function test_ASpellIsClosedWhenEverybodySaysSo() public {
        _report(100, 300, false, 100, 300, false);
        _report(100, 300, true, 100, 300, true);
        _assertSpell(0, 100, 300, false, "closed");
    }

    function test_ASpellStaysOpenWhileOneObserverSaysSo() public {
        _report(100, 300, true, 100, 300, false);
        _assertSpell(0, 100, 300, true, "the second");
        _report(100, 400, false, 100, 400, true);
        _assertSpell(0, 100, 400, true, "the first");
    }

    function test_ALaterSpellClosesTheOneBefore() public {
        _report(100, 300, false, 100, 300, false);
        vm.expectEmit(address(path));
        emit IWatcherPath.SpellReported(SUBJECT, 1, 301, 400, true);
        _report(301, 400, false, 301, 400, false);
        _assertSpell(0, 100, 300, false, "first");
        _assertSpell(1, 301, 400, true, "second");
    }

    function test_WhatAddsNothingIsRefused() public {
        _report(100, 300, true, 100, 300, true);
        bytes memory reason = abi.encodeWithSelector(IWatcherPath.NothingNew.selector, 300, 300);
        _expectReport(100, 300, reason, "same again");
        reason = abi.encodeWithSelector(IWatcherPath.NothingNew.selector, 250, 300);
        _expectReport(150, 250, reason, "within it");
    }

    function test_TimeAheadOrAnEmptyIntervalIsRefused() public {
        bytes memory reason = abi.encodeWithSelector(IWatcherPath.BadInterval.selector, 100, NOW + 1, NOW);
        _expectReport(100, NOW + 1, reason, "future");
        reason = abi.encodeWithSelector(IWatcherPath.BadInterval.selector, 100, 100, NOW);
        _expectReport(100, 100, reason, "empty");
    }

    function test_ObservationsWithoutACommonSecondAreRefused() public {
        (Observation[] memory list, bytes[] memory signatures) = _pair(100, 200, false, 200, 300, false);
        vm.expectRevert(abi.encodeWithSelector(IWatcherPath.NoIntersection.selector, 200, 200));
        path.report(list, signatures);
    }

    function test_TooFewObserversAreRefused() public {
        Observation[] memory list = new Observation[](1);
        bytes[] memory signatures = new bytes[](1);
        list[0] = Observation(SUBJECT, 100, 200, false, NOW);
        signatures[0] = _sign(keys[0], path.observationDigest(list[0]));
        vm.expectRevert(abi.encodeWithSelector(IWatcherPath.TooFewObservations.selector, 1, 2));
        path.report(list, signatures);

        vm.expectRevert(abi.encodeWithSelector(IWatcherPath.LengthMismatch.selector, 1, 2));
        path.report(list, new bytes[](2));
    }

    function test_OneObserverDoesNotCountTwice() public {
        (Observation[] memory list, bytes[] memory signatures) = _pair(100, 200, false, 100, 200, false);
        signatures[1] = signatures[0];
        vm.expectRevert(abi.encodeWithSelector(IWatcherPath.SignersNotAscending.selector, vm.addr(keys[0])));
        path.report(list, signatures);
    }

    function test_AStrangerDoesNotCount() public {
        (Observation[] memory list, bytes[] memory signatures) = _pair(100, 200, false, 100, 200, false);
        signatures[1] = _sign(keys[3], path.observationDigest(list[1]));
        vm.expectRevert(abi.encodeWithSelector(IWatcherPath.NotObserver.selector, vm.addr(keys[3])));
        path.report(list, signatures);
    }

    function test_AnExpiredSignatureIsRefusedAndTheLastSecondIsGood() public {
        (Observation[] memory list, bytes[] memory signatures) = _pair(100, 200, false, 100, 200, false);
        vm.warp(NOW + 1);
        vm.expectRevert(abi.encodeWithSelector(IWatcherPath.Expired.selector, NOW));
        path.report(list, signatures);
        vm.warp(NOW);
        path.report(list, signatures);
    }

    function test_ObservationsOfTwoSubjectsDoNotMix() public {
        (Observation[] memory list, bytes[] memory signatures) = _pair(100, 200, false, 100, 200, false);
        list[1].subject = "another";
        signatures[1] = _sign(keys[1], path.observationDigest(list[1]));
        vm.expectRevert(abi.encodeWithSelector(IWatcherPath.MixedSubjects.selector, SUBJECT, bytes32("another")));
        path.report(list, signatures);
    }

    function test_ASignatureHoldsForOneContractOnly() public {
        (Observation[] memory list, bytes[] memory signatures) = _pair(100, 200, false, 100, 200, false);
        WatcherPath other = new WatcherPath(_observers(3), 2);
        vm.expectRevert();
        other.report(list, signatures);
        assertEq(other.spellCount(SUBJECT), 0, "spells");
    }

    function test_TheTwinOfASignatureIsRefused() public {
        (Observation[] memory list, bytes[] memory signatures) = _pair(100, 200, false, 100, 200, false);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[0], path.observationDigest(list[0]));
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        bytes32 twin = bytes32(order - uint256(s));
        signatures[0] = abi.encodePacked(r, twin, v == 27 ? uint8(28) : uint8(27));
        vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureS.selector, twin));
        path.report(list, signatures);
    }

    /// @dev Whatever is reported, in whatever order: exactly what was reported is attested, and spells stay in order and apart.
    function testFuzz_WhatIsReportedIsAttestedInWhateverOrder(uint64[10] memory starts, uint64[10] memory lengths)
        public
    {
        bool[] memory attested = new bool[](300);
        for (uint256 i; i < 10; i++) {
            uint64 start = uint64(bound(starts[i], 1, 200));
            uint64 end = start + uint64(bound(lengths[i], 1, 40));
            (Observation[] memory list, bytes[] memory signatures) =
                _pair(start, end, i % 2 == 0, start, end, lengths[i] % 3 == 0);
            bool news;
            for (uint64 time = start; time < end; time++) {
                news = news || !attested[time];
                attested[time] = true;
            }
            try path.report(list, signatures) {}
            catch {
                assertFalse(news, "a second was refused");
            }
            _checkAttested(attested);
        }
    }

    function _checkAttested(bool[] memory attested) private view {
        uint256 total;
        uint64 previous;
        uint256 count = path.spellCount(SUBJECT);
        for (uint256 i; i < count; i++) {
            (uint64 from, uint64 until, bool open) = path.spell(SUBJECT, i);
            assertGt(from, previous, "spells touch");
            if (i + 1 < count) assertFalse(open, "an earlier spell is open");
            for (uint64 time = from; time < until; time++) {
                assertTrue(attested[time], "a second was made up");
            }
            total += until - from;
            previous = until;
        }
        for (uint256 time; time < attested.length; time++) {
            if (attested[time]) total--;
        }
        assertEq(total, 0, "a second went");
    }

    /* ALARM */

    function test_OneObserverRaisesTheAlarmForAnHour() public {
        _alarm(keys[1], NOW - 60, NOW);
        assertTrue(path.alarmed(SUBJECT), "raised");
        assertEq(path.alarmedUntil(SUBJECT), NOW - 60 + 1 hours, "until");
        vm.warp(NOW - 60 + 1 hours - 1);
        assertTrue(path.alarmed(SUBJECT), "last second");
        vm.warp(NOW - 60 + 1 hours);
        assertFalse(path.alarmed(SUBJECT), "over");
    }

    function test_AnEarlierAlarmDoesNotShortenALaterOne() public {
        _alarm(keys[1], NOW, NOW);
        _alarm(keys[0], NOW - 600, NOW);
        assertEq(path.alarmedUntil(SUBJECT), NOW + 1 hours, "until");
    }

    function test_AnAlarmOfAStrangerOrExpiredOrFromTheFutureIsRefused() public {
        bytes memory signature = _sign(keys[3], path.alarmDigest(SUBJECT, NOW, NOW));
        vm.expectRevert(abi.encodeWithSelector(IWatcherPath.NotObserver.selector, vm.addr(keys[3])));
        path.raiseAlarm(SUBJECT, NOW, NOW, signature);
        vm.expectRevert(abi.encodeWithSelector(IWatcherPath.Expired.selector, NOW - 1));
        path.raiseAlarm(SUBJECT, NOW, NOW - 1, signature);
        vm.expectRevert(abi.encodeWithSelector(IWatcherPath.AlarmFromFuture.selector, NOW + 1, NOW));
        path.raiseAlarm(SUBJECT, NOW + 1, NOW, signature);
    }

    function test_AReportIsAnAlarmForAnHourThoughTheSpellBeClosed() public {
        assertFalse(path.alarmed(SUBJECT), "before");
        _report(NOW - 5000, NOW - 4000, true, NOW - 5000, NOW - 4000, true);
        assertTrue(path.alarmed(SUBJECT), "reported");
        vm.warp(NOW + 1 hours - 1);
        assertTrue(path.alarmed(SUBJECT), "last second");
        vm.warp(NOW + 1 hours);
        assertFalse(path.alarmed(SUBJECT), "over");
    }

    function test_AnOpenSpellThatNobodyExtendsIsNoAlarmForEver() public {
        _report(NOW - 300, NOW - 100, false, NOW - 300, NOW - 100, false);
        vm.warp(NOW + 1 hours);
        assertFalse(path.alarmed(SUBJECT), "abandoned");
    }

    /* HELPERS */

    function _observers(uint256 count) private view returns (address[] memory list) {
        list = new address[](count);
        for (uint256 i; i < count; i++) {
            list[i] = vm.addr(keys[i]);
        }
    }

    function _pair(uint64 from, uint64 until, bool ended, uint64 otherFrom, uint64 otherUntil, bool otherEnded)
        private
        view
        returns (Observation[] memory list, bytes[] memory signatures)
    {
        list = new Observation[](2);
        signatures = new bytes[](2);
        list[0] = Observation(SUBJECT, from, until, ended, NOW);
        list[1] = Observation(SUBJECT, otherFrom, otherUntil, otherEnded, NOW);
        for (uint256 i; i < 2; i++) {
            signatures[i] = _sign(keys[i], path.observationDigest(list[i]));
        }
    }

    function _report(uint64 from, uint64 until, bool ended, uint64 otherFrom, uint64 otherUntil, bool otherEnded)
        private
    {
        (Observation[] memory list, bytes[] memory signatures) =
            _pair(from, until, ended, otherFrom, otherUntil, otherEnded);
        path.report(list, signatures);
    }

    function _expectReport(uint64 from, uint64 until, bytes memory reason, string memory what) private {
        (Observation[] memory list, bytes[] memory signatures) = _pair(from, until, true, from, until, true);
        uint256 before = path.spellCount(SUBJECT);
        vm.expectRevert(reason);
        path.report(list, signatures);
        assertEq(path.spellCount(SUBJECT), before, what);
    }

    function _alarm(uint256 key, uint64 since, uint64 deadline) private {
        path.raiseAlarm(SUBJECT, since, deadline, _sign(key, path.alarmDigest(SUBJECT, since, deadline)));
    }

    function _sign(uint256 key, bytes32 digest) private pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function _assertSpell(uint256 index, uint64 from, uint64 until, bool open, string memory what) private view {
        (uint64 f, uint64 u, bool o) = path.spell(SUBJECT, index);
        assertEq(f, from, string.concat(what, ": from"));
        assertEq(u, until, string.concat(what, ": until"));
        assertEq(o, open, string.concat(what, ": open"));
    }

    function _failsSetup(string memory reason) private {
        vm.expectRevert(abi.encodeWithSelector(IWatcherPath.InvalidObservers.selector, reason));
    }
}
