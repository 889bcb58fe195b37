"""Atlassian Statuspage v2 and the pages that answer like it, among them incident.io and Rootly."""

from typing import Any

from insure.errors import InvalidInput
from insure.ingest.incidents import (
    Fields,
    Incident,
    Reading,
    address_of,
    check_times,
    decode,
    gather,
    list_of,
    names_of,
    stamp,
    text_of,
)

_PLANNED = frozenset({"scheduled", "in_progress", "verifying", "completed"})
_OVER = frozenset({"resolved", "postmortem", "completed"})
_LASTS = frozenset({"investigating", "identified"})  # while it is monitored the trouble may be over


def read_incidents(payload: bytes, now: int) -> Reading:
    """Incidents of an answer to `/api/v2/incidents.json`, `/api/v2/scheduled-maintenances.json`, or Rootly's
    `/api/v1/incidents.json`, as of `now`.

    Of incidents with one id the one updated last stands. A time without a zone, an end before the start, and what is
    after `now` (but for the start of what is planned) reject their incident. Raises `InvalidInput` if the answer is
    too large, is no JSON, or has no list of incidents.
    """
    return gather(_incidents(payload), lambda fields: _incident(fields, now))


def _incidents(payload: bytes) -> list[Any]:
    answer = decode(payload)
    for key in ("incidents", "scheduled_maintenances"):
        if isinstance(answer, dict) and isinstance(answer.get(key), list):
            found: list[Any] = answer[key]
            return found
    raise InvalidInput("answer has no list of incidents: must have incidents or scheduled_maintenances")


def _incident(fields: Fields, now: int) -> tuple[int, Incident]:
    status = text_of(fields, "status", "unknown")
    planned = status in _PLANNED or text_of(fields, "impact", "") == "maintenance"
    begins = (stamp(fields, key) for key in ("scheduled_for" if planned else "started_at", "created_at"))
    start = next((time for time in begins if time is not None), None)
    if start is None:
        raise InvalidInput("has neither started_at nor created_at")
    end = _end(fields, status)
    check_times(start, end, planned, now)
    incident = Incident(
        id=text_of(fields, "id"),
        title=text_of(fields, "name" if fields.get("name") is not None else "title"),
        url=address_of(fields, "shortlink"),
        start=start,
        end=end,
        impact=text_of(fields, "impact", "unknown"),
        planned=planned,
        components=_components(fields),
        until=stamp(fields, "scheduled_until") if planned else None,
        lasts=end is None and not planned and status in _LASTS,
    )
    return max(stamp(fields, "updated_at") or 0, start), incident


def _end(fields: Fields, status: str) -> int | None:
    """When it was resolved; else, of one that is over, the first update that says so."""
    resolved = stamp(fields, "resolved_at")
    if resolved is not None or status not in _OVER:
        return resolved
    updates = [each for each in list_of(fields, "incident_updates") if isinstance(each, dict)]
    said = [stamp(each, "display_at") or stamp(each, "created_at") for each in updates if each.get("status") in _OVER]
    return min((time for time in said if time is not None), default=None)


def _components(fields: Fields) -> tuple[str, ...]:
    """The names of what it concerns, of the incident itself and of its updates."""
    found = list_of(fields, "components")
    for update in list_of(fields, "incident_updates"):
        found = found + (list_of(update, "affected_components") if isinstance(update, dict) else [])
    return names_of(found)
