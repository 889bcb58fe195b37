"""What a person decides about findings, as new contents of the record and of the verdicts; nothing is written here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from insure.errors import DatasetError, InvalidInput
from insure.ingest.merging import Account
from insure.ingest.reconcile import Finding, Standing, digest
from insure.ingest.reports import Moment, Report, SourceKind
from insure.ingest.verdicts import Kind, Verdict, Verdicts, table
from insure.records.cells import read_rows
from insure.records.history import Confidence, Precision
from insure.records.history_tables import HEADERS, parse_tables

OUTAGES = "outages.csv"
_COLUMNS = tuple(HEADERS[OUTAGES].split(","))
_FIXED = frozenset({"outage_id", "event_id", "subject"})
_CONFIDENCE = {
    SourceKind.POST_MORTEM: Confidence.HIGH,
    SourceKind.ON_CHAIN: Confidence.HIGH,
    SourceKind.STATUS_PAGE: Confidence.MEDIUM,
    SourceKind.PRESS: Confidence.LOW,
}

Cells = dict[str, str]


@dataclass(frozen=True)
class Book:
    """The files of data/ that a decision reads and changes: `contents` by name, and the verdicts so far."""

    contents: Mapping[str, bytes]
    verdicts: Verdicts

    def rows(self) -> list[Cells]:
        """The record's cells as they are written; raises `DatasetError`."""
        problems: list[str] = []
        rows = read_rows(OUTAGES, HEADERS[OUTAGES], self.contents[OUTAGES], problems)
        if problems:
            raise DatasetError("\n".join(problems))
        return [row.cells for row in rows]


@dataclass(frozen=True)
class _Decision:
    """What all lines of one decision share."""

    outage_id: str
    version: int
    verdict: Kind
    reason: str
    at: str

    def line(self, field: str, before: str, after: str, source: str, reference: str = "") -> Verdict:
        return Verdict(
            self.at, self.outage_id, self.version, self.verdict, field, before, after, source, reference, self.reason
        )


def accept(book: Book, finding: Finding, given: Mapping[str, str], reason: str, now: int) -> Book:
    """The record with what a finding says that it did not: a new outage, or narrower fields of a known one.

    `given` are cells of a new outage that no source tells and a person judges (severity, peril, usable, ...). Raises
    `InvalidInput` naming what is missing or wrong; nothing else of a known row changes.
    """
    if finding.standing is Standing.CONFIRMED or (finding.record is not None and not finding.changes):
        raise InvalidInput(f"{finding.outage_id}: there is nothing to accept: keep or correct it")
    _check_given(given)
    told = _cells(finding.account)
    decision = _decide(book, finding.outage_id, Kind.ACCEPTED, reason, now, changes=True)
    if finding.record is not None and given:
        raise InvalidInput(f"{finding.outage_id} is recorded: what no source tells is a correction, and needs a source")
    sources = ", ".join(sorted({report.source for report in finding.reports} - {"record"}))
    rows = book.rows()
    if finding.record is None:
        row = _new_row(finding, {**told, **given})
        place = sum(each["start"] <= row["start"] for each in rows)
        rows.insert(place, row)
        return _book(book, rows, [decision.line("", "", "new", sources)])
    row = _row(rows, finding.outage_id)
    changed = {name for change in finding.changes for name in _columns(change.field)}
    after = {**row, **{name: told[name] for name in changed}}
    after["sources"] = _joined(row["sources"], finding.sources)
    lines = [decision.line(name, row[name], after[name], sources) for name in _COLUMNS if row[name] != after[name]]
    row.update(after)
    return _book(book, rows, lines)


def correct(book: Book, outage_id: str, given: Mapping[str, str], source: str, reason: str, now: int) -> Book:
    """The record with cells of a known outage as a person read them in `source`, an address that is added to the row.

    No source will ever overwrite them. Raises `InvalidInput` naming what is wrong.
    """
    if not given:
        raise InvalidInput(f"{outage_id}: nothing to correct: name a field and its value")
    if not source.startswith(("https://", "http://")):
        raise InvalidInput(f"source {source!r} must be the address at which it can be read")
    _check_given(given)
    rows = book.rows()
    row = _row(rows, outage_id)
    after = {**row, **given, "sources": _joined(row["sources"], (source,))}
    decision = _decide(book, outage_id, Kind.CORRECTED, reason, now, changes=True)
    lines = [decision.line(name, row[name], after[name], source) for name in given if row[name] != after[name]]
    if not lines:
        raise InvalidInput(f"{outage_id}: the record says so already")
    row.update(after)
    return _book(book, rows, lines)


def keep(book: Book, finding: Finding, reason: str, now: int) -> Book:
    """The verdict that the record stands against what sources say otherwise now, and that reports of which it is unsure
    whether they are of this outage say nothing; other words of theirs count again."""
    if finding.record is None or not (finding.disagreements or finding.unsure):
        raise InvalidInput(f"{finding.outage_id}: no source disagrees with the record")
    decision = _decide(book, finding.outage_id, Kind.KEPT, reason, now, changes=False)
    lines = [
        decision.line(each.field, each.stands, each.against, each.source, each.reference)
        for each in finding.disagreements
    ]
    return _book(book, book.rows(), [*lines, *_dismissed(decision, finding.unsure)])


def dismiss(book: Book, finding: Finding, reason: str, now: int) -> Book:
    """The verdict that a finding without a record is no outage, until one of its sources says something else."""
    if finding.record is not None:
        raise InvalidInput(f"{finding.outage_id} is recorded: rows are corrected, never deleted")
    decision = _decide(book, finding.outage_id, Kind.DISMISSED, reason, now, changes=False)
    return _book(book, book.rows(), _dismissed(decision, (*finding.reports, *finding.unsure)))


def _dismissed(decision: _Decision, reports: Sequence[Report]) -> list[Verdict]:
    own = replace(decision, verdict=Kind.DISMISSED)
    return [own.line("", "", digest(each), each.source, each.reference) for each in reports]


def _decide(book: Book, outage_id: str, verdict: Kind, reason: str, now: int, *, changes: bool) -> _Decision:
    if not reason.strip():
        raise InvalidInput("reason is empty: every decision says why")
    at = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return _Decision(outage_id, book.verdicts.version(outage_id) + changes, verdict, reason.strip(), at)


def _book(book: Book, rows: Sequence[Cells], lines: Sequence[Verdict]) -> Book:
    """The new contents, checked as the data set is when it is read."""
    contents = {**book.contents, OUTAGES: table(HEADERS[OUTAGES], ([row[name] for name in _COLUMNS] for row in rows))}
    _, problems = parse_tables({name: contents[name] for name in HEADERS})
    if problems:
        raise InvalidInput("\n".join(problems))
    return replace(book, contents=contents, verdicts=Verdicts((*book.verdicts.lines, *lines)))


def _check_given(given: Mapping[str, str]) -> None:
    for name in given:
        if name not in _COLUMNS or name in _FIXED:
            can = ", ".join(column for column in _COLUMNS if column not in _FIXED)
            raise InvalidInput(f"field {name!r} can't be set: must be one of {can}")


def _row(rows: Sequence[Cells], outage_id: str) -> Cells:
    for row in rows:
        if row["outage_id"] == outage_id:
            return row
    raise InvalidInput(f"outage {outage_id!r} is not in {OUTAGES}")


def _new_row(finding: Finding, told: Mapping[str, str]) -> Cells:
    kind = min((report.kind for report in finding.reports), key=lambda each: each.rank)
    row = dict.fromkeys(_COLUMNS, "") | {
        "outage_id": finding.outage_id,
        "event_id": finding.event_id,
        "subject": finding.account.subject,
        "root_cause": finding.account.text,
        "sources": ";".join(finding.sources),
        "confidence": _CONFIDENCE[kind].value,
    }
    row |= told
    missing = [name for name in ("what_stopped", "severity", "peril", "usable") if not row[name]]
    if missing:
        raise InvalidInput(f"{finding.outage_id}: no source tells {', '.join(missing)}: give them")
    return row


def _cells(told: Account) -> Cells:
    low, high = told.length if told.length is not None else (None, None)
    return {
        "start": _stamp(told.start),
        "start_precision": told.start.precision.value,
        "end": "" if told.end is None else _stamp(told.end),
        "end_precision": "" if told.end is None else told.end.precision.value,
        "ended": told.ended.value,
        "duration_low_seconds": "" if low is None else str(low),
        "duration_high_seconds": "" if high is None else str(high),
        "what_stopped": "" if told.what_stopped is None else told.what_stopped.value,
        "severity": "" if told.severity is None else told.severity.value,
        "peril": "" if told.peril is None else told.peril.value,
    }


def _columns(field: str) -> tuple[str, ...]:
    """The columns of a finding's field."""
    if field in ("start", "end"):
        return field, f"{field}_precision"
    return ("duration_low_seconds", "duration_high_seconds") if field == "length" else (field,)


def _stamp(moment: Moment) -> str:
    shape = "%Y-%m-%d" if moment.precision is Precision.DAY else "%Y-%m-%dT%H:%M:%SZ"
    return datetime.fromtimestamp(moment.at, UTC).strftime(shape)


def _joined(known: str, more: Sequence[str]) -> str:
    """Addresses in one cell, each once."""
    parts = [part.strip() for part in known.split(";") if part.strip()]
    return ";".join(dict.fromkeys([*parts, *more]))
