"""What `insure.book` promises: a book is read whole or refused with every problem, and the world is the data's."""

import json
from dataclasses import replace

import numpy as np
import pytest

from insure import dataset
from insure.book import COLUMNS, SHARED_CAUSE_RATE, book_of_policies, build_world, halts_of, read_book
from insure.engine import fit_model
from insure.errors import InvalidInput
from insure.records.history import Inclusion, Observation
from insure.records.mirror import KnownTrigger
from insure.records.onchain import Policy
from pricing_models.payoff import Semantics, Terms
from pricing_models.portfolio import Book
from pricing_models.premium import Scenario
from pricing_models.simulate.outages import YEAR

NOW = 1_790_000_000
ROW = {
    "policy": "p1",
    "subject": "arbitrum-one",
    "asset": "USDT",
    "start": "2026-10-01",
    "end": "2027-03-01T12:00:00Z",
    "waiting_seconds": "3600",
    "semantics": "retention",
    "rate_per_second": "277777",
    "failover_benefit": "0",
    "incident_limit": "24000000000",
    "aggregate_limit": "60000000000",
}


@pytest.fixture(scope="module")
def history():
    return dataset.load()


@pytest.fixture(scope="module")
def model(history):
    return fit_model(history, NOW)


HEADER = ",".join(COLUMNS)


def written(tmp_path, *rows, header=HEADER):
    path = tmp_path / "book.csv"
    path.write_text("\n".join([header, *(",".join(row.values()) for row in rows)]) + "\n")
    return path


def problems_of(path, history):
    with pytest.raises(InvalidInput) as caught:
        read_book(path, history, NOW)
    return str(caught.value).splitlines()


def test_a_csv_book_is_read_in_seconds_from_the_beginning(tmp_path, history):
    found = read_book(written(tmp_path, ROW, {**ROW, "policy": "p2", "start": str(NOW + 5)}), history, NOW)
    first, second = found.covers
    assert first.subject == "eip155:42161" and found.asset == "USDT"
    assert first.terms == Terms(3_600, Semantics.RETENTION, 277_777, 0, 24_000_000_000, 60_000_000_000)
    assert (first.start, first.end) == (1_790_812_800 - NOW, 1_803_902_400 - NOW)
    assert second.start == 5


def test_a_json_book_says_the_same(tmp_path, history):
    path = tmp_path / "book.json"
    path.write_text(json.dumps([{**ROW, "rate_per_second": 277_777}]))
    assert read_book(path, history, NOW).covers == read_book(written(tmp_path, ROW), history, NOW).covers


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("subject", "arbitrum-won", "did you mean"),
        ("subject", "svc:op-stack", "must be a chain"),
        ("policy", "", "is empty"),
        ("asset", "", "is empty"),
        ("start", "1 May", "must be UTC"),
        ("end", "2026-10-01", "must be after start"),
        ("waiting_seconds", "-5", "must be a whole number"),
        ("waiting_seconds", "9" * 9_000, "must be a whole number"),
        ("rate_per_second", "0", "must be at least 1"),
        ("rate_per_second", "1.5", "must be a whole number"),
        ("semantics", "generous", "is not one of retention, qualifying"),
        ("incident_limit", "60000000001", "must be at most aggregate_limit"),
    ],
)
def test_a_wrong_cell_is_refused_by_file_line_and_column(tmp_path, history, column, value, message):
    (problem,) = problems_of(written(tmp_path, ROW, {**ROW, "policy": "p2", column: value}), history)[:1]
    assert problem.startswith(f"book.csv:3:{column}: ") and message in problem


def test_a_policy_in_another_asset_is_refused_with_its_row(tmp_path, history):
    (problem,) = problems_of(written(tmp_path, ROW, {**ROW, "policy": "p2", "asset": "USDC"}), history)
    assert problem.startswith("book.csv:3:asset: 'USDC' differs from 'USDT' of the first policy")
    with pytest.raises(InvalidInput, match=r"^book\.csv:2:asset: 'USDT' differs from 'USDC' of the pool"):
        read_book(written(tmp_path, ROW), history, NOW, "USDC")


def test_a_policy_that_occurs_twice_is_refused(tmp_path, history):
    (problem,) = problems_of(written(tmp_path, ROW, ROW), history)
    assert problem.startswith("book.csv:3:policy: 'p1' occurs already in line 2")


def test_all_problems_are_named_at_once(tmp_path, history):
    path = written(tmp_path, {**ROW, "start": "x", "subject": "y"}, {**ROW, "policy": "q", "semantics": "z"})
    assert len(problems_of(path, history)) == 3


@pytest.mark.parametrize("value", [None, 1.5, True, ["p1"]])
def test_a_json_cell_that_is_neither_text_nor_whole_number_is_refused_by_its_object(tmp_path, history, value):
    path = tmp_path / "book.json"
    path.write_text(json.dumps([ROW, {**ROW, "policy": value}]))
    told = json.dumps(value)
    assert problems_of(path, history)[0] == f"book.json:1:policy: {told} must be a text or a whole number"


def test_a_file_that_is_no_book_is_refused(tmp_path, history):
    assert "can't be read" in problems_of(tmp_path / "none.csv", history)[0]
    assert "holds no policy" in problems_of(written(tmp_path), history)[0]
    assert "book.csv:1" in problems_of(written(tmp_path, header="a,b"), history)[0]
    path = tmp_path / "book.json"
    for text, message in (("{", "is not JSON"), ("{}", "must be a list"), ('[{"policy": 1}]', "fields missing")):
        path.write_text(text)
        assert message in problems_of(path, history)[0]


def test_the_mirror_s_policies_count_with_what_is_left_of_their_limits():
    trigger = KnownTrigger(b"t" * 32, "eip155:10", b"k" * 32, 2, 3, NOW, None)
    terms = Terms(3_600, Semantics.RETENTION, 10, 0, 600, 1_000)
    policy = Policy(7, "0x" + "1" * 40, b"t" * 32, terms, NOW - 50, NOW + 100, "0x" + "2" * 40, 5, owed=700)
    others = (replace(policy, end=NOW), replace(policy, owed=1_000), replace(policy, released=True))
    (cover,) = book_of_policies((policy, *others), (trigger,), NOW)
    assert (cover.id, cover.subject, cover.start, cover.end) == ("7", "eip155:10", -50, 100)
    assert cover.terms == replace(terms, incident_limit=300, aggregate_limit=300)


def test_the_world_holds_every_chain_and_each_dependency_at_its_scenario(history, model):
    worlds = {each: build_world(model, history, each) for each in Scenario}
    base = worlds[Scenario.BASE]
    assert {p.id for p in base.subjects} == {s.id for s in history.subjects if s.kind.is_chain}
    assert len(base.links) == len(history.dependencies)
    for each in Scenario:
        chance = {(link.subject, link.cause): link.pass_through for link in worlds[each].links}
        for row in history.dependencies:
            assert chance[row.subject, row.cause] == getattr(row, f"pass_through_{each.value}")
        assert {cause.rate for cause in worlds[each].causes} == {SHARED_CAUSE_RATE.at(each)}
    assert all(cause.id.startswith("svc:") for cause in base.causes)
    assert "eip155:42161" in base.stopped_by("eip155:1")


def test_chains_can_stop_for_good_and_services_cannot(history, model):
    world = build_world(model, history)
    told = model.duration.told["all"]
    assert {each.length.permanent for each in world.subjects} == {model.duration.permanent, told.permanent}
    assert 0.0 < model.duration.permanent < told.permanent
    assert {each.length.permanent for each in world.causes} == {0.0}


def test_a_service_stops_for_as_long_as_halts_that_are_told_of(history, model):
    lasts = {each.length.quantile(0.5) for each in build_world(model, history).causes}
    assert lasts == {replace(model.duration.told["all"], permanent=0.0).quantile(0.5)}
    assert lasts.pop() > model.duration.groups["all"].quantile(0.5)


def test_rates_are_the_means_of_the_year_ahead(history, model):
    ages = set()
    for process in build_world(model, history).subjects:
        assert process.rate.mean == pytest.approx(model.rate(process.id, ahead_seconds=YEAR).mean)
        ages.add(round(process.rate.mean / model.rate(process.id).mean, 3))
    assert len(ages) > 10  # some grow into another band within the year


def test_the_rate_of_shared_causes_is_what_one_event_in_their_years_allows(history):
    """Years of a service: since the second of its chains was watched, those that nobody watches left out. An event
    shows when it stops two at least."""
    chains = {each.id: each for each in history.subjects}
    members = {}
    for each in history.dependencies:
        if not chains[each.cause].kind.is_chain and chains[each.subject].observation is not Observation.NONE:
            members.setdefault(each.cause, []).append(each)
    shown = dict.fromkeys(Scenario, 0.0)
    for links in members.values():
        starts = sorted(chains[link.subject].observed_from or chains[link.subject].launch or NOW for link in links)
        years = (NOW - starts[1]) / YEAR if len(starts) > 1 else 0.0
        for scenario in Scenario:
            passing = [getattr(link, f"pass_through_{scenario.value}") for link in links]
            none = float(np.prod([1 - p for p in passing]))
            one = sum(none * p / (1 - p) for p in passing)
            shown[scenario] += years * (1 - none - one)
    expected = [SHARED_CAUSE_RATE.at(scenario) * shown[scenario] for scenario in Scenario]
    # Garwood for one event: 0.0253 to 5.57
    assert expected == pytest.approx([0.0253, 1.0, 5.57], rel=0.15)


def test_one_event_of_a_shared_cause_is_in_the_history(history):
    """Two chains stopped in full at once, with one operator: no other usable event has two chains of one cause.

    The Cosmos EVM module is listed because its flaw had stopped three chains (August 2026), so that its event says
    nothing of how often listed causes come. The stop of the Cosmos Hub to hold what had been taken on Neutron has no
    cause in a table.
    """
    chains = {each.id: each.kind.is_chain for each in history.subjects}
    listed_for_its_event = {each.id for each in history.subjects if each.inclusion_reason is Inclusion.OUTAGE}
    causes = {}
    for each in history.dependencies:
        if not chains[each.cause] and each.cause not in listed_for_its_event:
            causes.setdefault(each.subject, set()).add(each.cause)
    events = {}
    for each in history.outages:
        if each.usable:
            events.setdefault(each.event_id, set()).add(each.subject)
    several = {name: subjects for name, subjects in events.items() if len(subjects) > 1}
    assert set(several) == {"conduit-20240512", "cosmos-evm-20260820", "neutron-20260903"}
    shared = [name for name, own in several.items() if set.intersection(*(causes.get(each, set()) for each in own))]
    assert shared == ["conduit-20240512"]


def test_a_real_day_has_the_halts_that_began_on_it(history):
    halts, unknown = halts_of(history, "2024-05-12", 500)
    assert unknown == 0
    assert {subject for subject, _, _ in halts} >= {"eip155:666666666", "eip155:70700"}
    assert all(500 <= second < 500 + 86_400 and seconds > 0 for _, second, seconds in halts)


def test_without_judgement_nothing_is_passed_on_in_otherwise_the_same_world(history, model):
    alone, base = build_world(model, history, judged=False), build_world(model, history)
    assert {link.pass_through for link in alone.links} == {alone.failover_probability} == {0.0}
    assert alone.stream == base.stream


def test_judgement_has_no_share_in_what_depends_on_nothing(tmp_path, history, model):
    linked = {link.subject for link in history.dependencies}
    row = {
        **ROW,
        "subject": next(
            each.id for each in history.subjects if each.kind.is_chain and each.id not in linked and each.id > "svc:b"
        ),
    }
    covers = read_book(written(tmp_path, row), history, NOW).covers
    years = [Book(covers, build_world(model, history, judged=each)).simulate(1, 0, 30) for each in (True, False)]
    assert years[0].any() and (years[0] == years[1]).all()


def test_a_read_book_can_be_simulated(tmp_path, history, model):
    found = read_book(written(tmp_path, ROW), history, NOW)
    assert Book(found.covers, build_world(model, history)).simulate(1, 0, 5).sum() > 0
