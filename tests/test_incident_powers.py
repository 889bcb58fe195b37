"""Disputes, announced stops, attendance, budgets and dead paths on a real (embedded) chain, by the typed classes."""

from dataclasses import dataclass, field, replace

import pytest
from eth_account.messages import _hash_eip191_message, encode_typed_data
from eth_account.signers.local import LocalAccount

from insure.chain.contracts import Asset, Disputes, HeartbeatPath, IncidentBook, WatcherPath
from insure.chain.embedded import EmbeddedChain
from insure.chain.sender import Call, Sender
from insure.chain.typed_data import TypedData, sign
from insure.errors import TransactionFailed
from insure.ops.site import Part, Site
from insure.records.history import subject_key
from insure.records.onchain import (
    ZERO_ADDRESS,
    Dispute,
    DisputeCase,
    Observation,
    Receipt,
    SignedObservation,
    Span,
    Trigger,
    TriggerPath,
)
from insure.watchtower.observer import Observer
from insure.watchtower.probe import EvmProbe
from insure.watchtower.tower import ATTENDANCE_RENEWAL, Watchtower

GENESIS, HOUR, DAY = 1_700_000_000, 3_600, 86_400
SUBJECT, CONTROL = "eip155:7", "eip155:10"
KEY, CONTROL_KEY = ("0x" + subject_key(each).hex() for each in (SUBJECT, CONTROL))
PERIOD, BEAT_COST, MINIMUM_BOND = 300, 10**15, 1_000
OWNER, RELAYER, ARBITER, SIGNER, DISPUTER, DEFENDER, PROPOSER, OBSERVERS = 0, 1, 2, 3, 4, 5, 6, 10


@dataclass
class Court:
    """A book with one trigger over two teams of two observers and a paid heartbeat, and the court of a pool."""

    chain: EmbeddedChain = field(default_factory=lambda: EmbeddedChain(31_337, GENESIS))

    def __post_init__(self) -> None:
        accounts = self.chain.accounts
        site = Site.open(self.sender(OWNER), "court")
        self.asset = Asset(self.chain, site.place(Part("Asset", "TestAsset", ("Test", "TST", 6))))
        self.book = IncidentBook(self.chain, site.place(Part("IncidentBook", "IncidentBook")))
        names = ("Pool", "P")
        owner = accounts[OWNER].address
        args = (owner, self.asset.address, owner, self.book.address, ZERO_ADDRESS, *names, DAY)
        pool = site.place(Part("CoverPool", "CoverPool", args))
        court = (self.book.address, pool, self.asset.address, MINIMUM_BOND, 100)
        self.disputes = Disputes(self.chain, site.place(Part("Disputes", "Disputes", court)))
        self.teams = [
            sorted(accounts[OBSERVERS + i : OBSERVERS + i + 2], key=lambda a: int(a.address, 16)) for i in (0, 2)
        ]
        self.watchers = [self._watcher(site, number, team) for number, team in enumerate(self.teams)]
        beats = (accounts[RELAYER].address, BEAT_COST, PERIOD, 900, 600, [KEY, CONTROL_KEY], [CONTROL_KEY, KEY])
        self.heartbeat = HeartbeatPath(self.chain, site.place(Part("Heartbeat", "HeartbeatPath", beats)))
        paths = (*self.watchers, self.heartbeat)
        self.trigger = Trigger(
            SUBJECT,
            tuple(TriggerPath(path.address, 900, (n + 1) * DAY) for n, path in enumerate(paths)),
            guardian=accounts[7].address,
            court=self.disputes.address,
            arbiter=accounts[ARBITER].address,
            calendar_signer=accounts[SIGNER].address,
            calendar_seconds_per_year=DAY,
        )
        self.trigger_id = self.book.trigger_id(self.trigger)
        self.send(OWNER, self.book.create_trigger(self.trigger))

    def _watcher(self, site: Site, number: int, team: list[LocalAccount]) -> WatcherPath:
        part = Part(f"Watchers {number}", "WatcherPath", (sorted((each.address for each in team), key=str.lower), 2))
        return WatcherPath(self.chain, site.place(part))

    def sender(self, account: int) -> Sender:
        return Sender(self.chain, self.chain.accounts[account])

    def send(self, account: int, call: Call) -> Receipt:
        return self.sender(account).send(call)

    @property
    def now(self) -> int:
        return self.chain.head().timestamp

    def pass_by(self, seconds: int) -> None:
        self.chain.travel(self.now + seconds)

    def report(self, start: int, until: int) -> None:
        for path, team in zip(self.watchers, self.teams, strict=True):
            observation = Observation(KEY, start, until, False, self.now + HOUR)
            signed = [
                SignedObservation(observation, each.address, sign(path.observation_typed_data(observation), each))
                for each in team
            ]
            self.send(OWNER, path.report(signed))

    def propose_two_hours(self) -> int:
        """An outage of two hours until now, proposed; returns its start."""
        self.pass_by(2 * HOUR)
        start = self.now - 2 * HOUR
        self.report(start, self.now)
        self.send(PROPOSER, self.book.propose(self.trigger_id))
        return start

    def bond(self, account: int) -> None:
        self.send(account, self.asset.mint(self.chain.accounts[account].address, 10**6))
        self.send(account, self.asset.approve(self.disputes.address, 10**6))


@pytest.fixture
def court() -> Court:
    return Court()


@pytest.fixture(scope="module")
def resting() -> Court:
    """A court that tests only read."""
    return Court()


def digest(data: TypedData) -> str:
    return "0x" + _hash_eip191_message(encode_typed_data(full_message=data)).hex()


# ------------------------------------------------------------------ what is read


def test_a_trigger_comes_back_whole(resting: Court) -> None:
    assert resting.book.trigger(resting.trigger_id) == resting.trigger
    assert resting.book.arbiter_of(resting.trigger_id) == resting.trigger.arbiter


def test_its_paths_are_members_that_nobody_has_noted(resting: Court) -> None:
    members = resting.book.members(resting.trigger_id)
    assert [(each.path, each.maximum_silence) for each in members] == [
        (each.path, each.maximum_silence) for each in resting.trigger.paths
    ]
    assert [each.absence for each in members] == [False, False, True]
    assert not any(each.retired or each.silent_since for each in members)
    assert not resting.book.impaired(resting.trigger_id)


def test_what_is_signed_is_what_the_contracts_hash(resting: Court) -> None:
    window = Span(GENESIS + 4 * DAY, GENESIS + 4 * DAY + HOUR)
    typed = resting.book.window_typed_data(resting.trigger_id, window)
    assert digest(typed) == resting.book.window_digest(resting.trigger_id, window)
    path = resting.watchers[0]
    assert digest(path.attendance_typed_data(GENESIS)) == path.attendance_digest(GENESIS)


def test_a_court_tells_what_it_serves(resting: Court) -> None:
    court = resting.disputes
    assert (court.book(), court.asset()) == (resting.book.address, resting.asset.address)
    assert court.pool() not in (ZERO_ADDRESS, resting.book.address)
    assert (court.minimum_bond(), court.bond_bps(), court.held()) == (MINIMUM_BOND, 100, 0)
    assert court.bond_for(resting.trigger_id) == MINIMUM_BOND
    assert court.case_of(resting.trigger_id) is None
    assert resting.book.dispute_of(resting.trigger_id) == Dispute(0, 0, 0)


# ------------------------------------------------------------------ announced stops


def test_a_window_that_its_signer_signed_is_announced_by_anyone(court: Court) -> None:
    window = Span(court.now + 4 * DAY, court.now + 4 * DAY + HOUR)
    typed = court.book.window_typed_data(court.trigger_id, window)
    forged = sign(typed, court.chain.accounts[OWNER])
    with pytest.raises(TransactionFailed, match="not signed by the trigger's calendar signer"):
        court.send(OWNER, court.book.announce(court.trigger_id, window, forged))
    court.send(OWNER, court.book.announce(court.trigger_id, window, sign(typed, court.chain.accounts[SIGNER])))
    assert court.book.windows(court.trigger_id) == [window]
    assert court.book.windows(court.trigger_id, window.until) == []


# ------------------------------------------------------------------ disputes


def decided(court: Court, upheld: bool) -> int:
    start = court.propose_two_hours()
    court.bond(DISPUTER)
    court.bond(DEFENDER)
    court.send(DISPUTER, court.disputes.dispute(court.trigger_id, start + HOUR))
    court.send(DEFENDER, court.disputes.defend(court.trigger_id))
    assert court.disputes.held() == 2 * MINIMUM_BOND
    court.send(ARBITER, court.disputes.rule(court.trigger_id, upheld))
    return start


@pytest.mark.parametrize(("upheld", "winner"), [(True, DISPUTER), (False, DEFENDER)])
def test_the_winner_withdraws_both_bonds_and_only_an_upheld_dispute_strikes(
    court: Court, upheld: bool, winner: int
) -> None:
    start = decided(court, upheld)
    address = court.chain.accounts[winner].address
    assert court.disputes.credit_of(address) == 2 * MINIMUM_BOND
    court.send(winner, court.disputes.withdraw(address))
    assert court.asset.balance_of(address) == 10**6 + MINIMUM_BOND
    struck = court.book.struck(court.trigger_id)
    assert [each.start for each in struck] == ([start + HOUR] if upheld else [])


def test_an_arbiter_that_stays_silent_has_lost_to_who_proposed_first(court: Court) -> None:
    start = court.propose_two_hours()
    court.bond(DISPUTER)
    court.send(DISPUTER, court.disputes.dispute(court.trigger_id, start))
    opened = court.book.dispute_of(court.trigger_id)
    assert (opened.start, opened.rounds, opened.is_open(court.now)) == (start, 1, True)
    disputer = court.chain.accounts[DISPUTER].address
    case = DisputeCase(disputer, ZERO_ADDRESS, 0, 1, opened.lapses_at, MINIMUM_BOND)
    assert court.disputes.case_of(court.trigger_id) == case
    assert court.disputes.bond_for(court.trigger_id) == 2 * MINIMUM_BOND
    with pytest.raises(TransactionFailed, match="the dispute lapses at 20"):
        court.send(OWNER, court.disputes.conclude(court.trigger_id))
    court.pass_by(10 * DAY)
    court.send(OWNER, court.disputes.conclude(court.trigger_id))
    proposer = court.chain.accounts[PROPOSER].address
    assert court.book.proposer_of(court.trigger_id, 0) == proposer
    assert court.disputes.credit_of(proposer) == MINIMUM_BOND


def test_powers_that_are_not_the_callers_are_refused_in_a_sentence(court: Court) -> None:
    start = court.propose_two_hours()
    refused: list[tuple[Call, str]] = [
        (court.book.open_dispute(court.trigger_id, start), "is not the trigger's court"),
        (court.book.close_dispute(court.trigger_id, True), "is not the trigger's court"),
        (court.disputes.rule(court.trigger_id, True), "has no open dispute"),
        (court.disputes.withdraw(court.asset.address), "has no credit here"),
        (court.book.retire(court.trigger_id, 0), "path 0 was heard of"),
        (court.book.retire(court.trigger_id, 3), "the trigger has no path 3"),
    ]
    for call, reason in refused:
        with pytest.raises(TransactionFailed, match=reason):
            court.send(OWNER, call)


# ------------------------------------------------------------------ signs of life


def observer(path: WatcherPath, key: LocalAccount) -> Observer:
    return Observer(key, path, SUBJECT, EvmProbe(["http://127.0.0.1:9"]))  # nobody looks here


def tower(court: Court) -> Watchtower:
    teams = zip(court.watchers, court.teams, strict=True)
    observers = [
        Observer(each, path, SUBJECT, EvmProbe(["http://127.0.0.1:9"])) for path, team in teams for each in team
    ]
    return Watchtower(observers, court.sender(OWNER))


def test_observers_attend_once_a_day_and_their_path_is_heard_of(court: Court) -> None:
    court.pass_by(HOUR)
    watch = tower(court)
    assert len(watch.attend(court.now)) == 2
    attended = court.watchers[0].attended_at()
    assert court.watchers[0].last_heard(KEY) == court.watchers[0].last_heard(CONTROL_KEY) == attended
    assert watch.attend(court.now) == []
    court.pass_by(ATTENDANCE_RENEWAL)
    assert len(watch.attend(court.now)) == 2
    assert court.watchers[1].attended_at() > attended


def test_too_few_observers_say_nothing(court: Court) -> None:
    court.pass_by(HOUR)
    path, team = court.watchers[0], court.teams[0]
    alone = Watchtower([observer(path, team[0])], court.sender(OWNER))
    assert alone.attend(court.now) == []
    assert path.attended_at() == 0


def test_a_budget_is_funded_spent_beat_by_beat_and_said_to_reach(court: Court) -> None:
    forever = 2**64 - 1
    assert court.heartbeat.beat_cost() == BEAT_COST
    assert court.book.sale_rules(court.trigger_id).funded_until <= court.now
    court.send(OWNER, court.heartbeat.fund(10 * BEAT_COST))
    assert court.heartbeat.budget() == 10 * BEAT_COST
    rules = court.book.sale_rules(court.trigger_id)
    assert rules.funded_until == court.heartbeat.funded_until(KEY) == court.now + 10 * PERIOD // 2
    assert (rules.subject, rules.incidents, rules.quiet) == (KEY, 0, True)
    assert (rules.cooling_off, rules.tail) == (court.trigger.cooling_off, court.trigger.tail)
    court.send(RELAYER, court.heartbeat.beat(KEY, court.now))
    assert court.heartbeat.budget() == 9 * BEAT_COST
    assert court.watchers[0].funded_until(KEY) == forever


def noted(court: Court, index: int) -> None:
    court.send(OWNER, court.book.retire(court.trigger_id, index))


@pytest.mark.parametrize("back", [True, False])
def test_a_silent_path_is_noted_then_cleared_or_retired(court: Court, back: bool) -> None:
    court.pass_by(DAY + 1)
    noted(court, 0)
    assert court.book.members(court.trigger_id)[0].silent_since == court.now
    court.pass_by(HOUR + 1)
    if back:
        tower(court).attend(court.now)
    noted(court, 0)
    member = court.book.members(court.trigger_id)[0]
    assert (member.retired, member.silent_since == 0) == (not back, back)
    assert court.book.impaired(court.trigger_id) is not back


def test_a_member_says_as_much_as_the_contract_keeps(court: Court) -> None:
    court.pass_by(DAY + 1)
    before = court.book.members(court.trigger_id)
    noted(court, 0)
    assert court.book.members(court.trigger_id) == [replace(before[0], silent_since=court.now), *before[1:]]
