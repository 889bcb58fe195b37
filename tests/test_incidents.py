"""Answers of all makers of status pages: whatever they hold, an incident or a clear rejection, and no time made up."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insure.errors import InvalidInput
from insure.ingest import betterstack, feed, instatus, statuspage
from insure.ingest.incidents import LARGEST_BYTES, Reading
from insure.ingest.reports import SourceKind
from insure.records.history import Ended, Severity
from tests.test_statuspage import TIMES, require_one

NOW = 1_760_000_000
Read = Callable[[bytes, int], Reading]


def clock(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


# Instatus

INSTATUS = {
    "id": "cl1",
    "name": "Sequencer is down",
    "started": "2025-03-04T15:47:13.713Z",
    "resolved": "2025-03-04T17:30:00.999Z",
    "status": "RESOLVED",
    "impact": "MAJOROUTAGE",
    "components": [{"id": "c", "name": "Sequencer", "status": "OPERATIONAL"}],
    "updates": [
        {"id": "u2", "status": "RESOLVED", "started": "2025-03-04T17:30:00Z", "createdAt": "2025-03-04T17:31:00Z"},
        {"id": "u1", "status": "INVESTIGATING", "started": "2025-03-04T15:47:13Z"},
    ],
}


def of_instatus(*incidents: Any) -> Reading:
    return instatus.read_incidents(json.dumps(incidents).encode(), NOW)


def test_instatus_tells_start_end_and_components() -> None:
    (found,) = of_instatus(INSTATUS).incidents
    assert (found.start, found.end) == (clock("2025-03-04T15:47:13"), clock("2025-03-04T17:30:00"))
    assert (found.id, found.impact, found.components) == ("cl1", "majoroutage", ("Sequencer",))


def test_instatus_tells_an_end_in_its_updates_alone() -> None:
    (found,) = of_instatus({**INSTATUS, "resolved": None}).incidents
    assert found.end == clock("2025-03-04T17:30:00")
    (found,) = of_instatus({**INSTATUS, "resolved": None, "status": "MONITORING"}).incidents
    assert found.end is None, "an update may say so too early"


def test_a_summary_tells_what_lasts_and_what_is_planned() -> None:
    url = "https://x.instatus.com/incident/1"
    summary = {
        "page": {"name": "X", "url": "https://x.instatus.com", "status": "HASISSUES"},
        "activeIncidents": [
            {"name": "Down", "started": "2025-03-04T15:47:13Z", "status": "IDENTIFIED", "impact": "", "url": url}
        ],
        "activeMaintenances": [
            {"name": "Upgrade", "start": "2025-03-05T10:00:00Z", "status": "NOTSTARTEDYET", "duration": "90", "url": ""}
        ],
    }
    down, upgrade = instatus.read_incidents(json.dumps(summary).encode(), NOW).incidents
    assert down.id == f"{url} {clock('2025-03-04T15:47:13')}"
    assert (down.planned, down.end, down.lasts) == (False, None, True)
    assert (upgrade.planned, upgrade.until, upgrade.lasts) == (True, clock("2025-03-05T11:30:00"), False)


def test_an_unknown_shape_is_refused_by_instatus() -> None:
    with pytest.raises(InvalidInput, match="neither a list of incidents nor a summary"):
        instatus.read_incidents(b'{"incidents": []}', NOW)


# Better Stack


def betterstack_page(**fields: Any) -> bytes:
    report = {
        "title": "Halt",
        "report_type": "manual",
        "starts_at": "2025-03-04T15:47:13.000Z",
        "ends_at": "2025-03-04T17:30:00.000Z",
        "aggregate_state": "downtime",
        "affected_resources": [{"status_page_resource_id": "9", "status": "downtime"}],
    }
    page = {
        "data": {"id": "1", "type": "status_page", "attributes": {"aggregate_state": "operational"}},
        "included": [
            {"id": "9", "type": "status_page_resource", "attributes": {"public_name": "Sequencer"}},
            {"id": "7", "type": "status_report", "attributes": report | fields},
        ],
    }
    return json.dumps(page).encode()


def test_betterstack_tells_reports_with_the_names_of_their_resources() -> None:
    (found,) = betterstack.read_incidents(betterstack_page(), NOW).incidents
    assert (found.id, found.title, found.components) == ("7", "Halt", ("Sequencer",))
    assert (found.start, found.end) == (clock("2025-03-04T15:47:13"), clock("2025-03-04T17:30:00"))
    assert not found.planned


@pytest.mark.parametrize(("state", "lasts"), [("downtime", True), ("degraded", True), ("resolved", False)])
def test_betterstack_tells_by_its_state_that_it_lasts(state: str, lasts: bool) -> None:
    (found,) = betterstack.read_incidents(betterstack_page(ends_at=None, aggregate_state=state), NOW).incidents
    assert (found.end, found.lasts) == (None, lasts)


def test_betterstack_announces_maintenance_with_its_end() -> None:
    ahead = betterstack_page(
        report_type="maintenance", starts_at="2026-03-04T15:00:00Z", ends_at="2026-03-04T16:00:00Z"
    )
    (found,) = betterstack.read_incidents(ahead, NOW).incidents
    assert (found.planned, found.end, found.until) == (True, None, clock("2026-03-04T16:00:00"))


def test_no_page_is_refused_by_betterstack() -> None:
    with pytest.raises(InvalidInput, match="no list named included"):
        betterstack.read_incidents(b'{"data": {}}', NOW)


# Feeds


def update(at: str, status: str) -> str:
    day, time = at.split(", ")
    month, number = day.split(" ")
    return (
        f"<p><small>{month} <var data-var='date'>{number}</var>, <var data-var='time'>{time}</var> UTC</small>"
        f"<br><strong>{status}</strong> - words</p>"
    )


def atom(content: str, published: str = "2024-12-31T23:10:00Z", **more: str) -> bytes:
    extra = "".join(f"<{name}>{value}</{name}>" for name, value in more.items())
    escaped = content.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return (
        '<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom"><entry>'
        f"<id>tag:status.example,2005:Incident/1</id><published>{published}</published>{extra}"
        '<link rel="alternate" href="https://status.example/incidents/1"/><title>Blocks stopped</title>'
        f'<content type="html">{escaped}</content></entry></feed>'
    ).encode()


def test_a_feeds_updates_tell_start_and_end_across_a_new_year() -> None:
    content = update("Jan 1, 01:30", "Resolved") + update("Dec 31, 23:00", "Investigating")
    (found,) = feed.read_incidents(atom(content), NOW).incidents
    assert (found.start, found.end) == (clock("2024-12-31T23:00:00"), clock("2025-01-01T01:30:00"))
    assert found.url == "https://status.example/incidents/1"


def test_a_feed_without_an_end_does_not_say_that_it_lasts() -> None:
    (found,) = feed.read_incidents(atom(update("Dec 31, 23:00", "Investigating")), NOW).incidents
    assert (found.end, found.lasts) == (None, False), "its last words may never have come"


def test_updates_in_another_zone_tell_nothing() -> None:
    content = update("Jan 1, 01:30", "Resolved").replace("UTC", "PST") + update("Dec 31, 23:00", "Investigating")
    (found,) = feed.read_incidents(atom(content), NOW).incidents
    assert (found.start, found.end) == (clock("2024-12-31T23:10:00"), None)


@pytest.mark.parametrize("zone", ["PST", "CET", ""])
def test_planned_work_in_another_zone_is_rejected_and_is_no_incident(zone: str) -> None:
    content = update("Jan 1, 02:00", "In progress") + update("Dec 31, 23:10", "Scheduled")
    reading = feed.read_incidents(atom(content.replace("UTC", zone)), NOW)
    assert reading.incidents == ()
    assert "nothing of when the planned work begins" in reading.rejected[0]


def test_one_update_in_another_zone_leaves_the_others_words() -> None:
    content = update("Jan 1, 02:00", "In progress").replace("UTC", "PST") + update("Dec 31, 23:10", "Scheduled")
    (line,) = feed.read_incidents(atom(content), NOW).rejected
    assert "nothing of when the planned work begins" in line


def test_planned_work_begins_when_it_is_in_progress() -> None:
    content = (
        update("Jan 1, 03:30", "Completed")
        + update("Jan 1, 02:00", "In progress")
        + update("Dec 31, 23:10", "Scheduled")
    )
    (found,) = feed.read_incidents(atom(content), NOW).incidents
    assert (found.planned, found.start, found.end) == (True, clock("2025-01-01T02:00"), clock("2025-01-01T03:30"))
    (line,) = feed.read_incidents(atom(update("Dec 31, 23:10", "Scheduled")), NOW).rejected
    assert "nothing of when the planned work begins" in line


def rss(**fields: str) -> bytes:
    whole = {"guid": "g1", "title": "Blocks stopped", "pubDate": "Tue, 17 Sep 2024 17:25:32 +0200"} | fields
    items = "".join(f"<{name}>{value}</{name}>" for name, value in whole.items())
    return f'<rss version="2.0"><channel><item>{items}</item></channel></rss>'.encode()


def test_an_rss_item_begins_when_it_was_published() -> None:
    (found,) = feed.read_incidents(rss(), NOW).incidents
    assert (found.id, found.start, found.end) == ("g1", clock("2024-09-17T15:25:32"), None)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"pubDate": "Tue, 17 Sep 2024 17:25:32"}, "must say its zone"),
        ({"pubDate": "Tue, 17 Sep 2024 17:25:32 -0000"}, "must say its zone"),
        ({"pubDate": "yesterday"}, "must be a time such as"),
        ({"pubDate": ""}, "must be a text"),
        ({"title": "[Resolved] Blocks stopped"}, "nothing of the start"),
        ({"title": " "}, "title is ' '"),
        ({"pubDate": "Tue, 17 Sep 2044 17:25:32 +0000"}, "after now"),
    ],
)
def test_an_rss_item_that_tells_too_little_is_rejected(fields: dict[str, str], complaint: str) -> None:
    (line,) = feed.read_incidents(rss(**fields), NOW).rejected
    assert complaint in line


BOMB = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><feed>&b;</feed>'


@pytest.mark.parametrize("payload", [b"", b"<html><p>502</html>", BOMB, b"{}", b"\xff\xfe\x00<", b"<x/>"])
def test_what_is_no_feed_is_refused(payload: bytes) -> None:
    with pytest.raises(InvalidInput, match="answer "):
        feed.read_incidents(payload, NOW)


# All of them

PLANNED = ("planned", "start", "duration")
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | TIMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(INSTATUS)), inner, max_size=3),
    max_leaves=8,
)


@given(changes=st.dictionaries(st.sampled_from(sorted({*INSTATUS, *PLANNED})), JUNK, max_size=4))
def test_whatever_instatus_says_is_an_incident_or_a_rejection(changes: dict[str, Any]) -> None:
    for found in require_one(of_instatus(INSTATUS | changes)):
        assert found.end is None or found.start <= found.end <= NOW


@given(start=TIMES, length=st.integers(0, 10**6).map(str))
def test_whenever_instatus_plans_work_it_is_an_incident_or_a_rejection(start: str, length: str) -> None:
    require_one(of_instatus({**INSTATUS, "planned": True, "start": start, "duration": length, "resolved": None}))


@given(
    kind=st.sampled_from(["manual", "maintenance"]),
    changes=st.dictionaries(st.sampled_from(["title", "report_type", "starts_at", "ends_at"]), JUNK, max_size=4),
)
def test_whatever_betterstack_says_is_an_incident_or_a_rejection(kind: str, changes: dict[str, Any]) -> None:
    require_one(betterstack.read_incidents(betterstack_page(**{"report_type": kind, **changes}), NOW))


@given(
    content=st.text(alphabet="<small>Dec 31, 23:00 UTC</strong>Resolved-\n", max_size=200), when=st.datetimes().map(str)
)
def test_whatever_a_feed_says_is_an_incident_or_a_rejection(content: str, when: str) -> None:
    require_one(feed.read_incidents(atom(content, published=when + "Z"), NOW))


@pytest.mark.parametrize("read", [statuspage.read_incidents, instatus.read_incidents, betterstack.read_incidents])
@pytest.mark.parametrize("payload", [b"<html>", b"", b"[" * 50_000, b"null", b"3", b" " * (LARGEST_BYTES + 1)])
def test_what_is_no_answer_of_the_maker_is_refused(read: Read, payload: bytes) -> None:
    with pytest.raises(InvalidInput, match="answer "):
        read(payload, NOW)


def test_an_incident_as_a_report_judges_nothing() -> None:
    (found,) = of_instatus(INSTATUS).incidents
    told = found.as_report("instatus:x", "eip155:10", "https://x.instatus.com", NOW)
    assert (told.kind, told.severity, told.peril, told.what_stopped) == (SourceKind.STATUS_PAGE, None, None, None)
    assert (told.ended, told.url, told.text) == (Ended.RESUMED, "https://x.instatus.com", "Sequencer is down")


def test_planned_work_as_a_report_is_planned() -> None:
    (found,) = betterstack.read_incidents(betterstack_page(report_type="maintenance"), NOW).incidents
    told = found.as_report("betterstack:x", "eip155:10", "https://x", NOW)
    assert (told.planned, told.severity) == (True, Severity.PLANNED)
    assert told.announced_until == clock("2025-03-04T17:30:00")
