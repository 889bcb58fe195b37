"""One account out of a group of reports: field by field the most believed word, narrowed by what agrees with it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from insure.ingest.matching import Group, apart, lag
from insure.ingest.reports import HALTS, Moment, Report, between
from insure.records.history import Ended, Peril, Severity, Stopped
from insure.records.units import duration_text, time_text

T = TypeVar("T")
Interval = tuple[int, int | None]
AT_LEAST = "at least "
"""Begins the words for a length that has only a lower bound."""


@dataclass(frozen=True)
class Disagreement:
    """That a report (of `source`, under `reference`) says `against` where `stands` stands, said by `by`.

    `grows` if that is the lower bound of what goes on: it is another with every reading, and says the same.
    """

    field: str
    stands: str
    by: str
    against: str
    source: str
    reference: str
    url: str
    grows: bool = False


@dataclass(frozen=True)
class Account:
    """What a group's reports say together; `said_by` names for each field the source whose word stands."""

    subject: str
    start: Moment
    end: Moment | None
    ended: Ended
    length: Interval | None
    what_stopped: Stopped | None
    severity: Severity | None
    peril: Peril | None
    planned: bool
    text: str
    said_by: dict[str, str]
    disagreements: tuple[Disagreement, ...]


class _Choice:
    """Chooses field after field, and keeps who said what stands and who says otherwise."""

    def __init__(self, group: Group) -> None:
        self.reports = group.reports
        self.said_by: dict[str, str] = {}
        self.disagreements: list[Disagreement] = []

    def span(
        self,
        field: str,
        value: Callable[[Report], T | None],
        interval: Callable[[T], Interval],
        told: Callable[[T], str],
        lags: int,
    ) -> T | None:
        """The first report's value, or a narrower one within it; `lags` is how often a lag may part two that agree."""

        def agree(chosen: T, by: Report, own: T, report: Report) -> bool:
            return apart(interval(own), interval(chosen)) <= lags * lag(by, report)

        def narrows(own: T, chosen: T) -> bool:
            return _is_within(interval(own), interval(chosen))

        return self._pick(field, value, agree, narrows, told)

    def word(self, field: str, value: Callable[[Report], T | None], agree: Callable[[T, T], bool]) -> T | None:
        """The first report's value."""

        def same(chosen: T, by: Report, own: T, report: Report) -> bool:
            return agree(chosen, own)

        return self._pick(field, value, same, lambda own, chosen: False, str)

    def _pick(
        self,
        field: str,
        value: Callable[[Report], T | None],
        agree: Callable[[T, Report, T, Report], bool],
        narrows: Callable[[T, T], bool],
        told: Callable[[T], str],
    ) -> T | None:
        chosen: T | None = None
        by: Report | None = None
        for report in self.reports:
            own = value(report)
            if own is None:
                continue
            if chosen is None or by is None or narrows(own, chosen):
                chosen, by = own, report
            elif not agree(chosen, by, own, report):
                self._note(field, told(chosen), by, told(own), report)
        if by is not None:
            self.said_by[field] = by.source
        return chosen

    def _note(self, field: str, stands: str, by: Report, against: str, report: Report) -> None:
        grows = field == "length" and report.lasts and report.low_seconds is None
        self.disagreements.append(
            Disagreement(field, stands, by.source, against, report.source, report.reference, report.url, grows)
        )


def account(group: Group) -> Account:
    """What the reports of a group say together.

    Of start, end and length the most believed source's word stands; a narrower one within it (a minute on that day)
    narrows it, one apart from it by more than its lag is a disagreement. Of the rest the first word stands.
    """
    choice = _Choice(group)
    start = choice.span("start", lambda report: report.start, _interval, moment_text, 1)
    assert start is not None, "each report has a start"
    end = choice.span("end", lambda report: report.end, _interval, moment_text, 1)
    if end is not None and end.interval[1] <= start.interval[0]:
        end = None  # of two sources that do not fit together, the more believed start stands
        choice.said_by.pop("end")
    length = choice.span("length", lambda report: report.length, lambda own: own, length_text, 2)
    return Account(
        subject=group.anchor.subject,
        start=start,
        end=end,
        ended=_ended(choice, end),
        length=_narrowed(length, start, end),
        what_stopped=choice.word("what_stopped", lambda report: report.what_stopped, _same_stop),
        severity=choice.word("severity", lambda report: report.severity, _same),
        peril=choice.word("peril", lambda report: report.peril, _same),
        planned=group.anchor.planned,
        text=next((report.text for report in group.reports if report.text), ""),
        said_by=choice.said_by,
        disagreements=tuple(choice.disagreements),
    )


def length_text(length: Interval) -> str:
    """Bounds of a length in words."""
    low, high = length
    if high is None:
        return f"{AT_LEAST}{duration_text(low)}"
    return duration_text(low) if low == high else f"{duration_text(low)} to {duration_text(high)}"


def moment_text(moment: Moment) -> str:
    """An instant with its precision."""
    return f"{time_text(moment.at)} ({moment.precision})"


def addresses(reports: Iterable[Report]) -> tuple[str, ...]:
    """Where the reports can be read, most believed first, each once."""
    return tuple(dict.fromkeys(report.url for report in reports if report.url))


def _ended(choice: _Choice, end: Moment | None) -> Ended:
    """An end that somebody knows is one, whatever those say who know of none."""
    told = choice.word("ended", lambda each: each.ended if each.ended is not Ended.UNKNOWN else None, _same)
    if told is not None:
        return told
    return Ended.RESUMED if end is not None else Ended.UNKNOWN


def _narrowed(length: Interval | None, start: Moment, end: Moment | None) -> Interval | None:
    """The length by what start and end leave of it, if the two go together."""
    if end is None:
        return length
    derived = between(start, end)
    if length is None or _is_within(derived, length):
        return derived
    return length


def _interval(moment: Moment) -> Interval:
    return moment.interval


def _is_within(inner: Interval, outer: Interval) -> bool:
    """Whether it is narrower and lies inside."""
    (low, high), (outer_low, outer_high) = inner, outer
    if inner == outer or low < outer_low:
        return False
    return outer_high is None or (high is not None and high <= outer_high)


def _same(one: object, other: object) -> bool:
    return one == other


def _same_stop(one: Stopped, other: Stopped) -> bool:
    return one is other or {one, other} <= HALTS
