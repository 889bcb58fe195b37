"""Incidents of a status page: Atlassian Statuspage v2 and the pages that answer like it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic_core import from_json

from insure.errors import InvalidInput
from insure.ingest.beside import FIRST_SECOND

LARGEST_BYTES = 10_000_000
"""Fifty incidents with all their updates are well below a tenth of this."""
_PLANNED = frozenset({"scheduled", "in_progress", "verifying", "completed"})
_OVER = frozenset({"resolved", "postmortem", "completed"})


@dataclass(frozen=True)
class Report:
    """What a status page says of one incident. Times are UTC seconds, whole ones before; `end` is None while it lasts
    or if nothing tells its end. A start is late rather than early: pages lag what they report."""

    id: str
    title: str
    url: str
    start: int
    end: int | None
    impact: str
    planned: bool
    components: tuple[str, ...]


@dataclass(frozen=True)
class Reading:
    """Reports from old to new, and for every incident that can't be trusted one line that says why."""

    reports: tuple[Report, ...]
    rejected: tuple[str, ...]


def read_incidents(payload: bytes, now: int) -> Reading:
    """Reports of an answer to `/api/v2/incidents.json` or `/api/v2/scheduled-maintenances.json`, as of `now`.

    Of incidents with one id the one updated last stands. A time without a zone, an end before the start, and what is
    after `now` (but for the start of what is planned) reject their incident. Raises `InvalidInput` if the answer is
    larger than `LARGEST_BYTES`, is no JSON, or has no list of incidents.
    """
    latest: dict[str, tuple[int, Report]] = {}
    rejected: list[str] = []
    for place, incident in enumerate(_incidents(payload)):
        try:
            report = _report(incident, now)
            updated = max(_time(incident, "updated_at") or 0, report.start)
        except InvalidInput as error:
            rejected.append(f"incident {_name(incident, place)}: {error}")
            continue
        # between equals the larger text: the order of an answer must not decide
        if report.id not in latest or (updated, repr(report)) > (latest[report.id][0], repr(latest[report.id][1])):
            latest[report.id] = updated, report
    reports = sorted((report for _, report in latest.values()), key=lambda report: (report.start, report.id))
    return Reading(tuple(reports), tuple(rejected))


def _incidents(payload: bytes) -> list[Any]:
    if len(payload) > LARGEST_BYTES:
        raise InvalidInput(f"answer has {len(payload):,} bytes: must have at most {LARGEST_BYTES:,}")
    try:
        # not the standard library's: where py-evm has raised the recursion limit, deep nesting ends the process
        answer = from_json(payload, allow_inf_nan=False)
    except ValueError:
        raise InvalidInput(f"answer begins with {payload[:20]!r}: must be JSON") from None
    for key in ("incidents", "scheduled_maintenances"):
        if isinstance(answer, dict) and isinstance(answer.get(key), list):
            found: list[Any] = answer[key]
            return found
    raise InvalidInput("answer has no list of incidents: must have incidents or scheduled_maintenances")


def _report(incident: Any, now: int) -> Report:
    if not isinstance(incident, dict):
        raise InvalidInput(f"is a {type(incident).__name__}: must be an object")
    status = _text(incident, "status", "unknown")
    planned = status in _PLANNED or _text(incident, "impact", "") == "maintenance"
    begins = (_time(incident, key) for key in ("scheduled_for" if planned else "started_at", "created_at"))
    start = next((time for time in begins if time is not None), None)
    if start is None:
        raise InvalidInput("has neither started_at nor created_at")
    if start > now and not planned:
        raise InvalidInput(f"starts at {start}, after now ({now})")
    end = _end(incident, status)
    if end is not None and not start <= end <= now:
        raise InvalidInput(f"ends at {end}: must be between its start at {start} and now ({now})")
    url = _text(incident, "shortlink", "")
    return Report(
        id=_text(incident, "id"),
        title=_text(incident, "name"),
        url=url if url.startswith(("https://", "http://")) else "",
        start=start,
        end=end,
        impact=_text(incident, "impact", "unknown"),
        planned=planned,
        components=_components(incident),
    )


def _end(incident: dict[str, Any], status: str) -> int | None:
    """When it was resolved; else, of one that is over, the first update that says so."""
    resolved = _time(incident, "resolved_at")
    if resolved is not None or status not in _OVER:
        return resolved
    updates = [each for each in _list(incident, "incident_updates") if isinstance(each, dict)]
    said = [_time(each, "display_at") or _time(each, "created_at") for each in updates if each.get("status") in _OVER]
    return min((time for time in said if time is not None), default=None)


def _components(incident: dict[str, Any]) -> tuple[str, ...]:
    """The names of what it concerns, of the incident itself and of its updates."""
    lists = [_list(incident, "components")]
    for update in _list(incident, "incident_updates"):
        lists.append(_list(update, "affected_components") if isinstance(update, dict) else [])
    named = [each["name"] for found in lists for each in found if isinstance(each, dict) and "name" in each]
    return tuple(sorted({_printable(name) for name in named if isinstance(name, str) and name}))


def _time(holder: dict[str, Any], key: str) -> int | None:
    """UTC seconds; None if it is absent or null. Never guesses a zone."""
    value = holder.get(key)
    if value is None:
        return None
    try:
        stamp = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise InvalidInput(f"{key} is {str(value)[:40]!r}: must be an ISO 8601 time") from None
    if stamp.tzinfo is None:
        raise InvalidInput(f"{key} is {value!r}: must say its zone, such as Z or +02:00")
    seconds = int(stamp.timestamp() // 1)
    if seconds < FIRST_SECOND:
        raise InvalidInput(f"{key} is {value!r}: is before there were blockchains")
    return seconds


def _text(holder: dict[str, Any], key: str, absent: str | None = None) -> str:
    value = holder.get(key)
    if value is None and absent is not None:
        return absent
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(f"{key} is {str(value)[:40]!r}: must be a text")
    return _printable(value)


def _printable(text: str) -> str:
    """Without what a terminal or a page might obey."""
    return "".join(each if each.isprintable() else " " for each in text).strip()


def _list(holder: dict[str, Any], key: str) -> list[Any]:
    value = holder.get(key)
    return value if isinstance(value, list) else []


def _name(incident: Any, place: int) -> str:
    found = incident.get("id") if isinstance(incident, dict) else None
    return _printable(found[:40]) if isinstance(found, str) and found else f"number {place + 1}"
