// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice A stretch of time, in UTC seconds: `from` is its first second, `until` the first one after it.
struct Span {
    uint64 from;
    uint64 until;
}

/// @notice A path of a trigger.
/// @param path The contract, an `IPath`.
/// @param grace Longest time by which this path's evidence may be late, seconds.
/// @param parties Who else, beyond `IPath.parties()`, could falsify or silence the path alone.
struct TriggerPath {
    address path;
    uint32 grace;
    bytes32[] parties;
}

/// @notice The immutable rule by which downtime of one subject is established; its id is the hash of this content.
/// @param subjectId Canonical id of the subject: CAIP-2, or `svc:<slug>` for what is no chain. Never the host chain.
/// @param paths Up to eight.
/// @param quorum How many families must agree (k), at least two.
/// @param mergeGap Covered components closer than this are one incident, seconds.
/// @param minimumSpell Covered components shorter than this are dropped, seconds.
/// @param challengePeriod How long a proposed span waits before it can be confirmed, seconds.
/// @param checkpointStep By how many covered seconds a further checkpoint must exceed the last one while the incident may grow.
/// @param coolingOff How long after its sale cover starts, seconds.
/// @param tail How long after a policy's end its collateral stays, seconds.
/// @param guardian May delay an incident once, by at most 72 hours; the zero address if nobody may.
struct Trigger {
    string subjectId;
    TriggerPath[] paths;
    uint8 quorum;
    uint32 mergeGap;
    uint32 minimumSpell;
    uint32 challengePeriod;
    uint32 checkpointStep;
    uint32 coolingOff;
    uint32 tail;
    address guardian;
}

/// @notice What k families of one trigger agree on.
/// @param from First covered second; frozen by the first confirmation, zero before.
/// @param until First second after the last confirmed one.
/// @param coveredSeconds Confirmed covered seconds: gaps within the incident are not in it. Never shrinks.
/// @param proposedAt When the incident was first proposed.
/// @param finalAt When it was finalised; zero while it runs. Afterwards nothing is added.
/// @param delayedUntil No confirmation before this time (the guardian's one delay).
/// @param checkpoints How many checkpoints were proposed.
struct Incident {
    uint64 from;
    uint64 until;
    uint64 coveredSeconds;
    uint64 proposedAt;
    uint64 finalAt;
    uint64 delayedUntil;
    uint32 checkpoints;
}

/// @notice A proposed state of an incident, with a clock of its own.
/// @param proposedAt When it was proposed.
/// @param coveredSeconds Covered seconds of its spans.
/// @param readyAt When it may be confirmed, the guardian's delay apart.
struct Checkpoint {
    uint64 proposedAt;
    uint64 coveredSeconds;
    uint64 readyAt;
}

/// @title What happened: triggers and the incidents that k independent families agree on
/// @dev Nobody chooses evidence: every verb sweeps what the paths hold. No owner, no upgrade, no parameter that can change.
interface IIncidentBook {
    event TriggerCreated(
        bytes32 indexed triggerId, bytes32 indexed subject, string subjectId, uint8 quorum, uint8 families
    );
    /// @param sequence Number of the incident within its trigger, from zero.
    /// @param spans The spans proposed, oldest first.
    event CheckpointProposed(
        bytes32 indexed triggerId,
        uint256 indexed sequence,
        uint256 checkpoint,
        uint64 coveredSeconds,
        uint64 readyAt,
        Span[] spans
    );
    /// @dev Also emitted by `finalise`, for the last checkpoint.
    event IncidentConfirmed(
        bytes32 indexed triggerId,
        uint256 indexed sequence,
        uint256 checkpoint,
        uint64 from,
        uint64 until,
        uint64 coveredSeconds
    );
    event IncidentDelayed(bytes32 indexed triggerId, uint256 indexed sequence, uint64 delayedUntil);
    event IncidentFinalised(
        bytes32 indexed triggerId, uint256 indexed sequence, uint64 from, uint64 until, uint64 coveredSeconds
    );

    error InvalidSubject(string subjectId);
    error HostIsNoSubject(string subjectId);
    /// @param field Name of the trigger's field.
    error InvalidTrigger(string field);
    /// @param families How many independent families the paths make.
    /// @param needed How many the quorum needs so that any single one may stay silent.
    error NotEnoughFamilies(uint256 families, uint256 needed);
    error UnknownTrigger(bytes32 triggerId);
    error TriggerExists(bytes32 triggerId);
    error NothingToPropose(bytes32 triggerId);
    /// @param covered Covered seconds the sweep shows now.
    /// @param needed Covered seconds from which a further checkpoint is accepted.
    error CheckpointTooSmall(uint64 covered, uint64 needed);
    error UnknownIncident(bytes32 triggerId, uint256 sequence);
    error NoOpenIncident(bytes32 triggerId);
    error UnknownCheckpoint(uint256 checkpoint);
    error NotReady(uint64 readyAt);
    error NotOver(uint64 overAt);
    error ProposalMissing(uint64 covered, uint64 proposed);
    error NotGuardian(address caller);
    error AlreadyDelayed(uint64 delayedUntil);
    error DelayTooLong(uint64 requested, uint64 maximum);
    error DelayNotAhead(uint64 requested, uint64 current);
    /// @dev The caller sent too little gas for every path to get its stipend: evidence can't be left out that way.
    error NotEnoughGas(uint256 left, uint256 needed);

    /// @notice How long after it is final an incident that covers anything is unsettled, seconds.
    function SETTLEMENT_WINDOW() external view returns (uint64);
    /// @notice From its first second an incident lasts at most so long; what follows is the next one. Seconds.
    function LONGEST_INCIDENT() external view returns (uint64);
    /// @notice By how much the guardian may delay, from then, seconds.
    function LONGEST_DELAY() external view returns (uint64);
    /// @notice Spans of a checkpoint at most.
    function MAX_SPANS() external view returns (uint256);
    /// @notice Checkpoints of an incident that grow by less than the step at most.
    function MAX_CLOSING() external view returns (uint256);
    /// @notice By how much earlier a checkpoint must begin to be accepted for that alone, seconds.
    function EARLIER_STEP() external view returns (uint64);

    /// @notice Creates a trigger; anyone may. Only listed ones are sold.
    /// @dev Refused unless the subject's id is canonical and not the host's, 2 <= k, the paths are distinct contracts, and with any single
    /// family left out the rest still make k families of which not all are ABSENCE. A path's parties are those it names itself, those
    /// that the trigger names, and its own contract; each path names one to 32, and there are one to eight paths.
    /// Bounds (else `InvalidTrigger` with the field): grace <= 7 d, mergeGap <= 1 d and mergeGap + longest grace >= 15 min (or anybody could
    /// end a running incident between two reports), minimumSpell <= 1 d, 1 min <= challengePeriod <= 7 d, 5 min <= checkpointStep <= 1 d,
    /// coolingOff <= 30 d, longest grace + mergeGap + minimumSpell + challengePeriod <= tail <= 90 d.
    /// What is found before the trigger's creation never counts.
    function createTrigger(Trigger calldata trigger) external returns (bytes32 triggerId);

    /// @notice Proposes what the paths hold now as a checkpoint of the trigger's incident; opens the incident if there is none.
    /// @dev By anyone. A checkpoint has its own clock; a later one never restarts an earlier one's. It must exceed the last one by
    /// `checkpointStep` covered seconds while the incident may still grow, afterwards by any, the latter at most `MAX_CLOSING` times.
    /// Until the start is frozen, one that begins at least `EARLIER_STEP` before all others is accepted whatever it covers: until a
    /// challenge period after the first proposal, or after the longest grace from the start that it had, whichever is later.
    /// Of each path the 16 newest spells are looked at; while an incident is open the 16 newest that begin within the merge gap of what
    /// was proposed last, and eight that follow, so that what comes later can't hide it. Of the components the first group within the
    /// merge gap counts, its `MAX_SPANS` oldest.
    function propose(bytes32 triggerId) external returns (uint256 sequence, uint256 checkpoint);

    /// @notice Confirms the checkpoint's spans as far as a fresh sweep still shows them; confirmed seconds never shrink, merge or move.
    /// @dev Only of the open incident. Twice is harmless. Until the start is frozen, the checkpoint that begins earliest, of those with
    /// anything left, is taken in first: neither the order of proposal nor that of confirmation chooses the start. Nothing is confirmed
    /// before the earliest one is ready and the longest grace has passed since its start (`NotReady`), nor what lies further off than
    /// the merge gap: that is the next incident.
    function confirm(bytes32 triggerId, uint256 checkpoint) external;

    /// @notice Ends the open incident: nothing covered within the merge gap and the paths' grace, everything proposed is ready and taken in.
    /// @dev Takes in the last checkpoint itself. Refused while a further checkpoint would be accepted (`ProposalMissing`). An incident of
    /// which nothing could be confirmed leaves no trace: the next one may begin within it.
    function finalise(bytes32 triggerId) external;

    /// @notice The guardian's one delay of the open incident.
    function delay(bytes32 triggerId, uint64 delayedUntil) external;

    /// @notice The id that a trigger of this content has.
    function triggerIdOf(Trigger calldata trigger) external pure returns (bytes32);
    function getTrigger(bytes32 triggerId) external view returns (Trigger memory);
    /// @return subject keccak256 of the subject's id.
    /// @return coolingOff Seconds. @return tail Seconds. @return challengePeriod Seconds.
    function triggerRules(bytes32 triggerId)
        external
        view
        returns (bytes32 subject, uint32 coolingOff, uint32 tail, uint32 challengePeriod);
    /// @notice The family of each path, computed from the parties: paths with the same number share one.
    function familiesOf(bytes32 triggerId) external view returns (uint8[] memory);

    /// @notice The covered components since the last incident, swept now (dropped and merged as the trigger says), as far as they belong
    /// to one incident.
    /// @return spans Oldest first. @return open Whether there may be more: neither merge gap and longest grace have passed since the last
    /// one's end, nor has the incident reached its longest.
    function sweep(bytes32 triggerId) external view returns (Span[] memory spans, bool open);

    /// @notice How many incidents the trigger has had; the last one may be open.
    function incidentCount(bytes32 triggerId) external view returns (uint256);
    function incident(bytes32 triggerId, uint256 sequence) external view returns (Incident memory);
    function confirmedSpans(bytes32 triggerId, uint256 sequence) external view returns (Span[] memory);
    function checkpointOf(bytes32 triggerId, uint256 sequence, uint256 checkpoint)
        external
        view
        returns (Checkpoint memory, Span[] memory);
    /// @notice keccak256("INCIDENT_V1", host chain id, this contract, triggerId, sequence): holds no observation.
    function incidentId(bytes32 triggerId, uint256 sequence) external view returns (bytes32);

    /// @notice Whether an incident is open, or final for less than the settlement window with seconds confirmed.
    function unsettled(bytes32 triggerId) external view returns (bool);
    /// @notice The families with an alarmed path now, as a bit set; a path that can't be read counts as silent here.
    /// @return alarmed Bit f is set when family f is alarmed. @return live Bit f is set when a path of family f answered.
    function alarms(bytes32 triggerId) external view returns (uint256 alarmed, uint256 live);
    /// @notice Whether cover may be sold now: nothing alarmed, nothing unsettled, at least k + 1 families readable.
    function quiet(bytes32 triggerId) external view returns (bool);
}
