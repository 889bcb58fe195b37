"""What runs of a book say of the pool, at each end of what is judgement, and the same as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pricing_models import allocation, capital
from pricing_models.allocation import Allocation, Occurrence
from pricing_models.capital import Risk, Ruin
from pricing_models.marginal import Marginal
from pricing_models.portfolio import Book
from pricing_models.premium import Scenario

I64 = NDArray[np.int64]

NO_JUDGEMENT = "none"


@dataclass(frozen=True)
class PoolRisk:
    """What one run says, in asset units; `ruin` if it is known what the pool can pay."""

    risk: Risk
    aggregate_curve: Mapping[int, int]
    occurrence_curve: Mapping[int, Occurrence]
    allocation: Allocation
    ruin: Ruin | None


@dataclass(frozen=True)
class PoolReport:
    """The base run and, in `judgement`, all that were asked for.

    `judgement` is by scenario: low, base and high of the judgement inputs, and under NO_JUDGEMENT with nothing shared
    and no failover, all on the same random numbers. `judgement_share` is what part of the base VaR goes with them.
    """

    seed: int
    policies: int
    level: float
    base: PoolRisk
    judgement: Mapping[str, PoolRisk]
    judgement_share: float | None


def assess(book: Book, seed: int, totals: I64, pool: int | None = None, level: float = capital.LEVEL) -> PoolRisk:
    """Everything about a run of `book` from block 0 on; `pool` is what can be paid out.

    Raises `InvalidData` when `totals` are not that run, or are too few for `level`.
    """
    return PoolRisk(
        capital.risk(totals, level),
        capital.return_periods(totals),
        allocation.occurrence_curve(book, seed, totals),
        allocation.allocate(book, seed, totals, level),
        capital.ruin(totals, pool) if pool is not None else None,
    )


def report(
    books: Mapping[str, Book],
    seed: int,
    totals: Mapping[str, I64],
    pool: int | None = None,
    level: float = capital.LEVEL,
) -> PoolReport:
    """`assess` for the same policies in each of the worlds, by scenario; the base must be among them."""
    found = {name: assess(book, seed, totals[name], pool, level) for name, book in books.items()}
    base = found[Scenario.BASE.value]
    share = None
    if NO_JUDGEMENT in found and base.risk.var.value > 0:
        share = 1.0 - found[NO_JUDGEMENT].risk.var.value / base.risk.var.value
    policies = len(books[Scenario.BASE.value].covers)
    return PoolReport(seed, policies, level, base, found if len(found) > 1 else {}, share)


# JSON: amounts are strings of whole smallest units, capital and its errors rounded up


def report_json(found: PoolReport) -> dict[str, Any]:
    """A report as JSON: the base run's figures, and under `judgement` those of each scenario."""
    return {
        "seed": found.seed,
        "policies": found.policies,
        "level": found.level,
        "years": found.base.risk.years,
        **_pool_risk_json(found.base),
        "judgement": {name: _pool_risk_json(each) for name, each in found.judgement.items()},
        "judgement_share_of_var": found.judgement_share,
    }


def _pool_risk_json(found: PoolRisk) -> dict[str, Any]:
    tvar = found.allocation.tvar
    return {
        **_risk_json(found.risk, tvar),
        "aggregate_return_periods": {str(k): str(v) for k, v in found.aggregate_curve.items()},
        "occurrence_return_periods": {str(k): str(v.amount) for k, v in found.occurrence_curve.items()},
        "occurrence_years": {str(k): v.years for k, v in found.occurrence_curve.items()},
        "tvar_by_policy": _shares(found.allocation.policies, tvar),
        "tvar_by_subject": _shares(found.allocation.subjects, tvar),
        "tvar_by_cause": _shares(found.allocation.causes, tvar),
        "ruin": None if found.ruin is None else _ruin_json(found.ruin),
    }


def _risk_json(risk: Risk, tvar: Fraction) -> dict[str, Any]:
    """`tvar` exact: as a float it would not be what its shares add up to."""
    values: dict[str, float | Fraction] = {"mean": risk.mean.value, "var": risk.var.value, "tvar": tvar}
    errors = {"mean": risk.mean.error, "var": risk.var.error, "tvar": risk.tvar.error}
    told = {name: {"value": whole_up(values[name]), "error": whole_up(errors[name])} for name in values}
    return {**told, "sd": whole_up(risk.sd)}


def _ruin_json(ruin: Ruin) -> dict[str, Any]:
    chance = ruin.probability
    return {"probability": chance.value, "error": chance.error, "shortfall": whole_up(ruin.shortfall)}


def marginal_json(found: Marginal) -> dict[str, str]:
    """What a candidate does to the tail, as JSON."""
    amounts = {"tvar": found.tvar, "tvar_with": found.tvar_with, "capital": found.capital}
    amounts |= {"var": Fraction(found.var), "var_with": Fraction(found.var_with)}
    return {name: whole_up(amount) for name, amount in amounts.items()}


def _shares(shares: Mapping[str, Fraction], total: Fraction) -> dict[str, str]:
    """Whole units that add up to `total` rounded up, the largest first: a unit more goes to the largest remainders."""
    names = sorted((name for name, amount in shares.items() if amount), key=lambda name: (-shares[name], name))
    whole = {name: shares[name] // 1 for name in names}
    missing = -(-total // 1) - sum(whole.values())
    for name in sorted(names, key=lambda name: whole[name] - shares[name])[:missing]:
        whole[name] += 1
    return {name: str(amount) for name, amount in whole.items()}


def whole_up(amount: float | Fraction) -> str:
    """An amount rounded up to whole smallest units, as JSON shows it."""
    return str(-int(-amount // 1))
