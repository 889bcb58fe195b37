"""data/sources.csv: which source tells of which subject, and from archived answers to reports."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from eth_utils.crypto import keccak

from insure import dataset
from insure.chain.rpc import Chain
from insure.errors import DatasetError, InvalidInput, NotConfigured, SourceError
from insure.ingest.archive import Archive
from insure.ingest.collect import ask, chain_of, collect
from insure.ingest.fetch import Fetcher, Manners
from insure.ingest.matching import latest
from insure.ingest.reports import Report
from insure.ingest.sources import FILE, HEADER, Form, Source, parse_sources
from insure.ingest.uptime_feed import Round
from insure.ingest.uptime_history import ask_feed
from insure.records.history import Ended
from tests.scripted_node import ScriptedNode
from tests.scripted_page import Play, ScriptedPage
from tests.test_incidents import INSTATUS, atom, betterstack_page, update
from tests.test_milestones import STALL, project_file
from tests.test_statuspage import incident
from tests.test_uptime_feed import FEED, PHASE, ROUNDS, T0, node

ROOT = Path(__file__).resolve().parent.parent
NOW = 1_760_000_000
SUBJECTS = ("eip155:10", "eip155:42161")


def table(*rows: str) -> bytes:
    return "\n".join([HEADER, *rows, ""]).encode()


# The table


def test_the_packaged_table_is_sound() -> None:
    subjects = [subject.id for subject in dataset.load().subjects]
    sources = parse_sources((ROOT / "data" / FILE).read_bytes(), subjects)
    assert {Form.STATUSPAGE, Form.INSTATUS, Form.UPTIME_FEED} <= {source.form for source in sources}
    assert all(source.evidence for source in sources)


def test_a_page_of_several_subjects_has_one_name() -> None:
    rows = [f"statuspage,https://Status.Example/,{subject},Mainnet;Sequencer,seen" for subject in SUBJECTS]
    first, second = parse_sources(table(*rows), SUBJECTS)
    assert first.name == second.name == "statuspage:status.example"
    assert first.components == ("Mainnet", "Sequencer")
    assert first.urls == (
        "https://Status.Example/api/v2/incidents.json",
        "https://Status.Example/api/v2/scheduled-maintenances.json",
    )


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("blog,https://x.example,eip155:10,,seen", "form: 'blog' is not one of statuspage"),
        ("statuspage,http://x.example,eip155:10,,seen", "address: 'http://x.example' must begin with https://"),
        ("statuspage,,eip155:10,,seen", "address: is empty"),
        ("statuspage,https://x.example,eip155:1,,seen", "subject: 'eip155:1' is not an id in subjects.csv"),
        ("statuspage,https://x.example,eip155:10,,", "evidence: is empty"),
        ("uptime_feed,https://x.example,eip155:10,,seen", "must be a contract's address"),
        ("uptime_feed,0x1234,eip155:10,,seen", "must be a contract's address"),
    ],
)
def test_a_row_that_is_wrong_is_named(row: str, complaint: str) -> None:
    with pytest.raises(DatasetError) as caught:
        parse_sources(table(row), SUBJECTS)
    assert str(caught.value).startswith("sources.csv:2:")
    assert complaint in str(caught.value)


def test_a_page_is_given_once_for_a_subject() -> None:
    row = "statuspage,https://x.example,eip155:10,,seen"
    with pytest.raises(DatasetError, match=r"sources.csv:3:address: .* tells of eip155:10 already in line 2"):
        parse_sources(table(row, row + " again"), SUBJECTS)


def test_a_page_nobody_has_looked_into_is_not_asked() -> None:
    (source,) = parse_sources(table("unknown,https://x.example,eip155:10,,seen"), SUBJECTS)
    assert source.urls == ()


# From page to reports

Serve = Callable[[bytes], tuple[Source, Source]]


def page_sources(url: str, components: tuple[str, ...] = ()) -> tuple[Source, ...]:
    return (
        Source(Form.STATUSPAGE, url, "eip155:42161", components, "seen"),
        Source(Form.STATUSPAGE, url, "eip155:10", ("Explorer",), "seen"),
    )


def fetcher_of(archive: Archive, attempts: int = 1) -> Fetcher:
    return Fetcher(archive, lambda: NOW, Manners(between=0.0, attempts=attempts), sleep=lambda seconds: None)


def play(*incidents: object) -> Play:
    return Play(json.dumps({"incidents": list(incidents)}).encode())


@pytest.mark.network
def test_a_page_becomes_reports_of_the_subjects_it_concerns(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    with ScriptedPage(lambda n, h: play(incident())) as page:
        sources = page_sources(page.url)
        assert ask(sources[0].name, sources, fetcher_of(archive), NOW) == 2, "one of each list"
    found = collect(archive, sources)
    assert {report.subject for report in found.reports} == {"eip155:42161"}, "it is no incident of the explorer"
    assert found.reports[0].text == "Block production halted"
    assert found.rejected == ()


@pytest.mark.network
def test_a_repaired_parser_reaches_what_was_archived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = Archive(tmp_path)
    with ScriptedPage(lambda n, h: Play(b'{"outages": []}')) as page:
        sources = page_sources(page.url)
        with pytest.raises(SourceError, match="no list of incidents"):
            ask(sources[0].name, sources, fetcher_of(archive), NOW)
    assert len(archive.entries()) == 1, "what could not be read is kept"
    assert "no list of incidents" in collect(archive, sources).rejected[0]

    from insure.ingest import sources as module
    from insure.ingest.incidents import Reading

    repaired = module._Maker((), lambda payload, now: Reading((), ()))
    monkeypatch.setitem(module._MAKERS, Form.STATUSPAGE, repaired)
    assert collect(archive, sources).rejected == ()


@pytest.mark.network
def test_a_page_all_of_whose_incidents_are_rejected_has_changed(tmp_path: Path) -> None:
    with ScriptedPage(lambda n, h: play(incident(created_at=..., started_at=...))) as page:
        sources = page_sources(page.url)
        with pytest.raises(SourceError, match="nothing can be trusted, 1 rejected: incident abc123: has neither"):
            ask(sources[0].name, sources, fetcher_of(Archive(tmp_path)), NOW)


@pytest.mark.network
def test_a_page_that_tells_of_others_only_has_not_changed(tmp_path: Path) -> None:
    odd = incident(id="odd", started_at="noon")
    with ScriptedPage(lambda n, h: play(incident(), odd)) as page:
        sources = page_sources(page.url, ("Bridge",))
        assert ask(sources[0].name, sources, fetcher_of(Archive(tmp_path)), NOW) == 2
    assert collect(Archive(tmp_path), sources).reports == ()


@pytest.mark.network
def test_what_a_page_forgets_is_not_forgotten(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    with ScriptedPage(lambda n, h: play(incident()) if n < 2 else play(incident(id="newer"))) as page:
        sources = page_sources(page.url)
        for _ in range(2):
            ask(sources[0].name, sources, fetcher_of(archive), NOW)
    assert {report.reference for report in collect(archive, sources).reports} == {"abc123", "newer"}


# Pages that tell of the past, and are emptied

DAY = 86_400
EMPTIED = r"tells of no incident, and told of 1 at 2025-10-09 08:53:20: .* emptied or moved"


@pytest.mark.network
def test_a_page_that_is_emptied_fails_and_nothing_is_forgotten(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    with ScriptedPage(lambda n, h: play(incident()) if n < 2 else play()) as page:
        sources = page_sources(page.url)
        ask(sources[0].name, sources, fetcher_of(archive), NOW)
        for _ in range(2):
            with pytest.raises(SourceError, match=EMPTIED):
                ask(sources[0].name, sources, fetcher_of(archive), NOW)
        assert len(page.paths) == 6, "the second list is asked for all the same"
    assert {report.reference for report in collect(archive, sources).reports} == {"abc123"}


@pytest.mark.network
def test_a_feed_that_is_emptied_fails(tmp_path: Path) -> None:
    bodies = [ANSWERS[Form.FEED], b'<feed xmlns="http://www.w3.org/2005/Atom"/>']
    with ScriptedPage(lambda n, h: Play(bodies[min(n, 1)])) as page:
        source = Source(Form.FEED, page.url, "eip155:10", (), "seen")
        ask(source.name, [source], fetcher_of(Archive(tmp_path)), NOW)
        with pytest.raises(SourceError, match=EMPTIED):
            ask(source.name, [source], fetcher_of(Archive(tmp_path)), NOW)


@pytest.mark.network
@pytest.mark.parametrize(("since", "fails"), [(29, True), (31, False)])
def test_a_page_that_has_long_been_empty_is_empty(tmp_path: Path, since: int, fails: bool) -> None:
    """What has not changed is archived once: the answer that told something stood until the empty one came."""
    archive = Archive(tmp_path)
    with ScriptedPage(lambda n, h: play()) as page:
        sources = page_sources(page.url)
        for url in sources[0].urls:
            archive.keep(ANSWERS[Form.STATUSPAGE], sources[0].name, url, NOW - 90 * DAY)
            archive.keep(b"<html>", sources[0].name, url, NOW - (since + 1) * DAY)
            archive.keep(b'{"incidents": [ ]}', sources[0].name, url, NOW - since * DAY)
        if fails:
            with pytest.raises(SourceError, match="told of 1 at 2025-07-11"):
                ask(sources[0].name, sources, fetcher_of(archive), NOW)
        else:
            assert ask(sources[0].name, sources, fetcher_of(archive), NOW) == 0


@pytest.mark.network
def test_a_page_that_tells_of_what_lasts_may_tell_nothing(tmp_path: Path) -> None:
    bodies = [ANSWERS[Form.INSTATUS], b'{"page": {}}']
    with ScriptedPage(lambda n, h: Play(bodies[min(n, 1)])) as page:
        source = Source(Form.INSTATUS, page.url, "eip155:10", (), "seen")
        assert [ask(source.name, [source], fetcher_of(Archive(tmp_path)), NOW) for _ in range(2)] == [1, 0]


# Pages that tell of what lasts, and never of its end

HALT = {"name": "Halt", "started": "2025-03-04T15:47:13Z", "status": "IDENTIFIED", "url": "https://x.example/1"}
BEGAN = 1_741_103_233
WORK = {"name": "Upgrade", "start": "2025-03-04T15:00:00Z", "status": "INPROGRESS", "url": "https://x.example/2"}


def summary(*incidents: object, work: tuple[object, ...] = ()) -> bytes:
    return json.dumps({"page": {"name": "X"}, "activeIncidents": incidents, "activeMaintenances": work}).encode()


def told_by_summaries(archive: Archive, *answers: tuple[int, bytes]) -> tuple[Report, ...]:
    """The last word on each incident, of answers given so many seconds after the halt began."""
    source = Source(Form.INSTATUS, "https://x.example", "eip155:10", (), "seen")
    for after, body in answers:
        archive.keep(body, source.name, source.urls[0], BEGAN + after)
    return tuple(latest(collect(archive, [source]).reports))


def test_an_incident_that_is_told_no_more_ended_between_two_answers(tmp_path: Path) -> None:
    answers = ((600, summary(HALT)), (900, summary(HALT)), (1_800, summary()), (2_700, summary()))
    (told,) = told_by_summaries(Archive(tmp_path), *answers)
    assert (told.length, told.ended, told.end, told.lasts) == ((900, 1_800), Ended.RESUMED, None, False)
    assert told.seen_at == BEGAN + 1_800


def test_one_that_comes_back_lasts(tmp_path: Path) -> None:
    (told,) = told_by_summaries(Archive(tmp_path), (600, summary(HALT)), (900, summary()), (1_800, summary(HALT)))
    assert (told.length, told.lasts) == ((1_800, None), True)
    (told,) = told_by_summaries(Archive(tmp_path), (2_700, summary()))
    assert told.length == (1_800, 2_700)


def test_while_it_is_monitored_it_may_be_over(tmp_path: Path) -> None:
    watched = summary({**HALT, "status": "MONITORING"})
    (told,) = told_by_summaries(Archive(tmp_path), (600, summary(HALT)), (900, watched), (1_800, summary()))
    assert told.length == (600, 1_800)
    (told,) = told_by_summaries(Archive(tmp_path / "never seen to last"), (900, watched), (1_800, summary()))
    assert told.length == (1, 1_800)


def test_an_answer_that_is_not_wholly_read_closes_nothing(tmp_path: Path) -> None:
    odd, page = summary({**HALT, "started": "noon"}), b"<html>"
    (told,) = told_by_summaries(Archive(tmp_path), (600, summary(HALT)), (900, odd), (1_200, page))
    assert (told.length, told.lasts) == ((600, None), True)
    (told,) = told_by_summaries(Archive(tmp_path), (1_800, summary()))
    assert told.length == (600, 1_800)


def test_planned_work_that_is_told_no_more_may_have_been_called_off(tmp_path: Path) -> None:
    (told,) = told_by_summaries(Archive(tmp_path), (600, summary(work=(WORK,))), (900, summary()))
    assert (told.planned, told.length) == (True, None)


def test_rootly_tells_of_what_lasts_only_and_statuspage_forgets_what_is_old(tmp_path: Path) -> None:
    lasting = json.dumps({"incidents": [incident(resolved_at=None, status="identified")]}).encode()
    lengths = []
    for form in (Form.ROOTLY, Form.STATUSPAGE):
        source = Source(form, "https://x.example", "eip155:10", (), "seen")
        archive = Archive(tmp_path / form)
        archive.keep(lasting, source.name, source.urls[0], BEGAN + 600)
        archive.keep(b'{"incidents": []}', source.name, source.urls[0], BEGAN + 900)
        lengths += [report.length for report in latest(collect(archive, [source]).reports)]
    assert lengths == [(600, 900), (600, None)]


def test_only_what_can_be_asked_is_asked(tmp_path: Path) -> None:
    sources = page_sources("https://x.example")
    with pytest.raises(InvalidInput, match=r"'statuspage:y' is not one that can be asked: statuspage:x\.example"):
        ask("statuspage:y", sources, fetcher_of(Archive(tmp_path)), NOW)


def test_what_is_no_longer_listed_is_left_alone(tmp_path: Path) -> None:
    assert collect(Archive(tmp_path), []).reports == ()


ANSWERS = {
    Form.STATUSPAGE: json.dumps({"incidents": [incident()]}).encode(),
    Form.ROOTLY: json.dumps({"page": {}, "incidents": [incident(name=..., title="Halt", shortlink=...)]}).encode(),
    Form.FEED: atom(update("Jan 1, 01:30", "Resolved") + update("Dec 31, 23:00", "Investigating")),
    Form.INSTATUS: json.dumps({"page": {}, "activeIncidents": [INSTATUS | {"resolved": None}]}).encode(),
    Form.BETTERSTACK: betterstack_page(),
    Form.L2BEAT: json.dumps({"op": {"anomalies": [{"start": 1_759_000_000, "subtype": "stateUpdates"}]}}).encode(),
    Form.MILESTONES: project_file(STALL),
}
"""What each maker of pages answers, with one incident."""


@pytest.mark.network
@pytest.mark.parametrize("form", ANSWERS)
def test_every_maker_is_read_through_refusals_and_asked_again_for_what_has_changed(form: Form, tmp_path: Path) -> None:
    """Too busy, out of order, cut off, whole, and from then on unchanged: for each address of the page."""
    seen: dict[str, int] = {}

    def script(n: int, headers: Mapping[str, str]) -> Play:
        path = page.paths[-1] if page.paths else ""
        seen[path] = seen.get(path, 0) + 1
        troubles = (Play(status=429, headers={"Retry-After": "0"}), Play(status=502), Play(b"{", promise=99))
        if seen[path] <= len(troubles):
            return troubles[seen[path] - 1]
        return Play(status=304) if "if-none-match" in headers else Play(ANSWERS[form], headers={"ETag": '"1"'})

    archive = Archive(tmp_path)
    with ScriptedPage(script) as page:
        source = Source(form, page.url, "eip155:10", ("op",) if form in (Form.L2BEAT, Form.MILESTONES) else (), "seen")
        for _ in range(2):
            assert ask(source.name, [source], fetcher_of(archive, attempts=4), NOW) == len(source.urls)
    assert len(archive.entries()) == len(source.urls), "what has not changed is not archived again"
    reports = collect(archive, [source]).reports
    assert {report.subject for report in reports} == {"eip155:10"}


# L2BEAT


def test_l2beat_needs_the_name_of_its_project() -> None:
    row = "l2beat,https://l2beat.example/liveness,eip155:10,{},seen"
    (source,) = parse_sources(table(row.format("optimism")), SUBJECTS)
    assert source.urls == ("https://l2beat.example/liveness",)
    with pytest.raises(DatasetError, match="must name the one project"):
        parse_sources(table(row.format("")), SUBJECTS)


@pytest.mark.network
def test_l2beats_anomalies_become_reports_of_their_subjects(tmp_path: Path) -> None:
    anomaly = {"start": 1_700_000_000, "end": 1_700_007_200, "durationInSeconds": 7_200, "subtype": "batchSubmissions"}
    body = json.dumps({"optimism": {"anomalies": [anomaly]}, "arbitrum": {"anomalies": []}}).encode()
    with ScriptedPage(lambda n, h: Play(body)) as page:
        sources = [
            Source(Form.L2BEAT, page.url, "eip155:10", ("optimism",), "seen"),
            Source(Form.L2BEAT, page.url, "eip155:42161", ("arbitrum",), "seen"),
        ]
        assert ask(sources[0].name, sources, fetcher_of(Archive(tmp_path)), NOW) == 1
    (report,) = collect(Archive(tmp_path), sources).reports
    assert (report.subject, report.length) == ("eip155:10", (7_200, 7_200))


def test_milestones_are_named_by_their_project_because_all_files_lie_on_one_host() -> None:
    rows = [f"milestones,https://files.example/{name}.ts,eip155:10,{name},seen" for name in ("optimism", "base")]
    first, second = parse_sources(table(*rows), SUBJECTS)
    assert (first.name, second.name) == ("milestones:optimism", "milestones:base")
    with pytest.raises(DatasetError, match="must name the one project"):
        parse_sources(table("milestones,https://files.example/x.ts,eip155:10,,seen"), SUBJECTS)


# From feed to reports

ASKING_A_ROUND = ("latestRoundData()", "getRoundData(uint80)")
SEQUENCER = Source(Form.UPTIME_FEED, FEED, "eip155:42161", (), "documentation")


@pytest.mark.network
def test_an_uptime_feed_becomes_reports(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    source = Source(Form.UPTIME_FEED, FEED, "eip155:42161", (), "documentation")
    with ScriptedNode(node(ROUNDS, PHASE + 5)) as served:
        nodes = {"eip155:42161": (served.url,)}
        told = ask_feed(source.name, [source], lambda subject: chain_of(nodes, subject), archive, NOW)
    found = collect(archive, [source])
    assert told == len(found.reports) == 2
    assert {report.source for report in found.reports} == {source.name}


def asked_again(archive: Archive, rounds: Mapping[int, Round], source: Source = SEQUENCER) -> int:
    """An hour later reads the feed, which has these rounds, and returns how many rounds it was asked for."""
    now = NOW + 3_600 * len(archive.entries())
    asked: list[str] = []
    answer = node(dict(rounds), max(rounds))

    def counted(request: dict[str, Any]) -> tuple[int, bytes]:
        asked.extend(call["data"][:10] for call in request["params"] if isinstance(call, dict))
        return answer(request)

    with ScriptedNode(counted) as served:
        ask_feed(source.name, [source], lambda subject: Chain.connect(served.url), archive, now)
    return sum(asked.count("0x" + keccak(text=each).hex()[:8]) for each in ASKING_A_ROUND)


def lengths(archive: Archive, source: Source = SEQUENCER) -> list[tuple[int, int | None] | None]:
    return [report.length for report in latest(collect(archive, [source]).reports)]


@pytest.mark.network
def test_rounds_that_are_archived_are_not_asked_for_again(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    assert asked_again(archive, dict(list(ROUNDS.items())[:3])) == 3
    assert lengths(archive) == [(NOW - ROUNDS[PHASE + 3].started_at, None)], "the first is when the feed began"
    assert asked_again(archive, ROUNDS) == 3, "the last that is known, and two"
    assert lengths(archive) == [(100, 100), (NOW + 3_600 - ROUNDS[PHASE + 5].started_at, None)]
    assert asked_again(archive, ROUNDS) == 1


@pytest.mark.network
def test_a_feed_whose_last_known_round_has_changed_is_read_anew(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    asked_again(archive, ROUNDS)
    moved = {**ROUNDS, PHASE + 5: Round(PHASE + 5, 1, T0 + 777), PHASE + 6: Round(PHASE + 6, 0, T0 + 977)}
    asked_again(archive, moved)
    assert lengths(archive)[-1] == (200, 200)


@pytest.mark.network
def test_a_feeds_new_aggregator_begins_anew(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    asked_again(archive, ROUNDS)
    fresh = {2 * PHASE + 1: Round(2 * PHASE + 1, 0, 0), 2 * PHASE + 2: Round(2 * PHASE + 2, 1, T0 + 10_000)}
    asked_again(archive, fresh)
    found = collect(archive, [SEQUENCER])
    assert found.rejected == ()
    assert T0 + 10_000 in {report.start.at for report in found.reports}


@pytest.mark.network
def test_what_is_archived_and_no_list_of_rounds_is_passed_over(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    archive.keep(b"<html>", SEQUENCER.name, SEQUENCER.address, NOW)
    assert asked_again(archive, ROUNDS) == 5


@pytest.mark.network
def test_feeds_of_one_address_on_two_chains_are_two(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    other = Source(Form.UPTIME_FEED, FEED, "eip155:10", (), "documentation")
    asked_again(archive, ROUNDS)
    assert asked_again(archive, dict(list(ROUNDS.items())[:3]), other) == 3
    assert len(lengths(archive, other)) == 1


def test_without_a_node_a_feed_is_not_read(tmp_path: Path) -> None:
    source = Source(Form.UPTIME_FEED, FEED, "eip155:42161", (), "documentation")

    def connect(subject: str) -> Chain:
        return chain_of({}, subject)

    with pytest.raises(NotConfigured, match="INSURE_SUBJECT_NODES has no node of eip155:42161"):
        ask_feed(source.name, [source], connect, Archive(tmp_path), NOW)
    with pytest.raises(InvalidInput, match="is no uptime feed"):
        ask_feed("statuspage:x", [source], connect, Archive(tmp_path), NOW)
