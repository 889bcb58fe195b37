"""What the command line prints: the engine's answers as tables."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from insure.ops.checking import Check
from insure.records.units import amount_text, duration_text, time_text
from insure.records.views import LedgerEntry, StakerView


def subject_table(summary: pd.DataFrame, names: Mapping[str, str]) -> Table:
    """History and fit of every subject: halts, exposure, rate with 90% interval, median and 95th percentile length.

    Those with most halts come first.
    """
    table = Table(title="Halts of insured chains: history and fit")
    for heading in ("subject", "name", "kind"):
        table.add_column(heading, overflow="fold")
    for heading in ("halts", "years", "rate/yr", "90% interval", "median halt", "95% of halts"):
        table.add_column(heading, justify="right")
    ordered = summary.sort_values(["halts", "exposure_years"], ascending=False)
    for subject_id, row in ordered.to_dict("index").items():
        table.add_row(
            str(subject_id),
            names.get(str(subject_id), ""),
            str(row["kind"]),
            f"{row['halts']:.0f}",
            f"{row['exposure_years']:.1f}",
            f"{row['rate_mean']:.2f}",
            f"{row['rate_low']:.2f} - {row['rate_high']:.2f}",
            duration_text(row["median_seconds"]),
            "under " + duration_text(row["p95_seconds"]),
        )
    return table


def check_table(checks: Sequence[Check]) -> Table:
    """What was checked; what would be right stands where it is not."""
    table = Table(title="Installation against manifest and artifacts")
    for heading in ("check", "", "found", "right would be"):
        table.add_column(heading, overflow="fold")
    for each in checks:
        state = "[green]ok[/green]" if each.ok else "[red]failed[/red]"
        table.add_row(escape(each.name), state, escape(each.found), "" if each.ok else escape(each.right))
    return table


def backtest_tables(found: Mapping[str, Any]) -> list[Table]:
    """The look back as tables: the models that competed, of rates and of lengths, and the synthetic book by year."""
    models = Table(
        title=f"Years ahead, nats against {found['baseline']} (as of {found['as_of']})", title_justify="left"
    )
    models.add_column("model")
    for heading in ("figures", "gain", "90% interval", "behind best", "CRPS", "in 90%", "expected", "seen"):
        models.add_column(heading, justify="right")
    for name, row in found["frequency"]["year"]["candidates"]["all"].items():
        models.add_row(
            f"{name} (shipped)" if name == found["shipped"] else name,
            str(row["parameters"]),
            f"{row['gain']:+.1f}",
            f"{row['gain_low']:.1f} to {row['gain_high']:.1f}",
            f"{row['behind_best']:.1f} ± {row['behind_best_se']:.1f}",
            f"{row['crps']:.4f}",
            f"{row['coverage_90']:.1%}",
            f"{row['expected']:.1f}",
            str(row["observed"]),
        )
    book = Table(title="Synthetic book, sold every 1 January", title_justify="left")
    book.add_column("year")
    for heading in ("policies", "halts", "expected", "sd", "premium", "paid low", "paid base", "paid high", "adequacy"):
        book.add_column(heading, justify="right")
    for year, row in found["book"]["by_year"].items():
        money = (row[key] for key in ("expected", "sd", "premium", "paid_low", "paid_base", "paid_high"))
        ratio = row["premium_over_paid"]
        ends = "no payout" if ratio is None else f"{ratio:.2f}"
        book.add_row(year, f"{row['policies']:.0f}", f"{row['halts']:.0f}", *(f"{each:,.0f}" for each in money), ends)
    return [models, _lengths_table(found["lengths"]), book]


def _lengths_table(found: Mapping[str, Any]) -> Table:
    """The laws of lengths that competed, on the halts that the rates count."""
    table = Table(title=f"Lengths of halts, years ahead, nats against {found['baseline']}", title_justify="left")
    table.add_column("law")
    for heading in ("figures", "gain", "90% interval", "behind best", "in 50/80/90%", "expected/paid for one"):
        table.add_column(heading, justify="right")
    for name, row in found["candidates"].items():
        low, high = row["expected_over_paid_5"], row["expected_over_paid_95"]
        table.add_row(
            f"{name} (shipped)" if name == found["shipped"] else name,
            str(row["parameters"]),
            f"{row['gain']:+.1f}",
            f"{row['gain_low']:.1f} to {row['gain_high']:.1f}",
            f"{row['behind_best']:.1f} ± {row['behind_best_se']:.1f}",
            " / ".join(f"{row[f'coverage_{level}']:.0%}" for level in (50, 80, 90)),
            f"{row['expected_over_paid']:.2f} ({low:.2f} to {high:.2f})",
        )
    return table


def ledger_table(entries: Sequence[LedgerEntry], since: int, decimals: int, symbol: str) -> Table:
    """The contracts' events from `since` on, oldest first: time, what, transaction, gas. A row of beats is one line."""
    table = Table(title="Ledger")
    table.add_column("time (UTC)", no_wrap=True)
    table.add_column("what", no_wrap=True)
    table.add_column("detail")
    table.add_column("transaction", no_wrap=True)
    table.add_column("gas", justify="right", no_wrap=True)
    # sorted keeps the order of events of one second
    ordered = sorted((each for each in reversed(entries) if each.at >= since), key=lambda each: each.at)
    for what, group in groupby(ordered, key=lambda each: f"{each.contract} {each.what}"):
        for entry in _condensed(list(group)):
            gas = f"{entry.gas_used:,}" if entry.gas_used is not None else ""
            detail = _detail(entry.details, decimals, symbol)
            table.add_row(time_text(entry.at), what, detail, entry.tx_hash[:12], gas)
    return table


PIPED_WIDTH = 150
"""Columns when nobody's terminal says how wide it is."""


def console(stderr: bool = False) -> Console:
    """Where the command line prints."""
    found = Console(stderr=stderr)
    return found if found.is_terminal else Console(stderr=stderr, width=PIPED_WIDTH)


def _condensed(rows: list[LedgerEntry]) -> list[LedgerEntry]:
    """A row of beats as its last one with their number; anything else as it is."""
    if rows[0].what != "Beat":
        return rows
    return [replace(rows[-1], details={"beats": len(rows)}, gas_used=None)]


_MONEY = ("premium", "paid", "owed", "assets", "amount", "debt")
_PLAIN = ("beats", "policyId", "sequence", "checkpoint", "coveredSeconds", "open")


def _detail(details: Mapping[str, object], decimals: int, symbol: str) -> str:
    """The arguments worth a reader's while, in the order of the event."""
    shown = []
    for name, value in details.items():
        if name in _MONEY and isinstance(value, int):
            shown.append(f"{name} {amount_text(value, decimals, symbol)}")
        elif name in _PLAIN:
            shown.append(f"{name} {value}")
    return ", ".join(shown)


def staker_table(before: Sequence[StakerView], after: Sequence[StakerView], decimals: int, symbol: str) -> Table:
    """What each staker's shares were worth before and are worth after."""
    table = Table(title=f"Stakers, {symbol}")
    table.add_column("staker")
    for heading in ("before", "after", "change"):
        table.add_column(heading, justify="right")
    then = {each.staker: each.value for each in before}
    for staker in after:
        change = staker.value - then[staker.staker]
        table.add_row(
            staker.staker,
            amount_text(then[staker.staker], decimals),
            amount_text(staker.value, decimals),
            amount_text(change, decimals),
        )
    return table
