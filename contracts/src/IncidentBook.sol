// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Checkpoint, IIncidentBook, Incident, Span, Trigger} from "./interfaces/IIncidentBook.sol";
import {PathReader} from "./libraries/PathReader.sol";
import {Sweep, Track} from "./libraries/Sweep.sol";
import {Member, Rule, TriggerRules} from "./libraries/TriggerRules.sol";

/// @title What happened, as far as k independent families agree
contract IncidentBook is IIncidentBook {
    /// @dev A checkpoint as stored: the spans lie apart, so that their number needs no slot of its own.
    /// `previous`: of one that began earlier than all before it, the one that did so until then.
    struct Sheet {
        uint64 proposedAt;
        uint64 coveredSeconds;
        uint64 readyAt;
        uint32 previous;
        uint8 count;
        mapping(uint256 => Span) spans;
    }

    /// @dev An incident as stored.
    /// `first`: until the start is frozen, the checkpoint that begins earliest.
    /// `closing`: how many checkpoints grew by less than a step. `count`: how many spans are confirmed.
    struct File {
        uint64 from;
        uint64 until;
        uint64 coveredSeconds;
        uint64 proposedAt;
        uint64 finalAt;
        uint64 delayedUntil;
        uint32 checkpoints;
        uint32 first;
        uint8 closing;
        uint8 count;
        mapping(uint256 => Span) confirmed;
        mapping(uint256 => Sheet) sheets;
    }

    /// @inheritdoc IIncidentBook
    uint64 public constant SETTLEMENT_WINDOW = 1 days;
    /// @inheritdoc IIncidentBook
    uint64 public constant LONGEST_INCIDENT = 168 hours;
    /// @inheritdoc IIncidentBook
    uint64 public constant LONGEST_DELAY = 72 hours;
    /// @inheritdoc IIncidentBook
    uint256 public constant MAX_SPANS = 16;
    /// @inheritdoc IIncidentBook
    uint256 public constant MAX_CLOSING = 8;
    /// @inheritdoc IIncidentBook
    uint64 public constant EARLIER_STEP = 1 minutes;
    /// @dev Room for what paths that take back evidence could cut a checkpoint into.
    uint256 private constant MAX_CONFIRMED = 64;

    mapping(bytes32 => Rule) private _rules;
    mapping(bytes32 => bytes) private _contents;
    mapping(bytes32 => mapping(uint256 => File)) private _files;

    /* TRIGGERS */

    /// @inheritdoc IIncidentBook
    function createTrigger(Trigger calldata trigger) external returns (bytes32 triggerId) {
        bytes memory content = abi.encode(trigger);
        triggerId = keccak256(content);
        Rule storage rule = _rules[triggerId];
        if (rule.subject != 0) revert TriggerExists(triggerId);

        uint256 families = TriggerRules.write(rule, trigger);
        _contents[triggerId] = content;

        emit TriggerCreated(triggerId, rule.subject, trigger.subjectId, trigger.quorum, uint8(families));
    }

    /// @inheritdoc IIncidentBook
    function triggerIdOf(Trigger calldata trigger) external pure returns (bytes32) {
        return keccak256(abi.encode(trigger));
    }

    /// @inheritdoc IIncidentBook
    function getTrigger(bytes32 triggerId) external view returns (Trigger memory) {
        _rule(triggerId);
        return abi.decode(_contents[triggerId], (Trigger));
    }

    /// @inheritdoc IIncidentBook
    function triggerRules(bytes32 triggerId)
        external
        view
        returns (bytes32 subject, uint32 coolingOff, uint32 tail, uint32 challengePeriod)
    {
        Rule storage rule = _rule(triggerId);
        return (rule.subject, rule.coolingOff, rule.tail, rule.challengePeriod);
    }

    /// @inheritdoc IIncidentBook
    function familiesOf(bytes32 triggerId) external view returns (uint8[] memory families) {
        Rule storage rule = _rule(triggerId);
        families = new uint8[](rule.members.length);
        for (uint256 i; i < families.length; i++) {
            families[i] = rule.members[i].family;
        }
    }

    /* PROPOSING */

    /// @inheritdoc IIncidentBook
    function propose(bytes32 triggerId) external returns (uint256 sequence, uint256 checkpoint) {
        Rule storage rule = _rule(triggerId);
        bool running;
        (sequence, running) = _latest(triggerId, rule);
        File storage file = _files[triggerId][sequence];

        (Span[] memory spans, bool open) = _group(rule, file, _look(rule, file));
        uint64 covered = Sweep.measure(spans);

        checkpoint = file.checkpoints;
        if (running) {
            if (!_begin(rule, file, spans)) _grow(rule, file, covered, open);
        } else {
            if (covered == 0) revert NothingToPropose(triggerId);
            rule.incidents = uint32(sequence + 1);
            file.proposedAt = uint64(block.timestamp);
        }
        file.checkpoints = uint32(checkpoint + 1);
        uint64 readyAt = _store(file.sheets[checkpoint], spans, covered, rule.challengePeriod);

        emit CheckpointProposed(triggerId, sequence, checkpoint, covered, readyAt, spans);
    }

    /// @dev Notes whether a further checkpoint begins earliest of all, and tells whether it is accepted for that, whatever its size:
    /// as long as honest evidence of the time before the first proposal may be late, and a challenge period more to propose it. After that
    /// it must be a step larger, or one family could put off the start for ever by letting out what it alone lacked second by second.
    function _begin(Rule storage rule, File storage file, Span[] memory spans) private returns (bool) {
        if (file.from != 0 || spans.length == 0) return false;
        uint64 start = file.sheets[file.first].spans[0].from;
        if (spans[0].from >= start) return false;

        file.sheets[file.checkpoints].previous = file.first;
        file.first = file.checkpoints;
        uint64 complete = file.sheets[0].spans[0].from + rule.grace;
        if (file.proposedAt > complete) complete = file.proposedAt;
        return start - spans[0].from >= EARLIER_STEP && block.timestamp <= complete + rule.challengePeriod;
    }

    /// @dev Accepts a further checkpoint only if it adds enough.
    function _grow(Rule storage rule, File storage file, uint64 covered, bool open) private {
        uint64 needed = _needed(rule, file, open);
        if (covered < needed) revert CheckpointTooSmall(covered, needed);

        if (covered < _needed(rule, file, true)) file.closing++;
    }

    /// @dev Covered seconds from which a further checkpoint is accepted. Steps smaller than `checkpointStep` are few, or a path that
    /// lets out its evidence by the second would keep the incident from ever being final.
    function _needed(Rule storage rule, File storage file, bool open) private view returns (uint64) {
        uint64 proposed = file.sheets[file.checkpoints - 1].coveredSeconds;
        return proposed + (open || file.closing == MAX_CLOSING ? rule.checkpointStep : 1);
    }

    function _store(Sheet storage sheet, Span[] memory spans, uint64 covered, uint32 challengePeriod)
        private
        returns (uint64 readyAt)
    {
        readyAt = uint64(block.timestamp) + challengePeriod;
        sheet.proposedAt = uint64(block.timestamp);
        sheet.coveredSeconds = covered;
        sheet.readyAt = readyAt;
        sheet.count = uint8(spans.length);
        for (uint256 i; i < spans.length; i++) {
            sheet.spans[i] = spans[i];
        }
    }

    /* CONFIRMING */

    /// @inheritdoc IIncidentBook
    function confirm(bytes32 triggerId, uint256 checkpoint) external {
        Rule storage rule = _rule(triggerId);
        (uint256 sequence, bool running) = _latest(triggerId, rule);
        if (!running) revert NoOpenIncident(triggerId);
        File storage file = _files[triggerId][sequence];
        if (checkpoint >= file.checkpoints) revert UnknownCheckpoint(checkpoint);
        _checkReady(rule, file, checkpoint);

        Span[] memory components = _look(rule, file);

        _take(rule, file, checkpoint, components);

        emit IncidentConfirmed(triggerId, sequence, checkpoint, file.from, file.until, file.coveredSeconds);
    }

    /// @inheritdoc IIncidentBook
    function finalise(bytes32 triggerId) external {
        Rule storage rule = _rule(triggerId);
        (uint256 sequence, bool running) = _latest(triggerId, rule);
        if (!running) revert NoOpenIncident(triggerId);
        File storage file = _files[triggerId][sequence];
        uint256 checkpoint = file.checkpoints - 1;

        Span[] memory components = _look(rule, file);
        _checkOver(rule, file, components);
        _checkReady(rule, file, checkpoint);

        _take(rule, file, checkpoint, components);
        file.finalAt = uint64(block.timestamp);
        if (file.coveredSeconds != 0) {
            rule.since = file.until;
            rule.settledAt = uint64(block.timestamp) + SETTLEMENT_WINDOW;
        }

        emit IncidentConfirmed(triggerId, sequence, checkpoint, file.from, file.until, file.coveredSeconds);
        emit IncidentFinalised(triggerId, sequence, file.from, file.until, file.coveredSeconds);
    }

    /// @inheritdoc IIncidentBook
    function delay(bytes32 triggerId, uint64 delayedUntil) external {
        Rule storage rule = _rule(triggerId);
        if (msg.sender != rule.guardian) revert NotGuardian(msg.sender);
        (uint256 sequence, bool running) = _latest(triggerId, rule);
        if (!running) revert NoOpenIncident(triggerId);
        File storage file = _files[triggerId][sequence];
        if (file.delayedUntil != 0) revert AlreadyDelayed(file.delayedUntil);
        uint64 current = uint64(block.timestamp);
        if (delayedUntil <= current) revert DelayNotAhead(delayedUntil, current);
        if (delayedUntil > current + LONGEST_DELAY) revert DelayTooLong(delayedUntil, current + LONGEST_DELAY);

        file.delayedUntil = delayedUntil;

        emit IncidentDelayed(triggerId, sequence, delayedUntil);
    }

    /// @dev The start is frozen only when the earliest one proposed has waited, and evidence of an earlier one has had its grace.
    function _checkReady(Rule storage rule, File storage file, uint256 checkpoint) private view {
        uint64 readyAt = file.sheets[checkpoint].readyAt;
        if (file.from == 0) {
            Sheet storage first = file.sheets[file.first];
            if (first.readyAt > readyAt) readyAt = first.readyAt;
            uint64 complete = first.spans[0].from + rule.grace;
            if (complete > readyAt) readyAt = complete;
        }
        if (file.delayedUntil > readyAt) readyAt = file.delayedUntil;
        if (block.timestamp < readyAt) revert NotReady(readyAt);
    }

    /// @dev The proposed end counts beside the swept one: a path that fails for a moment must not end the incident early.
    function _checkOver(Rule storage rule, File storage file, Span[] memory components) private view {
        uint64 end = _proposedEnd(file);
        (Span[] memory spans,) = _group(rule, file, components);
        if (spans.length != 0 && spans[spans.length - 1].until > end) end = spans[spans.length - 1].until;
        uint64 overAt = end + rule.mergeGap + rule.grace;
        if (block.timestamp <= overAt) revert NotOver(overAt);

        uint64 covered = Sweep.measure(spans);
        if (covered >= _needed(rule, file, false)) {
            revert ProposalMissing(covered, file.sheets[file.checkpoints - 1].coveredSeconds);
        }
    }

    function _proposedEnd(File storage file) private view returns (uint64) {
        Sheet storage sheet = file.sheets[file.checkpoints - 1];
        return sheet.spans[sheet.count - 1].until;
    }

    /// @dev Adds a checkpoint to what is confirmed. The start is that of the checkpoint that begins earliest of those with anything left,
    /// whoever proposed it and in whatever order they are confirmed.
    function _take(Rule storage rule, File storage file, uint256 checkpoint, Span[] memory components) private {
        if (file.from == 0) {
            uint256 first = file.first;
            while (!_absorb(rule, file, file.sheets[first], components) && first != 0) {
                first = file.sheets[first].previous;
            }
            if (first == checkpoint) return;
        }
        _absorb(rule, file, file.sheets[checkpoint], components);
    }

    /// @dev Returns whether anything is confirmed now. What lies further off than the merge gap is another incident, though a checkpoint
    /// from a moment in which a path failed may hold both.
    function _absorb(Rule storage rule, File storage file, Sheet storage sheet, Span[] memory components)
        private
        returns (bool)
    {
        Span[] memory proposed = new Span[](sheet.count);
        for (uint256 i; i < proposed.length; i++) {
            proposed[i] = sheet.spans[i];
        }
        Span[] memory confirmed = _confirmed(file);
        uint64 high = file.from == 0 ? type(uint64).max : file.from + LONGEST_INCIDENT;
        Span[] memory all = Sweep.intersect(proposed, components, file.from, high);
        all = Sweep.uniteUpTo(confirmed, all, MAX_CONFIRMED);
        all = Sweep.firstGroup(all, rule.mergeGap, LONGEST_INCIDENT, MAX_CONFIRMED);
        if (all.length == 0) return false;

        for (uint256 i; i < all.length; i++) {
            bool same = i < confirmed.length && confirmed[i].from == all[i].from && confirmed[i].until == all[i].until;
            if (!same) file.confirmed[i] = all[i];
        }
        file.count = uint8(all.length);
        file.from = all[0].from;
        file.until = all[all.length - 1].until;
        file.coveredSeconds = Sweep.measure(all);
        return true;
    }

    /* EVIDENCE */

    /// @inheritdoc IIncidentBook
    function sweep(bytes32 triggerId) external view returns (Span[] memory spans, bool open) {
        Rule storage rule = _rule(triggerId);
        (uint256 sequence,) = _latest(triggerId, rule);
        File storage file = _files[triggerId][sequence];
        return _group(rule, file, _look(rule, file));
    }

    /// @dev What the paths hold since the last incident, or within the present one once its start is frozen.
    function _look(Rule storage rule, File storage file) private view returns (Span[] memory components) {
        uint64 since = file.from == 0 ? rule.since : file.from;
        uint64 cap = file.from == 0 ? type(uint64).max : file.from + LONGEST_INCIDENT;
        uint64 reach = file.checkpoints == 0 ? type(uint64).max : _proposedEnd(file) + rule.mergeGap;
        bytes32 subject = rule.subject;
        Track[] memory tracks = new Track[](rule.members.length);
        for (uint256 i; i < tracks.length; i++) {
            Member memory member = rule.members[i];
            Span[] memory spells = PathReader.spells(member.path, subject, since, reach);
            tracks[i] = Track(member.family, member.absence, spells);
        }
        components = Sweep.dropShort(Sweep.covered(tracks, rule.quorum, since, cap), rule.minimumSpell);
    }

    /// @dev The components that belong to the incident, what is confirmed already among them, and whether there may be more.
    function _group(Rule storage rule, File storage file, Span[] memory components)
        private
        view
        returns (Span[] memory spans, bool open)
    {
        if (file.from != 0) components = Sweep.unite(_confirmed(file), components);
        spans = Sweep.firstGroup(components, rule.mergeGap, LONGEST_INCIDENT, MAX_SPANS);
        if (spans.length == 0) return (spans, false);
        // While an incident is open, what begins later is another one, though the evidence of this one be gone.
        if (file.checkpoints != 0 && spans[0].from > _proposedEnd(file) + rule.mergeGap) return (new Span[](0), false);

        uint64 end = spans[spans.length - 1].until;
        open = end < spans[0].from + LONGEST_INCIDENT && block.timestamp <= end + rule.mergeGap + rule.grace;
    }

    /* INCIDENTS */

    /// @inheritdoc IIncidentBook
    function incidentCount(bytes32 triggerId) external view returns (uint256) {
        return _rule(triggerId).incidents;
    }

    /// @inheritdoc IIncidentBook
    function incident(bytes32 triggerId, uint256 sequence) external view returns (Incident memory) {
        File storage file = _file(triggerId, sequence);
        return Incident(
            file.from,
            file.until,
            file.coveredSeconds,
            file.proposedAt,
            file.finalAt,
            file.delayedUntil,
            file.checkpoints
        );
    }

    /// @inheritdoc IIncidentBook
    function confirmedSpans(bytes32 triggerId, uint256 sequence) external view returns (Span[] memory) {
        return _confirmed(_file(triggerId, sequence));
    }

    /// @inheritdoc IIncidentBook
    function checkpointOf(bytes32 triggerId, uint256 sequence, uint256 checkpoint)
        external
        view
        returns (Checkpoint memory, Span[] memory spans)
    {
        File storage file = _file(triggerId, sequence);
        if (checkpoint >= file.checkpoints) revert UnknownCheckpoint(checkpoint);
        Sheet storage sheet = file.sheets[checkpoint];
        spans = new Span[](sheet.count);
        for (uint256 i; i < spans.length; i++) {
            spans[i] = sheet.spans[i];
        }
        return (Checkpoint(sheet.proposedAt, sheet.coveredSeconds, sheet.readyAt), spans);
    }

    /// @inheritdoc IIncidentBook
    function incidentId(bytes32 triggerId, uint256 sequence) external view returns (bytes32) {
        return keccak256(abi.encode("INCIDENT_V1", block.chainid, address(this), triggerId, sequence));
    }

    /// @inheritdoc IIncidentBook
    function unsettled(bytes32 triggerId) public view returns (bool) {
        Rule storage rule = _rule(triggerId);
        (, bool running) = _latest(triggerId, rule);
        return running || block.timestamp < rule.settledAt;
    }

    /* ALARMS */

    /// @inheritdoc IIncidentBook
    function alarms(bytes32 triggerId) public view returns (uint256 alarmed, uint256 live) {
        Rule storage rule = _rule(triggerId);
        bytes32 subject = rule.subject;
        uint256 count = rule.members.length;
        for (uint256 i; i < count; i++) {
            Member memory member = rule.members[i];
            (bool sound, bool on) = PathReader.alarmed(member.path, subject);
            if (sound) live |= 1 << member.family;
            if (on) alarmed |= 1 << member.family;
        }
    }

    /// @inheritdoc IIncidentBook
    function quiet(bytes32 triggerId) external view returns (bool) {
        if (unsettled(triggerId)) return false;
        (uint256 alarmed, uint256 live) = alarms(triggerId);
        return alarmed == 0 && Sweep.bits(live) > _rules[triggerId].quorum;
    }

    /* INTERNAL */

    function _rule(bytes32 triggerId) private view returns (Rule storage rule) {
        rule = _rules[triggerId];
        if (rule.subject == 0) revert UnknownTrigger(triggerId);
    }

    /// @dev The open incident, or else the number that the next one will have.
    function _latest(bytes32 triggerId, Rule storage rule) private view returns (uint256 sequence, bool running) {
        sequence = rule.incidents;
        if (sequence != 0 && _files[triggerId][sequence - 1].finalAt == 0) return (sequence - 1, true);
    }

    function _file(bytes32 triggerId, uint256 sequence) private view returns (File storage) {
        if (sequence >= _rule(triggerId).incidents) revert UnknownIncident(triggerId, sequence);
        return _files[triggerId][sequence];
    }

    function _confirmed(File storage file) private view returns (Span[] memory spans) {
        spans = new Span[](file.count);
        for (uint256 i; i < spans.length; i++) {
            spans[i] = file.confirmed[i];
        }
    }
}
