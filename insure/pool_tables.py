"""The pool's risk as tables for people."""

from collections.abc import Mapping
from math import ceil

from rich.console import Console
from rich.table import Table

from insure.pool_report import PoolReport, PoolRisk
from insure.records.units import amount_text
from pricing_models.capital import Estimate, Ruin
from pricing_models.marginal import Marginal
from pricing_models.payoff import Terms
from pricing_models.premium import Scenario
from pricing_models.scenarios import ScenarioLoss
from pricing_models.simulate.outages import BLOCK_YEARS

ENOUGH_BLOCKS = 10_000
"""Each block of 100 years draws the parameters once."""
LARGEST = 10
"""Shares of the tail that are printed."""


def print_report(out: Console, found: PoolReport, decimals: int, asset: str) -> None:
    """Tail, ruin, return periods and who causes them; with judgement, at each end of it."""
    years = found.base.risk.years
    out.print(_tail_table(found, decimals, asset))
    if years < ENOUGH_BLOCKS * BLOCK_YEARS:
        out.print(f"fewer than {ENOUGH_BLOCKS:,} draws of the parameters: the errors are rough themselves")
    if found.judgement_share is not None:
        out.print(f"{found.judgement_share:.1%} of VaR goes with judgement: what is shared, and failover")
    for name, each in _runs(found).items():
        if each.ruin is not None:
            out.print(f"{name}: {_ruin_text(each.ruin, years, decimals)}")
    out.print(_curve_table(found.base, decimals))
    if found.judgement:
        out.print(_judged_curves(found.judgement, decimals))
    for title in ("subjects", "causes"):
        out.print(_share_table(found, title, decimals))


def _ruin_text(ruin: Ruin, years: int, decimals: int) -> str:
    """Of what never happened, the rule of three: not above 3 / n at 95%."""
    chance = ruin.probability
    if chance.value == 0.0:
        return f"no year exceeds the pool: its probability is below {3.0 / years:.2g} at 95%"
    short = amount_text(round(ruin.shortfall), decimals)
    return f"a year exceeds the pool with {chance.value:.3%} ± {chance.error:.3%}, by {short} then"


def _runs(found: PoolReport) -> Mapping[str, PoolRisk]:
    return {f"judgement: {name}": each for name, each in found.judgement.items()} or {"this book": found.base}


def _tail_table(found: PoolReport, decimals: int, asset: str) -> Table:
    def both(each: Estimate) -> str:
        return f"{amount_text(round(each.value), decimals)} ± {amount_text(round(each.error), decimals)}"

    title = f"{found.policies} policies over {found.base.risk.years:,} years, {asset or 'asset of the pool'}"
    table = _table(title, "", "mean", f"VaR {found.level:.1%}", f"TVaR {found.level:.1%}")
    for name, each in _runs(found).items():
        table.add_row(name, both(each.risk.mean), both(each.risk.var), both(each.risk.tvar))
    return table


def _curve_table(found: PoolRisk, decimals: int) -> Table:
    curve = _table("Reached once in so many years", "years", "a year's payouts", "one event's", "from years")
    for period, amount in found.aggregate_curve.items():
        event = found.occurrence_curve.get(period)
        seen = ("", "") if event is None else (amount_text(event.amount, decimals), f"{event.years:,}")
        curve.add_row(f"{period:,}", amount_text(amount, decimals), *seen)
    return curve


def _judged_curves(judgement: Mapping[str, PoolRisk], decimals: int) -> Table:
    """A year's payouts by scenario: the base's stand in the table before, with its events."""
    others = {name: each for name, each in judgement.items() if name != Scenario.BASE.value}
    curve = _table("A year's payouts by judgement, once in so many years", "years", *others)
    for period in next(iter(others.values())).aggregate_curve:
        amounts = (amount_text(each.aggregate_curve[period], decimals) for each in others.values())
        curve.add_row(f"{period:,}", *amounts)
    return curve


def _share_table(found: PoolReport, title: str, decimals: int) -> Table:
    """The largest shares of the base TVaR, with what they are at the other ends of judgement beside them."""
    runs = {"base": found.base} | dict(found.judgement) if found.judgement else {"share": found.base}
    shares = {name: getattr(each.allocation, title) for name, each in runs.items()}
    split = _table(f"TVaR by {title.removesuffix('s')}, the largest", title.removesuffix("s"), *shares)
    base = getattr(found.base.allocation, title)
    for name in sorted(base, key=lambda name: (-base[name], name))[:LARGEST]:
        split.add_row(name, *(amount_text(round(each.get(name, 0)), decimals) for each in shares.values()))
    return split


def print_scenario(
    out: Console, found: ScenarioLoss, expected: Mapping[str, int], title: str, decimals: int, asset: str
) -> None:
    """What a stated course of events costs at worst, by subject, and what is expected at each end of judgement."""
    worst = amount_text(found.total, decimals, asset)
    out.print(f"If {title}: at most {worst} to {len(found.policies)} policies")
    table = _table("", "subject", "pays at most")
    for subject, amount in sorted(found.subjects.items(), key=lambda item: (-item[1], item[0])):
        table.add_row(subject, amount_text(amount, decimals))
    out.print(table)
    told = ", ".join(f"{name} {amount_text(amount, decimals)}" for name, amount in expected.items())
    out.print(f"expected, by judgement of what is passed on and of failover: {told}")


def print_marginal(out: Console, found: Mapping[str, Marginal], subject: str, terms: Terms, decimals: int) -> None:
    """What one more policy does to the tail at each end of judgement."""
    title = f"One more policy on {subject}, limit {amount_text(terms.aggregate_limit, decimals)}"
    table = _table(title, "99.5%", "without", "with", "added", "of its limit")
    for name, each in found.items():
        for measure, before, after in (("VaR", each.var, each.var_with), ("TVaR", each.tvar, each.tvar_with)):
            amounts = (amount_text(ceil(amount), decimals) for amount in (before, after, after - before))
            share = float((after - before) / terms.aggregate_limit)
            table.add_row(f"{measure}, judgement {name}", *amounts, f"{share:.1%}")
    out.print(table)


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(title=title)
    table.add_column(first)
    for heading in others:
        table.add_column(heading, justify="right")
    return table
