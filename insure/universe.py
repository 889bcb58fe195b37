"""The frequency universe as outside lists have it: members by rules that know nothing of halts, searched or not."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from insure.errors import DatasetError
from insure.records.cells import Row, read_rows
from insure.records.history import DAY_SECONDS, Inclusion, Subject

FILE = "universe.csv"
HEADER = "rule,subject,name,listed_from,listed_to,evidence"
_YEAR_SECONDS = 365.25 * DAY_SECONDS
_GROUPS = {Inclusion.MARKET_CAP_RANK: "l1", Inclusion.L2BEAT_LISTING: "rollup"}


@dataclass(frozen=True)
class Member:
    """A chain that a list names; `subject` is None where it is not in subjects.csv.

    Times are UTC seconds: the first day of the bracket of membership, and the second after its last (None: still).
    """

    rule: Inclusion
    subject: str | None
    name: str
    listed_from: int
    listed_to: int | None
    evidence: str


def parse_universe(content: bytes, subjects: Sequence[Subject]) -> tuple[Member, ...]:
    """The rows of data/universe.csv; raises `DatasetError` with every problem as file:line:column: what is wrong.

    Each member of the universe among the subjects must be on the list of its rule, in the same bracket, which a chain's
    own end may cut.
    """
    problems: list[str] = []
    by_id = {subject.id: subject for subject in subjects}
    missing = {subject.id for subject in subjects if subject.in_frequency_universe}
    members: list[Member] = []
    for row in read_rows(FILE, HEADER, content, problems):
        member = _member(row)
        subject = by_id.get(member.subject) if member.subject is not None else None
        if member.subject is not None and subject is None and not row.failed:
            row.fail("subject", f"{member.subject!r} is not an id in subjects.csv")
        if subject is not None and subject.inclusion_reason is member.rule:
            missing.discard(subject.id)
            _check_bracket(row, member, subject)
        members.append(member)
    problems += [f"{FILE}: lacks {each}, a member by {by_id[each].inclusion_reason}" for each in sorted(missing)]
    if problems:
        raise DatasetError("\n".join(problems))
    return tuple(members)


def unsearched_years(members: Iterable[Member], subjects: Iterable[Subject], as_of: int) -> dict[str, float]:
    """Chain-years to `as_of` of members that are no subjects of the universe, by the models' group (l1, rollup): nobody
    searched them, so that of their halts nothing is known."""
    known = {subject.id for subject in subjects if subject.in_frequency_universe}
    years = dict.fromkeys(_GROUPS.values(), 0.0)
    for member in members:
        if member.subject not in known:
            until = as_of if member.listed_to is None else min(member.listed_to, as_of)
            years[_GROUPS[member.rule]] += max(0, until - member.listed_from) / _YEAR_SECONDS
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


def _check_bracket(row: Row, member: Member, subject: Subject) -> None:
    if subject.observed_from != member.listed_from:
        row.fail("listed_from", f"{row.cells['listed_from']} is not observed_from of {subject.id} in subjects.csv")
    ends = [each for each in (member.listed_to, subject.end) if each is not None]
    if subject.observed_to != min(ends, default=None):
        told = f"{row.cells['listed_to']!r} or the end of {subject.id}, the earlier one, is not its observed_to"
        row.fail("listed_to", told)
