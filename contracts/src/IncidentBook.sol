// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {
    Checkpoint,
    Dispute,
    IIncidentBook,
    Incident,
    Member,
    SaleRules,
    Span,
    Trigger
} from "./interfaces/IIncidentBook.sol";
import {Calendar} from "./libraries/Calendar.sol";
import {Evidence} from "./libraries/Evidence.sol";
import {Roster} from "./libraries/Roster.sol";
import {SpanList} from "./libraries/SpanList.sol";
import {Sweep} from "./libraries/Sweep.sol";
import {Rule, TriggerRules} from "./libraries/TriggerRules.sol";

/// @title What happened, as far as k independent families agree
contract IncidentBook is IIncidentBook {
    /// @dev A checkpoint as stored, from its first second to its last. The spans lie apart, and only if there are several.
    /// `previous`: of one that began earlier than all before it, the one that did so until then.
    struct Sheet {
        uint40 from;
        uint40 until;
        uint40 proposedAt;
        uint40 readyAt;
        uint32 coveredSeconds;
        uint32 previous;
        uint8 count;
        mapping(uint256 => Span) spans;
    }

    /// @dev An incident as stored; its confirmed spans lie apart only if there are several. The first slot holds what every verb reads, the third is read only if there was a dispute.
    /// `closing`: how many checkpoints grew by less than a step. `count`: how many spans are confirmed.
    /// `first`: until the start is frozen, the checkpoint that begins earliest.
    struct File {
        uint40 from;
        uint40 until;
        uint40 proposedAt;
        uint40 finalAt;
        uint40 delayedUntil;
        uint32 coveredSeconds;
        uint8 closing;
        uint8 count;
        uint8 rounds;
        address proposer;
        uint32 checkpoints;
        uint32 first;
        uint40 disputedFrom;
        uint40 lapsesAt;
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
    /// @inheritdoc IIncidentBook
    uint64 public constant DISPUTE_SECONDS = 10 days;
    /// @inheritdoc IIncidentBook
    uint256 public constant MAX_ROUNDS = 3;
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
        families = new uint8[](rule.memberCount);
        for (uint256 i; i < families.length; i++) {
            families[i] = rule.members[i].family;
        }
    }

    /// @inheritdoc IIncidentBook
    function membersOf(bytes32 triggerId) external view returns (Member[] memory members) {
        Rule storage rule = _rule(triggerId);
        members = new Member[](rule.memberCount);
        for (uint256 i; i < members.length; i++) {
            members[i] = rule.members[i];
        }
    }

    /// @inheritdoc IIncidentBook
    function arbiterOf(bytes32 triggerId) external view returns (address) {
        return _rule(triggerId).arbiter;
    }

    /* PROPOSING */

    /// @inheritdoc IIncidentBook
    function propose(bytes32 triggerId) external returns (uint256 sequence, uint256 checkpoint) {
        Rule storage rule = _rule(triggerId);
        bool running;
        (sequence, running) = _latest(rule);
        File storage file = _files[triggerId][sequence];

        (Span[] memory spans, bool open) = _group(rule, file, _look(rule, file));
        uint64 covered = Sweep.measure(spans);

        checkpoint = file.checkpoints;
        if (running) {
            if (!_begin(rule, file, spans)) _grow(rule, file, covered, open);
        } else {
            if (covered == 0) revert NothingToPropose(triggerId);
            (rule.incidents, rule.open) = (uint32(sequence + 1), true);
            file.proposedAt = uint40(block.timestamp);
            file.proposer = msg.sender;
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
        uint64 start = file.sheets[file.first].from;
        if (spans[0].from >= start) return false;

        file.sheets[file.checkpoints].previous = file.first;
        file.first = file.checkpoints;
        uint64 complete = file.sheets[0].from + rule.grace;
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
        sheet.from = uint40(spans[0].from);
        sheet.until = uint40(spans[spans.length - 1].until);
        sheet.proposedAt = uint40(block.timestamp);
        sheet.readyAt = uint40(readyAt);
        sheet.coveredSeconds = uint32(covered);
        sheet.count = uint8(spans.length);
        for (uint256 i; i < spans.length && spans.length > 1; i++) {
            sheet.spans[i] = spans[i];
        }
    }

    /* CONFIRMING */

    /// @inheritdoc IIncidentBook
    function confirm(bytes32 triggerId, uint256 checkpoint) external {
        Rule storage rule = _rule(triggerId);
        (uint256 sequence, File storage file) = _running(triggerId, rule);
        if (checkpoint >= file.checkpoints) revert UnknownCheckpoint(checkpoint);
        _checkReady(rule, file, checkpoint);

        Span[] memory components = _look(rule, file);

        _take(rule, file, checkpoint, components);

        _tell(triggerId, sequence, checkpoint, file);
    }

    /// @inheritdoc IIncidentBook
    function finalise(bytes32 triggerId) external {
        Rule storage rule = _rule(triggerId);
        (uint256 sequence, File storage file) = _running(triggerId, rule);
        if (_disputed(file)) revert DisputeOpen(file.lapsesAt);
        uint256 checkpoint = file.checkpoints - 1;

        Span[] memory components = _look(rule, file);
        _checkOver(rule, file, components);
        _checkReady(rule, file, checkpoint);

        _take(rule, file, checkpoint, components);
        file.finalAt = uint40(block.timestamp);
        rule.open = false;
        if (file.coveredSeconds != 0) {
            rule.since = file.until;
            rule.settledAt = uint40(block.timestamp + SETTLEMENT_WINDOW);
        }

        _tell(triggerId, sequence, checkpoint, file);
        emit IncidentFinalised(triggerId, sequence, file.from, file.until, file.coveredSeconds);
    }

    /// @inheritdoc IIncidentBook
    function delay(bytes32 triggerId, uint64 delayedUntil) external {
        Rule storage rule = _rule(triggerId);
        if (msg.sender != rule.guardian) revert NotGuardian(msg.sender);
        (uint256 sequence, File storage file) = _running(triggerId, rule);
        if (file.delayedUntil != 0) revert AlreadyDelayed(file.delayedUntil);
        uint64 current = uint64(block.timestamp);
        if (delayedUntil <= current) revert DelayNotAhead(delayedUntil, current);
        if (delayedUntil > current + LONGEST_DELAY) revert DelayTooLong(delayedUntil, current + LONGEST_DELAY);

        file.delayedUntil = uint40(delayedUntil);

        emit IncidentDelayed(triggerId, sequence, delayedUntil);
    }

    function _tell(bytes32 triggerId, uint256 sequence, uint256 checkpoint, File storage file) private {
        uint64 covered = file.coveredSeconds;
        emit IncidentConfirmed(triggerId, sequence, checkpoint, file.from, file.until, covered, _confirmed(file));
    }

    /// @dev The start is frozen only when the earliest one proposed has waited, and evidence of an earlier one has had its grace.
    function _checkReady(Rule storage rule, File storage file, uint256 checkpoint) private view {
        uint64 readyAt = file.sheets[checkpoint].readyAt;
        if (file.from == 0) {
            Sheet storage first = file.sheets[file.first];
            if (first.readyAt > readyAt) readyAt = first.readyAt;
            uint64 complete = first.from + rule.grace;
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
        return file.sheets[file.checkpoints - 1].until;
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
        Span[] memory proposed = _proposed(sheet);
        Span[] memory confirmed = _confirmed(file);
        uint64 high = file.from == 0 ? type(uint64).max : file.from + LONGEST_INCIDENT;
        if (_disputed(file) && file.disputedFrom < high) high = file.disputedFrom;
        Span[] memory all = Sweep.intersect(proposed, components, file.from, high);
        all = Sweep.uniteUpTo(confirmed, all, MAX_CONFIRMED);
        all = Sweep.firstGroup(all, rule.mergeGap, LONGEST_INCIDENT, MAX_CONFIRMED);
        if (all.length == 0) return false;

        uint256 stored = confirmed.length > 1 ? confirmed.length : 0;
        for (uint256 i; i < all.length && all.length > 1; i++) {
            bool same = i < stored && confirmed[i].from == all[i].from && confirmed[i].until == all[i].until;
            if (!same) file.confirmed[i] = all[i];
        }
        file.count = uint8(all.length);
        file.from = uint40(all[0].from);
        file.until = uint40(all[all.length - 1].until);
        file.coveredSeconds = uint32(Sweep.measure(all));
        return true;
    }

    /* DISPUTING */

    /// @inheritdoc IIncidentBook
    function openDispute(bytes32 triggerId, uint64 from) external returns (uint256 sequence, uint64 lapsesAt) {
        Rule storage rule = _rule(triggerId);
        if (msg.sender != rule.court) revert NotCourt(msg.sender);
        File storage file;
        (sequence, file) = _running(triggerId, rule);
        if (_disputed(file)) revert DisputeOpen(file.lapsesAt);
        if (file.rounds == MAX_ROUNDS) revert TooManyRounds(MAX_ROUNDS);
        uint64 earliest = file.from == 0 ? rule.since : file.until;
        if (from < earliest || from >= block.timestamp) {
            revert DisputeOutOfRange(from, earliest, uint64(block.timestamp));
        }

        lapsesAt = uint64(block.timestamp) + DISPUTE_SECONDS;
        file.rounds++;
        file.disputedFrom = uint40(from);
        file.lapsesAt = uint40(lapsesAt);

        emit DisputeOpened(triggerId, sequence, file.rounds, from, lapsesAt);
    }

    /// @inheritdoc IIncidentBook
    function closeDispute(bytes32 triggerId, bool upheld) external {
        Rule storage rule = _rule(triggerId);
        if (msg.sender != rule.court) revert NotCourt(msg.sender);
        (uint256 sequence, File storage file) = _running(triggerId, rule);
        if (!_disputed(file)) revert NoOpenDispute(triggerId);

        file.lapsesAt = 0;
        if (upheld) _strike(rule, file, file.disputedFrom, uint64(block.timestamp));

        emit DisputeClosed(triggerId, sequence, upheld, file.disputedFrom, uint64(block.timestamp));
    }

    /// @dev What the last checkpoint lost no longer stands in the way of the next one.
    function _strike(Rule storage rule, File storage file, uint64 from, uint64 until) private {
        SpanList.add(rule.struck, from, until);
        rule.interrupted = true;

        Sheet storage sheet = file.sheets[file.checkpoints - 1];
        Span[] memory cut = new Span[](1);
        cut[0] = Span(from, until);
        sheet.coveredSeconds = uint32(Sweep.measure(Sweep.subtract(_proposed(sheet), cut)));
    }

    /// @dev A dispute that lapsed needs nobody to close it.
    function _disputed(File storage file) private view returns (bool) {
        return file.rounds != 0 && block.timestamp < file.lapsesAt;
    }

    /* ANNOUNCING AND RETIRING */

    /// @inheritdoc IIncidentBook
    function announce(bytes32 triggerId, Span calldata window, bytes calldata signature) external {
        Calendar.announce(_rule(triggerId), triggerId, window, signature);
    }

    /// @inheritdoc IIncidentBook
    function retire(bytes32 triggerId, uint256 index) external {
        Roster.retire(_rule(triggerId), triggerId, index);
    }

    /// @inheritdoc IIncidentBook
    function windowDigest(bytes32 triggerId, Span calldata window) external view returns (bytes32) {
        return Calendar.digest(triggerId, window);
    }

    /// @inheritdoc IIncidentBook
    function windows(bytes32 triggerId, uint64 since) external view returns (Span[] memory) {
        return SpanList.endingAfter(_rule(triggerId).windows, since);
    }

    /// @inheritdoc IIncidentBook
    function struck(bytes32 triggerId, uint64 since) external view returns (Span[] memory) {
        return SpanList.endingAfter(_rule(triggerId).struck, since);
    }

    /* EVIDENCE */

    /// @inheritdoc IIncidentBook
    function sweep(bytes32 triggerId) external view returns (Span[] memory spans, bool open) {
        Rule storage rule = _rule(triggerId);
        (uint256 sequence,) = _latest(rule);
        File storage file = _files[triggerId][sequence];
        return _group(rule, file, _look(rule, file));
    }

    /// @dev What the paths hold since the last incident, or within the present one once its start is frozen.
    function _look(Rule storage rule, File storage file) private view returns (Span[] memory) {
        uint64 since = file.from == 0 ? rule.since : file.from;
        uint64 cap = file.from == 0 ? type(uint64).max : file.from + LONGEST_INCIDENT;
        uint64 reach = file.checkpoints == 0 ? type(uint64).max : _proposedEnd(file) + rule.mergeGap;
        return Evidence.components(rule, since, cap, reach);
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
        return (Checkpoint(sheet.proposedAt, sheet.coveredSeconds, sheet.readyAt), _proposed(sheet));
    }

    /// @inheritdoc IIncidentBook
    function proposerOf(bytes32 triggerId, uint256 sequence) external view returns (address) {
        return _file(triggerId, sequence).proposer;
    }

    /// @inheritdoc IIncidentBook
    function disputeOf(bytes32 triggerId) external view returns (Dispute memory) {
        uint256 count = _rule(triggerId).incidents;
        if (count == 0) return Dispute(0, 0, 0);
        File storage file = _files[triggerId][count - 1];
        return Dispute(file.disputedFrom, file.lapsesAt, file.rounds);
    }

    /// @inheritdoc IIncidentBook
    function incidentId(bytes32 triggerId, uint256 sequence) external view returns (bytes32) {
        return keccak256(abi.encode("INCIDENT_V1", block.chainid, address(this), triggerId, sequence));
    }

    /// @inheritdoc IIncidentBook
    function unsettled(bytes32 triggerId) external view returns (bool) {
        return _unsettled(_rule(triggerId));
    }

    /// @inheritdoc IIncidentBook
    function standing(bytes32 triggerId) external view returns (bool, uint256) {
        Rule storage rule = _rule(triggerId);
        return (_unsettled(rule), rule.incidents);
    }

    /* ALARMS */

    /// @inheritdoc IIncidentBook
    function alarms(bytes32 triggerId) external view returns (uint256 alarmed, uint256 live) {
        return Roster.alarms(_rule(triggerId));
    }

    /// @inheritdoc IIncidentBook
    function impaired(bytes32 triggerId) external view returns (bool) {
        return Roster.impaired(_rule(triggerId));
    }

    /// @inheritdoc IIncidentBook
    function quiet(bytes32 triggerId) external view returns (bool) {
        return saleRules(triggerId).quiet;
    }

    /// @inheritdoc IIncidentBook
    function saleRules(bytes32 triggerId) public view returns (SaleRules memory) {
        Rule storage rule = _rule(triggerId);
        (bool sound, uint64 fundedUntil) = Roster.sellable(rule);
        return SaleRules({
            subject: rule.subject,
            coolingOff: rule.coolingOff,
            tail: rule.tail,
            challengePeriod: rule.challengePeriod,
            incidents: rule.incidents,
            fundedUntil: fundedUntil,
            quiet: sound && !_unsettled(rule)
        });
    }

    /* INTERNAL */

    function _rule(bytes32 triggerId) private view returns (Rule storage rule) {
        rule = _rules[triggerId];
        if (rule.subject == 0) revert UnknownTrigger(triggerId);
    }

    /// @dev The open incident, or else the number that the next one will have.
    function _latest(Rule storage rule) private view returns (uint256 sequence, bool running) {
        running = rule.open;
        sequence = running ? rule.incidents - 1 : rule.incidents;
    }

    function _unsettled(Rule storage rule) private view returns (bool) {
        return rule.open || block.timestamp < rule.settledAt;
    }

    /// @dev The open incident.
    function _running(bytes32 triggerId, Rule storage rule) private view returns (uint256 sequence, File storage file) {
        bool running;
        (sequence, running) = _latest(rule);
        if (!running) revert NoOpenIncident(triggerId);
        file = _files[triggerId][sequence];
    }

    function _file(bytes32 triggerId, uint256 sequence) private view returns (File storage) {
        if (sequence >= _rule(triggerId).incidents) revert UnknownIncident(triggerId, sequence);
        return _files[triggerId][sequence];
    }

    function _proposed(Sheet storage sheet) private view returns (Span[] memory spans) {
        spans = new Span[](sheet.count);
        if (spans.length == 1) spans[0] = Span(sheet.from, sheet.until);
        for (uint256 i; i < spans.length && spans.length > 1; i++) {
            spans[i] = sheet.spans[i];
        }
    }

    function _confirmed(File storage file) private view returns (Span[] memory spans) {
        spans = new Span[](file.count);
        if (spans.length == 1) spans[0] = Span(file.from, file.until);
        for (uint256 i; i < spans.length && spans.length > 1; i++) {
            spans[i] = file.confirmed[i];
        }
    }
}
