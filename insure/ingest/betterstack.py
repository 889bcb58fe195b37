"""Better Stack: a status page's index.json, which is JSON:API."""

from typing import Any

from insure.errors import InvalidInput
from insure.ingest.incidents import (
    Fields,
    Incident,
    Reading,
    check_times,
    decode,
    gather,
    list_of,
    names_of,
    stamp,
    text_of,
)

_LASTS = frozenset({"downtime", "degraded"})


def read_incidents(payload: bytes, now: int) -> Reading:
    """Status reports of `/index.json` as of `now`, with the public names of the resources that they affect.

    Raises `InvalidInput` if the answer is too large, is no JSON, or is no status page.
    """
    answer = decode(payload)
    if not isinstance(answer, dict) or not isinstance(answer.get("included"), list):
        raise InvalidInput("answer has no list named included: must be a status page's index.json")
    parts = [each for each in list_of(answer, "included") if isinstance(each, dict)]
    names = {str(each.get("id")): _attributes(each).get("public_name") for each in parts if _is(each, "resource")}
    return gather([each for each in parts if _is(each, "report")], lambda fields: _incident(fields, names, now))


def _is(part: Fields, what: str) -> bool:
    return part.get("type") in {f"status_{what}", f"status_page_{what}"}


def _attributes(part: Fields) -> Fields:
    found = part.get("attributes")
    return found if isinstance(found, dict) else {}


def _incident(part: Fields, names: dict[str, Any], now: int) -> tuple[int, Incident]:
    fields = _attributes(part)
    planned = fields.get("report_type") == "maintenance"
    start, end = stamp(fields, "starts_at"), stamp(fields, "ends_at")
    if start is None:
        raise InvalidInput("has no starts_at")
    until = end if planned else None
    if end is not None and planned and end > now:
        end = None  # announced, not over
    check_times(start, end, planned, now)
    affected = [each for each in list_of(fields, "affected_resources") if isinstance(each, dict)]
    resources = [{"name": names.get(str(each.get("status_page_resource_id")))} for each in affected]
    state = text_of(fields, "aggregate_state", "unknown").lower()
    incident = Incident(
        id=text_of(part, "id"),
        title=text_of(fields, "title"),
        url="",
        start=start,
        end=end,
        impact=state,
        planned=planned,
        components=names_of(resources),
        until=until,
        lasts=end is None and not planned and state in _LASTS,
    )
    return max(stamp(fields, "updated_at") or 0, start), incident
