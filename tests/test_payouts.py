"""The keeper on a real (embedded) chain with the real contracts: from the first report to the last unit paid."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from insure.chain.contracts import Asset, CoverPool, IncidentBook, PolicyBook, WatcherPath
from insure.chain.embedded import EmbeddedChain
from insure.chain.sender import Call, Sender
from insure.chain.typed_data import sign
from insure.errors import ChainError, InsureError, TransactionFailed, Unreachable, WrongChain
from insure.ops.deploy import DeploymentPlan, deploy
from insure.payouts import Payouts
from insure.records.deployment import Deployment
from insure.records.history import subject_key
from insure.records.onchain import (
    ZERO_ADDRESS,
    Observation,
    Quote,
    Receipt,
    Semantics,
    SignedObservation,
    SignedQuote,
    Terms,
)
from insure.store import Store
from insure.watcher import Watcher

GENESIS = 1_700_000_000
SUBJECT = "eip155:7"
KEY = "0x" + subject_key(SUBJECT).hex()
RATE = 1_000
WAITING = 600
TERMS = Terms(WAITING, Semantics.RETENTION, RATE, 0, 20_000 * RATE, 40_000 * RATE)
DEPOSIT = 10**12
DAY = 86_400
CHALLENGE, MERGE_GAP, GRACE, TAIL, SETTLEMENT = 1_800, 1_800, 900, 7 * DAY, DAY


@dataclass
class Story:
    """An installation with stakers, policies, observers, and one keeper with its mirror."""

    chain: EmbeddedChain
    deployment: Deployment
    store: Store = field(default_factory=lambda: Store().create())
    nonces: int = 0

    def __post_init__(self) -> None:
        chain, at = self.chain, self.deployment
        self.book = IncidentBook(chain, at.incident_book)
        self.policies = PolicyBook(chain, at.policy_book)
        self.pool = CoverPool(chain, at.cover_pool)
        self.asset = Asset(chain, at.asset)
        self.trigger_id = at.triggers[0].trigger_id
        self.staker, self.buyer = self.sender(1), self.sender(11)
        self.watcher = Watcher(chain, self.store, at, confirmations=0)
        self.keeper = self.payouts(self.sender(12))

    def sender(self, account: int) -> Sender:
        journal = self.store if account >= 12 else None  # the keepers'
        return Sender(self.chain, self.chain.accounts[account], journal=journal)

    def payouts(self, sender: Sender | None, store: Store | None = None) -> Payouts:
        return Payouts(self.chain, self.book, self.policies, self.pool, store or self.store, sender)

    @property
    def now(self) -> int:
        return self.chain.head().timestamp

    def fund(self, sender: Sender, amount: int) -> None:
        sender.send(self.asset.mint(sender.address, amount))
        sender.send(self.asset.approve(self.pool.address, amount))

    def sell(self, terms: Terms = TERMS, subject: str = SUBJECT) -> int:
        underwriter = self.chain.accounts[3]
        self.nonces += 1
        start = self.now + DAY + 60
        quote = Quote(
            self.pool.address,
            self.asset.address,
            self.buyer.address,
            self.deployment.trigger_for(subject).trigger_id,
            terms,
            start,
            start + 7 * DAY,
            ZERO_ADDRESS,
            10**6,
            "0x" + "00" * 32,
            self.nonces,
            self.now + 3_000,
        )
        signature = sign(self.policies.quote_typed_data(quote), underwriter)
        self.buyer.send(self.policies.buy(SignedQuote(quote, underwriter.address, signature)))
        return self.nonces

    def report(self, start: int, until: int, ended: bool = False, subject: str = SUBJECT) -> None:
        """Two of three observers of each of both teams say so."""
        for team, first in (("north", 4), ("south", 7)):
            path = WatcherPath(self.chain, self.deployment.watcher_paths[team])
            key = "0x" + subject_key(subject).hex()
            observation = Observation(key, start, until, ended, self.now + 3_600)
            message = path.observation_typed_data(observation)
            signers = self.chain.accounts[first : first + 2]
            signed = [SignedObservation(observation, each.address, sign(message, each)) for each in signers]
            self.sender(first).send(path.report(signed))

    def alarm(self, since: int) -> None:
        path = WatcherPath(self.chain, self.deployment.watcher_paths["north"])
        observer = self.chain.accounts[4]
        signature = sign(path.alarm_typed_data(KEY, since, since + 3_600), observer)
        self.sender(4).send(path.raise_alarm(KEY, since, since + 3_600, signature))

    def round(self, at: int | None = None) -> list[Receipt]:
        """Time passes to `at`, the mirror reads, the keeper does what there is to do, the mirror reads."""
        if at is not None:
            self.chain.travel(at)
        self.watcher.run()
        receipts = self.keeper.run(self.now)
        self.watcher.run()
        return receipts

    def kinds(self) -> list[str]:
        return [each.kind for each in self.store.transactions()]


def installed(deposit: int = DEPOSIT, *further_subjects: str) -> Story:
    chain = EmbeddedChain(31337, GENESIS)
    names = [account.address for account in chain.accounts]
    plan = DeploymentPlan(
        subject_id=SUBJECT,
        watcher_teams={"north": names[4:7], "south": names[7:10]},
        watcher_threshold=2,
        relayer=names[2],
        control_id="eip155:8",
        underwriter=names[3],
        further_subjects=further_subjects,
    )
    made = Story(chain, deploy(chain, Sender(chain, chain.accounts[0]), plan))
    made.fund(made.staker, deposit)
    made.staker.send(made.pool.deposit(deposit, made.staker.address))
    made.fund(made.buyer, 10**9)
    return made


@pytest.fixture
def story() -> Iterator[Story]:
    made = installed()
    yield made
    made.store.close()


def halt(story: Story, seconds: int) -> tuple[int, int]:
    """A policy is in force and its subject down for `seconds`, seen every ten minutes; returns start and end."""
    story.chain.travel(story.now + DAY + 600)
    start = story.now
    for until in range(start + 600, start + seconds, 600):
        story.chain.travel(until)
        story.report(start, until)
        story.round(until + 5)
    story.chain.travel(start + seconds)
    story.report(start, start + seconds, ended=True)
    return start, start + seconds


def finish(story: Story, end: int) -> None:
    story.round(end + 60)
    story.round(end + CHALLENGE + 120)
    story.round(end + MERGE_GAP + GRACE + 180)


def test_a_halt_is_paid_in_part_while_it_lasts_and_to_the_unit_afterwards(story: Story) -> None:
    policy = story.sell()
    before = story.asset.balance_of(story.buyer.address)
    start, end = halt(story, 5_400)
    paid_while_down = story.asset.balance_of(story.buyer.address) - before
    assert 0 < paid_while_down < RATE * (5_400 - WAITING)

    finish(story, end)
    assert story.asset.balance_of(story.buyer.address) - before == RATE * (5_400 - WAITING)
    (claim,) = story.store.claims(policy)
    assert (claim.owed, claim.paid, claim.debt) == (RATE * (5_400 - WAITING), RATE * (5_400 - WAITING), 0)
    (incident,) = story.store.incidents()
    confirmed = tuple(story.book.confirmed_spans(story.trigger_id, 0))
    assert incident == replace(story.book.incident(story.trigger_id, 0), spans=confirmed)
    assert (incident.start, incident.until, incident.final_at > end) == (start, end, True)
    assert story.store.policy(policy) == story.policies.policy(policy)


def test_when_all_is_done_another_round_sends_nothing(story: Story) -> None:
    story.sell()
    _, end = halt(story, 3_000)
    finish(story, end)
    assert story.round() == []
    assert story.round(end + 4_000) == []


def test_every_transaction_is_recorded_with_its_gas_and_found_in_the_ledger(story: Story) -> None:
    story.sell()
    _, end = halt(story, 3_000)
    finish(story, end)
    assert {"poke", "propose", "confirm", "claim", "finalise"} <= set(story.kinds())
    paid = [entry for entry in story.store.ledger() if entry.what == "ClaimPaid"]
    assert paid and all(entry.gas_used for entry in paid)


def test_nothing_is_marked_as_paid_until_the_watcher_has_read_it(story: Story) -> None:
    story.sell()
    start, _ = halt(story, 3_000)
    story.chain.travel(start + 3_000 + CHALLENGE + 600)
    story.watcher.run()
    story.keeper.propose(story.now)
    story.keeper.confirm(story.now)
    story.watcher.run()
    paid_before = sum(claim.paid for claim in story.store.claims())
    assert story.keeper.claim(story.now) != []
    assert sum(claim.paid for claim in story.store.claims()) == paid_before
    assert story.keeper.claim(story.now) == [], "the policy book says that it was claimed, though the mirror lags"
    story.watcher.run()
    assert sum(claim.paid for claim in story.store.claims()) > paid_before


def test_a_keeper_that_dies_between_sending_and_recording_does_no_harm(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.sell()
    halt_start, end = halt(story, 3_000)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(story.store, "record_fate", die)
        story.chain.travel(end + 60)
        story.watcher.run()
        with pytest.raises(KeyboardInterrupt):
            story.keeper.run(story.now)
    story.keeper = story.payouts(story.sender(12))
    finish(story, end)
    (claim,) = story.store.claims()
    assert claim.paid == claim.owed == RATE * (3_000 - WAITING)
    assert halt_start == story.store.incidents()[0].start


def test_two_keepers_pay_no_more_than_one(story: Story) -> None:
    story.sell()
    other = story.payouts(story.sender(13))
    _, end = halt(story, 3_000)
    for at in (end + 60, end + CHALLENGE + 120, end + MERGE_GAP + GRACE + 180):
        story.round(at)
        other.run(story.now)
    story.watcher.run()
    (claim,) = story.store.claims()
    assert claim.paid == claim.owed == RATE * (3_000 - WAITING)


def test_without_a_key_it_says_what_it_would_send_and_sends_nothing(
    story: Story, caplog: pytest.LogCaptureFixture
) -> None:
    story.sell()
    story.keeper = story.payouts(None)
    with caplog.at_level(logging.INFO, "insure.payouts"):
        halt(story, 1_300)
    assert story.book.incident_count(story.trigger_id) == 0
    assert "would send IncidentBook.propose" in caplog.text
    assert story.store.transactions() == []


def test_an_alarm_has_the_reserve_latched_once_and_released_when_it_is_over(story: Story) -> None:
    story.sell()
    story.alarm(story.now)
    story.round()
    assert story.pool.reserve_of(story.trigger_id) == TERMS.incident_limit
    assert story.round() == []
    story.round(story.now + 3_700)
    assert story.pool.reserve_of(story.trigger_id) == 0
    assert story.kinds() == ["poke", "poke"]


def test_an_alarm_that_lasts_has_its_hold_end_after_a_day(story: Story) -> None:
    story.sell()
    began = story.now
    while story.now < began + DAY + 7_200:
        story.alarm(story.now)
        story.round(story.now + 3_000)
    assert story.pool.reserve_of(story.trigger_id) == 0
    assert len(story.kinds()) < 30


def test_several_policies_are_claimed_in_one_transaction(story: Story) -> None:
    for _ in range(3):
        story.sell()
    _, end = halt(story, 2_400)
    story.round(end + 60)
    story.round(end + CHALLENGE + 120)
    (receipt,) = story.round()
    assert story.kinds()[-1] == "claimMany"
    claimed = {log.args["policyId"] for log in story.store.logs("ClaimPaid") if log.tx_hash == receipt.tx_hash}
    assert claimed == {1, 2, 3}
    assert [claim.owed for claim in story.store.claims()] == [RATE * (2_400 - WAITING)] * 3


def test_what_a_batch_skips_is_claimed_by_itself(story: Story) -> None:
    for _ in range(3):
        story.sell()
    real = story.sender(12)

    class Skipping:
        """A keeper's key whose batches do only their first item, as if their gas had run short."""

        address = real.address

        def send(self, call: Call) -> Receipt:
            if call.function == "claimMany":
                call = story.policies.claim_many(list(zip(*call.args, strict=True))[:1])
            return real.send(call)

    story.keeper = story.payouts(Skipping())  # type: ignore[arg-type]
    _, end = halt(story, 1_800)
    for at in (60, CHALLENGE + 120, CHALLENGE + 180):
        story.round(end + at)
    assert [claim.paid for claim in story.store.claims()] == [RATE * (1_800 - WAITING)] * 3
    assert (story.kinds().count("claimMany"), story.kinds().count("claim")) == (1, 2)


def test_what_a_contract_refuses_is_named_and_the_rest_is_done(story: Story) -> None:
    for _ in range(2):
        story.sell()
    _, end = halt(story, 2_400)
    story.round(end + 60)
    real = story.sender(12)

    class Refusing:
        """A keeper's key of whom the node takes nothing for the pool."""

        address = real.address

        def send(self, call: Call) -> Receipt:
            if call.contract == "CoverPool":
                raise TransactionFailed(f"{call} was refused: out of luck")
            return real.send(call)

    story.chain.travel(end + CHALLENGE + DAY)
    story.watcher.run()
    keeper = story.payouts(Refusing())  # type: ignore[arg-type]
    with pytest.raises(TransactionFailed, match=r"CoverPool\.poke was refused: out of luck"):
        keeper.run(story.now)
    story.watcher.run()
    assert story.store.incidents()[0].covered_seconds == 2_400


@pytest.mark.parametrize(
    ("trouble", "others_served"),
    [
        (ChainError("eth_estimateGas: gas required exceeds allowance (30000000)"), True),
        (Unreachable("eth_estimateGas: the endpoint does not answer"), False),
        (WrongChain("the endpoint serves chain 5"), False),
    ],
)
def test_a_nodes_error_about_one_trigger_keeps_no_other_waiting_and_a_lost_chain_all(
    trouble: InsureError, others_served: bool
) -> None:
    story = installed(DEPOSIT, "eip155:9")
    story.watcher.run()
    first, second = (trigger.trigger_id for trigger in story.store.triggers())
    real = story.sender(12)

    class Troubled:
        """A keeper's key whose node fails on everything about the first trigger."""

        address = real.address

        def send(self, call: Call) -> Receipt:
            if call.args[0] == first:
                raise trouble
            return real.send(call)

    for subject in (SUBJECT, "eip155:9"):
        story.sell(subject=subject)
    story.chain.travel(story.now + DAY + 600)
    start = story.now
    story.chain.travel(start + 1_300)
    for subject in (SUBJECT, "eip155:9"):
        story.report(start, start + 1_300, subject=subject)
    story.watcher.run()
    with pytest.raises(type(trouble), match=str(trouble)[:20]):
        story.payouts(Troubled()).propose(story.now)  # type: ignore[arg-type]
    assert story.book.incident_count(first) == 0
    assert story.book.incident_count(second) == int(others_served)
    story.store.close()


def test_an_unreachable_chain_ends_the_run_at_once(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    story.sell()
    story.watcher.run()

    def down() -> None:
        raise Unreachable("eth_getBlockByNumber: the endpoint does not answer")

    monkeypatch.setattr(story.chain, "head", down)
    with pytest.raises(Unreachable):
        story.keeper.run(GENESIS)


def test_time_that_the_chain_has_not_reached_yet_decides_nothing(story: Story) -> None:
    story.sell()
    halt(story, 1_300)
    story.watcher.run()
    story.keeper.propose(story.now)
    story.watcher.run()
    assert story.keeper.confirm(story.now + 10 * DAY) == []


def test_an_ended_policys_collateral_is_released_after_its_tail_and_not_before(story: Story) -> None:
    policy = story.sell()
    end = story.policies.policy(policy).end
    story.round(end + TAIL - 60)
    assert not story.policies.policy(policy).released
    story.round(end + TAIL + 60)
    assert story.policies.policy(policy).released
    assert story.pool.exposure_of(KEY) == 0
    known = story.store.policy(policy)
    assert known is not None and known.released
    assert "release" in story.kinds()


def test_a_matured_redemption_is_settled_and_premium_accrued_daily(story: Story) -> None:
    story.sell()
    shares = story.pool.balance_of(story.staker.address) // 2
    story.staker.send(story.pool.request_redeem(shares, story.staker.address, story.staker.address))
    story.round(story.now + 6 * DAY)
    assert story.pool.max_redeem(story.staker.address) == 0
    story.round(story.now + 3 * DAY)
    assert story.pool.max_redeem(story.staker.address) == shares
    assert set(story.kinds()) == {"accrue", "settle"}
    assert story.pool.accrued_up_to() >= story.now - DAY


def test_a_pool_that_falls_short_pays_its_debts_once_its_reserve_is_free() -> None:
    other = "eip155:9"
    story = installed(100_000_000, other)
    terms = Terms(WAITING, Semantics.RETENTION, 10_000, 0, 72_000_000, 72_000_000)
    whole, half = story.sell(terms), story.sell(terms, other)
    story.chain.travel(story.now + DAY + 600)
    start = story.now
    story.chain.travel(start + 9_000)
    story.report(start, start + 9_000, ended=True)
    story.report(start, start + WAITING + 3_600, ended=True, subject=other)
    story.round()
    story.round(start + 9_000 + CHALLENGE + MERGE_GAP + GRACE + 60)
    story.round()
    assert [claim.owed for claim in story.store.claims()] == [72_000_000, 36_000_000]
    assert all(claim.debt > 0 for claim in story.store.claims())
    assert [claim.debt for claim in story.store.claims()] == [story.pool.debt_of(whole), story.pool.debt_of(half)]
    debts = sum(claim.debt for claim in story.store.claims())

    story.round(story.now + SETTLEMENT + 60)
    story.round()
    oldest, younger = story.store.claims()
    left = sum(claim.debt for claim in (oldest, younger))
    assert left < debts
    assert oldest.debt == 0, "the debt that is older is paid first"
    assert [claim.paid + claim.debt for claim in (oldest, younger)] == [72_000_000, 36_000_000]
    assert left == story.pool.solvency().debts
    assert story.round() == []
    story.store.close()
