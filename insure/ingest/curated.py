"""data/reports.csv: what people read in post-mortems and elsewhere, a line each, with the kind of source it is from."""

from collections.abc import Iterable

from insure.errors import DatasetError, InvalidInput
from insure.ingest.reports import Moment, Report, SourceKind
from insure.records.cells import Row, read_rows
from insure.records.history import Ended, Peril, Precision, Severity, Stopped

FILE = "reports.csv"
HEADER = (
    "kind,url,subject,start,start_precision,end,end_precision,ended,duration_low_seconds,duration_high_seconds,"
    "what_stopped,severity,peril,text,read_at"
)


def parse_reports(content: bytes, subjects: Iterable[str]) -> tuple[Report, ...]:
    """The rows of data/reports.csv; raises `DatasetError` with every problem as file:line:column: what is wrong.

    Each address is a source of its own, so that two that tell of one outage meet, and the more believed one stands.
    """
    problems: list[str] = []
    known = set(subjects)
    seen: dict[tuple[str, str, str], int] = {}
    reports: list[Report] = []
    for row in read_rows(FILE, HEADER, content, problems):
        report = _report(row)
        if row.cells["subject"] and row.cells["subject"] not in known and not row.failed:
            row.fail("subject", f"{row.cells['subject']!r} is not an id in subjects.csv")
        if report is not None and seen.setdefault(report.key, row.line) != row.line:
            row.fail("url", f"tells of {report.subject} at {row.cells['start']} already in line {seen[report.key]}")
        if report is not None:
            reports.append(report)
    if problems:
        raise DatasetError("\n".join(problems))
    return tuple(reports)


def _report(row: Row) -> Report | None:
    kind, url = _source(row)
    start, end = _moment(row, "start"), _moment(row, "end")
    for column in ("subject", "start", "text", "read_at"):
        row.text(column)
    subject, read_at, (low, high) = row.subject_id("subject"), row.stamp("read_at", False), _lengths(row)
    ended, severity = row.option("ended", Ended), row.option("severity", Severity)
    stopped, peril = row.option("what_stopped", Stopped), row.option("peril", Peril)
    if row.failed or start is None or subject is None or read_at is None:
        return None
    if read_at < start.interval[0]:
        row.fail("read_at", f"{row.cells['read_at']} is before start {row.cells['start']}")
    try:
        return Report(
            source=f"{kind}:{url}",
            reference=row.cells["start"],
            kind=kind,
            url=url,
            seen_at=read_at,
            subject=subject,
            start=start,
            end=end,
            ended=ended,
            low_seconds=low,
            high_seconds=high,
            what_stopped=stopped,
            severity=severity,
            peril=peril,
            planned=severity is Severity.PLANNED,
            text=row.cells["text"],
        )
    except InvalidInput as error:
        row.fail("end" if end is not None else "duration_high_seconds", str(error))
        return None


def _source(row: Row) -> tuple[SourceKind, str]:
    kind, url = row.choice("kind", SourceKind), row.text("url")
    if row.cells["kind"] == SourceKind.RECORD:
        row.fail("kind", "'record' is outages.csv itself: must be what kind of source the address is")
    if not url.startswith(("https://", "http://")):
        row.fail("url", f"{url!r} must be the address at which it can be read")
    return kind, url


def _lengths(row: Row) -> tuple[int | None, int | None]:
    low, high = row.seconds("duration_low_seconds"), row.seconds("duration_high_seconds")
    if high is not None and low is None:
        row.fail("duration_low_seconds", "is empty: must be given when duration_high_seconds is")
    return low, high


def _moment(row: Row, column: str) -> Moment | None:
    precision = row.option(f"{column}_precision", Precision)
    if bool(row.cells[column]) != bool(row.cells[f"{column}_precision"]):
        row.fail(f"{column}_precision", f"must be given if and only if {column} is")
    at = row.stamp(column, precision is Precision.DAY)
    return None if at is None or precision is None else Moment(at, precision)
