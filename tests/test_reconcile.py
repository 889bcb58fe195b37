"""What becomes of many reports: one account of each outage, whatever their order, and the record never overwritten."""

import random
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insure import dataset
from insure.errors import InvalidInput
from insure.ingest.matching import ASSUMED_SECONDS, group
from insure.ingest.reconcile import Finding, Settled, Standing, digest, reconcile
from insure.ingest.reports import Moment, Report, SourceKind, of_record
from insure.records.history import Ended, Outage, Peril, Precision, Severity, Stopped

CHAIN, OTHER = "eip155:42161", "eip155:10"
SLUGS = {CHAIN: "arbitrum-one", OTHER: "optimism", "svc:cloud": "cloud"}
HOUR, MINUTE, DAY = 3_600, 60, 86_400


def clock(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def at(text: str) -> Moment:
    """A day, or a clock time to the minute."""
    return Moment(clock(text), Precision.MINUTE if "T" in text else Precision.DAY)


def report(start: str, until: str = "", kind: SourceKind = SourceKind.STATUS_PAGE, **more: object) -> Report:
    """A report by one source of each kind, named by its start."""
    given: dict[str, object] = {
        "source": str(kind),
        "reference": start,
        "kind": kind,
        "url": f"https://{kind}.example/{start}",
        "seen_at": clock("2026-01-01"),
        "subject": CHAIN,
        "start": at(start),
        "end": at(until) if until else None,
    }
    return Report(**(given | more))  # type: ignore[arg-type]  # a test's fields


def recorded(start: str, **more: object) -> Outage:
    given: dict[str, object] = {
        "id": f"arbitrum-one-{start[:10].replace('-', '')}",
        "event_id": f"arbitrum-one-{start[:10].replace('-', '')}",
        "subject": CHAIN,
        "what_stopped": Stopped.BLOCK_PRODUCTION,
        "start": at(start).at,
        "start_precision": at(start).precision,
        "end": None,
        "end_precision": None,
        "ended": Ended.RESUMED,
        "duration_low_seconds": None,
        "duration_high_seconds": None,
        "severity": Severity.FULL_HALT,
        "peril": Peril.SEQUENCER_BUG,
        "usable": True,
        "unusable_reason": "",
        "root_cause": "a bug",
        "sources": ("https://record.example",),
        "confidence": "high",
        "notes": "",
    }
    return Outage(**(given | more))  # type: ignore[arg-type]  # a test's fields


def only(findings: tuple[Finding, ...]) -> Finding:
    assert len(findings) == 1, [each.outage_id for each in findings]
    return findings[0]


POST_MORTEM, ON_CHAIN = SourceKind.POST_MORTEM, SourceKind.ON_CHAIN
STATUS, PRESS = SourceKind.STATUS_PAGE, SourceKind.PRESS


# Matching


def test_a_status_page_posts_late_and_means_the_same_outage() -> None:
    found = only(
        reconcile(
            [
                report("2024-06-08T16:03", "2024-06-08T18:10"),
                report("2024-06-08T15:47", "2024-06-08T17:58", POST_MORTEM),
            ],
            [],
            SLUGS,
        )
    )
    assert found.account.start == at("2024-06-08T15:47")
    assert found.account.length == (131 * MINUTE, 131 * MINUTE)
    assert found.disagreements == ()
    assert found.outage_id == "arbitrum-one-20240608T1547"


def test_a_day_in_the_press_is_narrowed_by_a_clock_time_within_it() -> None:
    found = only(reconcile([report("2024-06-08", kind=PRESS), report("2024-06-08T15:47")], [], SLUGS))
    assert found.account.start == at("2024-06-08T15:47")


def test_outages_of_different_days_are_two() -> None:
    findings = reconcile([report("2024-06-08", kind=PRESS), report("2024-06-10T15:47")], [], SLUGS)
    assert [each.outage_id for each in findings] == ["arbitrum-one-20240608", "arbitrum-one-20240610T1547"]


def test_one_source_tells_two_outages_of_one_day_apart() -> None:
    pages = [report("2024-06-08T03:00", "2024-06-08T04:00"), report("2024-06-08T04:10", "2024-06-08T05:00")]
    headers = [
        report("2024-06-08T02:50", "2024-06-08T03:55", ON_CHAIN),
        report("2024-06-08T04:05", "2024-06-08T04:55", ON_CHAIN),
    ]
    findings = reconcile(pages + headers, [], SLUGS)
    assert [len(each.reports) for each in findings] == [2, 2]
    assert [each.account.start for each in findings] == [at("2024-06-08T02:50"), at("2024-06-08T04:05")]


def test_a_day_on_which_there_were_two_names_neither() -> None:
    pages = [report("2024-06-08T03:00", "2024-06-08T04:00"), report("2024-06-08T14:00", "2024-06-08T15:00")]
    findings = reconcile([*pages, report("2024-06-08", kind=PRESS)], [], SLUGS)
    assert [len(each.reports) for each in findings] == [1, 1]
    assert all(each.doubts == ("press 2024-06-08 may be of another outage as well",) for each in findings)


def test_of_two_outages_of_one_day_the_length_tells_which_is_meant() -> None:
    pages = [report("2024-06-08T03:00", "2024-06-08T04:00"), report("2024-06-08T14:00", "2024-06-08T19:00")]
    told = report("2024-06-08", kind=PRESS, low_seconds=4 * HOUR, high_seconds=6 * HOUR)
    findings = reconcile([*pages, told], [], SLUGS)
    assert [len(each.reports) for each in findings] == [1, 2]


def test_a_halted_bridge_is_no_halted_chain() -> None:
    bridge = report("2024-06-08T15:00", kind=PRESS, what_stopped=Stopped.BRIDGE)
    chain = report("2024-06-08T15:00", what_stopped=Stopped.BLOCK_PRODUCTION)
    assert len(reconcile([bridge, chain], [], SLUGS)) == 2


def test_whether_somebody_decided_it_is_a_detail_of_one_halt() -> None:
    found = only(
        reconcile(
            [
                report("2024-06-08T15:00", kind=ON_CHAIN, what_stopped=Stopped.BLOCK_PRODUCTION),
                report("2024-06-08T15:00", kind=POST_MORTEM, what_stopped=Stopped.DELIBERATE),
            ],
            [],
            SLUGS,
        )
    )
    assert found.account.what_stopped is Stopped.DELIBERATE
    assert found.disagreements == ()


def test_another_peril_needs_a_real_overlap() -> None:
    first = report("2024-06-08T15:00", "2024-06-08T16:00", peril=Peril.CLIENT_BUG)
    near = report("2024-06-08T16:10", "2024-06-08T17:00", PRESS, peril=Peril.CLOUD_OR_HARDWARE)
    assert len(reconcile([first, near], [], SLUGS)) == 2
    assert len(reconcile([first, replace(near, peril=Peril.CLIENT_BUG)], [], SLUGS)) == 1
    assert len(reconcile([first, replace(near, start=at("2024-06-08T15:30"))], [], SLUGS)) == 1


def test_an_outage_of_unknown_end_reaches_as_far_as_outages_commonly_do() -> None:
    first = report("2024-06-08T00:00", kind=POST_MORTEM)
    within = report("2024-06-08T05:00", kind=PRESS)
    assert len(reconcile([first, within], [], SLUGS)) == 1
    later = replace(within, start=Moment(first.start.at + ASSUMED_SECONDS + HOUR, Precision.MINUTE))
    assert len(reconcile([first, later], [], SLUGS)) == 2


def test_planned_work_is_never_an_outage() -> None:
    planned = report("2024-06-08T15:00", "2024-06-08T16:00", planned=True, reference="upgrade")
    halt = report("2024-06-08T15:10", "2024-06-08T15:50", PRESS)
    findings = reconcile([planned, halt], [], SLUGS)
    assert [each.account.planned for each in findings] == [True, False]
    assert all(each.doubts == () for each in findings)


def test_planned_work_that_takes_longer_is_an_outage_from_then_on() -> None:
    work = report("2024-06-08T15:00", "2024-06-08T19:00", planned=True, announced_until=clock("2024-06-08T16:00"))
    planned, unplanned = reconcile([work], [], SLUGS)
    assert (planned.account.planned, planned.account.length) == (True, (HOUR, HOUR))
    assert (unplanned.account.planned, unplanned.account.length) == (False, (3 * HOUR, 3 * HOUR))
    assert unplanned.account.peril is Peril.UPGRADE_FAILURE
    assert planned.event_id == unplanned.event_id


def test_planned_work_done_in_time_is_planned_only() -> None:
    work = report("2024-06-08T15:00", "2024-06-08T16:00", planned=True, announced_until=clock("2024-06-08T16:00"))
    assert only(reconcile([work], [], SLUGS)).account.planned


# Choosing


def test_the_most_believed_source_stands_and_the_others_are_kept() -> None:
    reports = [
        report("2024-06-08T15:00", "2024-06-08T20:00", PRESS),
        report("2024-06-08T16:00", "2024-06-08T18:00", STATUS),
        report("2024-06-08T16:50", "2024-06-08T17:30", ON_CHAIN),
        report("2024-06-08T16:40", "2024-06-08T17:20", POST_MORTEM),
    ]
    found = only(reconcile(reports, [], SLUGS))
    assert found.account.start == at("2024-06-08T16:40")
    assert [each.kind for each in found.reports] == [POST_MORTEM, ON_CHAIN, STATUS, PRESS]
    assert {(each.field, each.source) for each in found.disagreements} == {
        ("start", "on_chain"),  # both are exact, so minutes matter
        ("end", "on_chain"),
        ("start", "status_page"),
        ("end", "status_page"),
        ("length", "status_page"),
        ("start", "press"),
        ("end", "press"),
        ("length", "press"),
    }
    assert found.sources[0].startswith("https://post_mortem")


def test_what_the_better_source_leaves_open_another_fills() -> None:
    found = only(
        reconcile(
            [
                report("2024-06-08", kind=POST_MORTEM, peril=Peril.CONSENSUS_BUG),
                report("2024-06-08T15:00", "2024-06-08T16:00", ON_CHAIN, what_stopped=Stopped.BLOCK_PRODUCTION),
                report("2024-06-08", kind=PRESS, severity=Severity.FULL_HALT, peril=Peril.OTHER),
            ],
            [],
            SLUGS,
        )
    )
    told = found.account
    assert (told.start, told.length, told.ended) == (at("2024-06-08T15:00"), (HOUR, HOUR), Ended.RESUMED)
    assert (told.what_stopped, told.severity) == (Stopped.BLOCK_PRODUCTION, Severity.FULL_HALT)
    assert told.peril is Peril.CONSENSUS_BUG
    assert told.said_by["start"] == "on_chain"
    assert [(each.field, each.against) for each in found.disagreements] == [("peril", "other")]


def test_a_lower_bound_is_narrowed_by_an_end() -> None:
    while_down = report("2024-06-08T15:00", kind=PRESS, low_seconds=2 * HOUR)
    found = only(reconcile([while_down], [], SLUGS))
    assert found.account.length == (2 * HOUR, None)
    found = only(reconcile([while_down, report("2024-06-08T15:00", "2024-06-08T20:00")], [], SLUGS))
    assert found.account.length == (5 * HOUR, 5 * HOUR)


def test_an_end_by_one_source_before_the_start_by_a_better_one_is_left_out() -> None:
    early = report("2024-06-08T14:00", "2024-06-08T14:50", PRESS)
    better = report("2024-06-08T15:10", kind=POST_MORTEM)
    found = only(reconcile([early, better], [], SLUGS))
    assert found.account.end is None
    assert found.account.start == at("2024-06-08T15:10")


# Events


def test_what_one_page_reports_of_several_chains_is_one_event() -> None:
    findings = reconcile(
        [
            report("2024-06-08T15:00", reference="cloud", subject=OTHER),
            report("2024-06-08T15:20", reference="cloud", subject=CHAIN),
        ],
        [],
        SLUGS,
    )
    assert [each.event_id for each in findings] == ["optimism-20240608T1500"] * 2


def test_a_halt_within_that_of_its_cause_is_its_child() -> None:
    cause = report("2024-06-08T15:00", "2024-06-08T18:00", subject="svc:cloud")
    child = report("2024-06-08T15:30", "2024-06-08T18:30")
    later = report("2024-06-09T15:30")
    findings = reconcile([cause, child, later], [], SLUGS, causes=[(CHAIN, "svc:cloud")])
    events = {each.outage_id: each.event_id for each in findings}
    assert events["arbitrum-one-20240608T1530"] == events["cloud-20240608T1500"]
    assert events["arbitrum-one-20240609T1530"] == "arbitrum-one-20240609T1530"


def test_events_that_the_record_keeps_apart_stay_apart() -> None:
    cause = recorded("2024-06-08T15:00", id="cloud-20240608", event_id="cloud-20240608", subject="svc:cloud")
    child = recorded("2024-06-08T15:30", end=clock("2024-06-08T18:00"), end_precision=Precision.MINUTE)
    findings = reconcile([], [cause, child], SLUGS, causes=[(CHAIN, "svc:cloud")])
    assert sorted(each.event_id for each in findings) == ["arbitrum-one-20240608", "cloud-20240608"]


# Beside the record


def test_the_record_alone_is_confirmed_in_whole() -> None:
    history = dataset.load()
    slugs = {subject.id: subject.slug for subject in history.subjects}
    causes = [(each.subject, each.cause) for each in history.dependencies]
    findings = reconcile([], history.outages, slugs, causes=causes)
    assert {each.outage_id for each in findings} == {outage.id for outage in history.outages}
    assert {each.standing for each in findings} == {Standing.CONFIRMED}
    assert {each.outage_id: each.event_id for each in findings} == {each.id: each.event_id for each in history.outages}


def test_what_the_record_says_stands_against_every_source() -> None:
    row = recorded("2024-06-08T15:00", end=clock("2024-06-08T16:00"), end_precision=Precision.MINUTE)
    other = report("2024-06-08T15:45", "2024-06-08T18:00", POST_MORTEM, peril=Peril.CLIENT_BUG)
    found = only(reconcile([other], [row], SLUGS))
    assert (found.outage_id, found.standing, found.changes) == (row.id, Standing.DISPUTED, ())
    assert found.account.start.at == row.start
    assert [each.field for each in found.disagreements] == ["start", "end", "length", "peril"]


def test_a_decision_for_the_record_settles_that_word_and_no_other() -> None:
    row = recorded("2024-06-08T15:00")
    told = report("2024-06-08T15:50", kind=POST_MORTEM)
    against = only(reconcile([told], [row], SLUGS)).disagreements[0].against
    kept = Settled(row.id, "start", told.source, told.reference, against)
    assert only(reconcile([told], [row], SLUGS, settled=[kept])).standing is Standing.CONFIRMED
    again = replace(told, start=at("2024-06-08T15:55"), seen_at=told.seen_at + 1)
    assert only(reconcile([told, again], [row], SLUGS, settled=[kept])).standing is Standing.DISPUTED


def test_a_narrower_source_is_told_as_a_change_with_its_reason() -> None:
    row = recorded("2024-06-08")
    found = only(reconcile([report("2024-06-08T15:00", "2024-06-08T16:30", ON_CHAIN)], [row], SLUGS))
    assert found.standing is Standing.NARROWED
    changes = {each.field: (each.before, each.after, each.reason) for each in found.changes}
    assert changes["start"] == (
        "2024-06-08 00:00:00 (day)",
        "2024-06-08 15:00:00 (minute)",
        "narrower by on_chain",
    )
    assert changes["length"] == ("", "1 h 30 min", "narrower by on_chain")
    assert set(changes) == {"start", "end", "length"}


def test_a_new_outage_beside_a_recorded_one_is_doubted() -> None:
    row = recorded("2024-06-08T10:00", duration_low_seconds=DAY, duration_high_seconds=DAY)
    headers = [
        report("2024-06-08T10:00", "2024-06-08T14:00", ON_CHAIN),
        report("2024-06-08T15:00", "2024-06-09T10:00", ON_CHAIN),
    ]
    findings = reconcile(headers, [row], SLUGS)
    assert [each.standing for each in findings] == [Standing.DISPUTED, Standing.NEW]
    assert findings[1].doubts == (f"overlaps {row.id}",)


def test_an_id_that_is_taken_gets_a_number() -> None:
    row = recorded("2024-06-01", id="arbitrum-one-20240608T1500")
    found = reconcile([report("2024-06-08T15:00")], [row], SLUGS)
    assert [each.outage_id for each in found] == ["arbitrum-one-20240608T1500", "arbitrum-one-20240608T1500-2"]


def test_what_was_dismissed_is_gone_until_its_source_says_something_else() -> None:
    told = report("2024-06-08T15:00", text="explorer is slow")
    gone = {digest(told)}
    assert reconcile([told], [], SLUGS, dismissed=gone) == ()
    assert reconcile([replace(told, seen_at=told.seen_at + 5)], [], SLUGS, dismissed=gone) == ()
    assert len(reconcile([replace(told, text="the chain has stopped")], [], SLUGS, dismissed=gone)) == 1


def test_what_lasts_has_lasted_until_it_was_seen_and_stays_dismissed() -> None:
    told = report("2024-06-08T15:00", lasts=True, seen_at=clock("2024-06-08T16:30"))
    assert only(reconcile([told], [], SLUGS)).account.length == (90 * MINUTE, None)
    later = replace(told, seen_at=clock("2024-06-09T03:00"))
    assert only(reconcile([later, told], [], SLUGS)).account.length == (12 * HOUR, None)
    assert reconcile([later], [], SLUGS, dismissed={digest(told)}) == (), "it says what it said"


def test_an_incident_that_a_page_forgot_to_close_is_not_a_later_outage() -> None:
    told = report("2024-06-01T01:00", lasts=True, seen_at=clock("2024-06-20T00:00"))
    assert len(reconcile([told, report("2024-06-08T20:00", "2024-06-08T21:00", kind=PRESS)], [], SLUGS)) == 2


def test_what_has_an_end_does_not_last() -> None:
    with pytest.raises(InvalidInput, match="lasts, and ends at"):
        report("2024-06-08T15:00", "2024-06-08T16:00", lasts=True)


def test_what_a_source_said_last_counts() -> None:
    first = report("2024-06-08T15:00")
    last = replace(first, end=at("2024-06-08T17:00"), seen_at=first.seen_at + 60)
    assert only(reconcile([last, first], [], SLUGS)).account.length == (2 * HOUR, 2 * HOUR)


def test_a_subject_nobody_knows_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"report 2024-06-08 of press: subject eip155:999999 is unknown"):
        reconcile([report("2024-06-08", kind=PRESS, subject="eip155:999999")], [], SLUGS)


def test_nobody_but_the_record_speaks_as_the_record() -> None:
    with pytest.raises(InvalidInput, match="only the record itself"):
        reconcile([of_record(recorded("2024-06-08"))], [], SLUGS)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"end": at("2024-06-07T15:00")}, "before its start"),
        ({"low_seconds": 10, "high_seconds": 5}, "which is no length"),
        ({"low_seconds": 0, "high_seconds": 0}, "which is no length"),
        ({"reference": ""}, "must be given"),
    ],
)
def test_a_report_that_contradicts_itself_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        report("2024-06-08T15:00", **fields)


# Laws

BEGIN = clock("2024-06-01")


@st.composite
def reports(draw: st.DrawFn) -> Report:
    kind = draw(st.sampled_from([POST_MORTEM, ON_CHAIN, STATUS, PRESS]))
    precision = draw(st.sampled_from(Precision))
    start = BEGIN + draw(st.integers(0, 4 * 24 * 6)) * 600
    length = draw(st.none() | st.integers(1, 300))
    if precision is Precision.DAY:
        start -= start % DAY
    planned = draw(st.sampled_from([False, False, False, True]))
    return Report(
        source=f"{kind}:{draw(st.sampled_from('ab'))}",
        reference=str(draw(st.integers(0, 5))),
        kind=kind,
        url=f"https://example/{kind}",
        seen_at=draw(st.integers(0, 3)),
        subject=draw(st.sampled_from([CHAIN, OTHER])),
        start=Moment(start, precision),
        end=None if length is None else Moment(start + max(length * 600, DAY), precision),
        low_seconds=draw(st.none() | st.integers(0, 10 * HOUR)),
        what_stopped=draw(st.none() | st.sampled_from([*Stopped][:3])),
        peril=draw(st.none() | st.sampled_from([*Peril][:2])),
        planned=planned,
        announced_until=start + HOUR if planned else None,
        event=draw(st.sampled_from(["", "", "e"])),
        lasts=length is None and draw(st.booleans()),
    )


ROWS = [
    recorded("2024-06-02"),
    recorded("2024-06-03T08:00", end=clock("2024-06-03T12:00"), end_precision=Precision.MINUTE),
    recorded("2024-06-03T18:00", id="arbitrum-one-20240603T1800", duration_low_seconds=HOUR),
]


@settings(max_examples=300, deadline=None)
@given(st.lists(reports(), max_size=12), st.integers(0, 2**32))
def test_order_and_repetition_change_nothing(told: list[Report], seed: int) -> None:
    causes = [(CHAIN, OTHER)]
    first = reconcile(told, ROWS, SLUGS, causes=causes)
    shuffled = told + told[::2]
    random.Random(seed).shuffle(shuffled)
    assert reconcile(shuffled, ROWS[::-1], SLUGS, causes=causes) == first


@settings(max_examples=300, deadline=None)
@given(st.lists(reports(), max_size=12))
def test_no_report_is_lost_and_no_row_is_touched(told: list[Report]) -> None:
    findings = reconcile(told, ROWS, SLUGS)
    kept = [report.key for each in findings for report in each.reports if report.kind is not SourceKind.RECORD]
    assert len(kept) == len(set(kept)), "a report is of one outage"
    unsure = {report.key for each in group([*told, *map(of_record, ROWS)]) for report in each.maybe}
    named = {(source, reference.removesuffix(" overrun"), subject) for source, reference, subject in {*kept, *unsure}}
    assert named == {each.key for each in told}
    assert len({each.outage_id for each in findings}) == len(findings)
    rows = {each.outage_id: each.record for each in findings if each.record is not None}
    assert rows == {row.id: row for row in ROWS}
    for found in findings:
        if found.record is not None:
            assert found.event_id == found.record.event_id
            narrowed, own = found.account.start.interval, found.record.start_interval
            assert own[0] <= narrowed[0] <= narrowed[1] <= own[1]
