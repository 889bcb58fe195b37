"""`insure outages ...`: the record of outages, and what chains themselves tell of it."""

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from insure import dataset, review_cli
from insure.chain.rpc import Chain
from insure.errors import InvalidInput
from insure.ingest.asking import archive_of, read_sources
from insure.ingest.batches import ask_batches
from insure.ingest.beside import overlapped
from insure.ingest.collect import SEARCHED_SECONDS, ask_headers, chain_of, keep_gaps
from insure.ingest.headers import Comparison, HeaderScan, Wait, compare, has_own_clock, require_own_clock, scan_file
from insure.ingest.incidents import Incident
from insure.ingest.silences import Silence
from insure.ingest.sources import Form
from insure.ingest.statuspage import read_incidents
from insure.records.history import Outage, Subject
from insure.records.units import duration_text, parse_duration, time_text
from insure.settings import Settings
from insure.terminal import console

app = typer.Typer(no_args_is_help=True, help=__doc__)
review_cli.register(app)


@app.callback()
def outages() -> None:
    """The record of outages."""


@app.command("scan")
def scan_command(
    subject: Annotated[str, typer.Argument(help="Id, slug or alias of the chain, such as eip155:42161.")],
    headers: Annotated[Path, typer.Argument(help="Parquet file of its headers: number and timestamp.")],
    at_least: Annotated[str, typer.Option(help="Shortest gap, such as 30m; by default longer than chance.")] = "",
    keep: Annotated[bool, typer.Option(help="Archive the gaps, so that they wait to be decided.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Every gap between the blocks of a chain, beside what is recorded: what is missing, and what shows no gap."""
    settings = Settings.from_env()
    history = dataset.load(settings.data)
    who = history.subject(subject)
    require_own_clock(who)
    found = scan_file(headers, parse_duration("--at-least", at_least) if at_least else None)
    if keep:
        span = (found.first_block, found.last_block)
        keep_gaps(archive_of(settings), who.id, span, found.gaps, int(time.time()))
    beside = compare(found, history.outages_of(who.id))
    if as_json:
        print(json.dumps(_json(who.id, found, beside)))
        return
    for line in (_span(found), *_tables(found, beside)):
        console().print(line)


@app.command("search")
def search_command(
    subject: Annotated[str, typer.Argument(help="Id, slug or alias of the chain; INSURE_SUBJECT_NODES has its nodes.")],
    since: Annotated[str, typer.Option(help="How far back, such as 7d.")] = "7d",
    at_least: Annotated[str, typer.Option(help="Shortest gap; by default 30m, of batches longer than chance.")] = "",
) -> None:
    """Gaps between a chain's blocks over RPC, with few requests; what is found waits to be decided.

    Of OP-stack chains the times at which nothing was posted: their batches are read from the chain they settle on,
    whose node must be an archive node.
    """
    settings, now = Settings.from_env(), int(time.time())
    history = dataset.load(settings.data)
    who = history.subject(subject)
    begin = now - parse_duration("--since", since)
    shortest = parse_duration("--at-least", at_least) if at_least else None
    if has_own_clock(who):
        what, shortest = "Gaps", shortest or SEARCHED_SECONDS
        chain = chain_of(settings.subject_nodes, who.id)
        gaps = ask_headers(who.id, chain, archive_of(settings), begin, shortest, now)
        found = [(gap.after_block, gap.start, gap.end) for gap in gaps]
    else:
        what, silences = "Times without a batch", _silences(settings, history, who, begin, shortest, now)
        found = [(each.after_block, each.start, each.end or now) for each in silences]
    table = _waits(what + (f" of {duration_text(shortest)} or longer" if shortest else ""), "recorded outages")
    for after, start, end in found:
        known = ", ".join(outage.id for outage in overlapped(start, end, history.outages_of(who.id)))
        table.add_row(*_cells(Wait(after, after, start, end)), known or "none: to be looked into")
    console().print(table)


def _silences(
    settings: Settings, history: dataset.Dataset, who: Subject, since: int, at_least: int | None, now: int
) -> tuple[Silence, ...]:
    sources = read_sources(settings.data or dataset.default_folder(), history)
    source = next((each for each in sources if each.form is Form.BATCHES and each.subject == who.id), None)
    if source is None:
        require_own_clock(who)
        raise AssertionError("a chain without a clock of its own is refused")

    def connect(chain: str) -> Chain:
        return chain_of(settings.subject_nodes, chain)

    return ask_batches(source.name, sources, connect, archive_of(settings), since, at_least, now)


@app.command("read")
def read_command(
    subject: Annotated[str, typer.Argument(help="Id, slug or alias of the chain whose status page it is.")],
    answer: Annotated[Path, typer.Argument(help="What the page answers to /api/v2/incidents.json.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Every incident of a status page (Statuspage v2), beside what is recorded; what it says wrongly is told."""
    history, now = dataset.load(Settings.from_env().data), int(time.time())
    who = history.subject(subject)
    try:
        found = read_incidents(answer.read_bytes(), now)
    except OSError as error:
        raise InvalidInput(f"{answer.name}: can't be read: {error.strerror or error}") from None
    except InvalidInput as error:
        raise InvalidInput(f"{answer.name}: {error}") from None
    outages = history.outages_of(who.id)
    spans = ((each, now if each.end is None else each.end) for each in found.incidents)
    beside = [(each, overlapped(each.start, end, outages)) for each, end in spans]
    if as_json:
        told = [asdict(incident) | {"outages": [each.id for each in known]} for incident, known in beside]
        print(json.dumps({"subject": who.id, "incidents": told, "rejected": found.rejected}))
        return
    console().print(_incidents(beside))
    for line in found.rejected:
        console().print(f"rejected: {line}", markup=False)


def _incidents(beside: list[tuple[Incident, tuple[Outage, ...]]]) -> Table:
    table = Table("from (UTC)", "length", "impact", "title", "recorded outages", title="Incidents of the status page")
    for each, known in beside:
        length = "open" if each.end is None else duration_text(each.end - each.start)
        names = ", ".join(outage.id for outage in known) or "none"
        impact = "planned" if each.planned else each.impact
        table.add_row(time_text(each.start), length, escape(impact), escape(each.title), names)
    return table


def _json(subject: str, found: HeaderScan, beside: Comparison) -> dict[str, Any]:
    told = {"subject": subject, **asdict(found)}
    told["gaps"] = [asdict(gap) | {"outages": [each.id for each in known]} for gap, known in beside.known]
    return told | {"unseen_outages": [outage.id for outage in beside.unseen]}


def _span(found: HeaderScan) -> str:
    return (
        f"{found.blocks:,} blocks, {found.first_block} to {found.last_block}, {time_text(found.first_at)} to "
        f"{time_text(found.last_at)} UTC, one each {found.mean_seconds:.3g} s; {found.missing:,} missing; "
        f"gaps of {duration_text(found.at_least)} or longer"
    )


def _tables(found: HeaderScan, beside: Comparison) -> list[Table]:
    """Gaps always; holes and unseen outages if there are any."""
    gaps = _waits("Gaps", "recorded outages")
    for gap, known in beside.known:
        gaps.add_row(*_cells(gap), ", ".join(outage.id for outage in known) or "none: to be looked into")
    tables = [gaps]
    if found.holes:
        holes = _waits("Holes: the file lacks the blocks between", "missing blocks")
        for hole in found.holes:
            holes.add_row(*_cells(hole), f"{hole.before_block - hole.after_block - 1:,}")
        tables.append(holes)
    if beside.unseen:
        tables.append(_unseen(beside.unseen))
    return tables


def _waits(title: str, last: str) -> Table:
    table = Table("after block", "from (UTC)", "to (UTC)", "length", last, title=title)
    table.columns[0].justify = table.columns[3].justify = "right"
    return table


def _cells(wait: Wait) -> tuple[str, ...]:
    return str(wait.after_block), time_text(wait.start), time_text(wait.end), duration_text(wait.seconds)


def _unseen(outages: tuple[Outage, ...]) -> Table:
    table = Table("outage", "start", "what stopped", title="Recorded halts of this time that show no gap")
    for outage in outages:
        table.add_row(outage.id, time_text(outage.start), outage.what_stopped.value)
    return table
