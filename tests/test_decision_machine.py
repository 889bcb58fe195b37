"""The keeper's decisions against a book with the contracts' rules: nothing lost, nothing twice, nothing refused.

A subject goes down and comes back as it likes, its paths show it with a lag, somebody disputes before an arbiter who
stays silent, and after every step of time the keeper does what its decisions say until they say nothing more.
"""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from insure import decisions
from insure.decisions import MAX_CLOSING, ClaimBatch, Evidence, Proposal, Rules, intersect, measure, unite
from insure.records.onchain import ZERO_ADDRESS, Checkpoint, Claim, DisputeCase, Incident, Span

T = "0x" + "11" * 32
RULES = Rules(merge_gap=1_800, grace=900, checkpoint_step=600, tail=604_800)
CHALLENGE = 1_800
DISPUTE = 6 * 3_600
"""Shorter than the contracts' ten days, so that disputes lapse within a story; no decision knows how long they are."""
MOST_ROUNDS = 3
BEGIN = 1_000_000
MOST_ACTIONS = 20
BLOCK = 12


class Book:
    """What the contracts know of one trigger, and when they refuse; time and evidence come from outside."""

    def __init__(self) -> None:
        self.final: list[Incident] = []
        self.incident: Incident | None = None
        self.proposals: list[Proposal] = []
        self.confirmed: tuple[Span, ...] = ()
        self.small = 0
        self.rounds, self.disputed_from, self.lapses_at = 0, 0, 0
        self.case: DisputeCase | None = None

    @property
    def since(self) -> int:
        return max((each.until for each in self.final), default=0)

    def held_back(self, now: int) -> int | None:
        """From when on time is disputed, None if none is."""
        return self.disputed_from if now < self.lapses_at else None

    def dispute(self, start: int, now: int) -> None:
        assert self.incident is not None and self.held_back(now) is None and self.rounds < MOST_ROUNDS
        assert (self.incident.until or self.since) <= start < now, "DisputeOutOfRange"
        self.rounds, self.disputed_from, self.lapses_at = self.rounds + 1, start, now + DISPUTE
        self.case = DisputeCase("0x" + "aa" * 20, ZERO_ADDRESS, self.incident.sequence, self.rounds, self.lapses_at, 1)

    def conclude(self, now: int) -> None:
        assert self.case is not None, "NoDispute"
        assert now >= self.case.lapses_at, "NotLapsed"
        self.case = None

    def propose(self, swept: tuple[Span, ...], growing: bool, now: int) -> None:
        covered = measure(swept)
        if self.incident is None:
            assert covered > 0, "EvidenceTooWeak"
            self.incident = Incident(T, len(self.final), 0, 0, 0, now, 0, 0, 0)
        else:
            last = self.proposals[-1].checkpoint.covered_seconds
            step = RULES.checkpoint_step
            assert covered >= last + (step if growing or self.small >= MAX_CLOSING else 1), "CheckpointTooSmall"
            self.small += covered < last + step
        index = len(self.proposals)
        self.proposals.append(Proposal(Checkpoint(T, len(self.final), index, now, covered, now + CHALLENGE), swept))

    def confirm(self, index: int, swept: tuple[Span, ...], now: int) -> None:
        assert self.incident is not None, "NoOpenIncident"
        proposal, first = self.proposals[index], self.proposals[0]
        assert now >= proposal.checkpoint.ready_at, "NotReady"
        assert now >= max(first.checkpoint.ready_at, first.spans[0].start + RULES.grace), "NotReady"
        allowed, held_back = intersect(proposal.spans, swept), self.held_back(now)
        more = unite(self.confirmed, allowed if held_back is None else intersect(allowed, [Span(0, held_back)]))
        assert measure(more) > measure(self.confirmed), "NothingToConfirm"
        self.confirmed = more
        self.incident = Incident(
            T, len(self.final), more[0].start, more[-1].until, measure(more), self.incident.proposed_at, 0, 0, 0, more
        )

    def finalise(self, swept: tuple[Span, ...], now: int) -> None:
        assert self.incident is not None, "NoOpenIncident"
        assert self.held_back(now) is None, "DisputeOpen"
        last = self.proposals[-1]
        assert now > max(spans[-1].until for spans in (last.spans, swept) if spans) + RULES.merge_gap + RULES.grace
        assert now >= last.checkpoint.ready_at, "NotReady"
        # it confirms what the last checkpoint holds by itself
        spans = unite(self.confirmed, intersect(last.spans, swept))
        start, until = (spans[0].start, spans[-1].until) if spans else (0, 0)
        self.final.append(Incident(T, self.incident.sequence, start, until, measure(spans), 0, now, 0, 0))
        self.incident, self.proposals, self.confirmed, self.small = None, [], (), 0
        self.rounds = self.lapses_at = 0


class Keeper(RuleBasedStateMachine):
    """One trigger, its subject, and a keeper that looks after every step."""

    @initialize(
        lag=st.integers(0, RULES.grace // 2),
        policies=st.integers(1, 2),
        order=st.permutations(["propose", "pay", "confirm", "finalise", "claim", "conclude"]),
    )
    def begin(self, lag: int, policies: int, order: list[str]) -> None:
        """Jobs run in any order: a restart may begin with any of them."""
        self.now, self.lag, self.policies, self.order = BEGIN, lag, policies, order
        self.truth: list[Span] = []
        self.down_since: int | None = None
        self.book = Book()
        self.paid: dict[tuple[int, int], int] = {}
        self.tried: set[tuple[int, int]] = set()

    @rule(seconds=st.integers(60, 599) | st.integers(600, 7_200))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds
        self.keep()

    @rule(times=st.integers(1, 12), down=st.integers(60, 300), up=st.integers(60, 300))
    def the_subject_flickers(self, times: int, down: int, up: int) -> None:
        for _ in range(times):
            self.the_subject_stops()
            self.time_passes(down)
            self.the_subject_is_back()
            self.time_passes(up)

    @rule()
    def the_subject_stops(self) -> None:
        if self.down_since is None and (not self.truth or self.truth[-1].until < self.now):
            self.down_since = self.now

    @rule()
    def the_subject_is_back(self) -> None:
        if self.down_since is not None and self.down_since < self.now:
            self.truth.append(Span(self.down_since, self.now))
            self.down_since = None

    @rule(back=st.integers(1, 7_200))
    def somebody_disputes(self, back: int) -> None:
        """An outage is disputed, from a moment on that the book allows."""
        book = self.book
        if book.incident is None:
            self.the_subject_stops()
            self.time_passes(1_200)
        if book.incident is None or book.held_back(self.now) is not None or book.rounds == MOST_ROUNDS:
            return
        start = max(self.now - back, book.incident.until or book.since)
        if start < self.now:
            book.dispute(start, self.now)

    # What the paths show, and what the keeper makes of it

    def shown(self) -> tuple[Span, ...]:
        """All downtime that the paths have shown so far."""
        seen = self.now - self.lag
        spans = [*self.truth, *([] if self.down_since is None else [Span(self.down_since, self.now)])]
        return tuple(Span(each.start, min(each.until, seen)) for each in spans if each.start < min(each.until, seen))

    def swept(self) -> tuple[tuple[Span, ...], bool]:
        """Of it what belongs to the incident that is open or would be opened, and whether it still grows."""
        after = self.book.since
        shown = [Span(max(span.start, after), span.until) for span in self.shown() if span.until > after]
        spans: list[Span] = []
        for span in shown:
            if spans and span.start > spans[-1].until + RULES.merge_gap:
                break
            spans.append(span)
        growing = bool(spans) and spans[-1].until == self.now - self.lag
        return tuple(spans), growing

    def evidence(self) -> Evidence:
        swept, growing = self.swept()
        book = self.book
        held_back = book.held_back(self.now)
        return Evidence(T, RULES, swept, growing, book.incident, tuple(book.proposals), book.confirmed, held_back)

    def due(self, last: Incident | None = None) -> list[Claim]:
        """What the keeper takes to be due: as the book has it, or with an incident that is open as foreseen."""
        last = last or self.book.incident
        incidents = [*self.book.final, *([] if last is None else [last])]
        return [
            Claim(policy, each.sequence, each.covered_seconds, self.paid.get((policy, each.sequence), 0), 0)
            for policy in range(self.policies)
            for each in incidents
        ]

    def keep(self) -> None:
        """Does what the decisions say until they say nothing; the book refuses nothing of it."""
        for _ in range(MOST_ACTIONS):
            if not self.act():
                return
        raise AssertionError("the decisions never come to rest")

    def act(self) -> bool:
        """The first action that any decision asks for; whether there was one."""
        return any(getattr(self, name)() for name in self.order)

    def propose(self) -> bool:
        evidence = self.evidence()
        wanted = decisions.propose(evidence, self.now)
        for _ in wanted:
            self.book.propose(evidence.swept, evidence.growing, self.now)
        return bool(wanted)

    def pay(self) -> bool:
        """Confirms in the next block what is ready by then and claims in that block what follows from it."""
        evidence, at = self.evidence(), self.now + BLOCK
        wanted = decisions.confirm(evidence, at)
        incidents = self.book.final[-1:] if evidence.incident is None else [evidence.incident]
        quick = decisions.may_confirm(incidents, [each.checkpoint for each in evidence.proposals], at)
        assert quick or not wanted, "a look at the mirror missed it"
        new = [each for each in wanted if (len(self.book.final), each.checkpoint) not in self.tried]
        for each in new:
            self.tried.add((len(self.book.final), each.checkpoint))
            foreseen = decisions.confirmed(evidence, each.checkpoint)
            self.now = at
            self.book.confirm(each.checkpoint, self.swept()[0], at)
            assert self.book.incident is not None
            assert foreseen.covered_seconds <= self.book.incident.covered_seconds, "a claim that rests on too much"
            if evidence.disputed_from == self.book.held_back(at):
                assert foreseen == self.book.incident
            self.make(decisions.claim(self.due(foreseen)))
        return bool(new)

    def confirm(self) -> bool:
        evidence = self.evidence()
        wanted = decisions.confirm(evidence, self.now)
        for each in wanted:
            self.book.confirm(each.checkpoint, evidence.swept, self.now)
        return bool(wanted)

    def finalise(self) -> bool:
        evidence = self.evidence()
        wanted = decisions.finalise(evidence, self.now)
        for _ in wanted:
            self.book.finalise(evidence.swept, self.now)
        return bool(wanted)

    def claim(self) -> bool:
        batches = decisions.claim(self.due())
        self.make(batches)
        return bool(batches)

    def make(self, batches: list[ClaimBatch]) -> None:
        """The book pays what is due then, and refuses a claim that would add nothing."""
        due = {(each.policy_id, each.sequence): each.owed for each in self.due()}
        for policy, sequence in (item for batch in batches for item in batch.items):
            assert due[policy, sequence] > self.paid.get((policy, sequence), 0), "ClaimSkipped"
            self.paid[policy, sequence] = due[policy, sequence]

    def conclude(self) -> bool:
        wanted = decisions.conclude(T, self.book.case, self.now)
        for _ in wanted:
            self.book.conclude(self.now)
        return bool(wanted)

    # What always holds

    @invariant()
    def only_real_downtime_is_confirmed(self) -> None:
        if not hasattr(self, "book"):
            return
        down = [*self.truth, *([] if self.down_since is None else [Span(self.down_since, self.now)])]
        confirmed = self.book.confirmed
        assert measure(intersect(confirmed, unite(down, ()))) == measure(confirmed)

    @invariant()
    def every_policy_is_paid_what_is_confirmed_and_no_more(self) -> None:
        if not hasattr(self, "book"):
            return
        covered = sum(each.covered_seconds for each in self.book.final) + measure(self.book.confirmed)
        for policy in range(self.policies):
            assert sum(paid for (who, _), paid in self.paid.items() if who == policy) == covered

    def teardown(self) -> None:
        """Once the subject is back for good all of its downtime is confirmed, final and paid, each second once, and no
        bond is left behind."""
        if not hasattr(self, "book"):
            return
        self.the_subject_is_back()
        self.down_since = None
        self.now += self.lag + 1  # by then the paths have shown all of it
        self.keep()
        latest = self.now + 2 * 86_400
        while self.book.incident is not None or self.swept()[0]:
            assert self.now < latest, "it never comes to an end"
            self.now += 600
            self.keep()
        total = measure(self.truth)
        assert sum(each.covered_seconds for each in self.book.final) == total
        assert sum(self.paid.values()) == total * self.policies
        assert self.book.case is None


Keeper.TestCase.settings = settings(max_examples=40, stateful_step_count=25)
TestKeeper = Keeper.TestCase
