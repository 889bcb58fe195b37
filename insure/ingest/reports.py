"""What a source says of one outage: the form into which every source is brought before anything is compared."""

from dataclasses import dataclass, field
from enum import StrEnum

from insure.errors import InvalidInput
from insure.records.history import Ended, Outage, Peril, Precision, Severity, Stopped, interval

HALTS = frozenset({Stopped.BLOCK_PRODUCTION, Stopped.DELIBERATE})
"""Both are an end of blocks: sources differ over whether somebody decided it."""


class SourceKind(StrEnum):
    """What a source is, most believed first."""

    RECORD = "record"  # data/outages.csv: what a person put there stands until a person changes it
    POST_MORTEM = "post_mortem"
    ON_CHAIN = "on_chain"
    STATUS_PAGE = "status_page"
    PRESS = "press"

    @property
    def rank(self) -> int:
        """Its place, from 0 for the most believed."""
        return _RANKS[self]


_RANKS = {kind: rank for rank, kind in enumerate(SourceKind)}


@dataclass(frozen=True, order=True)
class Moment:
    """An instant (UTC seconds) as good as its precision."""

    at: int
    precision: Precision

    @property
    def interval(self) -> tuple[int, int]:
        """The seconds within which it lies."""
        return interval(self.at, self.precision)


@dataclass(frozen=True)
class Report:
    """One source's word on one outage of one subject; None where it says nothing.

    `source` and `reference` name the report for good: a source that changes its mind reports under the same name, and
    what was read last (`seen_at`) stands. Durations are bounds in seconds, as an `Outage` has them. `announced_until`
    is when planned work was to be over. `event` is a name that the source gives to the common cause, or empty. `lasts`
    is that the source said, when it was read, that it was not over yet.
    Raises `InvalidInput` if it contradicts itself.
    """

    source: str
    reference: str
    kind: SourceKind
    url: str
    seen_at: int
    subject: str
    start: Moment
    end: Moment | None = None
    ended: Ended | None = None
    low_seconds: int | None = None
    high_seconds: int | None = None
    what_stopped: Stopped | None = None
    severity: Severity | None = None
    peril: Peril | None = None
    planned: bool = False
    announced_until: int | None = None
    event: str = ""
    text: str = ""
    lasts: bool = field(default=False, repr=False)  # what is dismissed must stay so once its source says that

    def __post_init__(self) -> None:
        if not self.source or not self.reference:
            raise InvalidInput(f"report of {self.subject}: source and reference must be given")
        low, high = self.low_seconds, self.high_seconds
        if low is not None and (low < 0 or (high is not None and high < max(low, 1))):
            raise InvalidInput(f"report {self.reference}: lasts {low} to {high} seconds, which is no length")
        if self.end is not None and self.lasts:
            raise InvalidInput(f"report {self.reference}: lasts, and ends at {self.end.at}")
        if self.end is not None and self.end.interval[1] <= self.start.interval[0]:
            raise InvalidInput(f"report {self.reference}: ends at {self.end.at}, before its start at {self.start.at}")

    @property
    def key(self) -> tuple[str, str, str]:
        """What names it; one page may report of several subjects."""
        return self.source, self.reference, self.subject

    @property
    def length(self) -> tuple[int, int | None] | None:
        """Bounds of its length in seconds: those it states, else what its start and end leave, or of what lasts when it
        was read; None if unknown."""
        if self.low_seconds is not None:
            return self.low_seconds, self.high_seconds
        if self.lasts:
            return between(self.start, Moment(self.seen_at, Precision.MINUTE))[0], None
        if self.end is None:
            return None
        return between(self.start, self.end)


def between(start: Moment, end: Moment) -> tuple[int, int]:
    """Bounds of the time from start to end: clock times to the minute count as exact, at least a second."""
    if start.precision is Precision.MINUTE and end.precision is Precision.MINUTE:
        exact = max(end.at - start.at, 1)
        return exact, exact
    (first, last), (end_first, end_last) = start.interval, end.interval
    return max(end_first - last, 1), max(end_last - first, 1)


def on_chain(
    source: str,
    reference: str,
    url: str,
    seen_at: int,
    subject: str,
    span: tuple[int, int | None],
    what: Stopped,
    text: str,
) -> Report:
    """What a chain itself shows: that something stood from the first to the second time of `span` (UTC seconds), or
    still stands where that is None."""
    start, end = span
    return Report(
        source=source,
        reference=reference,
        kind=SourceKind.ON_CHAIN,
        url=url,
        seen_at=seen_at,
        subject=subject,
        start=Moment(start, Precision.MINUTE),
        end=None if end is None else Moment(end, Precision.MINUTE),
        ended=None if end is None else Ended.RESUMED,
        what_stopped=what,
        text=text,
        lasts=end is None,
    )


def of_record(outage: Outage) -> Report:
    """A row of the record as a report."""
    end = None
    if outage.end is not None and outage.end_precision is not None:
        end = Moment(outage.end, outage.end_precision)
    return Report(
        source="record",
        reference=outage.id,
        kind=SourceKind.RECORD,
        url=outage.sources[0] if outage.sources else "",
        seen_at=0,
        subject=outage.subject,
        start=Moment(outage.start, outage.start_precision),
        end=end,
        ended=outage.ended,
        low_seconds=outage.duration_low_seconds,
        high_seconds=outage.duration_high_seconds,
        what_stopped=outage.what_stopped,
        severity=outage.severity,
        peril=outage.peril,
        planned=outage.severity is Severity.PLANNED,
        event=outage.event_id,
        text=outage.root_cause,
    )
