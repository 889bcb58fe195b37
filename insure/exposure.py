"""What the pool stands for: limits in force by subject and scenario, utilisation, share price and yield."""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from math import ceil, floor

from insure.quoting import BPS, CONTRACT_YEAR_SECONDS
from insure.records.onchain import Bytes32, Claim, Policy, Solvency
from insure.records.views import (
    ONE_E18,
    PoolSnapshot,
    PoolView,
    ScenarioExposure,
    StakerView,
    SubjectExposure,
)


def remaining(policy: Policy) -> int:
    """What the policy can still be owed: nothing once its collateral is released."""
    return 0 if policy.released else policy.terms.aggregate_limit - policy.owed


def in_force(policies: Iterable[Policy], at: int) -> list[Policy]:
    """The policies whose term holds `at`."""
    return [policy for policy in policies if policy.start <= at < policy.end and not policy.released]


def by_subject(policies: Iterable[Policy], subject_of: Mapping[Bytes32, str]) -> dict[str, list[Policy]]:
    """The policies with limits still locked, by the subject of their trigger."""
    groups: dict[str, list[Policy]] = {}
    for policy in policies:
        if remaining(policy):
            groups.setdefault(subject_of[policy.trigger_id], []).append(policy)
    return groups


def staker_assets(solvency: Solvency) -> int:
    """What belongs to the stakers: counted assets less unearned premium and debts, not below zero."""
    return max(0, solvency.assets - solvency.unearned - solvency.debts)


def available(solvency: Solvency) -> int:
    """What the pool has against limits in force, not below zero: its assets less all that ranks before them."""
    ahead = solvency.unearned + solvency.debts + solvency.reserve + solvency.matured_exits
    return max(0, solvency.assets - ahead)


def share_price_e18(solvency: Solvency, asset_decimals: int, share_decimals: int) -> int:
    """Value of one share in whole assets, times 1e18, rounded down.

    The pool counts one virtual unit of assets and 10^(share decimals - asset decimals) virtual shares, so an empty
    pool's share is worth one.
    """
    virtual: int = 10 ** (share_decimals - asset_decimals)
    return (staker_assets(solvency) + 1) * virtual * ONE_E18 // (solvency.supply + virtual)


def utilisation_bps(solvency: Solvency) -> int | None:
    """The largest scenario over what is available against it, rounded up; None when nothing is available."""
    against = available(solvency)
    return None if against == 0 else -(-solvency.exposed * BPS // against)


def premium_yield_bps(policies: Iterable[Policy], solvency: Solvency, at: int) -> int | None:
    """Premium that policies in force earn in a year on the stakers' assets, rounded down; None for an empty pool."""
    base = staker_assets(solvency)
    if base == 0:
        return None
    yearly = sum((_per_year(policy.premium, policy) for policy in in_force(policies, at)), Fraction(0))
    return floor(yearly * BPS / base)


def priced_loss_bps(policies: Iterable[Policy], expected: Mapping[int, int], solvency: Solvency, at: int) -> int | None:
    """What the quotes of policies in force expect to be paid in a year, on the stakers' assets, rounded up.

    `expected` is per policy id; None when that of a policy in force is missing, or for an empty pool.
    """
    base, running = staker_assets(solvency), in_force(policies, at)
    if base == 0 or any(policy.policy_id not in expected for policy in running):
        return None
    yearly = sum((_per_year(expected[policy.policy_id], policy) for policy in running), Fraction(0))
    return ceil(yearly * BPS / base)


def _per_year(amount: int, policy: Policy) -> Fraction:
    return Fraction(amount * CONTRACT_YEAR_SECONDS, policy.end - policy.start)


def subject_exposures(
    policies: Iterable[Policy],
    subject_of: Mapping[Bytes32, str],
    names: Mapping[str, str],
    reserves: Mapping[Bytes32, int],
    caps: Mapping[Bytes32, int],
) -> tuple[SubjectExposure, ...]:
    """One line per listed subject, the most exposed first; reserves and caps are by trigger."""
    held = by_subject(policies, subject_of)
    lines = [
        SubjectExposure(
            subject_id=subject,
            name=names.get(subject, subject),
            policies=len(held.get(subject, ())),
            exposed=sum(remaining(policy) for policy in held.get(subject, ())),
            reserve=_of_subject(subject, subject_of, reserves),
            cap=_of_subject(subject, subject_of, caps),
        )
        for subject in sorted(set(subject_of.values()))
    ]
    return tuple(sorted(lines, key=lambda line: (-line.exposed, line.name)))


def _of_subject(subject: str, subject_of: Mapping[Bytes32, str], amounts: Mapping[Bytes32, int]) -> int:
    return sum(amount for trigger, amount in amounts.items() if subject_of.get(trigger) == subject)


def scenario_exposures(
    scenarios: Mapping[str, Sequence[str]], subjects: Sequence[SubjectExposure], solvency: Solvency
) -> tuple[ScenarioExposure, ...]:
    """What each scenario (name -> its subjects) can call at once, the largest first."""
    exposed = {line.subject_id: line.exposed for line in subjects}
    against = available(solvency)
    lines = [
        ScenarioExposure(name, tuple(members), sum(exposed.get(member, 0) for member in members), against)
        for name, members in scenarios.items()
    ]
    return tuple(sorted(lines, key=lambda line: (-line.exposed, line.name)))


def snapshot(solvency: Solvency, at: int, asset_decimals: int, share_decimals: int) -> PoolSnapshot:
    """The pool at `at` as one point of its history."""
    price = share_price_e18(solvency, asset_decimals, share_decimals)
    return PoolSnapshot(at, solvency.assets, solvency.reserve, solvency.exposed, price)


def pool_view(
    at: int,
    solvency: Solvency,
    policies: Sequence[Policy],
    claims: Sequence[Claim],
    subjects: tuple[SubjectExposure, ...],
    scenarios: tuple[ScenarioExposure, ...],
    *,
    expected: Mapping[int, int],
    asset_decimals: int,
    share_decimals: int,
    price_reliable: bool,
    history: Sequence[PoolSnapshot] = (),
    stakers: Sequence[StakerView] = (),
) -> PoolView:
    """The pool as its page shows it; `claims` are the last state of each claim, `expected` is per policy id."""
    written = sum(policy.premium for policy in policies)
    return PoolView(
        at=at,
        solvency=solvency,
        share_price_e18=share_price_e18(solvency, asset_decimals, share_decimals),
        share_decimals=share_decimals,
        price_reliable=price_reliable,
        utilisation_bps=utilisation_bps(solvency),
        premium_yield_bps=premium_yield_bps(policies, solvency, at),
        priced_loss_bps=priced_loss_bps(policies, expected, solvency, at),
        premium_written=written,
        premium_earned=max(0, written - solvency.unearned),  # the mirror may lag the pool by some blocks
        claims_owed=sum(claim.owed for claim in claims),
        claims_paid=sum(claim.paid for claim in claims),
        policies_in_force=len(in_force(policies, at)),
        subjects=subjects,
        scenarios=scenarios,
        history=tuple(history),
        stakers=tuple(stakers),
    )
