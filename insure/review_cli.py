"""`insure outages fetch | list | show | diff | accept | correct | keep | dismiss`: what waits for a person."""

import json
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from insure import dataset
from insure.errors import InsureError, InvalidInput, NotConfigured
from insure.files import alone
from insure.ingest import curated, review, verdicts
from insure.ingest.asking import archive_of, ask_source, fetcher_of, read_sources
from insure.ingest.beside import while_alive
from insure.ingest.collect import collect
from insure.ingest.merging import length_text, moment_text
from insure.ingest.reconcile import Finding, Standing, reconcile
from insure.ingest.reports import Report
from insure.ingest.review import Book
from insure.ingest.sources import Form
from insure.records.history_tables import HEADERS
from insure.settings import Settings
from insure.terminal import console

IdArgument = Annotated[str, typer.Argument(help="The outage's id, as `insure outages list` shows it.")]
ReasonOption = Annotated[str, typer.Option(help="Why: it stands in data/verdicts.csv.")]
SetOption = Annotated[list[str] | None, typer.Option("--set", help="A cell, such as severity=full_halt; repeatable.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@dataclass(frozen=True)
class Desk:
    """All that a reviewer has in hand: the files of data/, and every finding beside the record."""

    folder: Path
    book: Book
    findings: tuple[Finding, ...]
    rejected: tuple[str, ...]

    def finding(self, outage_id: str) -> Finding:
        """The finding of that id; raises `InvalidInput` with those that wait."""
        for found in self.findings:
            if found.outage_id == outage_id:
                return found
        waiting = [found.outage_id for found in self.findings if found.standing is not Standing.CONFIRMED]
        raise InvalidInput(f"outage {outage_id!r} is unknown; waiting: {', '.join(waiting[:8]) or 'none'}")


def register(app: typer.Typer) -> None:
    """Puts the commands below `app`."""
    for name, command in (
        ("fetch", fetch_command),
        ("list", list_command),
        ("show", show_command),
        ("diff", diff_command),
        ("accept", accept_command),
        ("correct", correct_command),
        ("keep", keep_command),
        ("dismiss", dismiss_command),
    ):
        app.command(name)(command)


def open_desk(settings: Settings) -> Desk:
    """Reads data/ and the archive, and reconciles them; raises `DatasetError` for a row of data/ that is wrong."""
    folder = settings.data or dataset.default_folder()
    history = dataset.load(folder)
    contents = {name: (folder / name).read_bytes() for name in HEADERS}
    path = folder / verdicts.FILE
    decided = verdicts.parse_verdicts(path.read_bytes()) if path.is_file() else verdicts.Verdicts(())
    found = collect(archive_of(settings), read_sources(folder, history))
    findings = reconcile(
        (*while_alive(found.reports, history.subjects), *_read_by_people(folder, history)),
        history.outages,
        {subject.id: subject.slug for subject in history.subjects},
        causes=[(each.subject, each.cause) for each in history.dependencies],
        settled=decided.settled,
        dismissed=decided.dismissed,
    )
    return Desk(folder, Book(contents, decided), findings, found.rejected)


def _read_by_people(folder: Path, history: dataset.Dataset) -> tuple[Report, ...]:
    path = folder / curated.FILE
    return curated.parse_reports(path.read_bytes(), [each.id for each in history.subjects]) if path.is_file() else ()


def fetch_command(
    source: Annotated[str, typer.Argument(help="Name of one source; all that can be asked if none.")] = "",
) -> None:
    """Asks the sources, and archives what they answer."""
    settings = Settings.from_env()
    folder = settings.data or dataset.default_folder()
    sources = read_sources(folder, dataset.load(folder))
    names = dict.fromkeys(each.name for each in sources if each.form is not Form.UNKNOWN)
    if source and source not in names:
        raise InvalidInput(f"source {source!r} is unknown: must be one of {', '.join(names) or 'none'}")
    failed = 0
    with closing(fetcher_of(settings)) as fetcher:
        for name in [source] if source else names:
            try:
                told = ask_source(name, sources, settings, fetcher, int(time.time()))
            except NotConfigured as error:
                console().print(f"{name}: skipped: {error}", markup=False)
            except InsureError as error:
                failed += 1
                console().print(f"failed: {error}", markup=False)
            else:
                console().print(f"{name}: {told} told", markup=False)
    if failed:
        raise typer.Exit(1)


def list_command(
    every: Annotated[bool, typer.Option("--all", help="Planned work and what the record confirms too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """What waits: outages that are new, narrower than recorded, or in dispute."""
    desk = open_desk(Settings.from_env())
    shown = [each for each in desk.findings if every or (_waits(each) and not each.account.planned)]
    if as_json:
        print(json.dumps({"outages": [_json(each) for each in shown], "rejected": desk.rejected}))
        return
    table = Table("outage", "standing", "start (UTC)", "length", "what", "sources", title="Outages to be decided")
    for each in shown:
        told = each.account
        length = "" if told.length is None else length_text(told.length)
        names = ", ".join(dict.fromkeys(report.source for report in each.reports))
        table.add_row(each.outage_id, each.standing, moment_text(told.start), length, escape(told.text), escape(names))
    console().print(table if shown else "Nothing waits to be decided.")
    for line in desk.rejected:
        console().print(f"rejected: {line}", markup=False)


def show_command(outage: IdArgument, as_json: JsonOption = False) -> None:
    """Everything that each source says of an outage."""
    desk = open_desk(Settings.from_env())
    found = desk.finding(outage)
    if as_json:
        print(json.dumps(_json(found)))
        return
    version = desk.book.verdicts.version(outage)
    table = Table(title=f"{outage}: {found.standing}, version {version}, event {found.event_id}")
    for heading in ("source", "start (UTC)", "end (UTC)", "length", "severity", "peril", "what it says", "address"):
        table.add_column(heading, overflow="fold")
    for report in found.reports:
        table.add_row(*(escape(cell) for cell in _said(report)))
    console().print(table)
    for doubt in found.doubts:
        console().print(f"doubt: {doubt}", markup=False)
    for line in desk.book.verdicts.lines:
        if line.outage_id == outage:
            change = f"{line.field}: {line.before or 'nothing'} -> {line.after}" if line.field else line.after
            console().print(f"{line.at} {line.verdict}: {change} ({line.reason})", markup=False)


def diff_command(outage: IdArgument) -> None:
    """Where the sources say more than the record, and where they say otherwise."""
    found = open_desk(Settings.from_env()).finding(outage)
    if found.record is None:
        console().print(f"{outage} is not recorded: insure outages show {outage}", markup=False)
        return
    table = Table("field", "record", "source says", "source", title=f"{outage}: {found.standing}")
    for change in found.changes:
        table.add_row(change.field, escape(change.before or "nothing"), escape(change.after), escape(change.reason))
    for other in found.disagreements:
        table.add_row(other.field, escape(other.stands), escape(f"otherwise: {other.against}"), escape(other.source))
    console().print(table)


def accept_command(outage: IdArgument, reason: ReasonOption, cells: SetOption = None) -> None:
    """Takes a new outage, or what sources say more exactly, into data/outages.csv."""
    _decide(outage, lambda desk, now: review.accept(desk.book, desk.finding(outage), _given(cells), reason, now))


def correct_command(
    outage: IdArgument,
    reason: ReasonOption,
    source: Annotated[str, typer.Option(help="Address at which the right value can be read.")],
    cells: SetOption = None,
) -> None:
    """Changes cells of a recorded outage; no source overwrites them any more."""
    _decide(outage, lambda desk, now: review.correct(desk.book, outage, _given(cells), source, reason, now))


def keep_command(outage: IdArgument, reason: ReasonOption) -> None:
    """Lets the record stand against what sources say otherwise now."""
    _decide(outage, lambda desk, now: review.keep(desk.book, desk.finding(outage), reason, now))


def dismiss_command(outage: IdArgument, reason: ReasonOption) -> None:
    """Takes what sources report for no outage, until they say something else."""
    _decide(outage, lambda desk, now: review.dismiss(desk.book, desk.finding(outage), reason, now))


def _decide(outage: str, decide: Callable[[Desk, int], Book]) -> None:
    settings = Settings.from_env()
    with alone(settings.data or dataset.default_folder()):
        desk = open_desk(settings)
        book = decide(desk, int(time.time()))
        written = verdicts.written(book.verdicts)
        _write(desk.folder, {review.OUTAGES: book.contents[review.OUTAGES], verdicts.FILE: written})
    lines = book.verdicts.lines[len(desk.book.verdicts.lines) :]
    console().print(f"{outage}: {lines[0].verdict}, version {lines[0].version}", markup=False)


def _write(folder: Path, contents: dict[str, bytes]) -> None:
    """Each file in one step, drafts of all first: a full disk leaves everything as it was."""
    drafts = {folder / name: folder / f".{name}.draft" for name in contents}
    try:
        for path, draft in drafts.items():
            draft.write_bytes(contents[path.name])
        for path, draft in drafts.items():
            draft.replace(path)
    except OSError as error:
        raise InvalidInput(
            f"{folder}: can't be written: {error.strerror or error}: set INSURE_DATA to a copy"
        ) from None
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)


def _given(cells: list[str] | None) -> dict[str, str]:
    given: dict[str, str] = {}
    for cell in cells or []:
        name, equals, value = cell.partition("=")
        if not equals or name in given:
            raise InvalidInput(f"--set {cell!r} must be <field>=<value>, each field once")
        given[name] = value
    return given


def _waits(found: Finding) -> bool:
    return found.standing is not Standing.CONFIRMED or bool(found.doubts)


def _said(report: Report) -> tuple[str, ...]:
    return (
        report.source,
        moment_text(report.start),
        "" if report.end is None else moment_text(report.end),
        "" if report.length is None else length_text(report.length),
        str(report.severity or ""),
        str(report.peril or ""),
        report.text,
        report.url,
    )


def _json(found: Finding) -> dict[str, Any]:
    told = found.account
    return {
        "outage_id": found.outage_id,
        "event_id": found.event_id,
        "subject": told.subject,
        "standing": found.standing,
        "planned": told.planned,
        "start": told.start.at,
        "start_precision": told.start.precision,
        "end": None if told.end is None else told.end.at,
        "length_seconds": told.length,
        "text": told.text,
        "reports": [{"source": each.source, "reference": each.reference, "url": each.url} for each in found.reports],
        "changes": [{"field": each.field, "before": each.before, "after": each.after} for each in found.changes],
        "disagreements": [
            {"field": each.field, "stands": each.stands, "against": each.against, "source": each.source}
            for each in found.disagreements
        ],
        "doubts": found.doubts,
    }
