"""What a source tells, laid beside the recorded outages of the same subject."""

from collections.abc import Iterable

from insure.ingest.reports import Report
from insure.records.history import Outage, Subject

STATUS_LAG_SECONDS = 1_800
"""Recorded clock times are late or early by so much: status pages lag, press rounds."""

FIRST_SECOND = 1_230_768_000
"""The beginning of 2009, UTC: no time of a blockchain lies before it."""

LAST_SECOND = 4_102_444_800
"""The beginning of 2100, UTC: a time from then on is a slip of whoever wrote it."""


def while_alive(reports: Iterable[Report], subjects: Iterable[Subject]) -> tuple[Report, ...]:
    """The reports that may begin before their subject's end: a closed chain's page goes on, about what came after."""
    ends = {subject.id: subject.end for subject in subjects if subject.end is not None}
    return tuple(each for each in reports if each.subject not in ends or each.start.interval[0] < ends[each.subject])


def overlapped(start: int, end: int, outages: Iterable[Outage]) -> tuple[Outage, ...]:
    """The outages that may have lasted at some time between `start` and `end` (UTC seconds)."""
    spans = ((outage, *widest(outage)) for outage in outages)
    return tuple(outage for outage, first, last in spans if start < last and first < end)


def widest(outage: Outage) -> tuple[int, int]:
    """From when to when it may have lasted, as far as its bounds allow and by `STATUS_LAG_SECONDS` either way."""
    first, last = outage.start_interval
    lengths = (outage.duration_high_seconds, outage.duration_low_seconds)
    end = last + next((length for length in lengths if length is not None), 0)
    if outage.end_interval is not None:
        end = outage.end_interval[1]
    return first - STATUS_LAG_SECONDS, end + STATUS_LAG_SECONDS
