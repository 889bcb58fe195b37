// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IIncidentBook, Member, Trigger, TriggerPath} from "../src/interfaces/IIncidentBook.sol";
import {PathKind} from "../src/interfaces/IPath.sol";
import {IncidentBookBase} from "./IncidentBookBase.sol";

/// @title Which triggers the book takes
contract TriggersTest is IncidentBookBase {
    function test_ATriggerIsKeptWholeAndNamedByItsContent() public view {
        Trigger memory trigger = rollup();
        assertEq(id, keccak256(abi.encode(trigger)), "id");
        assertEq(id, book.triggerIdOf(trigger), "the id it would have");
        assertEq(keccak256(abi.encode(book.getTrigger(id))), id, "content");

        (bytes32 subject, uint32 coolingOff, uint32 tail, uint32 challengePeriod) = book.triggerRules(id);
        assertEq(subject, keccak256("eip155:42161"), "subject");
        assertEq(coolingOff, 1 days, "cooling-off");
        assertEq(tail, 7 days, "tail");
        assertEq(challengePeriod, CHALLENGE, "challenge period");
        assertEq(book.arbiterOf(id), arbiter, "arbiter");
        Member[] memory members = book.membersOf(id);
        assertEq(members.length, 4, "members");
        assertEq(members[2].path, address(heartbeat), "a member's path");
        assertEq(members[2].maximumSilence, SILENCE, "its maximum");
        assertTrue(members[2].absence, "its kind");
        assertFalse(members[0].absence, "another's kind");
        for (uint8 i; i < 4; i++) {
            assertEq(book.familiesOf(id)[i], i, "family");
        }
    }

    function test_TheSameContentIsRefusedTwice() public {
        Trigger memory trigger = rollup();
        vm.expectRevert(abi.encodeWithSelector(IIncidentBook.TriggerExists.selector, id));
        book.createTrigger(trigger);
        trigger.mergeGap--;
        assertTrue(book.createTrigger(trigger) != id, "another id");
    }

    function test_ATriggersBirthIsAnnounced() public {
        Trigger memory trigger = rollup();
        trigger.subjectId = "svc:some-sequencer";
        vm.expectEmit(address(book));
        emit IIncidentBook.TriggerCreated(
            book.triggerIdOf(trigger), keccak256("svc:some-sequencer"), "svc:some-sequencer", 2, 4
        );
        book.createTrigger(trigger);
    }

    /* SUBJECT */

    function test_CanonicalSubjectsAreTaken() public {
        string[6] memory good = [
            "eip155:1",
            "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp",
            "cosmos:cosmoshub-4",
            "bip122:000000000019d6689c085ae165831e93",
            "starknet:SN_MAIN",
            "svc:a"
        ];
        Trigger memory trigger = rollup();
        for (uint256 i; i < good.length; i++) {
            trigger.subjectId = good[i];
            book.createTrigger(trigger);
        }
    }

    function test_OtherSpellingsAreRefused() public {
        string[16] memory bad = [
            "",
            "eip155",
            ":1",
            "eip155:",
            "eip155:01",
            "eip155:0",
            "eip155:0x1",
            "eip155:1 ",
            "EIP155:1",
            "ab:1",
            "abcdefghi:1",
            "svc:",
            "svc:Upper",
            "svc:under_score",
            "cosmos:a:b",
            "cosmos:123456789012345678901234567890123"
        ];
        Trigger memory trigger = rollup();
        for (uint256 i; i < bad.length; i++) {
            trigger.subjectId = bad[i];
            fails(abi.encodeWithSelector(IIncidentBook.InvalidSubject.selector, bad[i]));
            book.createTrigger(trigger);
        }
    }

    function test_TheHostIsNoSubject() public {
        Trigger memory trigger = rollup();
        trigger.subjectId = string.concat("eip155:", vm.toString(block.chainid));
        fails(abi.encodeWithSelector(IIncidentBook.HostIsNoSubject.selector, trigger.subjectId));
        book.createTrigger(trigger);
        vm.chainId(10);
        trigger.subjectId = "eip155:10";
        fails(abi.encodeWithSelector(IIncidentBook.HostIsNoSubject.selector, "eip155:10"));
        book.createTrigger(trigger);
    }

    /* PATHS AND FAMILIES */

    function test_PathsThatShareAPartyAreOneFamilyAndTooFewAreRefused() public {
        heartbeat = path(PathKind.ABSENCE, "watchers");
        posting = path(PathKind.ABSENCE, "observers");
        Trigger memory trigger = rollup();
        fails(IIncidentBook.NotEnoughFamilies.selector, 2, 3);
        book.createTrigger(trigger);
    }

    function test_AFamilyDeclaredByTheCreatorCountsToo() public {
        Trigger memory trigger = rollup();
        trigger.paths[3].parties = new bytes32[](1);
        trigger.paths[3].parties[0] = "relayer";
        bytes32 joined = book.createTrigger(trigger);
        assertEq(book.familiesOf(joined)[2], 2, "heartbeat");
        assertEq(book.familiesOf(joined)[3], 2, "posting, of the same relayer");

        trigger.paths[1].parties = new bytes32[](1);
        trigger.paths[1].parties[0] = bytes32(uint256(uint160(address(heartbeat))));
        fails(IIncidentBook.NotEnoughFamilies.selector, 2, 3);
        book.createTrigger(trigger);
    }

    function test_WithAnyFamilySilentAWitnessMustBeLeft() public {
        observers = path(PathKind.ABSENCE, "third");
        Trigger memory trigger = rollup();
        fails(IIncidentBook.NotEnoughFamilies.selector, 1, 2);
        book.createTrigger(trigger);

        observers = path(PathKind.RECOVERY, "third");
        book.createTrigger(rollup());
    }

    function test_AQuorumThatOneFamilyCanBlockIsRefused() public {
        Trigger memory trigger = rollup();
        trigger.quorum = 4;
        fails(IIncidentBook.NotEnoughFamilies.selector, 4, 5);
        book.createTrigger(trigger);
        trigger.quorum = 3;
        book.createTrigger(trigger);
    }

    function test_AQuorumOfOneIsRefused() public {
        Trigger memory trigger = rollup();
        for (uint8 quorum; quorum < 2; quorum++) {
            trigger.quorum = quorum;
            failsField("quorum");
            book.createTrigger(trigger);
        }
    }

    function test_PathsMustBeDistinctContractsOneToEight() public {
        Trigger memory trigger = rollup();
        trigger.paths[3].path = trigger.paths[0].path;
        failsField("paths");
        book.createTrigger(trigger);

        trigger.paths[3].path = makeAddr("nobody");
        failsField("paths");
        book.createTrigger(trigger);

        trigger.paths = new TriggerPath[](9);
        failsField("paths");
        book.createTrigger(trigger);
        trigger.paths = new TriggerPath[](0);
        failsField("paths");
        book.createTrigger(trigger);
    }

    function test_EveryPathNamesOneTo32Parties() public {
        Trigger memory trigger = rollup();
        trigger.paths[3].parties = new bytes32[](32);
        failsField("parties");
        book.createTrigger(trigger);
        trigger.paths[3].parties = new bytes32[](31);
        book.createTrigger(trigger);

        trigger.paths[3].parties = new bytes32[](0);
        trigger.tail = 8 days;
        vm.mockCall(address(posting), abi.encodeWithSignature("parties()"), abi.encode(new bytes32[](0)));
        failsField("parties");
        book.createTrigger(trigger);
    }

    /* TIMES */

    function test_TimesOutOfBoundsAreRefusedAndTheBoundsAreTaken() public {
        Trigger memory trigger = rollup();
        trigger.tail = 90 days;

        trigger.mergeGap = 1 days + 1;
        _tries(trigger, "mergeGap");
        trigger.mergeGap = 0;
        _tries(trigger, "");
        for (uint256 i; i < 4; i++) {
            trigger.paths[i].grace = 5 minutes - uint32(i);
        }
        trigger.mergeGap = 10 minutes - 1;
        _tries(trigger, "mergeGap");
        trigger.mergeGap++;
        _tries(trigger, "");
        trigger.mergeGap = 1 days;
        _tries(trigger, "");

        trigger.minimumSpell = 1 days + 1;
        _tries(trigger, "minimumSpell");
        trigger.minimumSpell = 1 days;
        _tries(trigger, "");

        trigger.challengePeriod = 59;
        _tries(trigger, "challengePeriod");
        trigger.challengePeriod = 7 days + 1;
        _tries(trigger, "challengePeriod");
        trigger.challengePeriod = 7 days;
        _tries(trigger, "");

        trigger.checkpointStep = 299;
        _tries(trigger, "checkpointStep");
        trigger.checkpointStep = 1 days + 1;
        _tries(trigger, "checkpointStep");
        trigger.checkpointStep = 300;
        _tries(trigger, "");

        trigger.coolingOff = 30 days + 1;
        _tries(trigger, "coolingOff");
        trigger.coolingOff = 30 days;
        _tries(trigger, "");

        trigger.paths[2].grace = 7 days + 1;
        _tries(trigger, "grace");
        trigger.paths[2].grace = 7 days;
        _tries(trigger, "");

        trigger.paths[2].maximumSilence = 1 days - 1;
        _tries(trigger, "maximumSilence");
        trigger.paths[2].maximumSilence = 90 days + 1;
        _tries(trigger, "maximumSilence");
        trigger.paths[2].maximumSilence = 1 days;
        _tries(trigger, "");
        trigger.paths[2].maximumSilence = 90 days;
        _tries(trigger, "");

        trigger.calendarSecondsPerYear = 7 days + 1;
        _tries(trigger, "calendarSecondsPerYear");
        trigger.calendarSecondsPerYear = 7 days;
        _tries(trigger, "");

        trigger.tail = 90 days + 1;
        _tries(trigger, "tail");
        trigger.tail = 7 days + 1 days + 1 days + 7 days - 1;
        _tries(trigger, "tail");
        trigger.tail++;
        _tries(trigger, "");
    }

    function test_APathThatSpeaksAfterTheRestartMayBeSilentForAMonth() public {
        observers = path(PathKind.RECOVERY, "third");
        Trigger memory trigger = rollup();
        trigger.paths[1].maximumSilence = 30 days - 1;
        _tries(trigger, "maximumSilence");
        trigger.paths[1].maximumSilence = 30 days;
        _tries(trigger, "");
    }

    function _tries(Trigger memory trigger, string memory field) private {
        if (bytes(field).length != 0) failsField(field);
        book.createTrigger(trigger);
    }
}
