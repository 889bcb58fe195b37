"""Which outages are one event: what one source reports of several subjects, and what follows from another's halt."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from insure.ingest.beside import STATUS_LAG_SECONDS
from insure.ingest.matching import Group, days_of, span
from insure.ingest.reports import SourceKind


def link(groups: Sequence[Group], names: Sequence[str], causes: Iterable[tuple[str, str]]) -> list[str]:
    """The event of each group, in the order of the groups, whose outages have these names.

    What is recorded keeps its event; what is linked to it takes it; else the first outage gives the name. Linked are
    reports by one source under one reference or event name, and an unplanned outage of a subject that begins while an
    outage of what it depends on lasts (`causes`: pairs subject, cause). Two events that the record keeps apart stay so.
    """
    events = _Events(groups)
    for one, other in sorted(set(_named(groups))):
        events.unite(one, other)
    for one, other in sorted(set(_caused(groups, causes))):
        events.unite(one, other)
    return [_recorded_event(found) or events.name(place, names) for place, found in enumerate(groups)]


class _Events:
    """Union-find in which the smallest place stands for its set, and two recorded events are never united."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self._parent = list(range(len(groups)))
        self._recorded = [_recorded_event(group) for group in groups]

    def find(self, place: int) -> int:
        while self._parent[place] != place:
            self._parent[place] = self._parent[self._parent[place]]
            place = self._parent[place]
        return place

    def name(self, place: int, names: Sequence[str]) -> str:
        head = self.find(place)
        return self._recorded[head] or names[head]

    def unite(self, one: int, other: int) -> None:
        first, second = sorted((self.find(one), self.find(other)))
        own, others = self._recorded[first], self._recorded[second]
        if first == second or (own and others and own != others):
            return
        self._parent[second] = first
        self._recorded[first] = own or others


def _recorded_event(group: Group) -> str:
    return group.anchor.event if group.anchor.kind is SourceKind.RECORD else ""


def _named(groups: Sequence[Group]) -> Iterator[tuple[int, int]]:
    """Pairs of groups that a source puts under one name; each with the first of that name."""
    first: dict[tuple[str, str], int] = {}
    for place, group in enumerate(groups):
        for report in group.reports:
            for name in dict.fromkeys((report.event, report.reference)):
                if name:
                    yield first.setdefault((report.source, name), place), place


def _caused(groups: Sequence[Group], causes: Iterable[tuple[str, str]]) -> Iterator[tuple[int, int]]:
    """Pairs (outage of the cause, outage of a subject that began while it lasted), found day by day."""
    days: dict[tuple[str, int], list[int]] = defaultdict(list)
    for place, group in enumerate(groups):
        if not group.anchor.planned:
            for day in days_of(*span(group.anchor)):
                days[group.anchor.subject, day].append(place)
    of: dict[str, list[str]] = defaultdict(list)
    for subject, cause in causes:
        of[subject].append(cause)
    for place, group in enumerate(groups):
        if group.anchor.planned:
            continue
        begins, by = group.anchor.start.interval
        for cause in of[group.anchor.subject]:
            near = {each for day in days_of(begins, by) for each in days.get((cause, day), ())}
            for each in near:
                first, last = span(groups[each].anchor)
                if first - STATUS_LAG_SECONDS <= begins and by <= last + STATUS_LAG_SECONDS:
                    yield each, place
