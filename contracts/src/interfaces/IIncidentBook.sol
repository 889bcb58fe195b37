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
/// @param maximumSilence Not heard of for longer than this, or broken for as long, it may be retired; seconds.
/// @param parties Who else, beyond `IPath.parties()`, could falsify or silence the path alone.
struct TriggerPath {
    address path;
    uint32 grace;
    uint32 maximumSilence;
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
/// @param court May dispute what is not confirmed yet, within the bounds of `openDispute`; the zero address if nobody may.
/// @param arbiter Whose rulings the court follows; the book only keeps it.
/// @param calendarSigner Signs announced stops, which are no covered time; the zero address if there are none.
/// @param calendarSecondsPerYear Most announced seconds in any 365 days.
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
    address court;
    address arbiter;
    address calendarSigner;
    uint32 calendarSecondsPerYear;
}

/// @notice A path of a trigger, as the sweep needs it, in one slot.
/// @param absence Whether its evidence is the absence of something.
/// @param retired For good: it raises no alarm, and nothing from `silentSince` on counts.
/// @param silentSince When it was noted as silent or broken, or retired; zero if neither.
struct Member {
    address path;
    uint8 family;
    bool absence;
    bool retired;
    uint40 silentSince;
    uint32 maximumSilence;
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

/// @notice The dispute of an incident.
/// @param from What is covered from this second on is held back while the dispute is open.
/// @param lapsesAt From then on it is as if rejected; zero if none is open or the last one was closed.
/// @param rounds How many disputes the incident has had.
struct Dispute {
    uint64 from;
    uint64 lapsesAt;
    uint8 rounds;
}

/// @notice What a sale of cover on a trigger must know.
/// @param subject keccak256 of the subject's id.
/// @param coolingOff Seconds. @param tail Seconds. @param challengePeriod Seconds.
/// @param incidents How many incidents there were; what is sold now covers none of them.
/// @param fundedUntil Until when the evidence that must keep coming is paid for: the least over unretired ABSENCE paths that answer; the
/// largest number if there is none.
/// @param quiet `IIncidentBook.quiet`.
struct SaleRules {
    bytes32 subject;
    uint32 coolingOff;
    uint32 tail;
    uint32 challengePeriod;
    uint32 incidents;
    uint64 fundedUntil;
    bool quiet;
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
    /// @dev Also emitted by `finalise`, for the last checkpoint. @param spans All that is confirmed now, oldest first.
    event IncidentConfirmed(
        bytes32 indexed triggerId,
        uint256 indexed sequence,
        uint256 checkpoint,
        uint64 from,
        uint64 until,
        uint64 coveredSeconds,
        Span[] spans
    );
    event IncidentDelayed(bytes32 indexed triggerId, uint256 indexed sequence, uint64 delayedUntil);
    event IncidentFinalised(
        bytes32 indexed triggerId, uint256 indexed sequence, uint64 from, uint64 until, uint64 coveredSeconds
    );
    /// @param round From one.
    event DisputeOpened(
        bytes32 indexed triggerId, uint256 indexed sequence, uint256 round, uint64 from, uint64 lapsesAt
    );
    /// @param upheld Whether [from, until) is struck out for this trigger.
    event DisputeClosed(bytes32 indexed triggerId, uint256 indexed sequence, bool upheld, uint64 from, uint64 until);
    event WindowAnnounced(bytes32 indexed triggerId, uint64 from, uint64 until);
    /// @dev It answers, but was last heard of longer ago than its maximum.
    event PathSilent(bytes32 indexed triggerId, uint256 indexed index, address path, uint64 lastHeard);
    /// @dev It doesn't say soundly when it was last heard of.
    event PathBroken(bytes32 indexed triggerId, uint256 indexed index, address path);
    event PathBack(bytes32 indexed triggerId, uint256 indexed index, address path);
    event PathRetired(bytes32 indexed triggerId, uint256 indexed index, address path);

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
    error NotCourt(address caller);
    /// @dev One dispute at a time, and nothing is final while one is open.
    error DisputeOpen(uint64 lapsesAt);
    error NoOpenDispute(bytes32 triggerId);
    error TooManyRounds(uint256 maximum);
    /// @dev A dispute must satisfy earliest <= from < current: what is confirmed can't be disputed, nor what did not happen yet.
    error DisputeOutOfRange(uint64 from, uint64 earliest, uint64 current);
    error NoCalendar(bytes32 triggerId);
    error BadWindowSignature(address signer);
    /// @dev A window must begin within [earliest, latest]: far enough ahead, not too far, and not before the last one's end.
    error WindowOutOfRange(uint64 from, uint64 earliest, uint64 latest);
    error WindowTooShort(uint64 from, uint64 until, uint64 minimum);
    error TooManyWindows(uint256 maximum);
    /// @param announced Seconds announced within the 365 days that end with the window, itself included.
    error CalendarExhausted(uint64 announced, uint64 maximum);
    error UnknownPath(uint256 index);
    error PathIsRetired(uint256 index);
    /// @param silentAt From when it would count as silent.
    error PathIsAlive(uint256 index, uint64 silentAt);
    /// @param retirableAt From when it can be retired, if it isn't heard of until then.
    error PathNoted(uint256 index, uint64 retirableAt);
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
    /// @notice After how long a dispute that nobody closed is as if rejected, seconds.
    function DISPUTE_SECONDS() external view returns (uint64);
    /// @notice Disputes of an incident at most.
    function MAX_ROUNDS() external view returns (uint256);

    /// @notice Creates a trigger; anyone may. Only listed ones are sold.
    /// @dev Refused unless the subject's id is canonical and not the host's, 2 <= k, the paths are distinct contracts, and with any single
    /// family left out the rest still make k families of which not all are ABSENCE. A path's parties are those it names itself, those
    /// that the trigger names, and its own contract; each path names one to 32, and there are one to eight paths.
    /// Bounds (else `InvalidTrigger` with the field): grace <= 7 d, mergeGap <= 1 d and mergeGap + longest grace >= 15 min (or anybody could
    /// end a running incident between two reports), minimumSpell <= 1 d, 1 min <= challengePeriod <= 7 d, 5 min <= checkpointStep <= 1 d,
    /// coolingOff <= 30 d, longest grace + mergeGap + minimumSpell + challengePeriod <= tail <= 90 d,
    /// 1 d <= maximumSilence <= 90 d and for RECOVERY at least 30 d, calendarSecondsPerYear <= 7 d.
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

    /// @notice The court disputes what is covered from `from` on: until it is closed, and at most `DISPUTE_SECONDS`, only what lies before
    /// is confirmed and nothing is final.
    /// @dev Only the trigger's court, one at a time, at most `MAX_ROUNDS` an incident, and `from` at or after what is confirmed and in the
    /// past. So whatever the court does, it delays an incident by at most `MAX_ROUNDS` times `DISPUTE_SECONDS` and adds no second.
    function openDispute(bytes32 triggerId, uint64 from) external returns (uint256 sequence, uint64 lapsesAt);

    /// @notice The court closes its dispute before it lapses. Upheld, the time from the dispute's `from` until now is struck out for this
    /// trigger for good, like an announced stop; rejected, the sweep stands.
    function closeDispute(bytes32 triggerId, bool upheld) external;

    /// @notice Announces a stop that the trigger's calendar signer signed: `Window(bytes32 triggerId,uint64 from,uint64 until)`, EIP-712 of
    /// this contract ("IncidentBook", "1"), ECDSA or EIP-1271. It is cut out of covered time before short components are dropped.
    /// @dev By anyone. It begins 72 hours to 30 days ahead and not before the end of the last one, lasts at least ten minutes; in any 365
    /// days at most 32 begin, and they last at most `calendarSecondsPerYear` together.
    /// Warning to the signer: windows are taken in order of time, so a later one that is handed in first shuts out an earlier one.
    /// A stop that is cut out is a gap: if it is longer than the merge gap, an outage that spans it is two incidents.
    function announce(bytes32 triggerId, Span calldata window, bytes calldata signature) external;

    /// @notice Retires the `index`-th path for good, if it is dead: in two calls, so that a host that stalled retires nobody.
    /// @dev By anyone. The first call notes a path that was last heard of longer ago than its `maximumSilence` (`PathSilent`), or doesn't
    /// say soundly when (`PathBroken`). A later call clears the note if it was heard of since (`PathBack`); else retires it: a silent one
    /// an hour after the note, a broken one `maximumSilence` after it. So a note of a path that came back should be cleared soon.
    function retire(bytes32 triggerId, uint256 index) external;

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

    /// @notice The trigger's paths as the sweep sees them.
    function membersOf(bytes32 triggerId) external view returns (Member[] memory);
    /// @notice Who rules on disputes; the court asks it, not this contract.
    function arbiterOf(bytes32 triggerId) external view returns (address);

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
    /// @notice Who proposed the incident first.
    function proposerOf(bytes32 triggerId, uint256 sequence) external view returns (address);
    /// @notice The dispute of the trigger's newest incident; empty before the first incident.
    function disputeOf(bytes32 triggerId) external view returns (Dispute memory);
    /// @notice The 64 oldest announced windows that end after `since`, oldest first.
    function windows(bytes32 triggerId, uint64 since) external view returns (Span[] memory);
    /// @notice The 64 oldest spans that were struck out and end after `since`, oldest first.
    function struck(bytes32 triggerId, uint64 since) external view returns (Span[] memory);
    /// @notice What the calendar signer signs.
    function windowDigest(bytes32 triggerId, Span calldata window) external view returns (bytes32);
    /// @notice keccak256("INCIDENT_V1", host chain id, this contract, triggerId, sequence): holds no observation.
    function incidentId(bytes32 triggerId, uint256 sequence) external view returns (bytes32);

    /// @notice Whether an incident is open, or final for less than the settlement window with seconds confirmed.
    function unsettled(bytes32 triggerId) external view returns (bool);
    /// @notice Both at once: `unsettled` and `incidentCount`.
    function standing(bytes32 triggerId) external view returns (bool isUnsettled, uint256 incidents);
    /// @notice The families with an alarmed path now, as a bit set; a path that can't be read counts as silent here, a retired one not at all.
    /// @return alarmed Bit f is set when family f is alarmed. @return live Bit f is set when a path of family f answered.
    function alarms(bytes32 triggerId) external view returns (uint256 alarmed, uint256 live);
    /// @notice Whether so many paths are retired that no family more may fail: fewer than k + 1 families have an unretired path, or fewer
    /// than two have one that is not ABSENCE. Once true it stays true.
    function impaired(bytes32 triggerId) external view returns (bool);
    /// @notice Whether cover may be sold now: nothing alarmed, nothing unsettled, not impaired, at least k + 1 families readable and among
    /// them two that are not ABSENCE alone.
    function quiet(bytes32 triggerId) external view returns (bool);
    /// @notice What a sale must know, in one call.
    function saleRules(bytes32 triggerId) external view returns (SaleRules memory);
}
