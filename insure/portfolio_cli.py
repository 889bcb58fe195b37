"""`insure portfolio ...`: the whole pool's risk from the command line."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

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
from insure.fits import Fits
from insure.pool_report import NO_JUDGEMENT, marginal_json, report, report_json
from insure.pool_tables import print_marginal, print_report, print_scenario
from insure.records.units import parse_amount, parse_duration
from insure.settings import Settings
from insure.store import Store
from insure.tail_file import require_tail_file, write_tail
from insure.terminal import console
from pricing_models.marginal import store_tail
from pricing_models.model import Model, as_stored
from pricing_models.payoff import Semantics
from pricing_models.portfolio import Book, Cover
from pricing_models.premium import Scenario
from pricing_models.scenarios import ScenarioLoss, expected_if_halted, expected_if_stopped, if_halted, if_stopped
from pricing_models.simulate.outages import BLOCK_YEARS, YEAR

app = typer.Typer(no_args_is_help=True, help=__doc__)

BookOption = Annotated[
    Path | None, typer.Option("--book", help="CSV or JSON of policies; by default those of the mirror.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object last, and the rest on stderr.")]
AssetOption = Annotated[str, typer.Option(help="The pool's asset: a policy of the file in another one is refused.")]
DecimalsOption = Annotated[int, typer.Option(min=0, max=18, help="Decimals of the asset, for what is printed.")]
EVERY = tuple(Scenario)
"""Low, base and high of what is judgement."""


@dataclass(frozen=True)
class _Loaded:
    history: Dataset
    model: Model
    policies: PolicyFile
    begins_at: int

    def book(self, scenario: Scenario = Scenario.BASE, judged: bool = True) -> Book:
        return Book(self.policies.covers, build_world(self.model, self.history, scenario, judged))

    def books(self, judgement: bool) -> dict[str, Book]:
        """The base by its name and, with `judgement`, the other ends and without any."""
        if not judgement:
            return {str(Scenario.BASE): self.book()}
        return {str(each): self.book(each) for each in EVERY} | {NO_JUDGEMENT: self.book(judged=False)}


def _load(path: Path | None, asset: str = "", version: str = "") -> _Loaded:
    settings = Settings.from_env()
    now = int(time.time())
    history = dataset.load(settings.data)
    if path is not None:
        policies = read_book(path, history, now, asset)
        if not any(each.end > 0 and each.start < YEAR for each in policies.covers):
            raise InvalidInput("--book: no policy is in force in the coming year, which is what is simulated")
    elif asset:
        raise InvalidInput("--asset: is for --book; the mirror's policies are all in the pool's asset")
    else:
        store = Store(settings.database_url).create()
        covers = book_of_policies(store.policies(), store.triggers(), now)
        if not covers:
            raise InvalidInput("--book: the mirror holds no policy in force; name a file")
        policies = PolicyFile(covers, "", now)
    model = Fits(settings.models).load(version).model if version else as_stored(fit_model(history, now))
    return _Loaded(history, model, policies, now)


@app.command()
def simulate(
    years: Annotated[float, typer.Option(help="How many years, such as 1e6; rounded up to whole blocks of 100.")] = 1e6,
    book: BookOption = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same years from the same moment on.")] = 1,
    pool: Annotated[str, typer.Option(help="What the pool can pay, in the asset: adds the probability of ruin.")] = "",
    judgement: Annotated[bool, typer.Option(help="Also at low and high of the judgement inputs, and without.")] = True,
    workers: Annotated[int, typer.Option(min=0, help="Threads; one a core by default.")] = 0,
    scheduler: Annotated[str, typer.Option(help="Address of a Dask scheduler that runs the blocks instead.")] = "",
    compiled: Annotated[bool, typer.Option("--compiled/--numpy", help="The years in numpy: the same, slowly.")] = True,
    year_losses: Annotated[Path | None, typer.Option(help="Parquet file for the year loss table.")] = None,
    event_losses: Annotated[Path | None, typer.Option(help="Parquet file for the events of the worst years.")] = None,
    event_share: Annotated[float, typer.Option(help="How many of the years these are, such as 1 for all.")] = 0.02,
    tail: Annotated[Path | None, typer.Option(help="File (.npz) for the run itself, which quotes are held to.")] = None,
    version: Annotated[str, typer.Option(help="A fit stored in INSURE_MODELS; one of today's data by default.")] = "",
    asset: AssetOption = "",
    decimals: DecimalsOption = 6,
    as_json: JsonOption = False,
) -> None:
    """VaR, TVaR, return periods and who causes them, over many simulated years."""
    blocks = simulation.blocks_for(years)
    if scheduler and not compiled:
        raise InvalidInput("--numpy runs on this machine only: leave it or --scheduler out")
    files = _Files(year_losses, event_losses, event_share, tail)
    files.require(blocks)
    holds = parse_amount("--pool", pool, decimals) if pool else None
    loaded = _load(book, asset, version)
    books = loaded.books(judgement)
    with _progress(len(books) * blocks * BLOCK_YEARS) as advance:
        run = _Run(seed, blocks, workers, scheduler, compiled, advance)
        totals = {name: run.totals(each) for name, each in books.items()}
    found = report(books, seed, totals, holds)
    files.write(loaded, books[str(Scenario.BASE)], seed, totals[str(Scenario.BASE)])
    if as_json:
        extra = {"asset": loaded.policies.asset, "begins_at": loaded.begins_at, "model_version": loaded.model.version}
        print(json.dumps({**report_json(found), **extra}))
        return
    print_report(console(), found, decimals, loaded.policies.asset)


@dataclass(frozen=True)
class _Run:
    """How the years of a book are worked out."""

    seed: int
    blocks: int
    workers: int
    scheduler: str
    compiled: bool
    advance: simulation.Advance

    def totals(self, book: Book) -> simulation.I64:
        """Each year's payout."""
        if self.scheduler:
            return simulation.run_on_dask(book.plan, self.seed, self.blocks, self.scheduler, self.advance)
        if not self.compiled:
            return simulation.run_with_numpy(book, self.seed, self.blocks, self.workers, self.advance)
        return simulation.run_local(book.plan, self.seed, self.blocks, self.workers, self.advance)


@dataclass(frozen=True)
class _Files:
    """What of the base run is written, and where to."""

    year_losses: Path | None
    event_losses: Path | None
    event_share: float
    tail: Path | None

    def require(self, blocks: int) -> None:
        """Raises `InvalidInput` or `NotConfigured` now for what could not be written after `blocks` were run."""
        for path in (self.year_losses, self.event_losses):
            simulation.require_parquet(path)
        if not 1.0 / (blocks * BLOCK_YEARS) <= self.event_share <= 1.0:
            raise InvalidInput(f"--event-share is {self.event_share}: must be at least one of the years and at most 1")
        if self.year_losses is not None and self.year_losses == self.event_losses:
            raise InvalidInput(f"--event-losses is {self.event_losses}: must be another file than --year-losses")
        require_tail_file(self.tail)

    def write(self, loaded: _Loaded, book: Book, seed: int, totals: simulation.I64) -> None:
        """Writes what is asked for."""
        if self.year_losses is not None:
            simulation.write_parquet(simulation.year_losses(totals), self.year_losses)
        if self.event_losses is not None:
            table = simulation.event_losses(book, seed, totals, self.event_share)
            simulation.write_parquet(table, self.event_losses)
        if self.tail is not None:
            write_tail(self.tail, book, seed, totals, loaded.model, loaded.history, loaded.begins_at)


@app.command()
def stop(
    cause: Annotated[str, typer.Argument(help="Chain or common cause that stops, such as eip155:1 or svc:op-stack.")],
    lasting: Annotated[str, typer.Argument(help="For how long, such as 12h.")],
    book: BookOption = None,
    after: Annotated[str, typer.Option(help="When it begins, counted from now.")] = "1h",
    decimals: DecimalsOption = 6,
    as_json: JsonOption = False,
) -> None:
    """What the book pays if a cause stops: at worst, with all that it can stop, and as is expected of it."""
    seconds, at = parse_duration("LASTING", lasting), parse_duration("--after", after)
    loaded = _load(book)
    subject = loaded.history.subject(cause).id
    found = if_stopped(loaded.book(), subject, seconds, at)
    expected = {each: expected_if_stopped(loaded.book(each), subject, seconds, at) for each in EVERY}
    _show_scenario(found, expected, f"{cause} stops for {lasting}", decimals, loaded.policies.asset, as_json)


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
    expected = {each: expected_if_halted(loaded.book(each), halts) for each in EVERY}
    _show_scenario(found, expected, f"the halts of {day}{lacking}", decimals, loaded.policies.asset, as_json)


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
    judgement: Annotated[bool, typer.Option(help="Also at low and high of the judgement inputs.")] = True,
    decimals: DecimalsOption = 6,
    as_json: JsonOption = False,
) -> None:
    """What one more policy, sold now, adds to the pool's tail: its marginal capital, exact on these years."""
    terms = read_terms(waiting, semantics, rate, incident_limit, aggregate_limit, failover_benefit, decimals)
    seconds, blocks = parse_duration("--term", term), simulation.blocks_for(years)
    loaded = _load(book)
    cover = Cover("candidate", loaded.history.chain(subject).id, terms, 0, seconds)
    found = {}
    scenarios = EVERY if judgement else (Scenario.BASE,)
    with _progress(len(scenarios) * blocks * BLOCK_YEARS) as advance:
        for each in scenarios:
            pool = loaded.book(each)
            totals = simulation.run_local(pool.plan, seed, blocks, advance=advance)
            found[str(each)] = store_tail(pool, seed, totals).marginal(cover)
    if as_json:
        told = {name: marginal_json(each) for name, each in found.items()}
        run = {"subject": cover.subject, "seed": seed, "years": blocks * BLOCK_YEARS}
        print(json.dumps({**run, **told[Scenario.BASE], "judgement": told if judgement else {}}))
        return
    print_marginal(console(), found, cover.subject, terms, decimals)


@contextmanager
def _progress(years: int) -> Iterator[simulation.Advance]:
    shape = (TextColumn("{task.completed:,.0f} of {task.total:,.0f} years"), BarColumn(), TimeRemainingColumn())
    with Progress(*shape, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("years", total=years)
        yield lambda done: bar.advance(task, done)


def _show_scenario(
    found: ScenarioLoss, expected: Mapping[Scenario, Fraction], title: str, decimals: int, asset: str, as_json: bool
) -> None:
    whole = {str(each): ceil(amount) for each, amount in expected.items()}
    if not as_json:
        print_scenario(console(), found, whole, title, decimals, asset)
        return
    amounts = {"expected": whole, "subjects": found.subjects, "policies": found.policies}
    shown = {name: {key: str(value) for key, value in each.items()} for name, each in amounts.items()}
    print(json.dumps({"scenario": title, "asset": asset, "total": str(found.total), **shown}))
