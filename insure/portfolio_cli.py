"""`insure portfolio ...`: the whole pool's risk from the command line."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from insure import dataset, simulation
from insure.book import PolicyFile, book_of_policies, build_world, halts_of, read_book
from insure.cover_options import (
    AggregateLimitOption,
    FailoverOption,
    IncidentLimitOption,
    RateOption,
    SemanticsOption,
    SubjectOption,
    TermOption,
    WaitingOption,
    read_terms,
)
from insure.dataset import Dataset
from insure.engine import fit_model
from insure.errors import InvalidInput
from insure.records.units import amount_text, parse_amount, parse_duration
from insure.settings import Settings
from insure.simulation import NO_JUDGEMENT, PoolReport
from insure.store import Store
from insure.terminal import console
from pricing_models.capital import Estimate
from pricing_models.marginal import store_tail
from pricing_models.model import Model
from pricing_models.payoff import Semantics
from pricing_models.portfolio import Book, Cover
from pricing_models.premium import Scenario
from pricing_models.scenarios import ScenarioLoss, if_halted, if_stopped
from pricing_models.simulate.outages import BLOCK_YEARS

app = typer.Typer(no_args_is_help=True, help=__doc__)

BookOption = Annotated[
    Path | None, typer.Option("--book", help="CSV or JSON of policies; by default those of the mirror.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object last, and the rest on stderr.")]
AssetOption = Annotated[str, typer.Option(help="The pool's asset: a policy of the file in another one is refused.")]
DecimalsOption = Annotated[int, typer.Option(min=0, max=18, help="Decimals of the asset, for what is printed.")]
ENOUGH_BLOCKS = 10_000
"""Each block of 100 years draws the parameters once."""
LARGEST = 10
"""Shares of the tail that are printed."""


@dataclass(frozen=True)
class _Loaded:
    history: Dataset
    model: Model
    policies: PolicyFile
    begins_at: int

    def book(self, scenario: Scenario = Scenario.BASE, judged: bool = True) -> Book:
        return Book(self.policies.covers, build_world(self.model, self.history, scenario, judged))


def _load(path: Path | None, asset: str = "") -> _Loaded:
    settings = Settings.from_env()
    now = int(time.time())
    history = dataset.load(settings.data)
    if path is not None:
        policies = read_book(path, history, now, asset)
    else:
        store = Store(settings.database_url).create()
        covers = book_of_policies(store.policies(), store.triggers(), now)
        if not covers:
            raise InvalidInput("--book: the mirror holds no policy in force; name a file")
        policies = PolicyFile(covers, "", now)
    return _Loaded(history, fit_model(history, now), policies, now)


@app.command()
def simulate(
    years: Annotated[float, typer.Option(help="How many years, such as 1e6; rounded up to whole blocks of 100.")] = 1e6,
    book: BookOption = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same years from the same moment on.")] = 1,
    pool: Annotated[str, typer.Option(help="What the pool can pay, in the asset: adds the probability of ruin.")] = "",
    judgement: Annotated[bool, typer.Option(help="Also at low and high of the judgement inputs, and without.")] = True,
    workers: Annotated[int, typer.Option(min=0, help="Threads; one a core by default.")] = 0,
    scheduler: Annotated[str, typer.Option(help="Address of a Dask scheduler that runs the blocks instead.")] = "",
    compiled: Annotated[bool, typer.Option("--compiled/--numpy", help="Without compiled code: same, slowly.")] = True,
    year_losses: Annotated[Path | None, typer.Option(help="Parquet file for the year loss table.")] = None,
    event_losses: Annotated[Path | None, typer.Option(help="Parquet file for the events of the worst 2%.")] = None,
    asset: AssetOption = "",
    decimals: DecimalsOption = 6,
    as_json: JsonOption = False,
) -> None:
    """VaR, TVaR, return periods and who causes them, over many simulated years."""
    blocks = simulation.blocks_for(years)
    if scheduler and not compiled:
        raise InvalidInput("--numpy runs on this machine only: leave it or --scheduler out")
    for path in (year_losses, event_losses):
        simulation.require_parquet(path)
    holds = parse_amount("--pool", pool, decimals) if pool else None
    loaded = _load(book, asset)
    books = {str(Scenario.BASE): loaded.book()}
    if judgement:
        books |= {str(each): loaded.book(each) for each in (Scenario.LOW, Scenario.HIGH)}
        books[NO_JUDGEMENT] = loaded.book(judged=False)
    totals = {}
    with _progress(len(books) * blocks * BLOCK_YEARS) as advance:
        for name, each in books.items():
            if scheduler:
                totals[name] = simulation.run_on_dask(each.plan, seed, blocks, scheduler, advance)
            elif not compiled:
                totals[name] = simulation.run_with_numpy(each, seed, blocks, workers, advance)
            else:
                totals[name] = simulation.run_local(each.plan, seed, blocks, workers, advance)
    base = totals.pop(str(Scenario.BASE))
    found = simulation.report(books[str(Scenario.BASE)], seed, base, holds, totals)
    if year_losses is not None:
        simulation.write_parquet(simulation.year_losses(base), year_losses)
    if event_losses is not None:
        table = simulation.event_losses(books[str(Scenario.BASE)], seed, base)
        simulation.write_parquet(table, event_losses)
    if as_json:
        extra = {"asset": loaded.policies.asset, "begins_at": loaded.begins_at, "model_version": loaded.model.version}
        print(json.dumps({**simulation.report_json(found), **extra}))
        return
    _print_report(console(), found, decimals, loaded.policies.asset)


@app.command()
def stop(
    cause: Annotated[str, typer.Argument(help="Chain or common cause that stops, such as eip155:1 or svc:op-stack.")],
    lasting: Annotated[str, typer.Argument(help="For how long, such as 12h.")],
    book: BookOption = None,
    after: Annotated[str, typer.Option(help="When it begins, counted from now.")] = "1h",
    decimals: DecimalsOption = 6,
    as_json: JsonOption = False,
) -> None:
    """What the book pays if a cause stops, and with it all that it can stop."""
    seconds, at = parse_duration("LASTING", lasting), parse_duration("--after", after)
    loaded = _load(book)
    found = if_stopped(loaded.book(), loaded.history.subject(cause).id, seconds, at)
    _show_scenario(found, f"{cause} stops for {lasting}", decimals, loaded.policies.asset, as_json)


@app.command()
def replay(
    day: Annotated[str, typer.Argument(help="A day (UTC) of the history, such as 2024-05-12.")],
    book: BookOption = None,
    after: Annotated[str, typer.Option(help="When its first second falls, counted from now.")] = "1h",
    decimals: DecimalsOption = 6,
    as_json: JsonOption = False,
) -> None:
    """What today's book would pay for the halts that began on a real day."""
    at = parse_duration("--after", after)
    loaded = _load(book)
    halts, unknown = halts_of(loaded.history, day, at)
    lacking = f", but for {unknown} of unknown length" if unknown else ""
    found = if_halted(loaded.book(), halts)
    _show_scenario(found, f"the halts of {day}{lacking}", decimals, loaded.policies.asset, as_json)


@app.command()
def candidate(
    subject: SubjectOption,
    waiting: WaitingOption = "1h",
    semantics: SemanticsOption = Semantics.RETENTION.value,
    rate: RateOption = "5000/h",
    incident_limit: IncidentLimitOption = "60000",
    aggregate_limit: AggregateLimitOption = "",
    failover_benefit: FailoverOption = "0",
    term: TermOption = "90d",
    years: Annotated[float, typer.Option(help="How many years, such as 1e6; rounded up to whole blocks of 100.")] = 1e6,
    book: BookOption = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same years from the same moment on.")] = 1,
    decimals: DecimalsOption = 6,
    as_json: JsonOption = False,
) -> None:
    """What one more policy, sold now, adds to the pool's tail: its marginal capital, exact on these years."""
    terms = read_terms(waiting, semantics, rate, incident_limit, aggregate_limit, failover_benefit, decimals)
    seconds, blocks = parse_duration("--term", term), simulation.blocks_for(years)
    loaded = _load(book)
    pool, cover = loaded.book(), Cover("candidate", loaded.history.subject(subject).id, terms, 0, seconds)
    with _progress(blocks * BLOCK_YEARS) as advance:
        totals = simulation.run_local(pool.plan, seed, blocks, advance=advance)
    found = store_tail(pool, seed, totals).marginal(cover)
    if as_json:
        amounts = {"tvar": found.tvar, "tvar_with": found.tvar_with, "capital": found.capital}
        amounts |= {"var": Fraction(found.var), "var_with": Fraction(found.var_with)}
        shown = {name: simulation.whole_up(amount) for name, amount in amounts.items()}
        print(json.dumps({"subject": cover.subject, "seed": seed, "years": int(totals.size), **shown}))
        return
    table = Table(title=f"One more policy on {cover.subject}, limit {amount_text(terms.aggregate_limit, decimals)}")
    for heading in ("99.5%", "without", "with", "added"):
        table.add_column(heading, justify="left" if heading == "99.5%" else "right")
    for name, before, after in (("VaR", found.var, found.var_with), ("TVaR", found.tvar, found.tvar_with)):
        table.add_row(name, *(amount_text(ceil(each), decimals) for each in (before, after, after - before)))
    console().print(table)
    console().print(f"capital: {float(found.capital / terms.aggregate_limit):.1%} of its aggregate limit")


@contextmanager
def _progress(years: int) -> Iterator[simulation.Advance]:
    shape = (TextColumn("{task.completed:,.0f} of {task.total:,.0f} years"), BarColumn(), TimeRemainingColumn())
    with Progress(*shape, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("years", total=years)
        yield lambda done: bar.advance(task, done)


def _print_report(out: Console, found: PoolReport, decimals: int, asset: str) -> None:
    def money(amount: float) -> str:
        return amount_text(round(amount), decimals)

    def both(each: Estimate) -> str:
        return f"{money(each.value)} ± {money(each.error)}"

    table = Table(title=f"{found.policies} policies over {found.risk.years:,} years, {asset or 'asset of the pool'}")
    for heading in ("", "mean", "VaR 99.5%", "TVaR 99.5%"):
        table.add_column(heading, justify="left" if not heading else "right")
    rows = {"this book": found.risk} if not found.judgement else dict(found.judgement)
    for name, risk in rows.items():
        label = name if name == "this book" else f"judgement: {name}"
        table.add_row(label, both(risk.mean), both(risk.var), both(risk.tvar))
    out.print(table)
    if found.risk.years < ENOUGH_BLOCKS * BLOCK_YEARS:
        out.print(f"fewer than {ENOUGH_BLOCKS:,} draws of the parameters: the errors are rough themselves")
    if found.judgement_share is not None:
        out.print(f"{found.judgement_share:.1%} of VaR goes with judgement: what is shared, and failover")
    if found.ruin is not None:
        chance = found.ruin.probability
        out.print(
            f"a year exceeds the pool with {chance.value:.3%} ± {chance.error:.3%}, by {money(found.ruin.shortfall)}"
        )
    curve = Table(title="Reached once in so many years")
    for heading in ("years", "a year's payouts", "one event's", "from years"):
        curve.add_column(heading, justify="right")
    for period, amount in found.aggregate_curve.items():
        event = found.occurrence_curve.get(period)
        seen = ("", "") if event is None else (money(event.amount), f"{event.years:,}")
        curve.add_row(f"{period:,}", money(amount), *seen)
    out.print(curve)
    for title, shares in (("subject", found.allocation.subjects), ("cause", found.allocation.causes)):
        split = Table(title=f"TVaR by {title}, the largest")
        split.add_column(title)
        split.add_column("share", justify="right")
        largest = sorted(shares.items(), key=lambda item: -item[1])[:LARGEST]
        for name, part in largest:
            split.add_row(name, money(float(part)))
        out.print(split)


def _show_scenario(found: ScenarioLoss, title: str, decimals: int, asset: str, as_json: bool) -> None:
    if as_json:
        amounts = {"subjects": found.subjects, "policies": found.policies}
        shown = {name: {key: str(value) for key, value in each.items()} for name, each in amounts.items()}
        print(json.dumps({"scenario": title, "asset": asset, "total": str(found.total), **shown}))
        return
    table = Table(title=f"If {title}: {amount_text(found.total, decimals, asset)} to {len(found.policies)} policies")
    table.add_column("subject")
    table.add_column("pays", justify="right")
    for subject, amount in sorted(found.subjects.items(), key=lambda item: -item[1]):
        table.add_row(subject, amount_text(amount, decimals))
    console().print(table)
