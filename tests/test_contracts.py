from dataclasses import dataclass, replace

import pytest
from eth_account import Account
from eth_account.messages import _hash_eip191_message, encode_typed_data
from hypothesis import given, settings
from hypothesis import strategies as st

from insure.chain.codec import abi
from insure.chain.contracts import Asset, CoverPool, Decoder, HeartbeatPath, IncidentBook, PolicyBook, WatcherPath
from insure.chain.embedded import EmbeddedChain
from insure.chain.rpc import RawLog
from insure.chain.sender import Call, Sender
from insure.chain.typed_data import TypedData, sign
from insure.errors import ChainError, InvalidInput, TransactionFailed
from insure.ops.deploy import DeploymentPlan, deploy
from insure.records.deployment import Deployment
from insure.records.history import subject_key
from insure.records.onchain import (
    ZERO_ADDRESS,
    Log,
    Observation,
    PathKind,
    Quote,
    Receipt,
    Semantics,
    SignedObservation,
    SignedQuote,
    Span,
    Terms,
)

START = 1_702_600_000
HOUR = 3_600
UNIT = 10**6
SUBJECT = "eip155:42161"
CONTROL = "eip155:10"
KEY = "0x" + subject_key(SUBJECT).hex()
CONTROL_KEY = "0x" + subject_key(CONTROL).hex()
TERMS = Terms(20 * 60, Semantics.RETENTION, 1_000_000, 0, 50_000 * UNIT, 100_000 * UNIT)


@dataclass
class Market:
    """A deployed installation with a funded pool, on a chain of its own."""

    chain: EmbeddedChain
    deployment: Deployment

    def __post_init__(self) -> None:
        self.book = IncidentBook(self.chain, self.deployment.incident_book)
        self.policies = PolicyBook(self.chain, self.deployment.policy_book)
        self.pool = CoverPool(self.chain, self.deployment.cover_pool)
        self.asset = Asset(self.chain, self.deployment.asset)
        self.watchers = [WatcherPath(self.chain, each) for each in self.deployment.watcher_paths.values()]
        self.heartbeat = HeartbeatPath(self.chain, self.deployment.heartbeat_paths["heartbeat"])
        self.trigger_id = self.deployment.triggers[0].trigger_id
        self.decoder = Decoder(self.deployment)

    def send(self, account: int, call: Call) -> Receipt:
        return Sender(self.chain, self.chain.accounts[account]).send(call)

    def fund(self, account: int, amount: int) -> None:
        self.send(account, self.asset.mint(self.chain.accounts[account].address, amount))
        self.send(account, self.asset.approve(self.pool.address, amount))

    def quote(self) -> Quote:
        now = self.chain.head().timestamp
        return Quote(
            pool=self.pool.address,
            asset=self.asset.address,
            buyer=self.chain.accounts[BUYER].address,
            trigger_id=self.trigger_id,
            terms=TERMS,
            start=now + 25 * HOUR,
            end=now + 25 * HOUR + 90 * 24 * HOUR,
            standby=self.chain.accounts[STANDBY].address,
            premium=2_500 * UNIT,
            model_version="0x" + "ab" * 32,
            nonce=1,
            deadline=now + 1_800,
        )

    def signed(self, quote: Quote) -> SignedQuote:
        account = self.chain.accounts[UNDERWRITER]
        return SignedQuote(quote, account.address, sign(self.policies.quote_typed_data(quote), account))

    def sell(self) -> int:
        quote = self.quote()
        self.send(BUYER, self.policies.buy(self.signed(quote)))
        return quote.nonce

    def report(self, start: int, until: int, ended: bool) -> None:
        for team, path in enumerate(self.watchers):
            signed = []
            for observer in range(2):
                account = self.chain.accounts[OBSERVERS + 2 * team + observer]
                observation = Observation(KEY, start, until, ended, until + 3 * HOUR)
                signature = sign(path.observation_typed_data(observation), account)
                signed.append(SignedObservation(observation, account.address, signature))
            self.send(KEEPER, path.report(signed))

    def logs(self) -> list[Log]:
        raw = self.chain.logs(self.decoder.addresses, self.deployment.block, self.chain.head().number)
        return [self.decoder.decode(each) for each in raw]


OWNER, KEEPER, RELAYER, UNDERWRITER, BUYER, STANDBY, STAKER, OBSERVERS = 0, 1, 2, 3, 4, 5, 6, 8


def open_market() -> Market:
    chain = EmbeddedChain(31_337, START)
    address = [str(account.address) for account in chain.accounts]
    teams = {f"team {n}": [address[OBSERVERS + 2 * n], address[OBSERVERS + 2 * n + 1]] for n in range(3)}
    plan = DeploymentPlan(SUBJECT, teams, 2, address[RELAYER], CONTROL, address[UNDERWRITER])
    market = Market(chain, deploy(chain, Sender(chain, chain.accounts[OWNER]), plan))
    market.fund(STAKER, 500_000 * UNIT)
    market.send(STAKER, market.pool.deposit(500_000 * UNIT, address[STAKER]))
    market.fund(BUYER, 10_000 * UNIT)
    return market


@pytest.fixture
def market() -> Market:
    return open_market()


@pytest.fixture(scope="module")
def resting() -> Market:
    """A market that tests only read."""
    return open_market()


def digest(data: TypedData) -> str:
    return "0x" + _hash_eip191_message(encode_typed_data(full_message=data)).hex()


def uint(bits: int) -> st.SearchStrategy[int]:
    return st.integers(0, 2**bits - 1)


words = st.binary(min_size=32, max_size=32).map(lambda value: "0x" + value.hex())
addresses = st.binary(min_size=20, max_size=20).map(lambda value: Account.from_key(b"\x01" * 12 + value).address)


@st.composite
def all_terms(draw: st.DrawFn) -> Terms:
    aggregate = draw(st.integers(1, 2**96 - 1))
    return Terms(
        draw(uint(32)),
        draw(st.sampled_from(Semantics)),
        draw(st.integers(1, 2**64 - 1)),
        draw(uint(96)),
        draw(st.integers(1, aggregate)),
        aggregate,
    )


quotes = st.builds(
    Quote,
    pool=addresses,
    asset=addresses,
    buyer=addresses,
    trigger_id=words,
    terms=all_terms(),
    start=uint(64),
    end=uint(64),
    standby=addresses,
    premium=uint(96),
    model_version=words,
    nonce=uint(256),
    deadline=uint(64),
    exclusions=st.lists(st.builds(Span, uint(64), uint(64)), max_size=4).map(tuple),
    renews=uint(256),
)
observations = st.builds(
    Observation, subject=words, start=uint(64), until=uint(64), ended=st.booleans(), deadline=uint(64)
)


@settings(deadline=None, max_examples=40)
@given(quote=quotes)
def test_what_an_underwriter_signs_is_what_the_contract_checks(resting: Market, quote: Quote) -> None:
    assert digest(resting.policies.quote_typed_data(quote)) == resting.policies.quote_digest(quote)


@settings(deadline=None, max_examples=40)
@given(observation=observations)
def test_what_an_observer_signs_is_what_the_contract_checks(resting: Market, observation: Observation) -> None:
    path = resting.watchers[0]
    assert digest(path.observation_typed_data(observation)) == path.observation_digest(observation)


@settings(deadline=None, max_examples=20)
@given(subject=words, since=uint(64), deadline=uint(64))
def test_what_an_observer_signs_at_the_first_sign_is_what_the_contract_checks(
    resting: Market, subject: str, since: int, deadline: int
) -> None:
    path = resting.watchers[0]
    answer = resting.chain.call(path.address, abi("WatcherPath").encode("alarmDigest", subject, since, deadline))
    assert digest(path.alarm_typed_data(subject, since, deadline)) == "0x" + answer.hex()


def test_a_trigger_is_read_back_as_it_was_created(resting: Market) -> None:
    trigger = resting.book.trigger(resting.trigger_id)
    assert trigger.subject_id == SUBJECT
    assert [each.path for each in trigger.paths] == list(resting.deployment.triggers[0].paths.values())
    assert resting.book.trigger_id(trigger) == resting.trigger_id
    assert resting.book.trigger_rules(resting.trigger_id) == (KEY, 86_400, 604_800, 1_800)
    assert resting.book.families(resting.trigger_id) == [0, 1, 2, 3]
    assert resting.book.alarms(resting.trigger_id) == (0, 0b1111)
    assert resting.book.quiet(resting.trigger_id)
    assert resting.book.sweep(resting.trigger_id) == ([], False)


def test_paths_tell_what_they_are(resting: Market) -> None:
    accounts = resting.chain.accounts
    watcher, heartbeat = resting.watchers[0], resting.heartbeat
    assert (watcher.kind(), heartbeat.kind()) == (PathKind.QUORUM, PathKind.ABSENCE)
    observers = sorted(str(accounts[OBSERVERS + n].address) for n in range(2))
    assert sorted(watcher.observers()) == observers
    assert watcher.threshold() == 2
    assert [party[-40:] for party in watcher.parties()] == [each[2:].lower() for each in watcher.observers()]
    assert heartbeat.relayer() == accounts[RELAYER].address
    assert heartbeat.control_of(KEY) == CONTROL_KEY
    assert (heartbeat.period(), heartbeat.latency(), heartbeat.last_beat(KEY)) == (300, 900, 0)


def test_the_pool_tells_its_money(resting: Market) -> None:
    solvency = resting.pool.solvency()
    staker = resting.chain.accounts[STAKER].address
    assert solvency.assets == resting.pool.total_assets() == 500_000 * UNIT
    assert solvency.supply == resting.pool.balance_of(staker)
    assert resting.pool.convert_to_assets(solvency.supply) == 500_000 * UNIT
    assert resting.pool.convert_to_shares(UNIT) * UNIT == 10 ** resting.pool.decimals() * UNIT
    assert resting.pool.price_reliable()
    assert resting.pool.scenario_count() == 1
    assert resting.asset.balance_of(resting.pool.address) == 500_000 * UNIT


def test_a_bought_policy_is_what_the_quote_offered(market: Market) -> None:
    quote = market.quote()
    market.send(BUYER, market.policies.buy(market.signed(quote)))
    policy_id = market.policies.policy_id_of(market.chain.accounts[UNDERWRITER].address, quote.nonce)
    assert policy_id == quote.nonce
    policy = market.policies.policy(policy_id)
    assert policy.terms == TERMS
    assert (policy.holder, policy.trigger_id) == (quote.buyer, quote.trigger_id)
    assert policy.standby == ZERO_ADDRESS, "there is no benefit to prove a failover for"
    assert (policy.start, policy.end, policy.premium) == (quote.start, quote.end, quote.premium)
    assert (policy.owed, policy.paid, policy.released) == (0, 0, False)
    assert (policy.cancelled, policy.renewed, policy.exclusions) == (False, False, ())
    assert market.policies.underwriter_of(policy_id) == market.chain.accounts[UNDERWRITER].address
    assert market.pool.exposure_of(KEY) == market.pool.scenario_exposure(0) == TERMS.aggregate_limit
    assert market.pool.limits_of(market.trigger_id) == (TERMS.incident_limit, TERMS.aggregate_limit)
    assert market.pool.premiums() == (quote.premium, 0)


def test_a_quote_that_was_changed_after_signing_is_refused(market: Market) -> None:
    signed = market.signed(market.quote())
    cheaper = replace(signed, quote=replace(signed.quote, premium=signed.quote.premium - 1))
    with pytest.raises(TransactionFailed, match=r"PolicyBook\.buy was refused: BadSignature"):
        market.send(BUYER, market.policies.buy(cheaper))


def test_sales_can_be_stopped(market: Market) -> None:
    market.send(OWNER, market.policies.stop_sales(market.trigger_id))
    assert not market.policies.listing(market.trigger_id).open
    with pytest.raises(TransactionFailed, match="SalesClosed: new cover on trigger 0x"):
        market.sell()


def test_an_outage_is_reported_proposed_confirmed_and_paid(market: Market) -> None:
    policy_id = market.sell()
    down = market.policies.policy(policy_id).start + HOUR
    market.chain.travel(down + 4 * HOUR)
    market.report(down, down + 3 * HOUR, ended=True)
    assert [(spell.start, spell.until, spell.open) for spell in market.watchers[0].spells(KEY)] == [
        (down, down + 3 * HOUR, False)
    ]
    assert market.book.sweep(market.trigger_id) == ([Span(down, down + 3 * HOUR)], False)

    market.send(KEEPER, market.book.propose(market.trigger_id))
    checkpoint = market.book.checkpoint(market.trigger_id, 0, 0)
    assert (checkpoint.covered_seconds, checkpoint.ready_at) == (3 * HOUR, checkpoint.proposed_at + 1_800)
    with pytest.raises(TransactionFailed, match="NotReady: it can't be confirmed before 2023-"):
        market.send(KEEPER, market.book.confirm(market.trigger_id, 0))

    market.chain.travel(checkpoint.ready_at)
    market.send(KEEPER, market.book.confirm(market.trigger_id, 0))
    incident = market.book.incident(market.trigger_id, 0)
    assert (incident.start, incident.until, incident.covered_seconds) == (down, down + 3 * HOUR, 3 * HOUR)
    assert market.book.confirmed_spans(market.trigger_id, 0) == [Span(down, down + 3 * HOUR)]
    assert market.book.incident_count(market.trigger_id) == 1
    assert market.book.unsettled(market.trigger_id)

    owed = (3 * HOUR - TERMS.waiting_seconds) * TERMS.rate_per_second
    assert market.policies.owed_for(policy_id, 0).owed == owed
    buyer = market.chain.accounts[BUYER].address
    before = market.asset.balance_of(buyer)
    market.send(KEEPER, market.policies.claim_many([(policy_id, 0), (99, 0)]))
    assert market.asset.balance_of(buyer) - before == owed
    claim = market.policies.owed_for(policy_id, 0)
    assert (claim.owed, claim.paid, claim.debt) == (owed, owed, 0)
    assert (market.policies.policy(policy_id).owed, market.policies.policy(policy_id).paid) == (owed, owed)

    by_event = {log.event: log for log in market.logs()}
    assert by_event["ClaimPaid"].args["paid"] == owed
    assert by_event["ClaimSkipped"].args["policyId"] == 99
    assert str(by_event["ClaimSkipped"].args["reason"]).startswith("0x")
    assert by_event["CheckpointProposed"].args["spans"] == [{"from": down, "until": down + 3 * HOUR}]


def test_an_alarm_stops_sales_and_latches_the_reserve(market: Market) -> None:
    market.sell()
    path, observer = market.watchers[0], market.chain.accounts[OBSERVERS]
    now = market.chain.head().timestamp
    signature = sign(path.alarm_typed_data(KEY, now, now + HOUR), observer)
    market.send(KEEPER, path.raise_alarm(KEY, now, now + HOUR, signature))
    assert path.alarmed(KEY)
    assert market.book.alarms(market.trigger_id) == (0b0001, 0b1111)
    market.send(KEEPER, market.pool.poke(market.trigger_id))
    assert market.pool.reserve_of(market.trigger_id) == TERMS.incident_limit
    assert market.pool.max_deposit(observer.address) == 0
    with pytest.raises(TransactionFailed, match="NotQuiet"):
        market.send(BUYER, market.policies.buy(market.signed(replace(market.quote(), nonce=8))))


def test_silence_counts_only_while_the_control_is_heard(market: Market) -> None:
    now = market.chain.head().timestamp
    for step in range(12):
        market.chain.travel(now + step * 300)
        market.send(RELAYER, market.heartbeat.beat(CONTROL_KEY, now + step * 300))
        if step < 3:
            market.send(RELAYER, market.heartbeat.beat(KEY, now + step * 300))
    spells = market.heartbeat.spells(KEY)
    assert market.heartbeat.last_beat(KEY) == now + 600
    assert [(spell.start, spell.open) for spell in spells] == [(now + 900, True)]
    assert market.heartbeat.alarmed(KEY)
    assert market.heartbeat.spells(CONTROL_KEY) == []


def test_a_staker_leaves_through_a_batch(market: Market) -> None:
    staker = market.chain.accounts[STAKER].address
    shares = market.pool.balance_of(staker) // 2
    batch = market.chain.head().timestamp // 86_400
    market.send(STAKER, market.pool.request_redeem(shares, staker, staker))
    assert market.pool.pending_redeem(batch, staker) == shares
    *_, matures_at = market.pool.redeem_batch(batch)
    market.chain.travel(matures_at)
    market.send(KEEPER, market.pool.accrue())
    market.send(KEEPER, market.pool.settle([market.trigger_id]))
    assert market.pool.claimable_redeem(batch, staker) == market.pool.max_redeem(staker) == shares
    market.send(STAKER, market.pool.redeem(shares, staker, staker))
    assert market.asset.balance_of(staker) == 250_000 * UNIT


def test_every_log_of_an_installation_can_be_decoded(market: Market) -> None:
    market.sell()
    logs = market.logs()
    assert [log.event for log in logs if log.contract == "PolicyBook"].count("PolicyBought") == 1
    bought = next(log for log in logs if log.event == "PolicyBought")
    quote = bought.args["quote"]
    assert isinstance(quote, dict)
    assert quote["terms"]["rate"] == TERMS.rate_per_second
    assert quote["modelVersion"] == "0x" + "ab" * 32
    assert bought.args["buyer"] == market.chain.accounts[BUYER].address
    assert bought.args["triggerId"] == market.trigger_id
    assert bought.timestamp == market.chain.block(bought.block_number).timestamp
    assert (bought.chain_id, bought.contract) == (31_337, "PolicyBook")


def test_a_log_that_is_not_ours_is_an_error(resting: Market) -> None:
    raw = RawLog(resting.book.address, ("0x" + "00" * 32,), b"", 1, "0x1", "0x2", 0, START)
    with pytest.raises(ChainError, match=r"IncidentBook at 0x.* emitted an event that is not known"):
        resting.decoder.decode(raw)
    with pytest.raises(ChainError, match="no contract of this deployment"):
        resting.decoder.decode(replace(raw, address="0x" + "12" * 20))
    with pytest.raises(ChainError, match="not known"):
        resting.decoder.decode(replace(raw, topics=()))


def test_reading_where_no_contract_is_says_so(resting: Market) -> None:
    nothing = CoverPool(resting.chain, "0x" + "12" * 20)
    with pytest.raises(ChainError, match=r"CoverPool\.totalAssets answered 0 bytes"):
        nothing.total_assets()


def test_what_is_no_address_is_refused(resting: Market) -> None:
    with pytest.raises(InvalidInput, match="address of CoverPool is '0x12'"):
        CoverPool(resting.chain, "0x12")


@pytest.mark.parametrize("amount", [-1, 2**256])
def test_a_number_that_the_chain_cannot_hold_is_refused(resting: Market, amount: int) -> None:
    with pytest.raises(InvalidInput, match=r"TestAsset\.mint"):
        resting.asset.mint(resting.pool.address, amount)


def test_a_refused_read_carries_the_reason(resting: Market) -> None:
    with pytest.raises(TransactionFailed, match=r"UnknownIncident: trigger 0x.* has no incident 3"):
        resting.book.incident(resting.trigger_id, 3)
