"""A whole installation on a chain in this process: real contracts, real models, a staked pool, no jobs running."""

from dataclasses import dataclass, field

from eth_account import Account
from eth_account.signers.local import LocalAccount

from insure.chain.contracts import Asset, CoverPool, WatcherPath
from insure.chain.embedded import EmbeddedChain
from insure.chain.sender import Sender
from insure.chain.typed_data import sign
from insure.dataset import load
from insure.desk import DeskLimits
from insure.installation import Installation, assemble
from insure.ops.deploy import DeploymentPlan, deploy
from insure.records.deployment import Deployment
from insure.records.history import subject_key
from insure.records.onchain import Semantics, Terms
from insure.store import Store
from tests.screen_engine import ARBITRUM, BASE, HOUR, LINEA, NOW, USD, model

TERMS = Terms(HOUR, Semantics.RETENTION, 1_388_888, 0, 50_000 * USD, 100_000 * USD)
TERM = 90 * 86_400
DEPOSIT = 300_000 * USD


def keys(first: int, count: int) -> list[LocalAccount]:
    accounts = [Account.from_key(f"0x{first + i:064x}") for i in range(count)]
    return sorted(accounts, key=lambda account: int(account.address, 16))


@dataclass
class Local:
    """The installation and the people around it."""

    chain: EmbeddedChain
    deployment: Deployment
    installation: Installation
    owner: Sender
    buyer: Sender
    observers: list[LocalAccount] = field(default_factory=list)

    @property
    def asset(self) -> Asset:
        return Asset(self.chain, self.deployment.asset)

    @property
    def pool(self) -> CoverPool:
        return CoverPool(self.chain, self.deployment.cover_pool)

    def now(self) -> int:
        return self.chain.head().timestamp

    def fund(self, who: Sender, amount: int) -> None:
        self.owner.send(self.asset.mint(who.address, amount))

    def raise_alarm(self) -> None:
        """One observer's first sign of trouble on Arbitrum."""
        path = WatcherPath(self.chain, self.deployment.watcher_paths["a"])
        key, since = "0x" + subject_key(ARBITRUM).hex(), self.now()
        message = path.alarm_typed_data(key, since, since + HOUR)
        self.owner.send(path.raise_alarm(key, since, since + HOUR, sign(message, self.observers[0])))


def install(limits: DeskLimits | None = None, signing: bool = True) -> Local:
    """Arbitrum and Linea on sale, Base as the heartbeat's control, 300,000 staked."""
    chain = EmbeddedChain(31_337, NOW)
    owner_key, underwriter, relayer, buyer, staker = chain.accounts[:5]
    owner = Sender(chain, owner_key)
    teams = {"a": keys(10, 3), "b": keys(20, 3)}
    plan = DeploymentPlan(
        subject_id=ARBITRUM,
        further_subjects=[LINEA],
        scenarios={"Ethereum": [ARBITRUM, LINEA]},
        watcher_teams={name: [account.address for account in team] for name, team in teams.items()},
        watcher_threshold=2,
        relayer=relayer.address,
        control_id=BASE,
        underwriter=underwriter.address,
    )
    deployment = deploy(chain, owner, plan)
    installation = assemble(
        load(),
        model(),
        chain,
        deployment,
        Store("sqlite://").create(),
        lambda: chain.head().timestamp,
        underwriter=underwriter if signing else None,
        keeper=None,
        confirmations=0,
        limits=limits,
        stakers=[staker.address],
    )
    local = Local(chain, deployment, installation, owner, Sender(chain, buyer), teams["a"])
    depositor = Sender(chain, staker)
    local.fund(depositor, DEPOSIT)
    depositor.send(local.asset.approve(local.pool.address, DEPOSIT))
    depositor.send(local.pool.deposit(DEPOSIT, staker.address))
    return local
