"""An installation with stakers, policies, observers and one keeper with its mirror, and a halt of its subject."""

from dataclasses import dataclass, field

from insure.chain.anvil import AnvilChain
from insure.chain.contracts import Asset, CoverPool, IncidentBook, PolicyBook, WatcherPath
from insure.chain.embedded import EmbeddedChain
from insure.chain.sender import Sender
from insure.chain.typed_data import sign
from insure.ops.deploy import DeploymentPlan, deploy
from insure.payouts import Payouts
from insure.records.deployment import Deployment
from insure.records.history import subject_key
from insure.records.onchain import (
    ZERO_ADDRESS,
    Observation,
    Policy,
    Quote,
    Receipt,
    Semantics,
    SignedObservation,
    SignedQuote,
    Terms,
)
from insure.store import Store
from insure.watcher import Watcher

LocalChain = EmbeddedChain | AnvilChain

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

    chain: LocalChain
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

    def payouts(self, sender: Sender | None, store: Store | None = None, least_interim: int = 0) -> Payouts:
        at = (self.chain, self.book, self.policies, self.pool, store or self.store)
        return Payouts(*at, sender, least_interim=least_interim)

    @property
    def now(self) -> int:
        return self.chain.head().timestamp

    def fund(self, sender: Sender, amount: int) -> None:
        sender.send(self.asset.mint(sender.address, amount))
        sender.send(self.asset.approve(self.pool.address, amount))

    def sell(self, terms: Terms = TERMS, subject: str = SUBJECT, renews: Policy | None = None) -> int:
        underwriter = self.chain.accounts[3]
        self.nonces += 1
        start = self.now + DAY + 60 if renews is None else renews.end
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
            renews=0 if renews is None else renews.policy_id,
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


def plan_of(chain: LocalChain, *further_subjects: str) -> DeploymentPlan:
    """Whose accounts do what: 2 relays, 3 signs quotes, 4 to 9 observe in two teams."""
    names = [account.address for account in chain.accounts]
    return DeploymentPlan(
        subject_id=SUBJECT,
        watcher_teams={"north": names[4:7], "south": names[7:10]},
        watcher_threshold=2,
        relayer=names[2],
        control_id="eip155:8",
        underwriter=names[3],
        further_subjects=further_subjects,
    )


def installed(deposit: int = DEPOSIT, *further_subjects: str, on: LocalChain | None = None) -> Story:
    chain = on or EmbeddedChain(31337, GENESIS)
    made = Story(chain, deploy(chain, Sender(chain, chain.accounts[0]), plan_of(chain, *further_subjects)))
    made.fund(made.staker, deposit)
    made.staker.send(made.pool.deposit(deposit, made.staker.address))
    made.fund(made.buyer, 10**9)
    return made


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
