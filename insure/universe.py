"""The frequency universe as outside lists have it: members by rules that know nothing of halts, searched or not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from insure.errors import DatasetError
from insure.records.cells import Row, read_rows
from insure.records.history import Inclusion, Subject
from pricing_models.experience import YEAR_SECONDS

FILE = "universe.csv"
HEADER = "rule,subject,name,listed_from,listed_to,evidence"
Listing = tuple[int, int | None]
_GROUPS = {Inclusion.MARKET_CAP_RANK: "l1", Inclusion.L2BEAT_LISTING: "rollup"}


@dataclass(frozen=True)
class Member:
    """A chain for as long as a list names it without a break; `subject` is None where it is not in subjects.csv.

    Times are UTC seconds: the first day of the listing, and the second after its last (None: still). A chain that
    dropped off and came back has several.
    """

    rule: Inclusion
    subject: str | None
    name: str
    listed_from: int
    listed_to: int | None
    evidence: str


def parse_universe(content: bytes, subjects: Sequence[Subject]) -> tuple[Member, ...]:
    """The rows of data/universe.csv; raises `DatasetError` with every problem as file:line:column: what is wrong.

    Each member of the universe among the subjects must be on the list of its rule, its bracket there from its first
    listing to its last, which a chain's own end may cut.
    """
    problems: list[str] = []
    by_id = {subject.id: subject for subject in subjects}
    missing = {subject.id for subject in subjects if subject.in_frequency_universe}
    members: list[Member] = []
    listings: dict[tuple[str, str], list[tuple[Row, Member]]] = {}
    for row in read_rows(FILE, HEADER, content, problems):
        member = _member(row)
        subject = by_id.get(member.subject) if member.subject is not None else None
        if member.subject is not None and subject is None and not row.failed:
            row.fail("subject", f"{member.subject!r} is not an id in subjects.csv")
        members.append(member)
        if not row.failed:
            listings.setdefault((member.rule, member.subject or member.name), []).append((row, member))
    for (rule, name), rows in listings.items():
        _check_apart(rows)
        if name in by_id and by_id[name].inclusion_reason is rule:
            missing.discard(name)
            _check_bracket(rows, by_id[name])
    problems += [f"{FILE}: lacks {each}, a member by {by_id[each].inclusion_reason}" for each in sorted(missing)]
    if problems:
        raise DatasetError("\n".join(problems))
    return tuple(members)


def listings(members: Iterable[Member], subjects: Iterable[Subject]) -> Mapping[str, tuple[Listing, ...]]:
    """When each subject of the universe was listed by its own rule, oldest first."""
    rules = {subject.id: subject.inclusion_reason for subject in subjects if subject.in_frequency_universe}
    found: dict[str, list[Listing]] = {}
    for member in sorted(members, key=lambda member: member.listed_from):
        if member.subject is not None and rules.get(member.subject) is member.rule:
            found.setdefault(member.subject, []).append((member.listed_from, member.listed_to))
    return {subject: tuple(times) for subject, times in found.items()}


def unsearched_years(members: Iterable[Member], subjects: Iterable[Subject], as_of: int) -> dict[str, float]:
    """Chain-years to `as_of` of members that are no subjects of the universe, by the models' group (l1, rollup): nobody
    searched them, so that of their halts nothing is known."""
    known = {subject.id for subject in subjects if subject.in_frequency_universe}
    years = dict.fromkeys(_GROUPS.values(), 0.0)
    for member in members:
        if member.subject not in known:
            until = as_of if member.listed_to is None else min(member.listed_to, as_of)
            years[_GROUPS[member.rule]] += max(0, until - member.listed_from) / YEAR_SECONDS
    return years


def _member(row: Row) -> Member:
    rule = row.choice("rule", Inclusion)
    if not rule.is_of_universe:
        row.fail("rule", f"{rule.value!r} makes no member: must be one of {', '.join(_GROUPS)}")
    row.text("listed_from")
    listed_from, listed_to = row.stamp("listed_from", True) or 0, row.day_after("listed_to")
    if listed_to is not None and listed_to <= listed_from:
        row.fail("listed_to", f"{row.cells['listed_to']} is before listed_from {row.cells['listed_from']}")
    subject = row.subject_id("subject")
    return Member(rule, subject, row.text("name"), listed_from, listed_to, row.text("evidence"))


def _check_apart(rows: list[tuple[Row, Member]]) -> None:
    """Fails the listings of one chain that begin before the day after the end of the one before."""
    ordered = sorted(rows, key=lambda each: each[1].listed_from)
    for (before, first), (row, second) in pairwise(ordered):
        if first.listed_to is None or second.listed_from <= first.listed_to:
            row.fail("listed_from", f"{row.cells['listed_from']} lies within or next to that of line {before.line}")


def _check_bracket(rows: list[tuple[Row, Member]], subject: Subject) -> None:
    row, first = min(rows, key=lambda each: each[1].listed_from)
    if subject.observed_from != first.listed_from:
        row.fail("listed_from", f"{row.cells['listed_from']} is not observed_from of {subject.id} in subjects.csv")
    row, last = max(rows, key=lambda each: each[1].listed_from)
    ends = [each for each in (last.listed_to, subject.end) if each is not None]
    if subject.observed_to != min(ends, default=None):
        told = f"{row.cells['listed_to']!r} or the end of {subject.id}, the earlier one, is not its observed_to"
        row.fail("listed_to", told)
