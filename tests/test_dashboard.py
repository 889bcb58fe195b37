"""The dashboard over HTTP as a browser asks it: pages, callbacks, and the API beside them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dashboard.app import PAGES, create_app
from dashboard.pages import underwriting
from dashboard.pages.underwriting import Form, read_form
from dashboard.text import exact
from insure.chain.sender import Call
from insure.errors import InvalidInput, Unreachable
from insure.records.onchain import Semantics
from insure.records.views import Health, JobView, LedgerEntry, QuoteRequest
from tests.local_installation import TERM, TERMS, install
from tests.screen_engine import ARBITRUM, BASE, DEPLOYMENT, NOW, TRIGGER, USD, ScreenEngine

FORM = {
    "underwriting-subject.value": ARBITRUM,
    "underwriting-waiting.value": "1",
    "underwriting-semantics.value": "retention",
    "underwriting-rate.value": "5,000",
    "underwriting-failover.value": "0",
    "underwriting-incident.value": "60000",
    "underwriting-aggregate.value": "120000",
    "underwriting-term.value": "90",
}


class Browser:
    """Calls the app's callbacks as the page's script does."""

    def __init__(self, engine: ScreenEngine) -> None:
        self.http = TestClient(create_app(engine))
        self.callbacks = self.http.get("/_dash-dependencies").json()

    def call(self, output: str, **values: Any) -> dict[str, Any]:
        """The answer of the callback that writes `output`; values by `id.property`."""
        spec = next(each for each in self.callbacks if output in each["output"].strip(".").split("..."))
        names = spec["output"].strip(".").split("...")
        outputs = [dict(zip(("id", "property"), name.rsplit(".", 1), strict=True)) for name in names]

        def filled(places: list[dict[str, str]]) -> list[dict[str, Any]]:
            return [place | {"value": values.get(f"{place['id']}.{place['property']}")} for place in places]

        body = {
            "output": spec["output"],
            "outputs": outputs if len(outputs) > 1 else outputs[0],
            "inputs": filled(spec["inputs"]),
            "state": filled(spec["state"]),
            "changedPropIds": [f"{place['id']}.{place['property']}" for place in spec["inputs"]],
        }
        answer = self.http.post("/_dash-update-component", json=body)
        assert answer.status_code == 200, answer.text
        response: dict[str, Any] = answer.json()["response"]
        return response


@pytest.fixture
def engine() -> ScreenEngine:
    return ScreenEngine()


@pytest.fixture
def browser(engine: ScreenEngine) -> Iterator[Browser]:
    opened = Browser(engine)
    with opened.http:  # routes of the pages are there once the app has started
        yield opened


def texts(node: object) -> str:
    """All text of a component as JSON."""
    return json.dumps(node, ensure_ascii=False).replace("\u202f", " ")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.NAME)
def test_every_page_has_path_title_layout_and_answers(browser: Browser, page: Any) -> None:
    answer = browser.http.get(page.PATH)
    assert answer.status_code == 200 and "react-entry-point" in answer.text
    assert page.TITLE.endswith("Downtime cover") and page.layout() is not None


def test_the_api_and_its_reference_answer_beside_the_pages(browser: Browser) -> None:
    assert browser.http.get("/v1/pool").json()["at"] == NOW
    assert browser.http.get("/docs").status_code == 200
    assert browser.http.get("/v1/nothing").status_code == 404


def test_the_style_sheet_serves_both_schemes(browser: Browser) -> None:
    page = browser.http.get("/").text
    sheet = page.split('href="/assets/style.css')[1].split('"')[0]
    assert "prefers-color-scheme: dark" in browser.http.get("/assets/style.css" + sheet).text


def test_every_callback_belongs_to_a_component_of_its_page(browser: Browser) -> None:
    laid_out = {found.id for page in PAGES for found in page.layout()._traverse() if getattr(found, "id", None)}
    for spec in browser.callbacks:
        for place in spec["inputs"]:
            if place["id"].startswith(("underwriting-", "pool-", "incidents-")):
                assert place["id"] in laid_out


def test_the_clock_tells_time_chain_and_failing_jobs(browser: Browser, engine: ScreenEngine) -> None:
    shown = browser.call("frame-clock.children")["frame-clock"]["children"]
    assert shown == "2026-11-18 11:06:40 UTC · chain 31337, block 12,345"
    engine.jobs = (JobView("claim", 5.0, 3, 1, NOW, "Unreachable"),)
    assert "failing: claim" in texts(browser.call("frame-clock.children"))


def test_a_silent_host_is_told_instead_of_the_block() -> None:
    class Silent(ScreenEngine):
        def health(self) -> Health:
            raise Unreachable("no endpoint answered")

    assert "the host chain does not answer: no endpoint" in texts(Browser(Silent()).call("frame-clock.children"))


# ---------------------------------------------------------------- underwriting


def test_the_first_subject_on_sale_is_chosen_and_a_choice_stays(browser: Browser) -> None:
    first = browser.call("underwriting-subject.value", **{"underwriting-subject.options": []})
    assert first["underwriting-subject"]["value"] == ARBITRUM
    later = browser.call("underwriting-subject.value", **{"underwriting-subject.value": BASE})
    assert "value" not in later["underwriting-subject"]


def test_the_price_on_the_page_is_the_engines(browser: Browser, engine: ScreenEngine) -> None:
    answer = browser.call("underwriting-tiles.children", **FORM)
    terms, term = read_form(Form("1", "retention", "5000", "0", "60000", "120000", "90"), DEPLOYMENT)
    price = engine.price(ARBITRUM, terms, term)
    assert f"{price.premium // 10**6:,}.{price.premium % 10**6:06d}".rstrip("0") in texts(answer["underwriting-parts"])
    assert answer["underwriting-breakdown"]["figure"]["data"][0]["y"][-1] == "Premium"
    assert answer["underwriting-loss"]["figure"]["data"] and answer["underwriting-payoff"]["figure"]["data"]
    assert answer["underwriting-message"]["children"] is None


def test_a_longer_waiting_period_costs_less_and_qualifying_costs_more(engine: ScreenEngine) -> None:
    def premium(waiting: str, semantics: str) -> int:
        terms, term = read_form(Form(waiting, semantics, "5000", "0", "60000", "120000", "90"), DEPLOYMENT)
        return engine.price(ARBITRUM, terms, term).premium

    assert premium("8", "retention") < premium("1", "retention") < premium("1", "qualifying")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("waiting", "soon", "Waiting period is 'soon': must be a number of at least 0"),
        ("rate", "-1", "Rate is '-1': must be a number of at least 0"),
        ("rate", "0.0001", "rate_per_second is 0: must be at least 1"),
        ("incident", "1.0000001", "Incident limit is 1.0000001: must have at most 6 decimals"),
        ("incident", "130000", "incident_limit is 130000000000: must be at most aggregate_limit"),
        ("aggregate", None, "Aggregate limit is None: must be a number"),
        ("term", "0", "term_seconds is 0"),
        ("subject", None, "Subject: choose one"),
        ("subject", "eip155:0", "is not in the data"),
    ],
)
def test_bad_input_is_said_in_a_sentence_and_no_price_is_shown(
    browser: Browser, field: str, value: object, said: str
) -> None:
    answer = browser.call("underwriting-tiles.children", **FORM | {f"underwriting-{field}.value": value})
    assert said in answer["underwriting-message"]["children"]["props"]["children"]
    assert answer["underwriting-tiles"]["children"] is None
    assert answer["underwriting-breakdown"]["figure"]["data"] == []


def test_the_rate_is_shown_per_hour_and_held_per_second() -> None:
    terms, term = read_form(Form("1.5", "qualifying", "5 000", "10", "60,000", "120000", "90"), DEPLOYMENT)
    assert (terms.rate_per_second, terms.waiting_seconds, term) == (1_388_888, 5_400, 7_776_000)
    assert (terms.semantics, terms.failover_benefit) == (Semantics.QUALIFYING, 10 * USD)
    assert "1,388,888 smallest units per second: 4,999.9968 tUSD per hour" in underwriting.rate_note(terms, DEPLOYMENT)


def test_semantics_that_nobody_knows_are_refused() -> None:
    with pytest.raises(InvalidInput, match="semantics is None"):
        read_form(Form("1", None, "5000", "0", "60000", "120000", "90"), DEPLOYMENT)


def test_the_subjects_card_shows_its_history_and_the_bounds_of_sales(browser: Browser, engine: ScreenEngine) -> None:
    answer = browser.call("underwriting-subject-facts.children", **{"underwriting-subject.value": ARBITRUM})
    shown = texts(answer["underwriting-subject-facts"])
    assert f"{engine.subjects()[0].halts} halts in" in shown and "on sale" in shown and "1.50 % per year" in shown
    assert "Arbitrum Nova" in {row["Subject"] for row in answer["underwriting-subjects"]["data"]}


def test_hundreds_of_subjects_are_rows_of_one_component_and_are_sent_once(browser: Browser) -> None:
    """A browser is told of every component at every change: of thousands it never came to the end."""
    output = "underwriting-subject-facts.children"
    rows = browser.call(output, **{"underwriting-subject.value": ARBITRUM})["underwriting-subjects"]["data"]
    assert len(rows) > 200 and all(isinstance(cell, str) for row in rows for cell in row.values())
    again = browser.call(output, **{"underwriting-subject.value": ARBITRUM, "underwriting-subjects.data": rows})
    assert "underwriting-subjects" not in again


def test_policies_show_where_they_are_in_their_life(browser: Browser) -> None:
    shown = texts(browser.call("underwriting-policies.children"))
    assert "cooling off" in shown and "in force" in shown and "11,388.88" in shown


# ---------------------------------------------------------------- pool


def test_the_pools_page_shows_the_engines_pool(browser: Browser) -> None:
    answer = browser.call("pool-tiles.children")
    tiles = texts(answer["pool-tiles"])
    assert "993,630.25 tUSD" in tiles and "0.994127" in tiles and "93,611.11 tUSD" in tiles
    assert "not dealt at" in tiles
    assert "517,796.9044 tUSD" in texts(answer["pool-solvency"])
    assert "50.03 %" in texts(answer["pool-stakers"])
    for figure in ("pool-history", "pool-exposure", "pool-scenarios"):
        assert answer[figure]["figure"]["data"]


def test_the_ledger_shows_time_transaction_gas_and_money_with_its_unit(browser: Browser) -> None:
    shown = texts(browser.call("pool-ledger.children"))
    assert "Claim paid" in shown and "138,211" in shown and "paid 4,999.9968 tUSD" in shown
    assert "2026-11-18 10:36:40 UTC" in shown and "coveredSeconds 3 h 20 min" in shown


def test_heartbeats_are_left_out_until_asked_for_and_a_long_ledger_says_how_much_is_shown() -> None:
    class Busy(ScreenEngine):
        def ledger(self) -> list[LedgerEntry]:
            return [LedgerEntry(NOW, "Beat", "HeartbeatPath", "0x" + "ab" * 32, None)] * 201

    browser = Browser(Busy())
    assert "have not done anything" in texts(browser.call("pool-ledger.children"))
    shown = texts(browser.call("pool-ledger.children", **{"pool-ledger-beats.value": ["Beat"]}))
    assert "The newest 200 of 201" in shown and shown.count("HeartbeatPath") == 200


# ---------------------------------------------------------------- incidents


def test_the_newest_incident_is_chosen_and_a_readers_choice_stays(browser: Browser) -> None:
    first = browser.call("incidents-choice.value", **{"incidents-choice.options": []})["incidents-choice"]
    assert first["value"] == f"{TRIGGER[BASE]}/0"
    assert "down" in first["options"][0]["label"]
    old = f"{TRIGGER[ARBITRUM]}/0"
    seen = {"incidents-choice.options": first["options"], "incidents-choice.value": old}
    assert browser.call("incidents-choice.value", **seen).get("incidents-choice", {}) == {}


def test_an_incident_shows_what_each_path_attests_and_what_was_paid_while_down(browser: Browser) -> None:
    answer = browser.call("incidents-timeline.figure", **{"incidents-choice.value": f"{TRIGGER[BASE]}/0"})
    assert "6,388.88 tUSD" in texts(answer["incidents-tiles"]) and "2 of 3" in texts(answer["incidents-tiles"])
    paths = texts(answer["incidents-paths"])
    assert paths.count("Watchers B") == 2 and "Heartbeat" in paths and "absence" in paths
    assert texts(answer["incidents-checkpoints"]).count("ready") >= 3
    assert texts(answer["incidents-payments"]).count("while down") == 2
    assert answer["incidents-timeline"]["figure"]["data"]


def test_a_payment_after_the_return_is_not_called_one_while_down(browser: Browser) -> None:
    answer = browser.call("incidents-timeline.figure", **{"incidents-choice.value": f"{TRIGGER[ARBITRUM]}/0"})
    shown = texts(answer["incidents-payments"])
    assert shown.count("while down") == 1 and shown.count('"after"') == 1
    assert "3,888.88 tUSD" in texts(answer["incidents-tiles"])


def test_without_incidents_the_page_says_so(browser: Browser) -> None:
    answer = browser.call("incidents-timeline.figure", **{"incidents-choice.value": None})
    assert "There is no incident." in texts(answer["incidents-paths"])
    assert answer["incidents-timeline"]["figure"]["data"] == []


def test_every_listed_trigger_has_a_lamp_for_each_path(browser: Browser) -> None:
    shown = texts(browser.call("incidents-watches.children"))
    assert shown.count("lamp bad") == 3 and shown.count("lamp good") == 6


def test_two_dashboards_in_one_process_show_their_own_engines(engine: ScreenEngine) -> None:
    class Other(ScreenEngine):
        def now(self) -> int:
            return NOW

        def health(self) -> Health:
            return Health(NOW, 999, 1, 1, 1, ())

    first, second = Browser(engine), Browser(Other())
    assert "chain 31337" in texts(first.call("frame-clock.children"))
    assert "chain 999" in texts(second.call("frame-clock.children"))


def test_a_real_engine_fills_every_page() -> None:
    """One policy sold on a real chain shows on all three pages."""
    local = install()
    engine = local.installation.engine
    issued = engine.quote(QuoteRequest(ARBITRUM, local.buyer.address, TERMS, TERM))
    local.fund(local.buyer, issued.signed.quote.premium)
    for prepared in (issued.approval, issued.transaction):
        local.buyer.send(Call("", prepared.to, "", (), bytes.fromhex(prepared.data[2:])))
    local.installation.watcher.run()
    browser = Browser(engine)
    assert "cooling off" in texts(browser.call("underwriting-policies.children"))
    assert "on sale" in texts(
        browser.call("underwriting-subject-facts.children", **{"underwriting-subject.value": ARBITRUM})
    )
    premium = browser.call("underwriting-tiles.children", **FORM)
    assert premium["underwriting-message"]["children"] is None
    tiles = browser.call("pool-tiles.children")
    assert exact(issued.signed.quote.premium, local.deployment) in texts(tiles["pool-solvency"])
    assert "Policy bought" in texts(browser.call("pool-ledger.children"))
    assert texts(browser.call("incidents-watches.children")).count("lamp good") == 6
    assert "There is no incident." in texts(browser.call("incidents-timeline.figure")["incidents-paths"])
