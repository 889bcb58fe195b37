"""Puts a whole installation on a chain: contracts, paths, trigger, scenarios and listing, and tells where they are."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from itertools import combinations
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from insure.chain.codec import abi
from insure.chain.contracts import Asset, CoverPool, IncidentBook, PolicyBook
from insure.chain.rpc import Chain
from insure.chain.sender import Sender
from insure.errors import ChainError, InvalidInput, NotConfigured
from insure.ops.keys import account_of
from insure.records.deployment import Deployment, ListedTrigger
from insure.records.history import parse_subject_id, subject_key
from insure.records.onchain import Address, Listing, Trigger, TriggerPath
from insure.settings import Settings

HEARTBEAT = "heartbeat"
"""Name of the heartbeat path in a manifest."""


_USUAL_RULES = Trigger("", ())
_USUAL_LISTING = Listing(
    floor_rate_bps=50,
    minimum_waiting=600,
    minimum_seconds_to_limit=2 * 3_600,
    minimum_term=7 * 86_400,
    maximum_term=366 * 86_400,
    cap=0,
)


@dataclass(frozen=True)
class DeploymentPlan:
    """What to deploy; times in seconds, `cap` in whole tokens of the asset.

    The subject's downtime is attested by teams of observers (`watcher_threshold` of each must agree) and by the
    silence of its heartbeat, which counts while the control's beats are heard. Raises `InvalidInput` for a plan that
    the contracts would refuse half-way.
    """

    subject_id: str
    watcher_teams: Mapping[str, Sequence[Address]]
    watcher_threshold: int
    relayer: Address
    control_id: str
    underwriter: Address
    further_subjects: Sequence[str] = ()
    """More subjects to sell, each with a trigger of its own on the same paths."""
    scenarios: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Subjects that one cause can stop together; a sold subject that is in none gets one for itself."""
    asset: Address | None = None
    """The token that is paid in; a test token by default."""
    asset_symbol: str = "USDT"
    asset_decimals: int = 6
    rules: Trigger = _USUAL_RULES
    """The triggers' numbers and guardian; subject and paths are filled in."""
    listing: Listing = _USUAL_LISTING
    """Bounds of what is sold on each trigger; a cap of 0 stands for the plan's `cap`."""
    cap: int = 10_000_000
    """Most aggregate limits in force, on each trigger and by the underwriter."""
    beat_period: int = 300
    beat_latency: int = 900
    beat_alarm_after: int = 600
    grace: int = 900
    """Longest lateness of any path's evidence."""
    cooldown: int = 7 * 86_400
    """How long a redemption waits at least."""

    def __post_init__(self) -> None:
        for subject in (*self.subjects, self.control_id):
            parse_subject_id(subject)
        if len(set(self.subjects)) != len(self.subjects):
            raise InvalidInput(
                f"further_subjects {list(self.further_subjects)} must be distinct from each other and subject_id"
            )
        if self.control_id in self.subjects:
            raise InvalidInput(f"control_id {self.control_id} must be another chain than the insured ones")
        needed = max(self.rules.quorum, 2)  # any one path may be silent, and the heartbeat alone is no witness
        if len(self.watcher_teams) < needed:
            raise InvalidInput(f"watcher_teams has {len(self.watcher_teams)} teams: must have {needed} or more")
        for name, team in self.watcher_teams.items():
            self._check_team(name, team)
        for (one, first), (other, second) in combinations(self.watcher_teams.items(), 2):
            shared = _lower(first) & _lower(second)
            if shared:
                raise InvalidInput(f"watcher_teams {one} and {other} share {', '.join(shared)}: must be independent")

    def _check_team(self, name: str, team: Sequence[Address]) -> None:
        if name == HEARTBEAT:
            raise InvalidInput(f"watcher_teams can't have a team named {HEARTBEAT}: that is the heartbeat path's name")
        if len(_lower(team)) != len(team):
            raise InvalidInput(f"watcher_teams[{name}] names an observer twice")
        if not 1 <= self.watcher_threshold <= len(team):
            raise InvalidInput(
                f"watcher_threshold {self.watcher_threshold} must be from 1 to the {len(team)} observers of {name}"
            )
        if self.relayer.lower() in _lower(team):
            raise InvalidInput(f"relayer {self.relayer} observes for {name}: must be independent")

    @property
    def subjects(self) -> tuple[str, ...]:
        """All that is sold."""
        return (self.subject_id, *self.further_subjects)


def read_plan(path: Path) -> DeploymentPlan:
    """A plan from a JSON file; raises `InvalidInput` naming the field that is missing, unknown or wrong."""
    try:
        given = json.loads(path.read_text())
    except OSError as error:
        raise InvalidInput(f"plan {path}: {error.strerror}") from error
    except ValueError as error:
        raise InvalidInput(f"plan {path}: not JSON: {error}") from error
    if not isinstance(given, dict):
        raise InvalidInput(f"plan {path}: must be a JSON object with the fields of a plan")
    known = {each.name: each for each in fields(DeploymentPlan)}
    needed = [name for name, each in known.items() if each.default is MISSING and each.default_factory is MISSING]
    problems = [f"{name} is missing" for name in needed if name not in given]
    problems += [f"{name} is no field of a plan" for name in given if name not in known]
    for name, usual in (("rules", _USUAL_RULES), ("listing", _USUAL_LISTING)):
        if isinstance(given.get(name), dict):
            whole = asdict(usual)
            problems += [f"{name}.{key} is no field of {name}" for key in given[name] if key not in whole]
            given[name] = whole | given[name]
    try:
        plan = TypeAdapter(DeploymentPlan).validate_python(given)
    except ValidationError as error:
        found = [(".".join(map(str, each["loc"])), each["msg"]) for each in error.errors() if each["type"] != "missing"]
        problems += [f"{where}: {what}" if where else what for where, what in found]
    if problems:
        raise InvalidInput(f"plan {path}: {'; '.join(problems)}")
    return plan


def deploy_plan(settings: Settings, plan: DeploymentPlan) -> Deployment:
    """Deploys with the settings' endpoint and deployer key; raises as `deploy` does."""
    account = account_of("deployer_key", settings.deployer_key)
    if account is None:
        raise NotConfigured("INSURE_DEPLOYER_KEY is not set")
    chain = Chain.connect(settings.rpc_url)
    return deploy(chain, Sender(chain, account), plan)


def deploy(chain: Chain, sender: Sender, plan: DeploymentPlan) -> Deployment:
    """Deploys all contracts, owned by the sender, and lists the plan's triggers.

    Raises `TransactionFailed` with the contract's reason, `Unreachable` when the chain does not answer. What was
    created until then stays on the chain, unused.
    """
    block = chain.head().number
    asset = _asset(chain, sender, plan)
    decimals = asset.decimals()
    book = IncidentBook(chain, _create(sender, "IncidentBook"))
    policies, pool = _create_books(chain, sender, plan, asset, book)
    watchers, heartbeat = _create_paths(sender, plan)
    paths = {**watchers, HEARTBEAT: heartbeat}
    triggers = tuple(_create_trigger(sender, book, plan, subject, paths) for subject in plan.subjects)

    scenarios = _add_scenarios(sender, pool, plan)
    cap = plan.cap * 10**decimals
    listing = plan.listing if plan.listing.cap else replace(plan.listing, cap=cap)
    for trigger in triggers:
        sender.send(policies.list_trigger(trigger.trigger_id, listing))
    sender.send(policies.set_underwriter(plan.underwriter, cap))
    return Deployment(
        chain_id=chain.chain_id,
        block=block,
        asset=asset.address,
        asset_symbol=asset.symbol(),
        asset_decimals=decimals,
        incident_book=book.address,
        policy_book=policies.address,
        cover_pool=pool.address,
        watcher_paths=watchers,
        heartbeat_paths={HEARTBEAT: heartbeat},
        triggers=triggers,
        scenarios=scenarios,
    )


def _create(sender: Sender, name: str, *args: object) -> Address:
    address, _ = sender.create(name, abi(name).creation(*args))
    return address


def _asset(chain: Chain, sender: Sender, plan: DeploymentPlan) -> Asset:
    if plan.asset is None:
        symbol = plan.asset_symbol
        return Asset(chain, _create(sender, "TestAsset", f"Test {symbol}", symbol, plan.asset_decimals))
    if not chain.code(plan.asset):
        raise InvalidInput(f"asset {plan.asset} is no contract on chain {chain.chain_id}")
    return Asset(chain, plan.asset)


def _create_books(
    chain: Chain, sender: Sender, plan: DeploymentPlan, asset: Asset, book: IncidentBook
) -> tuple[PolicyBook, CoverPool]:
    """Policy book and pool know each other from birth, so the pool's address is foreseen from the sender's nonce."""
    foreseen = sender.foresee(creations_before=1)
    policies = _create(sender, "PolicyBook", sender.address, foreseen, book.address)
    name, symbol = f"Downtime Cover Pool {asset.symbol()}", f"dc{asset.symbol()}"
    pool = _create(
        sender, "CoverPool", sender.address, asset.address, policies, book.address, name, symbol, plan.cooldown
    )
    if pool != foreseen:
        raise ChainError(f"the pool came to {pool}, not to {foreseen}: another transaction of the key came between")
    return PolicyBook(chain, policies), CoverPool(chain, pool)


def _create_paths(sender: Sender, plan: DeploymentPlan) -> tuple[dict[str, Address], Address]:
    watchers = {
        name: _create(sender, "WatcherPath", sorted(team, key=str.lower), plan.watcher_threshold)
        for name, team in plan.watcher_teams.items()
    }
    keys = [subject_key(subject) for subject in plan.subjects]
    control = subject_key(plan.control_id)
    # the control is watched by the first subject, so that its own silence could count as well
    heartbeat = _create(
        sender,
        "HeartbeatPath",
        plan.relayer,
        plan.beat_period,
        plan.beat_latency,
        plan.beat_alarm_after,
        [*keys, control],
        [*(control for _ in keys), keys[0]],
    )
    return watchers, heartbeat


def _create_trigger(
    sender: Sender, book: IncidentBook, plan: DeploymentPlan, subject: str, paths: Mapping[str, Address]
) -> ListedTrigger:
    listed = tuple(TriggerPath(address, plan.grace) for address in paths.values())
    trigger = replace(plan.rules, subject_id=subject, paths=listed)
    trigger_id = book.trigger_id(trigger)
    sender.send(book.create_trigger(trigger))
    return ListedTrigger(trigger_id, subject, dict(paths))


def _add_scenarios(sender: Sender, pool: CoverPool, plan: DeploymentPlan) -> dict[str, list[str]]:
    scenarios = {name: list(members) for name, members in plan.scenarios.items()}
    together = {member for members in scenarios.values() for member in members}
    scenarios |= {f"{subject} alone": [subject] for subject in plan.subjects if subject not in together}
    for number, (name, members) in enumerate(scenarios.items()):
        sender.send(pool.add_scenario(name))
        for member in members:
            sender.send(pool.add_to_scenario(number, "0x" + subject_key(member).hex()))
    return scenarios


def _lower(addresses: Sequence[Address]) -> set[str]:
    return {address.lower() for address in addresses}
