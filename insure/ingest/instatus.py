"""Instatus: a page's summary.json, which tells what lasts, and its list of incidents, which tells the past too."""

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

_OVER = frozenset({"RESOLVED", "COMPLETED"})
_LASTS = frozenset({"INVESTIGATING", "IDENTIFIED"})  # while it is monitored the trouble may be over


def read_incidents(payload: bytes, now: int) -> Reading:
    """Incidents of `/summary.json`, or of a list of incidents as the API gives it, as of `now`.

    A summary names no incident but by its address, so that address and start stand for an id. Raises `InvalidInput`
    if the answer is too large, is no JSON, or is neither.
    """
    return gather(_incidents(payload), lambda fields: _incident(fields, now))


def _incidents(payload: bytes) -> list[Any]:
    answer = decode(payload)
    if isinstance(answer, list):
        return answer
    if isinstance(answer, dict) and isinstance(answer.get("page"), dict):
        planned = [
            {**each, "planned": True} for each in list_of(answer, "activeMaintenances") if isinstance(each, dict)
        ]
        return list_of(answer, "activeIncidents") + planned
    raise InvalidInput("answer is neither a list of incidents nor a summary with its page")


def _incident(fields: Fields, now: int) -> tuple[int, Incident]:
    planned = fields.get("planned") is True
    start = stamp(fields, "start" if planned else "started")
    if start is None:
        raise InvalidInput("has no start")
    status = text_of(fields, "status", "UNKNOWN").upper()
    end = stamp(fields, "resolved")
    if end is None and status in _OVER:
        end = _said(fields)
    check_times(start, end, planned, now)
    url = address_of(fields, "url")
    incident = Incident(
        id=text_of(fields, "id", f"{url or text_of(fields, 'name')} {start}"),
        title=text_of(fields, "name"),
        url=url,
        start=start,
        end=end,
        impact=text_of(fields, "impact", "unknown").lower(),
        planned=planned,
        components=names_of(list_of(fields, "components")),
        until=_until(fields, start) if planned else None,
        lasts=end is None and not planned and status in _LASTS,
    )
    return max([start, *_updates(fields)]), incident


def _said(fields: Fields) -> int | None:
    """When the first update said that it was over."""
    updates = [each for each in list_of(fields, "updates") if isinstance(each, dict)]
    said = [stamp(each, "started") for each in updates if str(each.get("status")).upper() in _OVER]
    return min((time for time in said if time is not None), default=None)


def _updates(fields: Fields) -> list[int]:
    updates = [each for each in list_of(fields, "updates") if isinstance(each, dict)]
    return [time for each in updates if (time := stamp(each, "createdAt")) is not None]


def _until(fields: Fields, start: int) -> int | None:
    """Planned work's end, of which a page tells the length in minutes."""
    length = text_of(fields, "duration", "")
    return start + 60 * int(length) if length.isascii() and length.isdecimal() and len(length) < 6 else None
