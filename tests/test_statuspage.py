"""Answers of status pages: a report or a clear rejection, never a crash, never a silently wrong time."""

import json
import random
import sys
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from insure.errors import InvalidInput
from insure.ingest.incidents import LARGEST_BYTES, Incident, Reading
from insure.ingest.reconcile import reconcile
from insure.ingest.statuspage import read_incidents

NOW = 1_760_000_000
START = datetime(2025, 3, 4, 15, 47, 13, tzinfo=UTC)
AT = int(START.timestamp())


def incident(**fields: Any) -> dict[str, Any]:
    """One as Statuspage writes it; a field given as ... is left out."""
    whole = {
        "id": "abc123",
        "name": "Block production halted",
        "status": "resolved",
        "impact": "critical",
        "shortlink": "https://stspg.io/abc123",
        "created_at": "2025-03-04T16:03:00.120Z",
        "updated_at": "2025-03-04T18:00:00.000Z",
        "started_at": "2025-03-04T15:47:13.713Z",
        "resolved_at": "2025-03-04T17:30:00.999Z",
        "components": [{"id": "c1", "name": "Sequencer"}],
        "incident_updates": [
            {"status": "resolved", "display_at": "2025-03-04T17:29:00Z", "affected_components": [{"name": "RPC"}]},
            {"status": "investigating", "display_at": "2025-03-04T16:03:00Z", "affected_components": None},
        ],
    }
    return {key: value for key, value in (whole | fields).items() if value is not ...}


def read(*incidents: Any, key: str = "incidents") -> Reading:
    return read_incidents(json.dumps({"page": {}, key: list(incidents)}).encode(), NOW)


# Reports


def test_an_incident_with_all_its_keys() -> None:
    (report,) = read(incident()).incidents
    assert (report.id, report.title, report.impact) == ("abc123", "Block production halted", "critical")
    assert (report.start, report.end) == (AT, AT + 6_167), "seconds are cut, 17:30:00 less 15:47:13"
    assert report.components == ("RPC", "Sequencer")
    assert not report.planned


def test_keys_that_other_pages_leave_out() -> None:
    bare = incident(started_at=..., components=..., incident_updates=..., shortlink=..., impact=None)
    (report,) = read(bare).incidents
    assert report.start == AT + 947, "it was posted at 16:03"
    assert (report.url, report.components, report.impact) == ("", (), "unknown")


@given(minutes=st.integers(-14 * 60, 14 * 60))
def test_every_offset_names_the_same_second(minutes: int) -> None:
    there = START.astimezone(timezone(timedelta(minutes=minutes))).isoformat()
    assert read(incident(started_at=there)).incidents[0].start == AT


def test_the_end_of_one_that_is_over_without_saying_when_is_its_first_update_that_says_so() -> None:
    updates = [{"status": "postmortem", "created_at": "2025-03-06T10:00:00Z"}, *incident()["incident_updates"]]
    for order in (updates, updates[::-1]):
        (report,) = read(incident(resolved_at=None, status="postmortem", incident_updates=order)).incidents
        assert report.end is not None and report.end - AT == 6_107


def test_one_that_lasts_has_no_end() -> None:
    assert read(incident(resolved_at=None, status="monitoring")).incidents[0].end is None


@pytest.mark.parametrize("status", ["investigating", "identified"])
def test_one_that_lasts_has_lasted_until_it_was_seen(status: str) -> None:
    (found,) = read(incident(resolved_at=None, status=status)).incidents
    assert found.as_report("page:x", "eip155:10", "https://x", NOW).length == (NOW - AT, None)


@pytest.mark.parametrize("status", ["monitoring", "resolved", "odd", None, "scheduled"])
def test_one_of_which_nobody_says_that_it_lasts_has_no_length(status: str | None) -> None:
    (found,) = read(incident(resolved_at=None, status=status, incident_updates=[])).incidents
    assert found.as_report("page:x", "eip155:10", "https://x", NOW).length is None


def test_maintenance_is_planned_and_may_lie_ahead() -> None:
    ahead = incident(status="scheduled", impact="maintenance", scheduled_for="2025-12-24T08:00:00Z", resolved_at=None)
    (report,) = read(ahead, key="scheduled_maintenances").incidents
    assert report.planned and report.start > NOW


def test_of_one_id_the_one_updated_last_stands_whatever_the_order() -> None:
    older = incident(updated_at="2025-03-04T16:10:00Z", resolved_at=None, status="investigating")
    same = incident(name="Block production had halted")
    incidents = [older, incident(), same, incident(id="other")]
    readings = {read(*order) for order in (incidents, incidents[::-1], random.Random(1).sample(incidents, 4))}
    (reading,) = readings
    assert [report.id for report in reading.incidents] == ["abc123", "other"]
    assert reading.incidents[0].end is not None


def test_text_that_a_terminal_would_obey_is_taken_out() -> None:
    (report,) = read(incident(name="down\x1b[2J\u202e!", shortlink="javascript:alert(1)")).incidents
    assert (report.title, report.url) == ("down [2J !", "")


# Rejections


@pytest.mark.parametrize(
    ("odd", "complaint"),
    [
        (incident(started_at="2025-03-04T15:47:13"), "must say its zone"),
        (incident(started_at="yesterday"), "started_at is 'yesterday': must be an ISO 8601 time"),
        (incident(started_at=1_741_103_233), "must be an ISO 8601 time"),
        (incident(started_at="1970-01-01T00:00:00Z"), "before there were blockchains"),
        (incident(status="scheduled", scheduled_for="2100-01-01T00:00:00Z", resolved_at=None), "2100 or later"),
        (incident(status="scheduled", scheduled_for="9999-12-31T23:59:59-12:00"), "2100 or later"),
        (incident(status="scheduled", scheduled_until="9999-12-31T23:59:59-12:00"), "2100 or later"),
        (incident(started_at=None, created_at=None), "neither started_at nor created_at"),
        (incident(resolved_at="2025-03-04T15:00:00Z"), "must be between its start"),
        (incident(resolved_at="2031-03-04T15:00:00Z"), "must be between its start"),
        (incident(started_at="2031-01-01T00:00:00Z"), "after now"),
        (incident(name=" "), "name is ' ': must be a text"),
        (incident(name=7), "name is '7': must be a text"),
        (incident(updated_at="noon"), "updated_at is 'noon'"),
    ],
)
def test_what_cannot_be_trusted_is_rejected_by_name_and_the_rest_is_read(odd: Any, complaint: str) -> None:
    reading = read(odd, incident(id="sound"))
    assert [report.id for report in reading.incidents] == ["sound"]
    (line,) = reading.rejected
    assert line.startswith("incident abc123: ") and complaint in line


@pytest.mark.parametrize("odd", [None, 3, "text", [], {}])
def test_what_is_no_incident_is_rejected_by_its_place(odd: Any) -> None:
    (line,) = read(incident(), odd).rejected
    assert line.startswith("incident number 2: ")


@pytest.mark.parametrize(
    ("payload", "complaint"),
    [
        (b"<html><body>502</body></html>", "begins with b'<html><body>502</bod': must be JSON"),
        (b"", "must be JSON"),
        (b"\xff\xfe{", "must be JSON"),
        (b"[" * 100_000, "must be JSON"),
        (b'{"incidents": {}}', "no list of incidents"),
        (b"[]", "no list of incidents"),
        (b" " * (LARGEST_BYTES + 1), "10,000,001 bytes"),
    ],
)
def test_an_answer_of_another_kind_is_refused(payload: bytes, complaint: str) -> None:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    try:
        with pytest.raises(InvalidInput, match="answer ") as caught:
            read_incidents(payload, NOW)
    finally:
        sys.setrecursionlimit(limit)
    assert complaint in str(caught.value)


ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(timezones=st.none() | ZONES).map(datetime.isoformat)
KEYS = sorted({*incident(), "scheduled_for", "scheduled_until"})
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | TIMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=8,
)
FARTHEST = datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))).isoformat()


def require_one(reading: Reading) -> tuple[Incident, ...]:
    """That an answer of one incident is a rejection, or a finding of it: what is read must be of use to what follows.

    Returns what was read."""
    assert len(reading.incidents) + len(reading.rejected) == 1
    reports = [each.as_report("page:x", "eip155:10", "https://x", NOW) for each in reading.incidents]
    assert len(reconcile(reports, [], {"eip155:10": "optimism"})) >= len(reports), "planned work may be two"
    return reading.incidents


@given(changes=st.dictionaries(st.sampled_from(KEYS), JUNK, max_size=4))
@example(changes={"status": "scheduled", "scheduled_for": FARTHEST, "resolved_at": None})
def test_whatever_stands_in_a_field_it_is_a_report_or_a_rejection(changes: dict[str, Any]) -> None:
    for report in require_one(read(incident() | changes)):
        assert report.end is None or report.start <= report.end <= NOW


@given(at=TIMES, until=TIMES)
@example(at=FARTHEST, until=FARTHEST)
def test_whenever_planned_work_is_to_be_it_is_a_report_or_a_rejection(at: str, until: str) -> None:
    planned = incident(status="scheduled", scheduled_for=at, scheduled_until=until, resolved_at=None)
    require_one(read(planned, key="scheduled_maintenances"))
