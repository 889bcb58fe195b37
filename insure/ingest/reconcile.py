"""All that sources say of outages as one account of each, and how it stands to the record: new, narrower, disputed."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from insure.errors import InvalidInput
from insure.ingest.events import link
from insure.ingest.matching import Group, group, latest, span, split
from insure.ingest.merging import AT_LEAST, Account, Disagreement, account, addresses, length_text, moment_text
from insure.ingest.reports import Moment, Report, SourceKind, of_record
from insure.records.history import Outage, Precision


class Standing(StrEnum):
    """How an account stands to the record."""

    CONFIRMED = "confirmed"  # the record says all of it
    NARROWED = "narrowed"  # it agrees with the record and says more
    DISPUTED = "disputed"  # a source says otherwise
    NEW = "new"  # the record has no such outage


@dataclass(frozen=True)
class Change:
    """That a field should say `after` instead of `before`, because of `reason`."""

    field: str
    before: str
    after: str
    reason: str


@dataclass(frozen=True)
class Settled:
    """A person's decision that what the record says stands against this word of a source; against the lower bound of
    what goes on, also while that grows."""

    outage_id: str
    field: str
    source: str
    reference: str
    against: str


@dataclass(frozen=True)
class Finding:
    """One outage as all sources tell it. `record` is the record's row of it; without one `outage_id` and `event_id`
    are those that it would get today. `unsure` are reports that may as well be of another: they say nothing here."""

    outage_id: str
    event_id: str
    record: Outage | None
    account: Account
    reports: tuple[Report, ...]
    standing: Standing
    changes: tuple[Change, ...]
    disagreements: tuple[Disagreement, ...]
    doubts: tuple[str, ...]
    unsure: tuple[Report, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """Addresses, most believed first."""
        return addresses(self.reports)


def digest(report: Report) -> str:
    """What a report says, as 16 hex digits: the same however often it is read."""
    return hashlib.sha256(repr(replace(report, seen_at=0)).encode()).hexdigest()[:16]


def reconcile(
    reports: Iterable[Report],
    record: Sequence[Outage],
    slugs: Mapping[str, str],
    *,
    causes: Iterable[tuple[str, str]] = (),
    settled: Collection[Settled] = (),
    dismissed: Collection[str] = (),
) -> tuple[Finding, ...]:
    """One finding for each outage, by subject and start; every recorded outage has one.

    Pure: the order of the reports, and how often one is given, change nothing. Nothing of the record is overwritten:
    where a source is narrower or disagrees, the finding says so. `slugs` names the subjects by id, `causes` are pairs
    (subject, what it depends on), `dismissed` the digests of reports that a person took for no outage. Raises
    `InvalidInput` naming the report if its subject has no slug.
    """
    # the last word first: an earlier one must not come back because the last was dismissed
    told = [part for whole in latest(reports) for part in split(whole)]
    if dismissed:
        told = [report for report in told if digest(report) not in dismissed]
    for report in told:
        if report.subject not in slugs:
            raise InvalidInput(f"report {report.reference} of {report.source}: subject {report.subject} is unknown")
        if report.kind is SourceKind.RECORD:
            raise InvalidInput(f"report {report.reference}: only the record itself may speak as the record")
    groups = group([*told, *map(of_record, record)])
    accounts = [account(found) for found in groups]
    rows = {outage.id: outage for outage in record}
    names = _names(groups, accounts, slugs, set(rows))
    events, overlaps = link(groups, names, causes), _overlaps(groups, names)
    decided = frozenset(_lasting(each) for each in settled) | frozenset(settled)
    parts = zip(groups, accounts, names, events, overlaps, strict=True)
    return tuple(
        _finding(found, said, name, event, rows.get(name), doubts, decided)
        for found, said, name, event, doubts in parts
    )


def _finding(
    found: Group,
    said: Account,
    name: str,
    event: str,
    row: Outage | None,
    doubts: list[str],
    settled: frozenset[Settled],
) -> Finding:
    changes = () if row is None else _changes(row, said)
    disagreements = tuple(each for each in said.disagreements if _word(name, each) not in settled)
    maybe = [f"{report.source} {report.reference} may be of another outage as well" for report in found.maybe]
    standing = Standing.NEW if row is None else Standing.NARROWED if changes else Standing.CONFIRMED
    if row is not None and disagreements:
        standing = Standing.DISPUTED
    return Finding(
        outage_id=name,
        event_id=event,
        record=row,
        account=said,
        reports=tuple(found.reports),
        standing=standing,
        changes=changes,
        disagreements=disagreements,
        doubts=(*doubts, *sorted(maybe)),
        unsure=tuple(sorted(found.maybe, key=lambda report: report.key)),
    )


def _word(outage_id: str, other: Disagreement) -> Settled:
    """What a source says, as a person decides about it: that something goes on, however long it has by now."""
    word = Settled(outage_id, other.field, other.source, other.reference, other.against)
    return _lasting(word) if other.grows else word


def _lasting(word: Settled) -> Settled:
    """A lower bound without its figure; other words as they are."""
    return replace(word, against=AT_LEAST) if word.against.startswith(AT_LEAST) else word


def _changes(row: Outage, told: Account) -> tuple[Change, ...]:
    """Where the account says more than the row."""
    own = account(Group([of_record(row)]))
    pairs = (
        ("start", moment_text(own.start), moment_text(told.start)),
        ("end", _moment(own.end), _moment(told.end)),
        ("ended", str(row.ended), str(told.ended)),
        ("length", _length(own), _length(told)),
        ("what_stopped", str(own.what_stopped), str(told.what_stopped)),
        ("severity", str(own.severity), str(told.severity)),
        ("peril", str(own.peril), str(told.peril)),
    )
    return tuple(
        Change(field, before, after, f"narrower by {told.said_by.get(field, 'start and end')}")
        for field, before, after in pairs
        if before != after
    )


def _moment(moment: Moment | None) -> str:
    return "" if moment is None else moment_text(moment)


def _length(told: Account) -> str:
    return "" if told.length is None else length_text(told.length)


def _names(
    groups: Sequence[Group], accounts: Sequence[Account], slugs: Mapping[str, str], taken: set[str]
) -> list[str]:
    """Ids: the record's, and for what is new slug and start, with -2, -3 ... where taken."""
    names: list[str] = []
    for found, said in zip(groups, accounts, strict=True):
        if found.anchor.kind is SourceKind.RECORD:
            names.append(found.anchor.reference)
            continue
        shape = "%Y%m%d" if said.start.precision is Precision.DAY else "%Y%m%dT%H%M"
        base = f"{slugs[said.subject]}-{datetime.fromtimestamp(said.start.at, UTC).strftime(shape)}"
        name, number = base, 1
        while name in taken:
            number += 1
            name = f"{base}-{number}"
        taken.add(name)
        names.append(name)
    return names


def _overlaps(groups: Sequence[Group], names: Sequence[str]) -> list[list[str]]:
    """For each unplanned group without a record what it lasts beside: one outage, told as two, is worse than either."""
    doubts: list[list[str]] = [[] for _ in groups]
    lasting: list[int] = []
    for place, found in enumerate(groups):
        begins = span(found.anchor)[0]
        subject = found.anchor.subject
        lasting = [each for each in lasting if _lasts(groups[each], subject, begins)]
        for each in lasting:
            if found.anchor.planned or groups[each].anchor.planned:
                continue
            for one, other in ((place, each), (each, place)):
                if groups[one].anchor.kind is not SourceKind.RECORD:
                    doubts[one].append(f"overlaps {names[other]}")
        lasting.append(place)
    return doubts


def _lasts(found: Group, subject: str, at: int) -> bool:
    return found.anchor.subject == subject and span(found.anchor)[1] > at
