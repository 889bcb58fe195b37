"""The compiled sweep against its definition: second by second, by counting who claims it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from random import Random

import pytest

from tests.compiled import Harness, deployed_harness
from tests.differential import Draw, hold_against

pytestmark = [pytest.mark.network, pytest.mark.anvil]

END_OF_TIME = 2**64 - 1
"""Stands for never: no path can say so late a second, the book's cap apart."""
LONGEST = 10_000
HORIZONS = (20, 90)

Span = tuple[int, int]


@dataclass(frozen=True)
class Track:
    """What one path claims; spells sorted and disjoint, though some touch."""

    family: int
    absence: bool
    spells: list[Span]


@dataclass(frozen=True)
class Case:
    """One question, in the order of the contract's struct: the tracks, the quorum, the window [since, cap), the rules
    that make components an incident, and spans from before that are united and cut with what is found."""

    tracks: list[Track]
    quorum: int
    since: int
    cap: int
    minimum: int
    gap: int
    longest: int
    most: int
    earlier: list[Span]


@dataclass(frozen=True)
class Answer:
    """What is covered, the incident that it makes, its seconds, and what the spans from before do with it."""

    covered: list[Span]
    group: list[Span]
    measure: int
    united: list[Span]
    united_up_to: list[Span]
    shared: list[Span]


# the definition


def seconds_of(spans: Iterable[Span]) -> set[int]:
    return {second for start, end in spans for second in range(start, end)}


def runs(seconds: Iterable[int]) -> list[Span]:
    """Maximal runs of consecutive seconds."""
    spans: list[Span] = []
    for second in sorted(seconds):
        if spans and spans[-1][1] == second:
            spans[-1] = (spans[-1][0], second + 1)
        else:
            spans.append((second, second + 1))
    return spans


def covered(case: Case) -> list[Span]:
    """The seconds within the window that enough families claim, one of them by more than absence."""
    claimed = [(track, seconds_of(track.spells)) for track in case.tracks]
    agreed = []
    for second in range(*bounds_of([span for track in case.tracks for span in track.spells])):
        claiming = [track for track, seconds in claimed if second in seconds]
        enough = len({track.family for track in claiming}) >= case.quorum
        witnessed = not all(track.absence for track in claiming)
        if enough and witnessed and case.since <= second < case.cap:
            agreed.append(second)
    return runs(agreed)


def bounds_of(spans: list[Span]) -> Span:
    return min((start for start, _ in spans), default=0), max((end for _, end in spans), default=0)


def incident(kept: list[Span], case: Case) -> list[Span]:
    """The first spans that are near each other, cut at the longest incident."""
    group: list[Span] = []
    for start, end in kept:
        limit = kept[0][0] + case.longest
        if start >= limit or len(group) == case.most or (group and start - group[-1][1] > case.gap):
            break
        group.append((start, min(end, limit)))
    return group


def united_up_to(earlier: list[Span], later: list[Span], most: int) -> list[Span]:
    """Span after span, but for those with which there would be too many."""
    spans = earlier
    for span in later:
        more = runs(seconds_of([*spans, span]))
        spans = more if len(more) <= most else spans
    return spans


def oracle(case: Case) -> Answer:
    spans = covered(case)
    kept = [span for span in spans if span[1] - span[0] >= case.minimum]
    group = incident(kept, case)
    window = {second for second in seconds_of(case.earlier) if case.since <= second < case.cap}
    return Answer(
        spans,
        group,
        len(seconds_of(group)),
        runs(seconds_of(case.earlier) | seconds_of(kept)),
        united_up_to(case.earlier, kept, case.most),
        runs(window & seconds_of(kept)),
    )


# the questions


def random_spells(source: Random, start: int, horizon: int) -> list[Span]:
    """Up to six spells, some of which touch; some spells are as long as all there is, so that others are nested."""
    if source.random() < 0.1:
        return [(start, start + horizon)]
    ends = sorted(source.sample(range(start, start + horizon + 1), 2 * source.randint(0, 6)))
    spells = list(zip(ends[::2], ends[1::2], strict=True))
    if len(spells) > 1 and source.random() < 0.3:
        spells[1] = (spells[0][1], spells[1][1])
    return spells


def random_case(source: Random) -> Case:
    """Up to eight tracks of few families, so that agreement is neither rare nor the rule, anywhere in time."""
    horizon = source.choice(HORIZONS)
    start = source.choice((0, 1, 1_700_000_000, 2**63, END_OF_TIME - LONGEST - horizon - 1))
    families = source.sample(range(256), source.randint(2, 5))
    since = source.choice((0, start, start + source.randint(0, horizon // 2)))
    return Case(
        tracks=[
            Track(source.choice(families), source.random() < 0.4, random_spells(source, start, horizon))
            for _ in range(source.choice((source.randint(0, 8), 5, 8)))
        ],
        quorum=source.choice((1, 2, 2, 2, 3)),
        since=since,
        cap=source.choice((END_OF_TIME, END_OF_TIME, start + horizon, start + source.randint(0, horizon), since)),
        minimum=source.choice((0, 1, source.randint(0, 6))),
        gap=source.choice((0, source.randint(0, 12), END_OF_TIME)),
        longest=source.choice((LONGEST, source.randint(1, 40))),
        most=source.choice((16, source.randint(1, 3))),
        earlier=runs(seconds_of(random_spells(source, start, horizon))),
    )


def on_chain(harness: Harness, cases: Sequence[Case]) -> list[Answer]:
    [answers] = harness.ask("sweepMany", [astuple(case) for case in cases])
    return [Answer(*(list(part) if isinstance(part, tuple) else part for part in answer)) for answer in answers]


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    with deployed_harness("SweepHarness", tmp_path_factory.mktemp("forge")) as contract:
        yield contract


def test_the_compiled_sweep_finds_exactly_the_seconds_that_enough_families_claim(harness: Harness) -> None:
    draw = Draw.chosen()
    agreed = hold_against(draw, random_case, lambda cases: on_chain(harness, cases), oracle, batch=250)
    telling = {
        "several spans": sum(len(answer.covered) > 1 for _, answer in agreed),
        "an incident of several": sum(len(answer.group) > 1 for _, answer in agreed),
        "cut at the longest": sum(
            len(answer.group) > 0 and answer.group[-1][1] == answer.group[0][0] + case.longest
            for case, answer in agreed
        ),
        "spans from before are cut": sum(len(answer.shared) > 0 for _, answer in agreed),
        "not all fit": sum(answer.united != answer.united_up_to for _, answer in agreed),
        "nothing": sum(not answer.covered for _, answer in agreed),
    }
    rare = {name: count for name, count in telling.items() if count < draw.count // 20}
    assert not draw.telling or not rare, f"the cases are too poor to tell anything: {rare}"


def test_a_liar_who_spans_two_honest_spells_does_not_join_them(harness: Harness) -> None:
    tracks = [Track(0, False, [(0, 200)]), Track(1, False, [(0, 10), (100, 110)])]
    case = Case(tracks, 2, 0, END_OF_TIME, 0, 0, LONGEST, 16, [])
    [answer] = on_chain(harness, [case])
    assert answer.covered == [(0, 10), (100, 110)]
    assert answer.group == [(0, 10)]
