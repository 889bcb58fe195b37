"""Puts a whole installation on a chain: contracts, triggers, scenarios, listings, owner; tells where they are."""

from dataclasses import replace

from insure.chain.contracts import Asset, CoverPool, IncidentBook, PolicyBook
from insure.chain.embedded import EmbeddedChain
from insure.chain.rpc import Chain
from insure.chain.sender import Sender
from insure.errors import InvalidInput, NotConfigured, TransactionFailed
from insure.ops.blueprint import COURT, OWNED, TIMELOCK, AssetFacts, asset_part, parts, path_names, timelock_part
from insure.ops.keys import account_of
from insure.ops.plan import HEARTBEAT, DeploymentPlan, TimelockPlan, read_plan
from insure.ops.provenance import source_commit
from insure.ops.setup import Setup, hand_over
from insure.ops.site import Site
from insure.records.deployment import Deployment
from insure.settings import Settings

__all__ = ["HEARTBEAT", "DeploymentPlan", "TimelockPlan", "deploy", "deploy_plan", "read_plan", "rehearse"]


def deploy_plan(settings: Settings, plan: DeploymentPlan) -> Deployment:
    """Deploys with the settings' endpoint and deployer key, after a rehearsal; raises as `rehearse` and `deploy` do."""
    account = account_of("deployer_key", settings.deployer_key)
    if account is None:
        raise NotConfigured("INSURE_DEPLOYER_KEY is not set")
    sender = Sender(Chain.connect(settings.rpc_url, private=settings.private_rpc_url), account)
    rehearse(sender, plan)
    return deploy(sender.chain, sender, plan)


def rehearse(sender: Sender, plan: DeploymentPlan) -> None:
    """Carries the plan out on an embedded chain of the same id and time, and sends nothing.

    Raises `InvalidInput` with the contract's reason for what the contracts would refuse half-way.
    """
    _refuse_at_once(sender, plan)
    head, asset = sender.chain.head(), plan.asset
    if asset is not None:
        token = Asset(sender.chain, asset)
        plan = replace(plan, asset=None, asset_symbol=token.symbol(), asset_decimals=token.decimals())
    stage = EmbeddedChain(sender.chain.chain_id, head.timestamp, funded=[sender.address])
    try:
        deploy(stage, Sender(stage, sender.account), plan)
    except TransactionFailed as error:
        raise InvalidInput(f"plan: the contracts refuse it; nothing was sent: {error}") from error


def deploy(chain: Chain, sender: Sender, plan: DeploymentPlan) -> Deployment:
    """Deploys all contracts, lists the plan's triggers, and hands policy book and pool to the plan's timelock.

    Addresses hang on the sender's key and the plan's salt alone. What an earlier run left is found, verified and gone
    on with. Raises `InvalidInput` when something else is there or has another owner already, `TransactionFailed` with
    the contract's reason, `Unreachable` when the chain does not answer.
    """
    _refuse_at_once(sender, plan)
    before = chain.head().number
    site = Site.open(sender, plan.salt)
    asset = _asset(site, plan)
    for part in parts(plan, sender.address, asset, site.at):
        site.place(part)

    setup = Setup(
        sender,
        plan,
        IncidentBook(chain, site.at("IncidentBook")),
        PolicyBook(chain, site.at("PolicyBook")),
        CoverPool(chain, site.at("CoverPool")),
        site.at(COURT),
        10**asset.decimals,
    )
    paths = {path: site.at(name) for path, name in path_names(plan).items()}
    triggers, scenarios, underwriters = setup.triggers(paths), setup.scenarios(), setup.underwriters()
    timelock = timelock_part(plan, site.at)
    if timelock is not None:
        owned = [kind(chain, site.at(name)) for name, kind in OWNED.items()]
        hand_over(sender, owned, site.at(TIMELOCK))
        site.place(timelock)
    return Deployment(
        chain_id=chain.chain_id,
        block=_first_block(site, before),
        asset=asset.address,
        asset_symbol=asset.symbol,
        asset_decimals=asset.decimals,
        incident_book=setup.book.address,
        policy_book=setup.policies.address,
        cover_pool=setup.pool.address,
        watcher_paths={name: address for name, address in paths.items() if name != HEARTBEAT},
        heartbeat_paths={HEARTBEAT: paths[HEARTBEAT]},
        triggers=triggers,
        scenarios=scenarios,
        underwriters=underwriters,
        contracts=site.contracts,
        libraries=site.libraries,
        deployer=site.deployer.address,
        creator=sender.address,
        timelock=None if timelock is None else site.at(TIMELOCK),
        salt=plan.salt,
        commit=source_commit(),
    )


def _refuse_at_once(sender: Sender, plan: DeploymentPlan) -> None:
    """What can be seen to be wrong before anything is sent."""
    if plan.asset is not None and not sender.chain.code(plan.asset):
        raise InvalidInput(f"asset {plan.asset} is no contract on chain {sender.chain.chain_id}")
    if plan.timelock is not None and sender.address.lower() in plan.timelock.accounts():
        raise InvalidInput(f"timelock names {sender.address}, the key that deploys: it must be left without any role")


def _asset(site: Site, plan: DeploymentPlan) -> AssetFacts:
    address = site.place(asset_part(plan)) if plan.asset is None else plan.asset
    asset = Asset(site.chain, address)
    return AssetFacts(asset.address, asset.symbol(), asset.decimals())


def _first_block(site: Site, before: int) -> int:
    """Where reading the installation's logs begins.

    Some chains show contracts the count of the chain below them, which is behind: then the head of before this run will
    do for contracts that it created, and for others the smaller count, which is too early but misses nothing.
    """
    first = before if site.first_block is None else site.first_block
    return max(first, before) if site.fresh else min(first, before)
