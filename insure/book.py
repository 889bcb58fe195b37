"""A book of policies from a file or from the mirror, and the world that it is simulated in."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from insure.dataset import Dataset, replayable
from insure.errors import InvalidInput, UnknownSubject
from insure.records.cells import Row, read_rows
from insure.records.history import DAY_SECONDS
from insure.records.mirror import KnownTrigger
from insure.records.onchain import Policy
from pricing_models.duration import DurationPosterior
from pricing_models.errors import InvalidTerms
from pricing_models.model import Model
from pricing_models.payoff import Semantics, Terms
from pricing_models.portfolio import Cover, Link, Process, World
from pricing_models.premium import Judgement, Loadings, Scenario
from pricing_models.simulate.outages import YEAR

COLUMNS = (
    "policy",
    "subject",
    "asset",
    "start",
    "end",
    "waiting_seconds",
    "semantics",
    "rate_per_second",
    "failover_benefit",
    "incident_limit",
    "aggregate_limit",
)
"""Of a book's file: times are UTC (seconds, YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ), money the asset's smallest units."""

SHARED_CAUSE_RATE = Judgement(0.025, 0.097, 0.19)
"""Halts a year of a common cause that is no chain (a stack, an operator, a cloud).

One such cause stopped two or more of its chains in full: Conduit, 12 May 2024. With pass-through at the same end, these
rates make the expected number of such events the lower end of the 95% interval for a count of one (Garwood), one, and
the upper end, over the years in which two of its chains were watched (`tests/test_book_file.py` counts). What stopped
several chains otherwise, as the Cosmos EVM module's flaw did in August 2026, was no cause that anybody had listed:
listed since because of that event, it is no evidence of how often such events come."""


_WHOLE = re.compile(r"[0-9]{1,40}")
_SECONDS = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True)
class PolicyFile:
    """The policies of a book, in seconds from `begins_at` (UTC), and the asset that they are all paid in."""

    covers: tuple[Cover, ...]
    asset: str
    begins_at: int


def read_book(path: Path, history: Dataset, begins_at: int, asset: str = "") -> PolicyFile:
    """Read a book from CSV (columns: COLUMNS) or JSON (a list of objects with these fields).

    `begins_at` (UTC seconds) is the beginning of the year that is simulated; `asset` is the pool's, if it is known,
    else all policies must be in that of the first. Raises `InvalidInput` that lists every problem found, one a line, as
    file:line:column (in JSON the number of the object): what is wrong.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"book {str(path)!r} can't be read: {error.strerror or error}") from error
    problems: list[str] = []
    as_json = path.suffix.lower() == ".json"
    rows = _json_rows(path.name, content, problems) if as_json else None
    if rows is None:
        rows = read_rows(path.name, ",".join(COLUMNS), content, problems)
    covers = [cover for row in rows if (cover := _cover(row, history, begins_at)) is not None]
    _check_assets(rows, asset)
    _check_ids(rows)
    if problems:
        raise InvalidInput("\n".join(problems))
    if not covers:
        raise InvalidInput(f"book {path.name} holds no policy: must hold at least one")
    return PolicyFile(tuple(covers), rows[0].cells["asset"], begins_at)


def book_of_policies(policies: Iterable[Policy], triggers: Sequence[KnownTrigger], begins_at: int) -> tuple[Cover, ...]:
    """The policies of the mirror that are in force at `begins_at` or later, with what is left of their limits."""
    subjects = {trigger.trigger_id: trigger.subject_id for trigger in triggers}
    covers = []
    for policy in policies:
        left = policy.terms.aggregate_limit - policy.owed
        if policy.released or policy.end <= begins_at or left <= 0:
            continue
        terms = replace(policy.terms, incident_limit=min(policy.terms.incident_limit, left), aggregate_limit=left)
        subject = subjects[policy.trigger_id]
        covers.append(Cover(str(policy.policy_id), subject, terms, policy.start - begins_at, policy.end - begins_at))
    return tuple(covers)


def build_world(model: Model, history: Dataset, scenario: Scenario = Scenario.BASE, judged: bool = True) -> World:
    """All chains of the history with their fitted rates and lengths, and what the dependencies say they share.

    A chain's own halts come at its whole fitted rate, the mean of the year ahead, so that those it shares come on top:
    nobody knows which of the counted halts were shared. The length of another cause's halt is that of all halts that
    are told of: it is no member of the universe. Pass-through, the rate of causes that are no
    chains, and failover are judgement, taken at `scenario`. With `judged` false nothing is passed on and no failover is
    proven, in otherwise the same world: the same random numbers then say what comes of judgement alone. A chain's halt
    is for good as often as the fit says; that of another cause never is, for members move on.
    """
    chains = {subject.id: subject.kind.value for subject in history.subjects if subject.kind.is_chain}
    subjects = tuple(
        Process(each, model.rate(each, ahead_seconds=YEAR), model.length(each), model.frequency.group_of(kind))
        for each, kind in sorted(chains.items())
    )
    chances = {
        Scenario.LOW: "pass_through_low",
        Scenario.BASE: "pass_through_base",
        Scenario.HIGH: "pass_through_high",
    }
    links = tuple(
        Link(each.subject, each.cause, float(getattr(each, chances[scenario])) if judged else 0.0)
        for each in history.dependencies
    )
    services = sorted({link.cause for link in links} - set(chains))
    pooled: DurationPosterior = replace(model.duration.posterior("", member=False), permanent=0.0)
    causes = tuple(Process(each, SHARED_CAUSE_RATE.at(scenario), pooled) for each in services)
    return World(subjects, causes, links, Loadings().failover_probability.at(scenario) if judged else 0.0)


def halts_of(history: Dataset, day: str, at: int) -> tuple[list[tuple[str, int, int]], int]:
    """(subject, second, seconds) of the chains' halts of a day (UTC) whose length is known, the day beginning at `at`,
    and how many there are besides whose length is not.

    Raises `InvalidInput` when no halt of known length began on it.
    """
    try:
        first = int(datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise InvalidInput(f"DAY is {day!r}: must be a day as YYYY-MM-DD") from None
    chains = {subject.id for subject in history.subjects if subject.kind.is_chain}
    halts, unknown = [], 0
    for outage in history.outages:
        if outage.subject not in chains or not outage.usable or not first <= outage.start < first + DAY_SECONDS:
            continue
        span = replayable(outage)
        if span is None:
            unknown += 1
        else:
            halts.append((outage.subject, at + max(0, span[0] - first), span[1] - span[0]))
    if not halts:
        lacking = f", and {unknown} of unknown length" if unknown else ""
        raise InvalidInput(f"DAY is {day}: no halt of known length began then{lacking}")
    return halts, unknown


def _json_rows(name: str, content: bytes, problems: list[str]) -> list[Row]:
    try:
        found = json.loads(content)
    except ValueError as error:
        problems.append(f"{name}: is not JSON: {error}")
        return []
    if not isinstance(found, list):
        problems.append(f"{name}: is {type(found).__name__}: must be a list of policies")
        return []
    rows = []
    for number, item in enumerate(found):
        fields = set(item) if isinstance(item, dict) else set()
        if fields != set(COLUMNS):
            wrong = ", ".join(sorted(fields ^ set(COLUMNS)))
            problems.append(f"{name}:{number}: fields missing or unknown: {wrong}; must be {', '.join(COLUMNS)}")
            continue
        row = Row(name, number, {key: str(item[key]) for key in COLUMNS}, problems)
        for key in COLUMNS:
            if not isinstance(item[key], str) and type(item[key]) is not int:
                row.fail(key, f"{json.dumps(item[key])} must be a text or a whole number")
        rows.append(row)
    return rows


def _cover(row: Row, history: Dataset, begins_at: int) -> Cover | None:
    """The policy of a row, None after its problems are noted."""
    for column in ("policy", "asset"):
        row.text(column)
    subject = _subject(row, history)
    start, end = _time(row, "start"), _time(row, "end")
    semantics = row.choice("semantics", Semantics)
    money = [_whole(row, column) for column in COLUMNS[7:]]
    waiting = _whole(row, "waiting_seconds")
    if row.failed:
        return None
    try:
        terms = Terms(waiting, semantics, *money)
    except InvalidTerms as error:
        row.fail(str(error).partition(" ")[0], str(error))
        return None
    if end <= start:
        row.fail("end", f"{row.cells['end']!r} must be after start {row.cells['start']!r}")
        return None
    return Cover(row.cells["policy"], subject, terms, start - begins_at, end - begins_at)


def _subject(row: Row, history: Dataset) -> str:
    try:
        found = history.subject(row.cells["subject"])
    except UnknownSubject as error:
        row.fail("subject", str(error))
        return ""
    if not found.kind.is_chain:
        row.fail("subject", f"{found.id} is a {found.kind.value}: must be a chain, the only subjects with rates")
    return found.id


def _whole(row: Row, column: str) -> int:
    text = row.cells[column]
    if not _WHOLE.fullmatch(text):
        row.fail(column, f"{text!r} must be a whole number, at least 0")
        return 0
    return int(text)


def _time(row: Row, column: str) -> int:
    text = row.cells[column]
    if _SECONDS.fullmatch(text):
        return int(text)
    for pattern in ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"):
        try:
            return int(datetime.strptime(text, pattern).replace(tzinfo=UTC).timestamp())
        except ValueError:
            continue
    row.fail(column, f"{text!r} must be UTC: seconds, YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ")
    return 0


def _check_assets(rows: Sequence[Row], pool: str) -> None:
    right = pool or (rows[0].cells["asset"] if rows else "")
    whose = "the pool" if pool else "the first policy"
    for row in rows:
        if row.cells["asset"] != right:
            row.fail("asset", f"{row.cells['asset']!r} differs from {right!r} of {whose}: a book has one asset")


def _check_ids(rows: Sequence[Row]) -> None:
    seen: dict[str, int] = {}
    for row in rows:
        before = seen.setdefault(row.cells["policy"], row.line)
        if before != row.line:
            row.fail("policy", f"{row.cells['policy']!r} occurs already in line {before}: an id may occur once")
