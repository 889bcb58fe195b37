"""The compiled sweep against its definition: second by second, by counting who claims it."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from web3.contract import Contract

from tests.compiled import deployed_harness

# py-evm would take more than a minute for so many cases
pytestmark = [pytest.mark.network, pytest.mark.anvil]

HORIZON = 90
CASES = 2_000
BATCH = 100

Span = tuple[int, int]


@dataclass(frozen=True)
class Track:
    """What one path claims; spells sorted and disjoint."""

    family: int
    absence: bool
    spells: list[Span]


@dataclass(frozen=True)
class Case:
    """One question: the tracks, the quorum, the window [since, cap), and the rules that make components an incident."""

    tracks: list[Track]
    quorum: int
    since: int
    cap: int
    minimum: int
    gap: int
    longest: int
    most: int

    def arguments(self) -> tuple[object, ...]:
        """The question in the order of the contract's struct."""
        tracks = [(track.family, track.absence, track.spells) for track in self.tracks]
        return (tracks, self.quorum, self.since, self.cap, self.minimum, self.gap, self.longest, self.most)


def covered(case: Case) -> list[Span]:
    """Maximal runs, within the window, of seconds that enough families claim, one of them by more than absence."""
    families: dict[int, set[int]] = {}
    witnessed: set[int] = set()
    for track in case.tracks:
        for start, end in track.spells:
            for second in range(start, end):
                families.setdefault(second, set()).add(track.family)
                if not track.absence:
                    witnessed.add(second)

    spans: list[Span] = []
    for second in sorted(witnessed):
        if len(families[second]) < case.quorum or not case.since <= second < case.cap:
            continue
        if spans and spans[-1][1] == second:
            spans[-1] = (spans[-1][0], second + 1)
        else:
            spans.append((second, second + 1))
    return spans


def incident(case: Case) -> list[Span]:
    """The covered spans of the first incident: short ones dropped, near ones kept together, cut at its longest."""
    kept = [span for span in covered(case) if span[1] - span[0] >= case.minimum]
    group: list[Span] = []
    for start, end in kept:
        limit = kept[0][0] + case.longest
        if start >= limit or len(group) == case.most or (group and start - group[-1][1] > case.gap):
            break
        group.append((start, min(end, limit)))
    return group


def random_track(source: random.Random, families: int) -> Track:
    """A track with up to six spells, some of which touch."""
    ends = sorted(source.sample(range(HORIZON), 2 * source.randint(0, 6)))
    spells = list(zip(ends[::2], ends[1::2], strict=True))
    if len(spells) > 1 and source.random() < 0.3:
        spells[1] = (spells[0][1], spells[1][1])
    return Track(source.randrange(families), source.random() < 0.4, spells)


def random_case(source: random.Random) -> Case:
    """Up to eight tracks of few families, so that agreement is neither rare nor the rule."""
    families = source.randint(2, 5)
    since = source.randint(0, HORIZON // 2)
    return Case(
        tracks=[random_track(source, families) for _ in range(source.randint(1, 8))],
        quorum=source.randint(2, 3),
        since=since,
        cap=source.choice([2**64 - 1, source.randint(since, HORIZON)]),
        minimum=source.randint(0, 6),
        gap=source.randint(0, 12),
        longest=source.choice([10_000, source.randint(1, 40)]),
        most=source.choice([16, source.randint(1, 3)]),
    )


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contract]:
    with deployed_harness("SweepHarness", tmp_path_factory.mktemp("forge")) as contract:
        yield contract


def test_the_compiled_sweep_finds_exactly_the_seconds_that_enough_families_claim(harness: Contract) -> None:
    source = random.Random(20_240_719)
    cases = [random_case(source) for _ in range(CASES)]
    answers = []
    for first in range(0, CASES, BATCH):
        batch = cases[first : first + BATCH]
        answers += harness.functions.sweepMany([case.arguments() for case in batch]).call()

    several = 0
    for case, (spans, group) in zip(cases, answers, strict=True):
        assert [tuple(span) for span in spans] == covered(case), case
        assert [tuple(span) for span in group] == incident(case), case
        several += len(group) > 1
    assert several > CASES // 10, "the cases are too poor to tell anything"


def test_a_liar_who_spans_two_honest_spells_does_not_join_them(harness: Contract) -> None:
    tracks = [Track(0, False, [(0, 200)]), Track(1, False, [(0, 10), (100, 110)])]
    case = Case(tracks, 2, 0, 2**64 - 1, 0, 0, 10_000, 16)
    [(spans, group)] = harness.functions.sweepMany([case.arguments()]).call()
    assert [tuple(span) for span in spans] == [(0, 10), (100, 110)]
    assert [tuple(span) for span in group] == [(0, 10)]
