"""Rows of the three history files as records, and what must hold between rows."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import TypeVar

from insure.records.cells import Row, read_rows
from insure.records.history import (
    Basis,
    Confidence,
    Dependency,
    Ended,
    Inclusion,
    Observation,
    Outage,
    Peril,
    Precision,
    Relation,
    Severity,
    Stopped,
    Subject,
    SubjectKind,
)

T = TypeVar("T")

HEADERS = {
    "subjects.csv": (
        "id,slug,name,aliases,kind,stack,launch,launch_source,end,observed_from,observed_to,observation,well_observed,"
        "in_frequency_universe,inclusion_reason,operator_controlled,block_time_seconds,settles_on,notes"
    ),
    "outages.csv": (
        "outage_id,event_id,subject,what_stopped,start,start_precision,end,end_precision,ended,"
        "duration_low_seconds,duration_high_seconds,severity,peril,usable,unusable_reason,root_cause,sources,"
        "confidence,notes"
    ),
    "dependencies.csv": (
        "subject,cause,relation,basis,pass_through_low,pass_through_base,pass_through_high,note,source"
    ),
}

Tables = tuple[tuple[Subject, ...], tuple[Outage, ...], tuple[Dependency, ...]]


def parse_tables(contents: dict[str, bytes]) -> tuple[Tables, list[str]]:
    """Return the records of the files (name -> bytes) and all problems, in the order of files and lines.

    The records are whole only if there is no problem.
    """
    problems: list[str] = []
    rows = {name: read_rows(name, header, contents[name], problems) for name, header in HEADERS.items()}
    whole = not problems
    subjects = _records(rows["subjects.csv"], _subject)
    outages = _records(rows["outages.csv"], _outage)
    dependencies = _records(rows["dependencies.csv"], _dependency)
    if whole:  # a missing line would look like an unknown subject in every line that names it
        _check_subjects(rows["subjects.csv"], subjects)
        _check_outages(rows["subjects.csv"], subjects, rows["outages.csv"], outages)
        _check_dependencies(rows["subjects.csv"], rows["dependencies.csv"])
    tables = (
        tuple(subject for _, subject in subjects),
        tuple(outage for _, outage in outages),
        tuple(dependency for _, dependency in dependencies),
    )
    return tables, sorted(problems, key=_position)


def _position(problem: str) -> tuple[int, int]:
    file, line = problem.split(":")[:2]
    return list(HEADERS).index(file), int(line)


def _records(rows: list[Row], build: Callable[[Row], T]) -> list[tuple[Row, T]]:
    """Build every row, so that each problem is noted; keep those without any."""
    built = [(row, build(row)) for row in rows]
    return [(row, record) for row, record in built if not row.failed]


def _subject(row: Row) -> Subject:
    row.text("id")
    return Subject(
        id=row.subject_id("id") or "",
        slug=row.text("slug"),
        name=row.text("name"),
        aliases=row.items("aliases"),
        kind=row.choice("kind", SubjectKind),
        stack=row.cells["stack"],
        launch=row.stamp("launch", True),
        launch_source=row.text("launch_source") if row.cells["launch"] else "",
        end=row.day_after("end"),
        observed_from=row.stamp("observed_from", True),
        observed_to=row.day_after("observed_to"),
        observation=row.choice("observation", Observation),
        well_observed=row.flag("well_observed"),
        in_frequency_universe=row.flag("in_frequency_universe"),
        inclusion_reason=row.choice("inclusion_reason", Inclusion),
        operator_controlled=row.flag("operator_controlled"),
        block_time_seconds=row.length("block_time_seconds"),
        settles_on=row.subject_id("settles_on"),
        notes=row.cells["notes"],
    )


def _outage(row: Row) -> Outage:
    row.text("subject")
    row.text("start")
    start_precision = row.choice("start_precision", Precision)
    end_precision = row.option("end_precision", Precision)
    if bool(row.cells["end"]) != bool(row.cells["end_precision"]):
        row.fail("end_precision", "must be given if and only if end is")
    usable = row.flag("usable")
    if usable == bool(row.cells["unusable_reason"].strip()):
        row.fail("unusable_reason", "must be given if and only if usable is false")
    return Outage(
        id=row.text("outage_id"),
        event_id=row.text("event_id"),
        subject=row.subject_id("subject") or "",
        what_stopped=row.choice("what_stopped", Stopped),
        start=row.stamp("start", start_precision is Precision.DAY) or 0,
        start_precision=start_precision,
        end=row.stamp("end", end_precision is Precision.DAY),
        end_precision=end_precision,
        ended=row.choice("ended", Ended),
        duration_low_seconds=row.seconds("duration_low_seconds"),
        duration_high_seconds=row.seconds("duration_high_seconds"),
        severity=row.choice("severity", Severity),
        peril=row.choice("peril", Peril),
        usable=usable,
        unusable_reason=row.cells["unusable_reason"],
        root_cause=row.cells["root_cause"],
        sources=row.items("sources"),
        confidence=row.choice("confidence", Confidence),
        notes=row.cells["notes"],
    )


def _dependency(row: Row) -> Dependency:
    row.text("subject")
    row.text("cause")
    low, base, high = (row.probability(f"pass_through_{part}") for part in ("low", "base", "high"))
    if not row.failed and not low <= base <= high:
        row.fail("pass_through_base", f"{base} must lie between low {low} and high {high}")
    return Dependency(
        subject=row.subject_id("subject") or "",
        cause=row.subject_id("cause") or "",
        relation=row.choice("relation", Relation),
        basis=row.choice("basis", Basis),
        pass_through_low=low,
        pass_through_base=base,
        pass_through_high=high,
        note=row.cells["note"],
        source=row.text("source"),
    )


def _check_unique(rows: list[Row], column: str, keys: Callable[[Row], Iterable[str]]) -> None:
    first: dict[str, int] = {}
    for row in rows:
        for key in dict.fromkeys(key.lower() for key in keys(row)):
            if key and first.setdefault(key, row.line) != row.line:
                row.fail(column, f"{key!r} is already used in line {first[key]}: must be unique")


def _check_subjects(rows: list[Row], subjects: list[tuple[Row, Subject]]) -> None:
    _check_unique(rows, "id", lambda row: [row.cells["id"], row.cells["slug"], *row.items("aliases")])
    ids = {row.cells["id"] for row in rows}
    for row, subject in subjects:
        if subject.settles_on is not None and subject.settles_on not in ids:
            row.fail("settles_on", f"{subject.settles_on!r} is not an id in subjects.csv")
        for early, late in (("launch", "end"), ("observed_from", "observed_to")):
            begin, end = getattr(subject, early), getattr(subject, late)
            if begin is not None and end is not None and end <= begin:
                row.fail(late, f"{row.cells[late]} is before {early} {row.cells[early]}")
        if subject.in_frequency_universe is not subject.inclusion_reason.is_of_universe:
            told = f"{row.cells['in_frequency_universe']} does not go with inclusion_reason {subject.inclusion_reason}"
            row.fail("in_frequency_universe", told)
        if subject.well_observed and subject.observation in (Observation.PRESS, Observation.NONE):
            row.fail("well_observed", f"'true' needs more than observation by {subject.observation}")
        if subject.in_frequency_universe and subject.observed_from is None:
            row.fail("observed_from", "is empty: must be given for a member of the frequency universe")


def _check_outages(
    subject_rows: list[Row],
    subjects: list[tuple[Row, Subject]],
    rows: list[Row],
    outages: list[tuple[Row, Outage]],
) -> None:
    _check_unique(rows, "outage_id", lambda row: [row.cells["outage_id"]])
    ids = {row.cells["id"] for row in subject_rows}
    by_id = {subject.id: subject for _, subject in subjects}
    for row, outage in outages:
        if outage.subject not in ids:
            row.fail("subject", f"{outage.subject!r} is not an id in subjects.csv")
        _check_times(row, outage)
        _check_launched(row, outage, by_id.get(outage.subject))
        if outage.usable:
            _check_usable(row, outage, by_id.get(outage.subject))


def _check_times(row: Row, outage: Outage) -> None:
    low, high = outage.duration_low_seconds, outage.duration_high_seconds
    if high is not None and low is None:
        row.fail("duration_low_seconds", "is empty: must be given when duration_high_seconds is")
    if high == 0:
        row.fail("duration_high_seconds", "'0' is no duration: must be at least 1, or empty")
    if low is not None and high is not None and low > high:
        row.fail("duration_high_seconds", f"{high} is less than duration_low_seconds {low}")
    if outage.end_interval is None:
        return
    (start_first, start_last), (end_first, end_last) = outage.start_interval, outage.end_interval
    if end_last <= start_first:
        row.fail("end", f"{row.cells['end']} is before start {row.cells['start']}")
        return
    shortest, longest = end_first - start_last, end_last - start_first
    if (low is not None and low > longest) or (high is not None and high < shortest):
        span = f"{max(shortest, 0)} to {longest} seconds from start {row.cells['start']} to end {row.cells['end']}"
        row.fail("duration_low_seconds", f"bounds {low} to {high} lie outside the {span} as precise as they are")


def _check_launched(row: Row, outage: Outage, subject: Subject | None) -> None:
    if subject is not None and subject.launch is not None and outage.start_interval[1] <= subject.launch:
        launch = datetime.fromtimestamp(subject.launch, UTC).date()
        row.fail("start", f"{row.cells['start']} is before launch {launch} of {subject.id}: one of the two is wrong")


def _check_usable(row: Row, outage: Outage, subject: Subject | None) -> None:
    if outage.severity is not Severity.FULL_HALT:
        row.fail("usable", f"'true' is for full halts: severity is {outage.severity}")
    if not outage.sources:
        row.fail("sources", "is empty: must be given for a usable outage")
    if subject is not None and not subject.kind.is_chain:
        row.fail("usable", f"'true' is for chains: {subject.id} is of kind {subject.kind}")


def _check_dependencies(subject_rows: list[Row], rows: list[Row]) -> None:
    ids = {row.cells["id"]: row.cells["kind"] for row in subject_rows}
    never = {kind.value for kind in SubjectKind if not kind.is_chain}
    _check_unique(rows, "cause", lambda row: [f"{row.cells['subject']} on {row.cells['cause']}"])
    for row in rows:
        for column in ("subject", "cause"):
            if row.cells[column] and row.cells[column] not in ids and not row.failed:
                row.fail(column, f"{row.cells[column]!r} is not an id in subjects.csv")
        if (kind := ids.get(row.cells["subject"])) in never:
            row.fail("subject", f"{row.cells['subject']!r} is of kind {kind}: must be a chain, for others have no rate")
        if row.cells["subject"] == row.cells["cause"] and row.cells["cause"]:
            row.fail("cause", "is the subject itself")
    _check_circles(rows)


def _check_circles(rows: list[Row]) -> None:
    """Fails the rows of a circle of dependencies."""
    causes: dict[str, list[str]] = {}
    for row in rows:
        if row.cells["subject"] != row.cells["cause"]:
            causes.setdefault(row.cells["subject"], []).append(row.cells["cause"])
    try:
        TopologicalSorter(causes).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        pairs = set(pairwise(circle))
        for row in rows:
            if (row.cells["cause"], row.cells["subject"]) in pairs:
                row.fail("cause", f"closes a circle: {' -> '.join(circle)}")
