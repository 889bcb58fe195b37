"""Carrying observations and beats: what is brought to a path, and that no single observer decides it."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import combinations, pairwise

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from hypothesis import given, settings
from hypothesis import strategies as st

from insure.chain.contracts import HeartbeatPath, WatcherPath
from insure.chain.embedded import EmbeddedChain, serve
from insure.chain.sender import Call, Sender
from insure.errors import ChainError, Unreachable, WrongChain
from insure.ops.deploy import DeploymentPlan, deploy
from insure.records.deployment import Deployment
from insure.records.history import subject_key
from insure.records.onchain import Observation, Receipt, SignedObservation, Spell
from insure.watchtower.observer import Observer
from insure.watchtower.probe import EvmProbe
from insure.watchtower.tower import ALARM_RENEWAL, Relay, Watchtower, choose
from tests.scripted_node import ScriptedNode, block

GENESIS = 1_795_000_000
SUBJECT, CONTROL = "eip155:42161", "eip155:10"
KEY, CONTROL_KEY = ("0x" + subject_key(each).hex() for each in (SUBJECT, CONTROL))
PERIOD, STEP = 300, 300


def team(first: int) -> list[LocalAccount]:
    keys = [Account.from_key(f"0x{first + i:064x}") for i in range(3)]
    return sorted(keys, key=lambda account: int(account.address, 16))


TEAMS = {"a": team(10), "b": team(20)}


# ------------------------------------------------------------- on a real chain


class Stage:
    """A host with all contracts, a subject and a control behind their nodes, and one clock."""

    def __init__(self, stack: ExitStack) -> None:
        self.host = EmbeddedChain(31_337, GENESIS - 1_000)
        self.subject, self.control = EmbeddedChain(42_161, GENESIS), EmbeddedChain(10, GENESIS)
        self.url = stack.enter_context(serve(self.subject)).url
        self.control_url = stack.enter_context(serve(self.control)).url
        owner, self.carrier_key, self.relayer_key = self.host.accounts[:3]
        plan = DeploymentPlan(
            subject_id=SUBJECT,
            watcher_teams={name: [account.address for account in members] for name, members in TEAMS.items()},
            watcher_threshold=2,
            relayer=self.relayer_key.address,
            control_id=CONTROL,
            underwriter=owner.address,
            beat_period=PERIOD,
        )
        self.deployment: Deployment = deploy(self.host, Sender(self.host, owner), plan)
        self.carrier = Sender(self.host, self.carrier_key)

    def path(self, name: str) -> WatcherPath:
        return WatcherPath(self.host, self.deployment.watcher_paths[name])

    @property
    def heartbeat(self) -> HeartbeatPath:
        return HeartbeatPath(self.host, self.deployment.heartbeat_paths["heartbeat"])

    def observers(self, name: str, *urls: str) -> list[Observer]:
        """A team's observers, each at its own node; all at the subject's node without addresses."""
        nodes = urls or (self.url,) * 3
        path = self.path(name)
        return [Observer(key, path, SUBJECT, EvmProbe([url])) for key, url in zip(TEAMS[name], nodes, strict=True)]

    def tower(self, *observers: Observer) -> Watchtower:
        return Watchtower(observers, self.carrier)

    def relay(self) -> Relay:
        nodes = {SUBJECT: EvmProbe([self.url]), CONTROL: EvmProbe([self.control_url])}
        return Relay(self.heartbeat, nodes, Sender(self.host, self.relayer_key))

    def at(self, seconds: int) -> int:
        """Moves all clocks to that many seconds after the beginning; returns the time."""
        for chain in (self.host, self.subject, self.control):
            chain.travel(GENESIS + seconds)
        return GENESIS + seconds


@pytest.fixture
def stage() -> Iterator[Stage]:
    with ExitStack() as stack:
        yield Stage(stack)


@pytest.mark.network
def test_a_halt_becomes_one_closed_spell_on_each_of_three_paths(stage: Stage) -> None:
    tower = stage.tower(*stage.observers("a"), *stage.observers("b"))
    relay = stage.relay()
    for seconds in range(STEP, 4 * STEP, STEP):
        relay.beat(stage.at(seconds))
        assert tower.watch(GENESIS + seconds) == []
    last_block = stage.subject.head().timestamp
    stage.subject.halt()
    for seconds in range(4 * STEP, 12 * STEP, STEP):
        relay.beat(stage.at(seconds))
        tower.watch(GENESIS + seconds)
    for name in TEAMS:
        spell = stage.path(name).spells(KEY)[-1]
        assert (spell.start, spell.until, spell.open) == (last_block + 1, GENESIS + 11 * STEP, True)

    relay.beat(stage.at(12 * STEP))
    stage.subject.resume()
    first_new = stage.subject.head().timestamp
    for seconds in range(13 * STEP, 16 * STEP, STEP):
        relay.beat(stage.at(seconds))
        tower.watch(GENESIS + seconds)
    for name in TEAMS:
        path = stage.path(name)
        assert path.spells(KEY) == [Spell(path.address, 0, last_block + 1, first_new, False)]
    (silence,) = stage.heartbeat.spells(KEY)
    assert (silence.start, silence.open) == (last_block + PERIOD, False)
    assert silence.until == GENESIS + 13 * STEP  # its first beat after the halt, at most a period late
    assert stage.heartbeat.spells(CONTROL_KEY) == []
    assert tower.watch(stage.at(16 * STEP)) == []


@pytest.mark.network
@pytest.mark.parametrize(
    "lie",
    [
        lambda now: (10**9 + now, now),
        lambda now: (0, GENESIS - 900),
        lambda now: (0, GENESIS + 10**9),
        lambda now: (5, GENESIS) if now < GENESIS + 1_500 else (6, GENESIS + 10**9),
    ],
    ids=["always alive", "down for ever", "from the future", "back in the far future"],
)
def test_one_observer_of_three_whose_node_lies_keeps_nobody_from_being_heard(
    stage: Stage, lie: Callable[[int], tuple[int, int]]
) -> None:
    now = GENESIS
    with ScriptedNode(lambda request: (200, block(*lie(now)))) as liar:
        tower = stage.tower(*stage.observers("a", liar.url, stage.url, stage.url))
        now = stage.at(300)
        tower.watch(now)
        last_block = stage.subject.head().timestamp
        stage.subject.halt()
        for seconds in (900, 1_200, 1_500, 1_800):
            now = stage.at(seconds)
            tower.watch(now)
        stage.subject.resume()
        first_new = stage.subject.head().timestamp
        for seconds in (2_100, 2_400):
            now = stage.at(seconds)
            tower.watch(now)
    spells = stage.path("a").spells(KEY)
    assert any(each.start <= last_block + 1 and each.until >= first_new for each in spells)


@pytest.mark.network
def test_one_look_brings_all_that_is_news_and_not_only_what_comes_first(stage: Stage) -> None:
    later = False
    with (
        ScriptedNode(lambda request: (200, block(8, GENESIS + 700) if later else block(7, GENESIS))) as back_early,
        ScriptedNode(lambda request: (200, block(8, GENESIS + 900) if later else block(7, GENESIS + 600))) as late,
        ScriptedNode(lambda request: (200, block(7, GENESIS))) as still_down,
    ):
        tower = stage.tower(*stage.observers("a", back_early.url, late.url, still_down.url))
        tower.watch(stage.at(690))
        later = True
        tower.watch(stage.at(1_600))
    address = stage.path("a").address
    assert stage.path("a").spells(KEY) == [
        Spell(address, 0, GENESIS + 1, GENESIS + 700, False),
        Spell(address, 1, GENESIS + 901, GENESIS + 1_600, True),
    ]


@pytest.mark.network
def test_two_observers_of_three_are_enough_and_one_is_not(stage: Stage) -> None:
    dead = "http://127.0.0.1:9"
    tower = stage.tower(*stage.observers("a", dead, stage.url, stage.url), *stage.observers("b", dead, dead, stage.url))
    stage.subject.halt()
    tower.watch(stage.at(1_500))
    assert [each.until for each in stage.path("a").spells(KEY)] == [GENESIS + 1_500]
    assert stage.path("b").spells(KEY) == []
    assert stage.path("b").alarmed(KEY)


@pytest.mark.network
def test_an_alarm_is_raised_once_and_renewed_before_it_lapses(stage: Stage) -> None:
    tower = stage.tower(stage.observers("a")[0])
    path = stage.path("a")
    assert tower.watch(stage.at(300)) == []
    stage.subject.halt()
    assert len(tower.watch(stage.at(1_000))) == 1
    for seconds in range(1_300, 1_000 + 2 * ALARM_RENEWAL, 300):
        sent = tower.watch(stage.at(seconds))
        assert path.alarmed(KEY)
        assert len(sent) == (seconds - 1_000 in range(ALARM_RENEWAL, ALARM_RENEWAL + 300))


@pytest.mark.network
def test_a_node_that_comes_and_goes_costs_no_alarm_more(stage: Stage) -> None:
    up = True
    answer = block(7, GENESIS)
    with ScriptedNode(lambda request: (200, answer) if up else (503, b"")) as node:
        tower = stage.tower(stage.observers("a", node.url, node.url, node.url)[0])
        sent = 0
        for seconds in range(900, 1_800, 60):
            sent += len(tower.watch(stage.at(seconds)))
            up = not up
    assert sent == 1


@pytest.mark.network
def test_what_one_path_refuses_is_logged_and_keeps_no_other_path_waiting(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = Account.from_key("0x" + "77" * 32)
    strangers = [Observer(stranger, stage.path("a"), SUBJECT, EvmProbe([stage.url]))]
    tower = stage.tower(*strangers, *stage.observers("b"))
    stage.subject.halt()
    with caplog.at_level(logging.WARNING):
        tower.watch(stage.at(1_500))
    assert stage.path("a").spells(KEY) == [] and not stage.path("a").alarmed(KEY)
    assert len(stage.path("b").spells(KEY)) == 1
    assert "WatcherPath.raiseAlarm" in caplog.text and "NotObserver" in caplog.text


class Troubled(Sender):
    """A carrier whose node fails on everything for one path."""

    path = ""
    trouble = ChainError("")

    def send(self, call: Call) -> Receipt:
        if call.address == self.path:
            raise self.trouble
        return super().send(call)


@pytest.mark.network
def test_a_nodes_error_about_one_path_keeps_no_other_path_waiting(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.carrier = carrier = Troubled(stage.host, stage.carrier_key)
    carrier.path = stage.path("a").address
    carrier.trouble = ChainError("eth_estimateGas: gas required exceeds allowance (30000000)")
    tower = stage.tower(*stage.observers("a"), *stage.observers("b"))
    stage.subject.halt()
    with caplog.at_level(logging.WARNING):
        tower.watch(stage.at(1_500))
    assert len(stage.path("b").spells(KEY)) == 1
    assert "gas required exceeds allowance" in caplog.text


@pytest.mark.network
@pytest.mark.parametrize("trouble", [Unreachable("nobody answers"), WrongChain("it is chain 5")])
def test_a_host_that_is_lost_ends_the_look_at_once(stage: Stage, trouble: ChainError) -> None:
    stage.carrier = carrier = Troubled(stage.host, stage.carrier_key)
    carrier.path, carrier.trouble = stage.path("a").address, trouble
    tower = stage.tower(*stage.observers("a"), *stage.observers("b"))
    stage.subject.halt()
    with pytest.raises(type(trouble)):
        tower.watch(stage.at(1_500))
    assert stage.path("b").spells(KEY) == []


@pytest.mark.network
def test_an_alarm_of_the_second_observer_counts_where_the_first_ones_is_refused(stage: Stage) -> None:
    stranger = Observer(Account.from_key("0x" + "77" * 32), stage.path("a"), SUBJECT, EvmProbe([stage.url]))
    tower = stage.tower(stranger, stage.observers("a")[0])
    stage.subject.halt()
    tower.watch(stage.at(700))
    assert stage.path("a").alarmed(KEY)


@pytest.mark.network
def test_a_clock_that_is_ahead_of_the_hosts_last_block_keeps_no_report_and_no_alarm_from_the_path(
    stage: Stage,
) -> None:
    stage.subject.halt()
    now = stage.at(1_500)
    stage.tower(*stage.observers("a")).watch(now + 3_000)
    (spell,) = stage.path("a").spells(KEY)
    assert now <= spell.until <= stage.host.head().timestamp
    assert stage.path("a").alarmed(KEY)


@pytest.mark.network
def test_a_beat_is_brought_when_half_a_period_has_passed_and_not_before(stage: Stage) -> None:
    relay = stage.relay()
    assert len(relay.beat(stage.at(300))) == 2
    assert stage.heartbeat.last_beat(KEY) == GENESIS + 300
    assert relay.beat(stage.at(300 + PERIOD // 2 - 10)) == []
    assert len(relay.beat(stage.at(300 + PERIOD // 2 + 10))) == 2


@pytest.mark.network
def test_of_a_halted_or_unreachable_chain_no_beat_is_brought_and_the_others_beat_on(stage: Stage) -> None:
    probes = {SUBJECT: EvmProbe([stage.url]), CONTROL: EvmProbe([stage.control_url])}
    sender = Sender(stage.host, stage.relayer_key)
    relay = Relay(stage.heartbeat, probes, sender)
    relay.beat(stage.at(300))
    stage.subject.halt()
    assert len(relay.beat(stage.at(600))) == 1
    blind = Relay(stage.heartbeat, probes | {SUBJECT: EvmProbe(["http://127.0.0.1:9"])}, sender)
    assert len(blind.beat(stage.at(900))) == 1
    assert stage.heartbeat.last_beat(KEY) == GENESIS + 300
    assert stage.heartbeat.last_beat(CONTROL_KEY) == GENESIS + 900


@pytest.mark.network
def test_a_beat_that_the_path_refuses_keeps_no_other_subject_silent(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    probes = {"eip155:1": EvmProbe([stage.url]), SUBJECT: EvmProbe([stage.url])}
    relay = Relay(stage.heartbeat, probes, Sender(stage.host, stage.relayer_key))
    with caplog.at_level(logging.WARNING):
        assert len(relay.beat(stage.at(300))) == 1
    assert stage.heartbeat.last_beat(KEY) == GENESIS + 300
    assert "UnknownSubject" in caplog.text


@pytest.mark.network
def test_a_block_that_is_younger_than_the_hosts_last_one_is_a_beat_of_the_next_round(stage: Stage) -> None:
    relay = stage.relay()
    stage.at(300)
    stage.subject.travel(GENESIS + 310)
    assert len(relay.beat(GENESIS + 315)) == 1
    assert stage.heartbeat.last_beat(KEY) == 0
    stage.at(370)
    stage.subject.travel(GENESIS + 380)
    relay.beat(GENESIS + 385)
    assert stage.heartbeat.last_beat(KEY) == GENESIS + 310


# ------------------------------------------------------------- which observations to report

NOW = 100


class ModelPath:
    """What the path's contract makes of a report, refusals included; spells of one subject."""

    def __init__(self, threshold: int, spells: Sequence[Spell] = ()) -> None:
        self.threshold = threshold
        self.spells = list(spells)

    def report(self, group: Sequence[SignedObservation], now: int) -> None:
        signers = [int(each.observer, 16) for each in group]
        assert len(group) >= self.threshold
        assert all(one < other for one, other in pairwise(signers))
        assert all(each.observation.start < each.observation.until <= now for each in group)
        self.attest(*intersection(group))

    def attest(self, start: int, until: int, ended: bool) -> None:
        assert start < until, "no intersection"
        before = [each for each in self.spells if each.until < start]
        touched = [each for each in self.spells if each.until >= start and each.start <= until]
        after = [each for each in self.spells if each.start > until]
        still_open = not ended and not after
        if touched:
            last = touched[-1]
            closes = until == last.until and ended and last.open
            within = len(touched) == 1 and last.start <= start and until <= last.until
            assert not within or closes, "nothing new"
            if until <= last.until:
                until, still_open = last.until, last.open and not closes
            start = min(start, touched[0].start)
        if not after:
            before = [replace(each, open=False) for each in before]
        self.spells = [*before, Spell("", len(before), start, until, still_open), *after]

    def covers(self, start: int, until: int) -> bool:
        return any(each.start <= start and until <= each.until for each in self.spells)


def intersection(group: Sequence[SignedObservation]) -> tuple[int, int, bool]:
    seen = [each.observation for each in group]
    return max(o.start for o in seen), min(o.until for o in seen), all(o.ended for o in seen)


def accepted(group: Sequence[SignedObservation], threshold: int, spells: Sequence[Spell], now: int) -> bool:
    try:
        ordered = sorted(group, key=lambda each: int(each.observer, 16))
        ModelPath(threshold, spells).report(ordered, now)
    except AssertionError:
        return False
    return True


ADDRESSES = [str(Account.from_key(f"0x{i + 1:064x}").address) for i in range(6)]


@st.composite
def observations(draw: st.DrawFn, most: int = 6) -> list[SignedObservation]:
    """Of different observers; some lie about the future, some contradict themselves."""
    names = draw(st.permutations(ADDRESSES))[: draw(st.integers(1, most))]
    moments = st.integers(0, NOW + 20)
    return [
        SignedObservation(Observation(KEY, draw(moments), draw(moments), draw(st.booleans()), NOW + 1), name, "0x")
        for name in names
    ]


@st.composite
def spell_lists(draw: st.DrawFn) -> list[Spell]:
    """Up to three spells, in order and apart; only the last one may be open."""
    ends = sorted(draw(st.lists(st.integers(0, NOW), max_size=6, unique=True)))
    pairs = list(zip(ends[::2], ends[1::2], strict=False))
    still_open = draw(st.booleans())
    return [
        Spell("", index, start, until, still_open and index == len(pairs) - 1)
        for index, (start, until) in enumerate(pairs)
    ]


@settings(max_examples=300, deadline=None)
@given(observations(), st.integers(1, 4), spell_lists())
def test_what_is_chosen_is_accepted_by_the_path_as_news(
    seen: list[SignedObservation], threshold: int, spells: list[Spell]
) -> None:
    chosen = choose(seen, threshold, spells, NOW)
    if chosen:
        assert len(chosen) == threshold
        assert set(chosen) <= set(seen)
        ModelPath(threshold, spells).report(chosen, NOW)


@settings(max_examples=300, deadline=None)
@given(observations(), st.integers(1, 4), spell_lists())
def test_nothing_is_chosen_only_when_no_group_at_all_has_news(
    seen: list[SignedObservation], threshold: int, spells: list[Spell]
) -> None:
    if not choose(seen, threshold, spells, NOW):
        assert not any(accepted(group, threshold, spells, NOW) for group in combinations(seen, threshold))


@dataclass(frozen=True)
class Round:
    """What honest observers of one halt say at `now`, and what one says that may be anything."""

    now: int
    honest: list[SignedObservation]
    lie: SignedObservation
    liar_first: bool

    @property
    def all(self) -> list[SignedObservation]:
        return [self.lie, *self.honest] if self.liar_first else [*self.honest, self.lie]


@st.composite
def rounds_with_a_liar(draw: st.DrawFn) -> list[Round]:
    liar, *honest = draw(st.permutations(ADDRESSES))[: draw(st.integers(3, 5))]
    starts = {name: draw(st.integers(10, 20)) for name in honest}
    until = dict.fromkeys(honest, 21)
    skew = draw(st.sampled_from((0, 5)))
    back = draw(st.integers(60, NOW))
    rounds = []
    for now in sorted(draw(st.lists(st.integers(30, NOW), min_size=1, max_size=4))):
        # they look at different moments, yet all find the same end
        until = {name: back if back <= now else draw(st.integers(max(until[name], now - skew), now)) for name in honest}
        seen = [said(name, starts[name], until[name], back <= now) for name in honest]
        lie = said(liar, draw(st.integers(0, now)), draw(st.integers(0, now + 50)), draw(st.booleans()))
        rounds.append(Round(now, seen, lie, draw(st.booleans())))
    return rounds


def said(name: str, start: int, until: int, ended: bool) -> SignedObservation:
    return SignedObservation(Observation(KEY, start, until, ended, NOW + 1), name, "0x")


@settings(max_examples=400, deadline=None)
@given(rounds_with_a_liar())
def test_no_single_lying_observer_keeps_as_many_honest_ones_as_are_needed_from_being_heard(rounds: list[Round]) -> None:
    path = ModelPath(threshold=len(rounds[0].honest))
    for each in rounds:
        for _ in each.all:
            chosen = choose(each.all, path.threshold, path.spells, each.now)
            if chosen:
                path.report(chosen, each.now)
        start, until, ended = intersection(each.honest)
        assert path.covers(start, until)
        assert not (ended and path.spells[-1].open)


def test_the_ones_that_saw_the_end_are_heard_against_one_that_says_it_goes_on() -> None:
    liar, one, other = (
        said(name, 10, until, until == 90) for name, until in zip(ADDRESSES, (95, 90, 90), strict=False)
    )
    chosen = choose([liar, one, other], 2, [Spell("", 0, 10, 90, True)], NOW)
    assert set(chosen) == {one, other}


def test_one_that_saw_only_the_last_seconds_takes_no_hours_from_the_others() -> None:
    late, one, other = (
        said(ADDRESSES[0], 85, 100, False),
        said(ADDRESSES[1], 10, 90, False),
        said(ADDRESSES[2], 10, 91, False),
    )
    assert set(choose([late, one, other], 2, [], NOW)) == {one, other}


def test_a_stop_that_others_have_left_behind_is_reported_once_and_keeps_nobody_waiting() -> None:
    old = [said(name, 10, 30, True) for name in ADDRESSES[:2]]
    new = [said(name, 60, 90, False) for name in ADDRESSES[2:4]]
    path = ModelPath(2, [Spell("", 0, 60, 80, True)])
    for group in (old, new):
        chosen = choose([*old, *new], 2, path.spells, NOW)
        assert set(chosen) == set(group)
        path.report(chosen, NOW)
    assert choose([*old, *new], 2, path.spells, NOW) == []
    assert [(each.start, each.until, each.open) for each in path.spells] == [(10, 30, False), (60, 90, True)]


def test_without_enough_observations_nothing_is_chosen() -> None:
    assert choose([], 1, [], NOW) == []
    assert choose([said(ADDRESSES[0], 10, 90, False)], 2, [], NOW) == []
    assert choose([said(ADDRESSES[0], 10, 50, True), said(ADDRESSES[1], 50, 90, True)], 2, [], NOW) == []
