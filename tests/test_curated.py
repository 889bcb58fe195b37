"""data/reports.csv: what a person read somewhere, believed by the kind of source that it is from."""

import pytest

from insure.errors import DatasetError
from insure.ingest.curated import FILE, HEADER, parse_reports
from insure.ingest.reconcile import Standing, reconcile
from insure.ingest.reports import SourceKind
from insure.records.history import Ended, Peril, Precision, Severity, Stopped
from tests.test_cli import insure
from tests.test_reconcile import CHAIN, SLUGS, clock, only, recorded
from tests.test_review_cli import Reviewer, reviewer

__all__ = ["insure", "reviewer"]  # the fixtures

READ = "2026-01-01T12:00:00Z"
PRESS = (
    f"press,https://press.example/1,{CHAIN},2024-06-08T14:00:00Z,hour,,,,14400,14400,block_production,full_halt,"
    f"sequencer_bug,out for hours,{READ}"
)
POST_MORTEM = (
    f"post_mortem,https://chain.example/post-mortem,{CHAIN},2024-06-08T15:47:00Z,minute,2024-06-08T17:58:00Z,minute,"
    f"resumed,,,block_production,full_halt,client_bug,a bug in the client,{READ}"
)


def table(*rows: str) -> bytes:
    return "\n".join([HEADER, *rows, ""]).encode()


def test_a_row_is_the_word_of_its_kind_of_source() -> None:
    (report,) = parse_reports(table(POST_MORTEM), [CHAIN])
    assert (report.kind, report.url) == (SourceKind.POST_MORTEM, "https://chain.example/post-mortem")
    assert (report.start.precision, report.length, report.ended) == (Precision.MINUTE, (7_860, 7_860), Ended.RESUMED)
    assert (report.what_stopped, report.severity, report.peril, report.planned) == (
        Stopped.BLOCK_PRODUCTION,
        Severity.FULL_HALT,
        Peril.CLIENT_BUG,
        False,
    )
    assert report.seen_at == clock("2026-01-01T12:00")


@pytest.mark.parametrize("rows", [(PRESS, POST_MORTEM), (POST_MORTEM, PRESS)])
def test_a_post_mortem_stands_against_the_press_in_any_order(rows: tuple[str, str]) -> None:
    found = only(reconcile(parse_reports(table(*rows), [CHAIN]), [], SLUGS))
    assert (found.standing, found.account.length, found.account.peril) == (
        Standing.NEW,
        (7_860, 7_860),
        Peril.CLIENT_BUG,
    )
    assert {(each.field, each.stands) for each in found.disagreements} >= {("peril", "client_bug")}


def test_it_narrows_what_is_recorded_and_never_overwrites_it() -> None:
    row = recorded("2024-06-08")
    found = only(reconcile(parse_reports(table(POST_MORTEM), [CHAIN]), [row], SLUGS))
    assert {each.field for each in found.changes} == {"start", "end", "length"}
    assert [(each.field, each.stands) for each in found.disagreements] == [("peril", "sequencer_bug")]


def test_planned_work_is_planned() -> None:
    (report,) = parse_reports(table(POST_MORTEM.replace("full_halt", "planned")), [CHAIN])
    assert report.planned


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (POST_MORTEM.replace("post_mortem,", "rumour,"), "kind: 'rumour' is not one of record, post_mortem"),
        (POST_MORTEM.replace("post_mortem,", "record,"), "kind: 'record' is outages.csv itself"),
        (POST_MORTEM.replace("https://chain.example/post-mortem", "my memory"), "url: 'my memory' must be the address"),
        (POST_MORTEM.replace(CHAIN, "eip155:1"), "subject: 'eip155:1' is not an id in subjects.csv"),
        (POST_MORTEM.replace("2024-06-08T15:47:00Z", "noon"), "start: 'noon' is not a UTC time"),
        (POST_MORTEM.replace("T15:47:00Z,minute", "T15:47:00Z,"), "start_precision: must be given if and only if"),
        (POST_MORTEM.replace("2024-06-08T17:58:00Z", "2024-06-08T12:58:00Z"), "end: report .* before its start"),
        (PRESS.replace("14400,14400", "14400,3600"), "lasts 14400 to 3600 seconds"),
        (PRESS.replace("14400,14400", ",14400"), "duration_low_seconds: is empty: must be given when"),
        (POST_MORTEM.replace(READ, "2024-06-01T00:00:00Z"), "read_at: 2024-06-01T00:00:00Z is before start"),
        (POST_MORTEM.replace(READ, ""), "read_at: is empty"),
        (POST_MORTEM.replace("a bug in the client", ""), "text: is empty"),
    ],
)
def test_a_row_that_is_wrong_is_named(row: str, complaint: str) -> None:
    with pytest.raises(DatasetError, match=complaint) as caught:
        parse_reports(table(row), [CHAIN])
    assert str(caught.value).startswith(f"{FILE}:2:")


def test_an_address_tells_of_an_outage_once() -> None:
    with pytest.raises(DatasetError, match=r"reports\.csv:3:url: tells of .* already in line 2"):
        parse_reports(table(POST_MORTEM, POST_MORTEM), [CHAIN])


def test_what_is_read_waits_beside_what_sources_answered(reviewer: Reviewer) -> None:
    row = POST_MORTEM.replace("2024-06-08", "2025-03-04")
    (reviewer.data / FILE).write_bytes(table(row))
    reviewer.answered()
    assert reviewer.waiting() == {"arbitrum-one-20250304T1547": "new"}
    accepted = reviewer("accept", "arbitrum-one-20250304T1547", "--reason", "read", "--set", "usable=true")
    assert (accepted.code, accepted.err) == (0, "")
    assert ",high," in (reviewer.data / "outages.csv").read_text().split("arbitrum-one-20250304T1547", 1)[1]
    assert reviewer.waiting() == {}
