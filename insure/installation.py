"""Puts the services of one installation together: what each is given, and the timetable they run to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from eth_account.signers.local import LocalAccount

from insure.alerts import Herald, Webhook
from insure.chain.contracts import CoverPool, Disputes, IncidentBook, PolicyBook
from insure.chain.outbox import follow
from insure.chain.rpc import Chain
from insure.chain.sender import Sender
from insure.dataset import Dataset, load
from insure.desk import Desk, DeskLimits
from insure.engine import Engine, fit_model
from insure.errors import InvalidInput, NotConfigured
from insure.ingest.asking import timetable
from insure.jobs import Job
from insure.key_lease import KeyLease
from insure.ops.blueprint import COURT
from insure.ops.keys import account_of
from insure.payouts import Payouts
from insure.records.deployment import Deployment
from insure.records.onchain import Address, Confirmations
from insure.settings import Settings
from insure.store import Store
from insure.tail_file import KeptTail
from insure.watcher import Watcher
from insure.watchtower.crew import build_relays, build_tower
from insure.watchtower.tower import Relay, Watchtower
from pricing_models.model import Model
from pricing_models.premium import Loadings


@dataclass(frozen=True)
class Installation:
    """The services of one installation on one host chain."""

    engine: Engine
    watcher: Watcher
    payouts: Payouts
    store: Store
    desk: Desk
    tower: Watchtower | None = None
    relays: Sequence[Relay] = ()
    _senders: dict[str, Sender] = field(default_factory=dict, init=False)

    @property
    def leases(self) -> list[KeyLease]:
        """The rights to send with the keys that are used now."""
        return [each.guard for each in self._senders.values() if isinstance(each.guard, KeyLease)]

    def sender(self, role: str) -> Sender | None:
        """Who sends as `keeper` or `relayer` now, if anyone."""
        return self._senders.get(role)

    def send_as(self, role: str, sender: Sender) -> None:
        """Notes who sends in a role, and lets go of the lease of who did until now."""
        before = self._senders.get(role)
        self._senders[role] = sender
        self.engine.senders = {name: each.address for name, each in self._senders.items()}
        if before is not None and isinstance(before.guard, KeyLease):
            before.guard.give_up()

    def keep_with(self, sender: Sender) -> None:
        """Has another keeper send from now on; not while a job runs."""
        self.payouts.send_with(sender)
        if self.tower is not None:
            self.tower.sender = sender
        self.send_as("keeper", sender)

    def close(self) -> None:
        """Lets another process have the keys at once, and the database go."""
        for lease in self.leases:
            lease.give_up()
        self.store.close()

    def timetable(self) -> list[Job]:
        """Every job, in the order in which one round of them makes sense: evidence, then what follows from it."""
        jobs = keeper_jobs(self.payouts, self.watcher, self.store)
        jobs.insert(-2, Job("snapshot", 300, self.engine.take_snapshot))
        if self.tower is not None:
            jobs.insert(0, Job("attend", 3_600, self.tower.attend))
            jobs.insert(0, Job("watch", 30, self.tower.watch))
        for number, relay in enumerate(self.relays):
            name = f"beat {number}" if number else "beat"
            jobs.insert(0, Job(name, 60, relay.beat))
        return jobs


def keeper_jobs(payouts: Payouts, watcher: Watcher, store: Store) -> list[Job]:
    """What mirrors, decides and pays, in the order in which one round of it makes sense.

    What pays in the block that makes it possible runs on every new head, with the mirror that it goes by. What is left
    to the others asks a lot of the endpoints and can wait for a minute.
    """

    def follow_all(now: int) -> None:
        cursor = store.cursor()
        # the keys that this process no longer has included
        for sender in store.senders():
            follow(watcher.chain, store, sender, -1 if cursor is None else cursor.number)

    return [
        Job("poke", 60, payouts.poke),
        Job("propose", 60, payouts.propose),
        Job("pay", 5, payouts.pay, on_head=True),
        Job("confirm", 60, payouts.confirm),
        Job("mirror", 15, lambda now: watcher.run(), on_head=True),
        Job("claim", 60, payouts.claim),
        Job("settle", 600, payouts.settle),
        Job("retire", 3_600, payouts.retire),
        Job("follow", 60, follow_all),
    ]


def assemble(
    history: Dataset,
    model: Model,
    chain: Chain,
    deployment: Deployment,
    store: Store,
    clock: Callable[[], int],
    *,
    underwriter: LocalAccount | None,
    keeper: Sender | None,
    confirmations: Confirmations,
    least_interim: int = 0,
    limits: DeskLimits | None = None,
    tail: KeptTail | None = None,
    tower: Watchtower | None = None,
    relays: Sequence[Relay] = (),
    stakers: Sequence[Address] = (),
) -> Installation:
    """The services of an installation whose contracts are deployed, given to one another.

    Without an underwriter no quote is signed, without a keeper nothing is sent: that part stays dry. `least_interim` is
    the least that the keeper claims for an incident that goes on, smallest units of the asset.
    """
    book = IncidentBook(chain, deployment.incident_book)
    policies = PolicyBook(chain, deployment.policy_book)
    pool = CoverPool(chain, deployment.cover_pool)
    desk = Desk(model, book, policies, pool, deployment, underwriter, store, limits, tail)
    watcher = Watcher(chain, store, deployment, confirmations)
    engine = Engine(history, chain, deployment, store, desk, watcher, clock, stakers)
    court = deployment.contracts.get(COURT)
    disputes = None if court is None else Disputes(chain, court.address)
    payouts = Payouts(chain, book, policies, pool, store, keeper, disputes, least_interim)
    return Installation(engine, watcher, payouts, store, desk, tower, relays)


def from_settings(settings: Settings, clock: Callable[[], int]) -> Installation:
    """The installation that the settings name: its deployment, its mirror, and the keys this process was given.

    Raises `NotConfigured`, `InvalidInput`, `Unreachable` or `WrongChain`, each naming what to mend.
    """
    deployment = Deployment.read(settings.deployment)
    chain = Chain.connect(settings.rpc_url, deployment.chain_id, settings.private_rpc_url)
    store = Store(settings.database_url).create()
    keeper = _sender(chain, store, settings, "keeper_key")
    relayer = _sender(chain, store, settings, "relayer_key")
    require_apart(keeper, relayer)
    observers = [account_of("observer_keys", key) for key in settings.observer_keys]
    if observers and keeper is None:
        raise NotConfigured("INSURE_KEEPER_KEY is not set: what observers sign needs a sender")
    history = load(settings.data)
    nodes = settings.subject_nodes
    made = assemble(
        history,
        fit_model(history, clock()),
        chain,
        deployment,
        store,
        clock,
        underwriter=account_of("underwriter_key", settings.underwriter_key),
        keeper=keeper,
        confirmations=settings.confirmations,
        least_interim=settings.least_interim_payment,
        limits=DeskLimits(
            loadings=Loadings(expense_fixed=settings.expense_fixed, expense_per_day=settings.expense_per_day)
        ),
        tail=KeptTail(settings.tail, history) if settings.tail else None,
        tower=build_tower(chain, deployment, [each for each in observers if each], nodes, keeper) if keeper else None,
        relays=build_relays(chain, deployment, nodes, relayer) if relayer else (),
    )
    for role, sender in (("keeper", keeper), ("relayer", relayer)):
        if sender is not None:
            made.send_as(role, sender)
    return made


def jobs_aside(settings: Settings, engine: Engine, chain: Chain | None = None) -> list[Job]:
    """Jobs for a board of their own, because a server of somebody else's that is slow must not hold up a payment.

    One for each source of outages once there is an archive: a source that fails shows as a failing job, and what it
    told before stays. One that asks the private endpoints of the chain, if it has any, whether they are there: they are
    needed seldom, and then at once. And one that tells alerts, once there is an address for them; raises `InvalidInput`
    for a secret that is none.
    """
    jobs = [Job(f"ingest {task.source}", task.every_seconds, task.run) for task in timetable(settings)]
    if chain is not None and chain.private_endpoints:
        jobs.append(Job("private endpoints", 60, lambda now: chain.probe_private_endpoints()))
    if settings.alert_url:
        herald = Herald(engine, Webhook(settings.alert_url, settings.alert_secret).send)
        jobs.append(Job("alert", 30, herald.run))
    return jobs


def require_apart(keeper: Sender | None, relayer: Sender | None) -> None:
    """Raises `InvalidInput` if both send with one key."""
    if keeper and relayer and keeper.address == relayer.address:
        raise InvalidInput("relayer_key is the keeper's: give each a key of its own, or one outbids the other")


def sender_of(chain: Chain, store: Store, settings: Settings, account: LocalAccount) -> Sender:
    """A sender that gives way to another process with the same key and stays below the cap on fees."""
    cap = None if settings.fee_cap_gwei is None else settings.fee_cap_gwei * 10**9
    return Sender(chain, account, fee_cap=cap, guard=KeyLease(store, account.address, chain.chain_id), journal=store)


def _sender(chain: Chain, store: Store, settings: Settings, name: str) -> Sender | None:
    account = account_of(name, getattr(settings, name))
    return None if account is None else sender_of(chain, store, settings, account)
