"""What should be sent to the contracts now: from their state, as values, to actions. Sends nothing, knows no chain.

Every rule here repeats a condition of a contract, so that only what would do something is sent. A wrong decision costs
a refused simulation and nothing else: the contracts decide.
"""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from insure.records.onchain import (
    Bytes32,
    Checkpoint,
    Claim,
    DisputeCase,
    Incident,
    Member,
    Policy,
    Solvency,
    Span,
)
from pricing_models.payoff import LONGEST_INCIDENT_SECONDS

EARLIER_STEP_SECONDS = 60
"""By how much earlier a checkpoint must begin to be accepted for that alone (`IncidentBook.EARLIER_STEP`)."""
MAX_CLOSING = 8
"""How many checkpoints of an incident may grow by less than a step (`IncidentBook.MAX_CLOSING`)."""
RETIREMENT_NOTICE_SECONDS = 3_600
"""After its note a silent path is left so long to be heard of again (`Roster.NOTICE`)."""
CLAIMS_PER_BATCH = 32
"""Half of what `PolicyBook.claimMany` takes: a batch stays well below any block's gas."""
SETTLEMENT_SECONDS = 86_400
"""How long an incident is unsettled after it is final (`IncidentBook.SETTLEMENT_WINDOW`)."""
ACCRUE_EVERY_SECONDS = 86_400
"""Premium expires by days: accruing once a day never falls behind."""
POKE_AGAIN_SECONDS = 3_600
"""How late at most it is noticed that an alarm's hold on the reserve has lapsed."""
VIRTUAL_SHARES = 10**6
"""Of `CoverPool`."""


@dataclass(frozen=True)
class Poke:
    """Have the pool look at a trigger's alarms and incidents."""

    trigger_id: Bytes32


@dataclass(frozen=True)
class Propose:
    """Propose what the paths hold."""

    trigger_id: Bytes32


@dataclass(frozen=True)
class Confirm:
    """Confirm a checkpoint."""

    trigger_id: Bytes32
    checkpoint: int


@dataclass(frozen=True)
class Finalise:
    """End the open incident."""

    trigger_id: Bytes32


@dataclass(frozen=True)
class Retire:
    """Have the book look whether the `index`-th path is dead: it notes, clears or retires it."""

    trigger_id: Bytes32
    index: int


@dataclass(frozen=True)
class ClaimBatch:
    """Claim these incidents for these policies in one transaction: (policy, sequence), in order."""

    items: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Accrue:
    """Release earned premium."""


@dataclass(frozen=True)
class Settle:
    """Settle the oldest matured batch of redemptions."""


@dataclass(frozen=True)
class PayDebt:
    """Pay what the pool still owes a policy."""

    policy_id: int


@dataclass(frozen=True)
class Release:
    """Free an ended policy's collateral."""

    policy_id: int


@dataclass(frozen=True)
class Conclude:
    """End the trigger's dispute, on which its arbiter was silent."""

    trigger_id: Bytes32


@dataclass(frozen=True)
class Rules:
    """What of a trigger decides: seconds; `grace` is the longest of its paths."""

    merge_gap: int
    grace: int
    checkpoint_step: int
    tail: int


@dataclass(frozen=True)
class Standing:
    """How a trigger and the pool's reserve for it stand: `alarmed` families as a bit set, `incidents` so far."""

    trigger_id: Bytes32
    unsettled: bool
    incidents: int
    alarmed: int
    reserve: int
    locked: int

    @property
    def cause(self) -> tuple[int, int]:
        """What the reserve should be held for: the number of an unsettled incident, or the alarmed families."""
        return (self.incidents, 0) if self.unsettled else (0, self.alarmed)


@dataclass(frozen=True)
class Poked:
    """When a trigger was last poked, and for what cause."""

    at: int
    cause: tuple[int, int]


@dataclass(frozen=True)
class Proposal:
    """A checkpoint and its spans; none while they are not known yet, and then it is neither confirmed nor the end."""

    checkpoint: Checkpoint
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """What the paths of a trigger show now, and its open incident with its proposals, if there is one.

    `swept` are the spans of one incident, oldest first, confirmed ones among them; `growing` says whether the last
    may still grow. `proposals` are oldest first. While a dispute is open, what lies from `disputed_from` on is held
    back. `last_covered` are the last proposal's covered seconds as the book has them, what was struck out taken off.
    """

    trigger_id: Bytes32
    rules: Rules
    swept: tuple[Span, ...]
    growing: bool
    incident: Incident | None = None
    proposals: tuple[Proposal, ...] = ()
    confirmed: tuple[Span, ...] = ()
    disputed_from: int | None = None
    last_covered: int | None = None


def poke(standing: Standing, last: Poked | None, now: int) -> list[Poke]:
    """Poke when what the reserve should be held for has changed, an alarm's hold may have lapsed, or nothing holds it.

    The last is so too when someone else had the pool latch it between two looks of ours.
    """
    if not standing.locked and not standing.reserve:
        return []
    stale = standing.reserve > 0 and standing.cause == (0, 0)
    changed = standing.cause != ((0, 0) if last is None else last.cause)
    lasting = standing.alarmed != 0 and not standing.unsettled
    due = last is not None and lasting and now >= last.at + POKE_AGAIN_SECONDS
    return [Poke(standing.trigger_id)] if stale or changed or due else []


def propose(evidence: Evidence, now: int) -> list[Propose]:
    """Propose what the paths show, if it is new, adds enough to the last checkpoint, or begins earlier than all."""
    incident, grace = evidence.incident, evidence.rules.grace
    if not evidence.swept:
        return []
    if incident and not incident.start and _begins_earlier(evidence.proposals, evidence.swept[0].start, now, grace):
        return [Propose(evidence.trigger_id)]
    if incident is not None and measure(evidence.swept) < _needed(evidence, evidence.growing):
        return []
    return [Propose(evidence.trigger_id)]


def confirm(evidence: Evidence, now: int) -> list[Confirm]:
    """Confirm the ready checkpoint that adds most, the newest of equals; none if none adds anything."""
    incident = evidence.incident
    if incident is None or now < incident.delayed_until:
        return []
    if not incident.start and now < _complete_at(evidence):
        return []
    ready = [proposal for proposal in evidence.proposals if proposal.checkpoint.ready_at <= now]
    gains = [(_gain(evidence, incident, proposal), proposal.checkpoint.index) for proposal in ready]
    gain, index = max(gains, default=(0, 0))
    return [Confirm(evidence.trigger_id, index)] if gain > 0 else []


def confirmed(evidence: Evidence, checkpoint: int) -> Incident:
    """The open incident as it is once that checkpoint, which adds something, is confirmed.

    Raises `ValueError` if there is no open incident or no such proposal.
    """
    incident = evidence.incident
    proposal = next((each for each in evidence.proposals if each.checkpoint.index == checkpoint), None)
    if incident is None or proposal is None:
        raise ValueError(f"checkpoint {checkpoint} of {evidence.trigger_id} is not proposed")
    spans = _with(evidence, incident, proposal)
    start = incident.start or spans[0].start
    return replace(incident, start=start, until=spans[-1].until, covered_seconds=measure(spans), spans=spans)


def may_confirm(incidents: Iterable[Incident], checkpoints: Iterable[Checkpoint], at: int) -> bool:
    """Whether the mirror knows of a checkpoint that is ready at `at` and may add to an open incident.

    `incidents` are one trigger's, `checkpoints` those of its last one. For a quick look: `confirm` decides.
    """
    last = max(incidents, key=lambda each: each.sequence, default=None)
    if last is None or last.final_at:
        return False
    return any(each.ready_at <= at and each.covered_seconds > last.covered_seconds for each in checkpoints)


def finalise(evidence: Evidence, now: int) -> list[Finalise]:
    """End the incident when nothing can follow within merge gap and grace and all that there is was proposed."""
    incident = evidence.incident
    if incident is None or not evidence.proposals or evidence.disputed_from is not None:
        return []
    last = evidence.proposals[-1]
    if not last.spans:
        return []
    ends = [spans[-1].until for spans in (last.spans, evidence.swept) if spans]
    over = now > max(ends) + evidence.rules.merge_gap + evidence.rules.grace
    ready = now >= max(last.checkpoint.ready_at, incident.delayed_until)
    complete = measure(evidence.swept) < _needed(evidence, growing=False)
    return [Finalise(evidence.trigger_id)] if over and ready and complete else []


def conclude(trigger_id: Bytes32, case: DisputeCase | None, now: int) -> list[Conclude]:
    """Conclude a dispute that lapsed: it holds no incident back any more, but the bonds of both sides are locked."""
    return [Conclude(trigger_id)] if case is not None and now >= case.lapses_at else []


def retire(trigger_id: Bytes32, members: Sequence[Member], heard: Sequence[int | None], now: int) -> list[Retire]:
    """Note paths that are silent or broken beyond their maximum, clear notes of those that are back, retire the dead.

    `heard` says when each path was last heard of, None for one that can't be read.
    """
    wanted = [_wants_look(member, last, now) for member, last in zip(members, heard, strict=True)]
    return [Retire(trigger_id, index) for index, wants in enumerate(wanted) if wants]


def _wants_look(member: Member, heard: int | None, now: int) -> bool:
    noted = member.silent_since != 0
    if member.retired:
        return False
    if heard is not None and now <= heard + member.maximum_silence:
        return noted
    patience = member.maximum_silence if heard is None else RETIREMENT_NOTICE_SECONDS
    return not noted or now > member.silent_since + patience


def worthwhile(due: Sequence[Claim], interim: Container[tuple[int, int]], least: int) -> list[Claim]:
    """What to claim of it now: all, but of `interim` ones (numbers of policy and incident) what adds at least `least`.

    An incident that goes on may add more, and its end has everything claimed.
    """
    return [
        each
        for each in due
        if (each.policy_id, each.sequence) not in interim or each.owed - each.paid - each.debt >= least
    ]


def claim(due: Sequence[Claim]) -> list[ClaimBatch]:
    """Everything that is due, in batches; the incidents of one policy stay in order."""
    items = [(each.policy_id, each.sequence) for each in due if each.owed > each.paid + each.debt]
    starts = range(0, len(items), CLAIMS_PER_BATCH)
    return [ClaimBatch(tuple(items[start : start + CLAIMS_PER_BATCH])) for start in starts]


def accrue(solvency: Solvency, accrued_up_to: int, now: int) -> list[Accrue]:
    """Accrue once a day while there is premium to be earned."""
    wanted = solvency.unearned > 0 and now >= accrued_up_to + ACCRUE_EVERY_SECONDS
    return [Accrue()] if wanted else []


def settle(solvency: Solvency) -> list[Settle]:
    """Settle when a batch has matured and solvency leaves room for at least one share of it."""
    if solvency.matured_exits == 0 or solvency.supply == 0:
        return []
    held = solvency.unearned + solvency.debts
    net = max(0, max(0, solvency.assets - held) - solvency.reserve)
    room = max(0, solvency.assets - held - solvency.reserve - solvency.exposed)
    shares = room * (solvency.supply + VIRTUAL_SHARES) // (net + 1)
    return [Settle()] if net > 0 and shares > 0 else []


def pay_debts(debts: Iterable[tuple[int, int]], solvency: Solvency) -> list[PayDebt]:
    """Pay debts, given as (policy, amount) in the order they shall be paid, while assets beyond the reserve last."""
    left = solvency.assets - solvency.reserve
    actions = []
    for policy_id, debt in debts:
        if debt > 0 and left > 0:
            actions.append(PayDebt(policy_id))
            left -= debt
    return actions


def release(policies: Iterable[Policy], evidence: Evidence, incidents: Sequence[Incident], now: int) -> list[Release]:
    """Release the trigger's policies whose end and tail are past, unless an incident or evidence of one stands.

    `incidents` are the trigger's newest, in order, back to one that is `settled` and covers anything, or all.
    """
    pending = evidence.swept[0].start if evidence.swept else None
    return [
        Release(policy.policy_id)
        for policy in policies
        if not policy.released
        and now > policy.end + evidence.rules.tail
        and (pending is None or pending >= policy.end)
        and not _unsettled_before(policy.end, incidents, now)
    ]


def settled(incident: Incident, now: int) -> bool:
    """Whether the incident is final for a settlement window or longer."""
    return incident.final_at != 0 and now >= incident.final_at + SETTLEMENT_SECONDS


def _unsettled_before(end: int, incidents: Sequence[Incident], now: int) -> bool:
    """Whether an unsettled incident began before `end` or, its start not frozen yet, may have."""
    began = 0
    for incident in incidents:
        start = incident.start or began
        traceless = incident.final_at != 0 and incident.covered_seconds == 0
        if not traceless and not settled(incident, now) and start < end:
            return True
        # the next one begins where this one ends, or later
        began = max(began, incident.until)
    return False


def measure(spans: Iterable[Span]) -> int:
    """Seconds covered by spans that are disjoint."""
    return sum(span.seconds for span in spans)


def unite(one: Iterable[Span], other: Iterable[Span]) -> tuple[Span, ...]:
    """The time that lies in either, as disjoint spans in order; touching ones become one."""
    united: list[Span] = []
    for span in sorted((*one, *other), key=lambda span: span.start):
        if united and span.start <= united[-1].until:
            united[-1] = Span(united[-1].start, max(united[-1].until, span.until))
        else:
            united.append(span)
    return tuple(united)


def intersect(one: Sequence[Span], other: Sequence[Span]) -> tuple[Span, ...]:
    """The time that lies in both; each must be in order and disjoint."""
    found: list[Span] = []
    i = j = 0
    while i < len(one) and j < len(other):
        start, until = max(one[i].start, other[j].start), min(one[i].until, other[j].until)
        if start < until:
            found.append(Span(start, until))
        if one[i].until <= other[j].until:
            i += 1
        else:
            j += 1
    return tuple(found)


def _needed(evidence: Evidence, growing: bool) -> int:
    """Covered seconds from which a further checkpoint is accepted; steps that are too small are counted."""
    step = evidence.rules.checkpoint_step
    covered = [proposal.checkpoint.covered_seconds for proposal in evidence.proposals]
    if not covered:
        return 1
    small = 0
    for index, (before, after) in enumerate(pairwise(evidence.proposals), start=1):
        earlier = after.spans and _begins_earlier(
            evidence.proposals[:index], after.spans[0].start, after.checkpoint.proposed_at, evidence.rules.grace
        )
        small += not earlier and after.checkpoint.covered_seconds < before.checkpoint.covered_seconds + step
    last = covered[-1] if evidence.last_covered is None else evidence.last_covered
    return last + (step if growing or small >= MAX_CLOSING else 1)


def _begins_earlier(proposals: Sequence[Proposal], start: int, at: int, grace: int) -> bool:
    """Whether a checkpoint from `start` on is accepted at `at` for that alone, after these proposals."""
    if not proposals or not all(each.spans for each in proposals):
        return False
    first = proposals[0].checkpoint
    known = max(first.proposed_at, proposals[0].spans[0].start + grace)
    earliest = min(each.spans[0].start for each in proposals)
    return earliest - start >= EARLIER_STEP_SECONDS and at <= known + first.ready_at - first.proposed_at


def _complete_at(evidence: Evidence) -> int:
    """From when the start may be frozen: the earliest one proposed is ready, and an earlier one has had its grace."""
    known = [each for each in evidence.proposals if each.spans]
    if not known:
        return 0
    first = min(known, key=lambda each: (each.spans[0].start, each.checkpoint.index))
    return max(first.checkpoint.ready_at, first.spans[0].start + evidence.rules.grace)


def _gain(evidence: Evidence, incident: Incident, proposal: Proposal) -> int:
    """Seconds that confirming this proposal would add to the confirmed ones."""
    return measure(_with(evidence, incident, proposal)) - measure(evidence.confirmed)


def _with(evidence: Evidence, incident: Incident, proposal: Proposal) -> tuple[Span, ...]:
    """What is confirmed once this proposal is."""
    limits = evidence.swept
    if incident.start:
        limits = intersect(limits, [Span(incident.start, incident.start + LONGEST_INCIDENT_SECONDS)])
    if evidence.disputed_from is not None:
        limits = intersect(limits, [Span(0, evidence.disputed_from)])
    return unite(evidence.confirmed, intersect(proposal.spans, limits))
