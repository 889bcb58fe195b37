"""L2BEAT's milestones: incidents of a project file become reports of a day, and nothing else of it is understood."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insure.errors import InvalidInput
from insure.ingest.milestones import read_milestones
from insure.ingest.reports import Report, SourceKind
from insure.records.history import DAY_SECONDS, Precision

NOW = 1_760_000_000
ADDRESS = "https://projects.example/testchain.ts"
STALL = """{
      title: 'Chain stall',
      url: 'https://status.example/incidents/1',
      date: '2023-09-05T00:00:00Z',
      description:
        'Due to an RPC issue, the sequencer stops producing blocks for ~30 minutes.',
      type: 'incident',
    }"""
LAUNCH = "{ title: 'Launch', url: 'https://x.example/1', date: '2023-07-13T00:00:00.00Z', type: 'general' }"


def project_file(*milestones: str) -> bytes:
    """A project file as L2BEAT writes them, in our own words."""
    return f"""import {{ opStackL2 }} from '../../templates/opStack'
// milestones: [ {{ title: 'of a comment' }} ]
const text = "milestones: [ 'of a text' ]"
export const testchain: ScalingProject = opStackL2({{
  display: {{ name: 'Test Chain', links: {{ websites: ['https://test.example/'] }} }},
  genesisTimestamp: UnixTime(1686074603), /* milestones: [ */
  milestones: [{", ".join(milestones)}],
  riskView: {{ value: `${{days}} days`, pattern: /[a-z]/ }},
}})
""".encode()


def read(*milestones: str) -> tuple[tuple[Report, ...], tuple[str, ...]]:
    return read_milestones(project_file(*milestones), "testchain", "milestones:testchain", "eip155:10", ADDRESS, NOW)


def incident(**fields: str) -> str:
    """An incident, some of whose fields are written otherwise."""
    written = {
        "title": "'Halt'",
        "url": "'https://x.example/2'",
        "date": "'2024-05-13T00:00:00Z'",
        "type": "'incident'",
    }
    return "{" + ", ".join(f"{key}: {value}" for key, value in (written | fields).items() if value) + "}"


def test_an_incident_is_the_words_of_the_press_on_a_day() -> None:
    ((report,), rejected) = read(LAUNCH, STALL)
    assert rejected == ()
    assert (report.kind, report.start.precision, report.end, report.length) == (
        SourceKind.PRESS,
        Precision.DAY,
        None,
        None,
    )
    assert report.start.interval == (1_693_872_000, 1_693_872_000 + DAY_SECONDS)
    assert (report.what_stopped, report.severity, report.peril) == (None, None, None), "a person reads what stopped"
    assert report.url == "https://status.example/incidents/1"
    assert report.text == ("Chain stall: Due to an RPC issue, the sequencer stops producing blocks for ~30 minutes.")


def test_what_is_no_incident_is_passed_over() -> None:
    assert read(LAUNCH) == ((), ())
    assert read() == ((), ())


def test_a_time_of_day_is_that_day_in_utc() -> None:
    ((report,), _) = read(incident(date="'2024-05-13T22:30:00-05:00'"))
    assert report.start.at == 1_715_644_800, "14 May"


def test_without_an_address_of_its_own_it_is_read_where_the_file_is() -> None:
    ((report,), _) = read(incident(url=""))
    assert report.url == ADDRESS


def test_texts_may_be_quoted_escaped_and_joined() -> None:
    ((report,), _) = read(
        incident(title='"It\'s down"', description=r"`over ` + 'two \'days\' \u2014 ' +" + '\n "or so"')
    )
    assert report.text == "It's down: over two 'days' \u2014 or so"


def test_what_is_put_together_at_run_time_is_rejected_where_it_is_needed() -> None:
    ((report,), rejected) = read(incident(description="`by ${name}`"), incident(title="`${name} halts`"))
    assert report.text == "Halt"
    assert rejected == ("milestone 2 of testchain: title is 'None': must be a text",)


def test_an_incident_told_twice_is_one_and_two_of_a_day_are_two() -> None:
    assert len(read(STALL, STALL)[0]) == 1
    assert len(read(STALL, STALL.replace("incidents/1", "incidents/2"))[0]) == 2


@pytest.mark.parametrize(
    ("milestone", "complaint"),
    [
        (incident(date=""), "date is None: must be a time up to now"),
        (incident(date="'2099-01-01T00:00:00Z'"), "must be a time up to now"),
        (incident(date="'yesterday'"), "date is 'yesterday': must be an ISO 8601 time"),
        (incident(date="'2024-05-13'"), "must say its zone"),
        (incident(date="DAY_OF_HALT"), "date is None"),
        (incident(type="KIND"), "type is 'None': must be a text"),
        ("...shared", "begins with '.': must be an object"),
        ("HALT", "begins with 'HALT': must be an object"),
    ],
)
def test_a_milestone_that_can_not_be_read_is_told(milestone: str, complaint: str) -> None:
    reports, (line,) = read(STALL, milestone)
    assert len(reports) == 1
    assert line.startswith("milestone 2 of testchain: ") and complaint in line


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"<html>gone</html>", "no list of milestones"),
        (b"export const a = { milestones: LATER }", "no list of milestones"),
        (b"\xff\xfe", "is no text"),
        (project_file(STALL)[:-120], "is not whole"),
        (b"milestones: [" * 100_000, "is not whole"),
        (b" " * 10_000_001, "must have at most"),
    ],
)
def test_another_answer_is_refused(body: bytes, complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        read_milestones(body, "testchain", "milestones:testchain", "eip155:10", ADDRESS, NOW)


@given(
    st.lists(st.sampled_from([*"{}[](),:'\"`\\/*$+", "milestones", "\n", "type", "incident", STALL, " "]), max_size=30)
)
def test_whatever_the_file_holds_it_is_reports_or_a_refusal(parts: list[str]) -> None:
    try:
        reports, _ = read(*parts)
    except InvalidInput:
        return
    assert all(report.start.at <= NOW for report in reports)
