"""Which reports are of one outage: by subject, time, what stopped and peril, whatever order they come in."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import groupby

from insure.ingest.beside import STATUS_LAG_SECONDS
from insure.ingest.reports import HALTS, Moment, Report, SourceKind
from insure.records.history import DAY_SECONDS, Peril, Precision

Key = tuple[str, str, str]
Pair = tuple[tuple[int, int], Report, "Group"]

ASSUMED_SECONDS = 6 * 3_600
"""For how long an outage of unknown end is taken to have lasted when times are compared: the record's median."""
_EXACT = frozenset({SourceKind.POST_MORTEM, SourceKind.ON_CHAIN})


@dataclass
class Group:
    """Reports of one outage, most believed first: the first is what others are compared with. `maybe` holds reports
    that are as likely of another outage."""

    reports: list[Report]
    maybe: list[Report] = field(default_factory=list)

    @property
    def anchor(self) -> Report:
        """Its most believed report."""
        return self.reports[0]


def latest(reports: Iterable[Report]) -> list[Report]:
    """Each report as last read, in an order that depends on nothing but them."""
    newest: dict[Key, Report] = {}
    for report in reports:
        other = newest.get(report.key)
        if other is None or _age(report) > _age(other):
            newest[report.key] = report
    return sorted(newest.values(), key=_order)


def _age(report: Report) -> tuple[int, str, bool]:
    return report.seen_at, repr(report), report.lasts


def group(reports: Iterable[Report]) -> list[Group]:
    """Groups of the reports, by subject and start; of reports with one name the last read counts.

    A source's own reports are of different outages. Source after source, the most believed first, its reports are laid
    to the groups that began nearest; what finds none begins a group. So the result depends on the set of reports only.
    """
    by_subject: dict[tuple[str, bool], list[Report]] = defaultdict(list)
    for report in (part for whole in latest(reports) for part in split(whole)):
        by_subject[report.subject, report.planned].append(report)
    groups = [found for key in sorted(by_subject) for found in _of_subject(by_subject[key])]
    return sorted(groups, key=lambda found: (found.anchor.subject, found.anchor.start, found.anchor.key))


def split(report: Report) -> tuple[Report, ...]:
    """Planned work that took longer than announced as two: what was planned, and a failed upgrade from then on."""
    until = report.announced_until
    if not report.planned or until is None or report.end is None or report.end.interval[0] <= until:
        return (report,)
    over = Moment(until, Precision.MINUTE)
    if over.interval[0] < report.start.interval[1]:
        return (report,)  # announced for no time at all
    rest = replace(
        report,
        reference=f"{report.reference} overrun",
        planned=False,
        start=over,
        severity=None,
        peril=Peril.UPGRADE_FAILURE,
        low_seconds=None,
        high_seconds=None,
        event=report.event or report.reference,
    )
    kept = replace(report, end=over, low_seconds=None, high_seconds=None, event=report.event or report.reference)
    return kept, rest


def span(report: Report) -> tuple[int, int]:
    """From when to when it may have lasted; unknown ends are assumed.

    So are those of what lasts: an incident that a page forgot to close is not every later outage.
    """
    first, last = report.start.interval
    if report.end is not None:
        return first, max(report.end.interval[1], last)
    low, high = report.low_seconds, report.high_seconds
    length = high if high is not None else max(low or 0, ASSUMED_SECONDS)
    return first, last + length


def lag(one: Report, other: Report) -> int:
    """By how many seconds the clock times of two reports may differ: none if both are post mortems or of a chain."""
    return 0 if one.kind in _EXACT and other.kind in _EXACT else STATUS_LAG_SECONDS


def is_same(one: Report, other: Report) -> bool:
    """Whether two reports of a subject may be of one outage.

    Clock times of status pages and the press are off by up to `STATUS_LAG_SECONDS`. What differs in peril must overlap
    without that, and a halt of blocks is never one of a bridge, of finality or of posting.
    """
    if one.what_stopped is not None and other.what_stopped is not None:
        both = {one.what_stopped, other.what_stopped}
        if len(both) > 1 and not both <= HALTS:
            return False
    differ = one.peril is not None and other.peril is not None and one.peril is not other.peril
    margin = 0 if differ else lag(one, other)
    (first, last), (other_first, other_last) = span(one), span(other)
    return first < other_last + margin and other_first < last + margin


def _order(report: Report) -> tuple[object, ...]:
    return report.kind.rank, report.source, report.start, report.reference, report.subject


def _of_subject(reports: list[Report]) -> list[Group]:
    """Groups of one subject's reports, which come source after source."""
    groups: list[Group] = []
    days: dict[int, list[Group]] = defaultdict(list)
    for _, own in groupby(reports, key=lambda report: (report.kind.rank, report.source)):
        batch = list(own)
        placed = _place(batch, days)
        for report in batch:
            if report.key not in placed:
                groups.append(Group([report]))
                for day in days_of(*span(report)):
                    days[day].append(groups[-1])
    return groups


def _place(batch: list[Report], days: dict[int, list[Group]]) -> set[Key]:
    """Lays one source's reports to groups, nearest first, at most one to a group; returns the names of those laid.

    A report that is equally near to several groups is laid to none of them, but noted in each.
    """
    pairs = [pair for report in batch for pair in _pairs(report, days)]
    pairs.sort(key=lambda pair: (pair[0], pair[1].key, pair[2].anchor.key))
    near: dict[Key, list[Pair]] = defaultdict(list)
    for pair in pairs:
        near[pair[1].key].append(pair)
    placed: set[Key] = set()
    taken: set[int] = set()
    for cost, report, found in pairs:
        if report.key in placed or id(found) in taken:
            continue
        rivals = [each for other, _, each in near[report.key] if other == cost and id(each) not in taken]
        if len(rivals) > 1:
            for rival in rivals:
                rival.maybe.append(report)
        else:
            found.reports.append(report)
            taken.add(id(found))
        placed.add(report.key)
    return placed


def _pairs(report: Report, days: dict[int, list[Group]]) -> list[Pair]:
    """The groups that it may belong to, each with how far apart they began and how far their lengths differ."""
    near = {id(found): found for day in days_of(*span(report)) for found in days.get(day, ())}
    return [(_cost(found.anchor, report), report, found) for found in near.values() if is_same(found.anchor, report)]


def days_of(first: int, last: int) -> range:
    """The days on which what lasted from `first` to `last` is looked for, with a margin for lags."""
    return range((first - STATUS_LAG_SECONDS) // DAY_SECONDS, (last + STATUS_LAG_SECONDS) // DAY_SECONDS + 1)


def _cost(one: Report, other: Report) -> tuple[int, int]:
    lengths = 0 if one.length is None or other.length is None else apart(one.length, other.length)
    return apart(one.start.interval, other.start.interval), lengths


def apart(one: tuple[int, int | None], other: tuple[int, int | None]) -> int:
    """How much lies between two intervals; 0 if they touch. None as an end is without end."""
    (low, high), (other_low, other_high) = one, other
    return max(0, 0 if other_high is None else low - other_high, 0 if high is None else other_low - high)
