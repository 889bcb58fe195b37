"""Which contracts make an installation, and from what: the one place to add a contract or a constructor's argument."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from insure.chain.contracts import CoverPool, PolicyBook
from insure.chain.ownership import Owned
from insure.ops.plan import HEARTBEAT, DeploymentPlan
from insure.ops.site import Part
from insure.records.history import subject_key
from insure.records.onchain import Address

TIMELOCK = "Timelock"
COURT = "Disputes"
"""The pool's own court, by the part's name."""
OWNED: Mapping[str, type[Owned]] = {"PolicyBook": PolicyBook, "CoverPool": CoverPool}
"""What the timelock owns, by the part's name."""


@dataclass(frozen=True)
class AssetFacts:
    """The token that is paid in."""

    address: Address
    symbol: str
    decimals: int


def asset_part(plan: DeploymentPlan) -> Part:
    """The test token of a plan that names no other."""
    return Part("Asset", "TestAsset", (f"Test {plan.asset_symbol}", plan.asset_symbol, plan.asset_decimals))


def parts(plan: DeploymentPlan, owner: Address, asset: AssetFacts, at: Callable[[str], Address]) -> tuple[Part, ...]:
    """All contracts in the order of their creation; `at` tells where a part is, created or not.

    `owner` sets the installation up, and hands it over afterwards.
    """
    share = (f"Downtime Cover Pool {asset.symbol}", f"dc{asset.symbol}")
    books = (at("PolicyBook"), at("IncidentBook"))
    least_bond = plan.minimum_bond * 10**asset.decimals
    return (
        Part("IncidentBook", "IncidentBook"),
        Part("PolicyDescriptor", "PolicyDescriptor"),
        Part("PolicyBook", "PolicyBook", (owner, at("CoverPool"), at("IncidentBook"), at("PolicyDescriptor"))),
        Part("CoverPool", "CoverPool", (owner, asset.address, *books, plan.permit2, *share, plan.cooldown)),
        Part(COURT, "Disputes", (at("IncidentBook"), at("CoverPool"), asset.address, least_bond, plan.bond_bps)),
        *(
            Part(watcher_name(team), "WatcherPath", (sorted(members, key=str.lower), plan.watcher_threshold))
            for team, members in plan.watcher_teams.items()
        ),
        _heartbeat(plan),
    )


def watcher_name(team: str) -> str:
    """The part's name of a team's path."""
    return f"WatcherPath {team}"


def path_names(plan: DeploymentPlan) -> dict[str, str]:
    """The part's name of each path of the triggers, by the path's name."""
    return {**{team: watcher_name(team) for team in plan.watcher_teams}, HEARTBEAT: "HeartbeatPath"}


def timelock_part(plan: DeploymentPlan, at: Callable[[str], Address]) -> Part | None:
    """The owner that takes over, None for a plan without one."""
    lock = plan.timelock
    if lock is None:
        return None
    args = (lock.minimum_delay, lock.proposers, lock.executors, lock.cancellers, [at(name) for name in OWNED])
    return Part(TIMELOCK, "Timelock", args)


def _heartbeat(plan: DeploymentPlan) -> Part:
    keys = [subject_key(subject) for subject in plan.subjects]
    control = subject_key(plan.control_id)
    # the control is watched by the first subject, so that its own silence could count as well
    watched, controls = [*keys, control], [*(control for _ in keys), keys[0]]
    times = (plan.beat_period, plan.beat_latency, plan.beat_alarm_after)
    args = (plan.relayer, plan.beat_cost, *times, watched, controls)
    return Part("HeartbeatPath", "HeartbeatPath", args)
