"""What a person decides: new contents of the record and a line for each change, or a clear refusal and nothing."""

from dataclasses import replace

import pytest

from insure.errors import DatasetError, InvalidInput
from insure.ingest.reconcile import Finding, Standing, reconcile
from insure.ingest.reports import Moment, Report
from insure.ingest.review import Book, accept, correct, dismiss, keep
from insure.ingest.verdicts import FILE, Kind, Verdicts, parse_verdicts, written
from insure.records.history import Outage, Peril, Precision, Severity, Stopped
from insure.records.history_tables import HEADERS, parse_tables
from tests.test_reconcile import ON_CHAIN, POST_MORTEM, PRESS, SLUGS, STATUS, at, report

NOW = 1_767_225_600  # 2026-01-01
SUBJECTS = (
    HEADERS["subjects.csv"]
    + "\n"
    + (
        "eip155:42161,arbitrum-one,Arbitrum One,,l2,nitro,2021-08-31,https://launch.example,,2021-08-31,,press,false,true,l2beat_listing,true,0.25,,\n"
        "eip155:10,optimism,OP Mainnet,,l2,op-stack,2021-12-16,https://launch.example,,2021-12-16,,press,false,true,l2beat_listing,true,2,,\n"
    )
)
ROW = (
    "arbitrum-one-20240608,arbitrum-one-20240608,eip155:42161,block_production,2024-06-08,day,,,resumed,,,full_halt,"
    'sequencer_bug,true,,"a bug, it seems",https://record.example,high,a note\n'
)
JUDGED = {"severity": "full_halt", "peril": "sequencer_bug", "usable": "true"}


def book(*rows: str) -> Book:
    contents = {
        "subjects.csv": SUBJECTS.encode(),
        "outages.csv": (HEADERS["outages.csv"] + "\n" + "".join(rows)).encode(),
        "dependencies.csv": (HEADERS["dependencies.csv"] + "\n").encode(),
    }
    return Book(contents, Verdicts(()))


def record(held: Book) -> tuple[Outage, ...]:
    (_, outages, _), problems = parse_tables(dict(held.contents))
    assert problems == []
    return outages


def findings(held: Book, *reports: Report) -> tuple[Finding, ...]:
    verdicts = held.verdicts
    return reconcile(reports, record(held), SLUGS, settled=verdicts.settled, dismissed=verdicts.dismissed)


def finding(held: Book, *reports: Report) -> Finding:
    (found,) = findings(held, *reports)
    return found


HALT = report("2024-06-08T15:47", "2024-06-08T17:58", ON_CHAIN, what_stopped=Stopped.BLOCK_PRODUCTION, text="no blocks")


# Accepting


def test_a_new_outage_becomes_a_row_and_is_confirmed_from_then_on() -> None:
    held = accept(book(), finding(book(), HALT), JUDGED, "seen in the headers", NOW)
    (outage,) = record(held)
    assert (outage.id, outage.event_id) == ("arbitrum-one-20240608T1547",) * 2
    assert (outage.start, outage.end) == (at("2024-06-08T15:47").at, at("2024-06-08T17:58").at)
    assert (outage.duration_low_seconds, outage.duration_high_seconds) == (7_860, 7_860)
    assert (outage.severity, outage.peril, outage.usable) == (Severity.FULL_HALT, Peril.SEQUENCER_BUG, True)
    assert (outage.confidence, outage.root_cause, outage.sources) == ("high", "no blocks", (HALT.url,))
    again = finding(held, HALT)
    assert (again.standing, again.changes, again.disagreements) == (Standing.CONFIRMED, (), ())


def test_a_row_is_put_where_its_start_belongs() -> None:
    later = ROW.replace("20240608", "20240901").replace("2024-06-08", "2024-09-01")
    held = book(ROW.replace("2024-06-08", "2024-01-08"), later)
    new = next(each for each in findings(held, HALT) if each.record is None)
    starts = [row["start"] for row in accept(held, new, JUDGED, "seen", NOW).rows()]
    assert starts == ["2024-01-08", "2024-06-08T15:47:00Z", "2024-09-01"]


def test_what_no_source_tells_must_be_judged() -> None:
    with pytest.raises(InvalidInput, match="no source tells severity, peril, usable: give them"):
        accept(book(), finding(book(), HALT), {}, "seen", NOW)


def test_a_judgement_that_the_data_set_refuses_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"outages\.csv:2:severity: 'bad' is not one of full_halt"):
        accept(book(), finding(book(), HALT), {**JUDGED, "severity": "bad"}, "seen", NOW)
    with pytest.raises(InvalidInput, match=r"outages\.csv:2:unusable_reason: must be given"):
        accept(book(), finding(book(), HALT), {**JUDGED, "usable": "false"}, "seen", NOW)


def test_what_sources_say_more_exactly_is_taken_over_and_nothing_else() -> None:
    held = book(ROW)
    found = finding(held, HALT)
    assert found.standing is Standing.NARROWED
    after = accept(held, found, {}, "the headers tell", NOW)
    (row,), (before,) = after.rows(), held.rows()
    changed = {name for name in row if row[name] != before[name]}
    assert changed == {
        "start",
        "start_precision",
        "end",
        "end_precision",
        "duration_low_seconds",
        "duration_high_seconds",
        "sources",
    }
    assert row["sources"] == f"https://record.example;{HALT.url}"
    assert [(line.version, line.verdict) for line in after.verdicts.lines] == [(1, Kind.ACCEPTED)] * 7
    assert finding(after, HALT).standing is Standing.CONFIRMED


def test_what_is_confirmed_needs_no_accepting() -> None:
    held = book(ROW)
    with pytest.raises(InvalidInput, match="nothing to accept"):
        accept(held, finding(held), {}, "why not", NOW)


def test_a_recorded_outage_is_judged_by_a_correction() -> None:
    held = book(ROW)
    with pytest.raises(InvalidInput, match="is a correction, and needs a source"):
        accept(held, finding(held, HALT), {"peril": "client_bug"}, "seen", NOW)


def test_an_end_that_comes_later_is_taken_over() -> None:
    lasting = replace(HALT, end=None)
    held = accept(book(), finding(book(), lasting), JUDGED, "down now", NOW)
    assert record(held)[0].ended == "unknown"
    over = accept(held, finding(held, replace(HALT, seen_at=HALT.seen_at + 9)), {}, "up again", NOW)
    (outage,) = record(over)
    assert (outage.ended, outage.duration_high_seconds) == ("resumed", 7_860)
    assert {line.version for line in over.verdicts.lines} == {1, 2}


# Correcting


def test_a_correction_stands_against_every_source() -> None:
    held = correct(book(ROW), "arbitrum-one-20240608", {"peril": "client_bug"}, "https://post-mortem", "read it", NOW)
    (outage,) = record(held)
    assert (outage.peril, outage.sources) == (Peril.CLIENT_BUG, ("https://record.example", "https://post-mortem"))
    other = replace(HALT, kind=POST_MORTEM, peril=Peril.CONSENSUS_BUG)
    found = finding(held, other)
    assert (found.account.peril, found.standing) == (Peril.CLIENT_BUG, Standing.DISPUTED)
    (line,) = held.verdicts.lines
    assert (line.field, line.before, line.after, line.version) == ("peril", "sequencer_bug", "client_bug", 1)


@pytest.mark.parametrize(
    ("given", "source", "complaint"),
    [
        ({}, "https://x", "nothing to correct"),
        ({"peril": "client_bug"}, "my memory", "source 'my memory' must be the address"),
        ({"peril": "sequencer_bug"}, "https://x", "says so already"),
        ({"outage_id": "other"}, "https://x", "field 'outage_id' can't be set"),
        ({"colour": "red"}, "https://x", "field 'colour' can't be set: must be one of what_stopped"),
        ({"end": "2024-06-01", "end_precision": "day"}, "https://x", r"outages\.csv:2:end: 2024-06-01 is before start"),
        ({"start": "2020-01-01"}, "https://x", "before launch 2021-08-31"),
        ({"duration_low_seconds": "9", "duration_high_seconds": "5"}, "https://x", "5 is less than"),
    ],
)
def test_a_correction_that_can_not_be_is_refused(given: dict[str, str], source: str, complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        correct(book(ROW), "arbitrum-one-20240608", given, source, "read it", NOW)


def test_only_what_is_recorded_is_corrected() -> None:
    with pytest.raises(InvalidInput, match=r"'nowhere-1' is not in outages\.csv"):
        correct(book(ROW), "nowhere-1", {"peril": "client_bug"}, "https://x", "read it", NOW)


def test_every_decision_has_a_reason() -> None:
    with pytest.raises(InvalidInput, match="reason is empty"):
        correct(book(ROW), "arbitrum-one-20240608", {"peril": "client_bug"}, "https://x", " ", NOW)


# Keeping and dismissing


def test_what_is_kept_stands_until_the_source_says_something_else() -> None:
    held = book(ROW)
    told = replace(HALT, peril=Peril.CONSENSUS_BUG, start=at("2024-06-08"), end=None, kind=PRESS)
    assert finding(held, told).standing is Standing.DISPUTED
    held = keep(held, finding(held, told), "press is wrong", NOW)
    assert finding(held, told).standing is Standing.CONFIRMED
    assert finding(held, replace(told, peril=Peril.PROVER)).standing is Standing.DISPUTED
    with pytest.raises(InvalidInput, match="no source disagrees"):
        keep(held, finding(held, told), "once more", NOW)


def test_what_is_kept_against_an_open_incident_stands_while_that_goes_on_and_not_once_it_tells_an_end() -> None:
    held = book(ROW.replace("resumed,,", "resumed,3600,3600"))
    told = replace(HALT, kind=STATUS, end=None, lasts=True, seen_at=at("2024-06-09T03:00").at)
    (other,) = finding(held, told).disagreements
    assert (other.field, other.against) == ("length", "at least 11 h 13 min")
    held = keep(held, finding(held, told), "the page forgot to close it", NOW)
    later = replace(told, seen_at=at("2024-06-20T03:00").at)
    assert finding(held, told, later).disagreements == (), "it says what it said: that it goes on"
    assert finding(held, later).disagreements == ()
    over = replace(later, lasts=False, end=at("2024-06-08T19:47"), seen_at=later.seen_at + 1)
    assert [each.against for each in finding(held, later, over).disagreements] == ["4 h"]
    another = replace(later, reference="another")
    assert len(finding(held, another).disagreements) == 1, "another incident of the page is another word"


def test_a_lower_bound_that_a_source_states_and_states_anew_is_another_word() -> None:
    held = book(ROW.replace("resumed,,", "resumed,3600,3600"))
    told = replace(HALT, kind=PRESS, end=None, low_seconds=40_000)
    held = keep(held, finding(held, told), "they count from the wrong day", NOW)
    assert finding(held, told).disagreements == ()
    assert len(finding(held, replace(told, low_seconds=90_000)).disagreements) == 1


def test_what_may_be_of_either_of_two_outages_is_settled_by_keeping_them() -> None:
    second = ROW.replace("arbitrum-one-20240608", "arbitrum-one-20240608-2")
    held = book(ROW, second)
    told = report("2024-06-08", kind=PRESS)
    first, other = findings(held, told)
    assert (first.unsure, other.unsure) == ((told,), (told,))
    held = keep(held, first, "it tells of both", NOW)
    assert [each.doubts for each in findings(held, told)] == [(), ()]


def test_what_is_dismissed_is_gone_even_in_its_older_words() -> None:
    old, last = replace(HALT, text="slow"), replace(HALT, text="explorer only", seen_at=HALT.seen_at + 1)
    held = dismiss(book(), finding(book(), old, last), "an explorer's trouble", NOW)
    assert findings(held, old, last) == ()
    assert len(findings(held, old, last, replace(last, text="blocks stopped", seen_at=last.seen_at + 1))) == 1


def test_overrun_of_planned_work_can_be_dismissed_alone() -> None:
    work = replace(HALT, planned=True, announced_until=at("2024-06-08T16:00").at)
    planned, unplanned = findings(book(), work)
    held = dismiss(book(), unplanned, "only the page was late", NOW)
    assert [each.outage_id for each in findings(held, work)] == [planned.outage_id]


def test_rows_are_never_deleted() -> None:
    held = book(ROW)
    with pytest.raises(InvalidInput, match="is recorded: rows are corrected, never deleted"):
        dismiss(held, finding(held), "wrong", NOW)


# Verdicts


def test_verdicts_are_read_as_they_were_written() -> None:
    held = accept(book(), finding(book(), HALT), JUDGED, 'said "so", twice', NOW)
    held = correct(held, "arbitrum-one-20240608T1547", {"peril": "client_bug"}, "https://x", "read", NOW)
    assert parse_verdicts(written(held.verdicts)) == held.verdicts
    assert held.verdicts.version("arbitrum-one-20240608T1547") == 2
    assert held.verdicts.version("nowhere") == 0


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("2026-01-01,a,1,accepted,,,new,s,,why", "at: '2026-01-01' is not a UTC time"),
        ("2026-01-01T00:00:00Z,,1,accepted,,,new,s,,why", "outage_id: is empty"),
        ("2026-01-01T00:00:00Z,a,2,accepted,,,new,s,,why", "version: 2 does not follow 0, the last of a"),
        ("2026-01-01T00:00:00Z,a,1,liked,,,new,s,,why", "verdict: 'liked' is not one of accepted"),
        ("2026-01-01T00:00:00Z,a,1,corrected,peril,x,y,,,why", "source: is empty"),
        ("2026-01-01T00:00:00Z,a,1,accepted,,,new,s,,", "reason: is empty"),
    ],
)
def test_a_verdict_that_is_wrong_is_named(line: str, complaint: str) -> None:
    header = "at,outage_id,version,verdict,field,before,after,source,reference,reason"
    with pytest.raises(DatasetError) as caught:
        parse_verdicts(f"{header}\n{line}\n".encode())
    assert str(caught.value).startswith(f"{FILE}:2:")
    assert complaint in str(caught.value)


def test_moments_are_written_as_precise_as_they_are() -> None:
    rough = replace(HALT, start=Moment(at("2024-06-08").at, Precision.DAY), end=None)
    (row,) = accept(book(), finding(book(), rough), JUDGED, "seen", NOW).rows()
    assert (row["outage_id"], row["start"], row["start_precision"]) == ("arbitrum-one-20240608", "2024-06-08", "day")
