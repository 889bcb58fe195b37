"""When incidents ended on pages that tell only of what lasts: between one answer that has it and the next without."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from insure.ingest.matching import Key
from insure.ingest.reports import Report
from insure.records.history import Ended


@dataclass(frozen=True)
class Sighting:
    """What a page told of a subject from `first` to `last` (UTC seconds); `whole` if nothing of it was rejected."""

    first: int
    last: int
    reports: tuple[Report, ...]
    whole: bool


def close(sightings: Iterable[Sighting]) -> tuple[Report, ...]:
    """Reports, with bounds of their length, of the incidents that are told no more; sightings from old to new.

    An incident lasted until it was last said to last, and not beyond the first whole answer without it. One that comes
    back lasts on. Planned work is left alone: it may have been called off.
    """
    told: dict[Key, Report] = {}
    lasted: dict[Key, int] = {}
    closed: dict[Key, Report] = {}
    for each in sightings:
        present = {report.key: report for report in each.reports}
        if each.whole:
            for key in sorted(told.keys() - present.keys()):
                closed[key] = _closed(told.pop(key), lasted.get(key), each.first)
        for key, report in present.items():
            closed.pop(key, None)
            told.pop(key, None)
            if report.end is None and not report.planned:
                told[key] = report
            if report.lasts:
                lasted[key] = each.last
    return tuple(closed.values())


def _closed(report: Report, lasted: int | None, absent: int) -> Report:
    start = report.start.at
    low = max(1, 0 if lasted is None else lasted - start)
    high = max(low, absent - start)
    return replace(report, low_seconds=low, high_seconds=high, ended=Ended.RESUMED, seen_at=absent, lasts=False)
