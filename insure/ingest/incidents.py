"""Incidents as status pages tell them: one form for all makers of pages, and how their answers are distrusted."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic_core import from_json

from insure.errors import InvalidInput
from insure.ingest.beside import FIRST_SECOND, LAST_SECOND
from insure.ingest.reports import Moment, Report, SourceKind
from insure.records.history import Ended, Precision, Severity

LARGEST_BYTES = 10_000_000
"""Fifty incidents with all their updates are well below a tenth of this."""

Fields = dict[str, Any]


@dataclass(frozen=True)
class Incident:
    """What a status page says of one incident. Times are UTC seconds, whole ones before; `end` is None while it lasts
    or if nothing tells its end, `lasts` that the page says that it goes on. A start is late rather than early: pages
    lag what they report. `until` is when planned work was to be over."""

    id: str
    title: str
    url: str
    start: int
    end: int | None
    impact: str
    planned: bool
    components: tuple[str, ...]
    until: int | None = None
    lasts: bool = False

    def as_report(self, source: str, subject: str, address: str, seen_at: int) -> Report:
        """What it says of a subject. How bad it was and why is for a person to judge: pages call many things critical.

        Raises `InvalidInput` if it was over before it began.
        """
        return Report(
            source=source,
            reference=self.id,
            kind=SourceKind.STATUS_PAGE,
            url=self.url or address,
            seen_at=seen_at,
            subject=subject,
            start=Moment(self.start, Precision.MINUTE),
            end=None if self.end is None else Moment(self.end, Precision.MINUTE),
            ended=None if self.end is None else Ended.RESUMED,
            severity=Severity.PLANNED if self.planned else None,
            planned=self.planned,
            announced_until=self.until,
            text=self.title,
            lasts=self.lasts,
        )


@dataclass(frozen=True)
class Reading:
    """Incidents from old to new, and for every one that can't be trusted one line that says why."""

    incidents: tuple[Incident, ...]
    rejected: tuple[str, ...]


def gather(found: Iterable[Any], build: Callable[[Fields], tuple[int, Incident]]) -> Reading:
    """The incidents that `build` makes, each with when it was last updated; of those with one id the last stands.

    `build` is given objects only, and raises `InvalidInput` for what can't be trusted.
    """
    latest: dict[str, tuple[int, Incident]] = {}
    rejected: list[str] = []
    for place, fields in enumerate(found):
        try:
            if not isinstance(fields, dict):
                raise InvalidInput(f"is a {type(fields).__name__}: must be an object")
            updated, incident = build(fields)
        except InvalidInput as error:
            rejected.append(f"incident {_name(fields, place)}: {error}")
            continue
        known = latest.get(incident.id)
        # between equals the larger text: the order of an answer must not decide
        if known is None or (updated, repr(incident)) > (known[0], repr(known[1])):
            latest[incident.id] = updated, incident
    incidents = sorted((incident for _, incident in latest.values()), key=lambda each: (each.start, each.id))
    return Reading(tuple(incidents), tuple(rejected))


def check_times(start: int, end: int | None, planned: bool, now: int) -> None:
    """Raises `InvalidInput` unless start and end are in order and, but for the start of what is planned, past."""
    if start > now and not planned:
        raise InvalidInput(f"starts at {start}, after now ({now})")
    if end is not None and not start <= end <= now:
        raise InvalidInput(f"ends at {end}: must be between its start at {start} and now ({now})")


# What an answer says


def decode(payload: bytes) -> Any:
    """The answer's JSON; raises `InvalidInput` if it is larger than `LARGEST_BYTES` or no JSON."""
    require_size(payload)
    try:
        # not the standard library's: where py-evm has raised the recursion limit, deep nesting ends the process
        return from_json(payload, allow_inf_nan=False)
    except ValueError:
        raise InvalidInput(f"answer begins with {payload[:20]!r}: must be JSON") from None


def require_size(payload: bytes) -> None:
    """Raises `InvalidInput` if an answer is larger than `LARGEST_BYTES`."""
    if len(payload) > LARGEST_BYTES:
        raise InvalidInput(f"answer has {len(payload):,} bytes: must have at most {LARGEST_BYTES:,}")


def stamp(fields: Fields, key: str) -> int | None:
    """UTC seconds of an ISO 8601 time; None if it is absent or null. Never guesses a zone; raises `InvalidInput`."""
    value = fields.get(key)
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise InvalidInput(f"{key} is {str(value)[:40]!r}: must be an ISO 8601 time") from None
    return seconds(key, value, moment)


def seconds(key: str, text: str, moment: datetime) -> int:
    """UTC seconds of a time that says its zone and is of the age of blockchains, up to 2100; raises `InvalidInput`."""
    if moment.tzinfo is None:
        raise InvalidInput(f"{key} is {text!r}: must say its zone, such as Z or +02:00")
    whole = int(moment.timestamp() // 1)
    if whole < FIRST_SECOND:
        raise InvalidInput(f"{key} is {text!r}: is before there were blockchains")
    if whole >= LAST_SECOND:
        raise InvalidInput(f"{key} is {text!r}: is in the year 2100 or later")
    return whole


def text_of(fields: Fields, key: str, absent: str | None = None) -> str:
    """A text that is not empty; `absent`, if given, where there is none or an empty one. Raises `InvalidInput`."""
    value = fields.get(key)
    if absent is not None and (value is None or value == ""):
        return absent
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(f"{key} is {str(value)[:40]!r}: must be a text")
    return printable(value)


def address_of(fields: Fields, key: str) -> str:
    """A web address, or nothing."""
    found = text_of(fields, key, "")
    return found if found.startswith(("https://", "http://")) else ""


def printable(text: str) -> str:
    """Without what a terminal or a page might obey."""
    return "".join(each if each.isprintable() else " " for each in text).strip()


def list_of(fields: Fields, key: str) -> list[Any]:
    """A list, empty where there is none."""
    value = fields.get(key)
    return value if isinstance(value, list) else []


def names_of(found: Iterable[Any]) -> tuple[str, ...]:
    """The names of objects, each once, in order."""
    named = [each["name"] for each in found if isinstance(each, dict) and "name" in each]
    return tuple(sorted({printable(name) for name in named if isinstance(name, str) and name}))


def _name(fields: Any, place: int) -> str:
    found = fields.get("id") if isinstance(fields, dict) else None
    return printable(found[:40]) if isinstance(found, str) and found else f"number {place + 1}"
