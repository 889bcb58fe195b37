"""The HTTP API: money as strings, errors that name the field, nothing that the engine did not say."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from insure.api import create_api
from insure.errors import NotConfigured, Unreachable
from insure.records.views import IssuedQuote, JobView, QuoteRequest
from tests.local_installation import install
from tests.screen_engine import ARBITRUM, BASE, BUYER, DAY, NOW, POLICIES, SOLVENCY, UNDERWRITER, ScreenEngine


@pytest.fixture
def engine() -> ScreenEngine:
    return ScreenEngine()


@pytest.fixture
def http(engine: ScreenEngine) -> TestClient:
    return TestClient(create_api(engine))


def body(**changes: object) -> dict[str, Any]:
    terms = {
        "waiting_seconds": 3_600,
        "semantics": "retention",
        "rate_per_second": "1388888",
        "failover_benefit": "0",
        "incident_limit": "50000000000",
        "aggregate_limit": "100000000000",
    }
    return {"subject_id": ARBITRUM, "buyer": BUYER, "terms": terms, "term_seconds": 90 * DAY} | changes


def test_subjects_tell_history_model_and_whether_cover_is_sold(http: TestClient, engine: ScreenEngine) -> None:
    answer = http.get("/v1/subjects").json()
    assert len(answer) == len(engine.subjects())
    first = answer[0]
    assert (first["subject_id"], first["state"], first["halts"]) == (ARBITRUM, "quiet", engine.subjects()[0].halts)
    assert first["listing"]["cap"] == "500000000000"


def test_a_quote_is_signed_and_its_parts_add_up(http: TestClient) -> None:
    answer = http.post("/v1/quotes", json=body()).json()
    quote = answer["signed"]["quote"]
    assert sum(int(part["amount"]) for part in answer["price"]["components"]) == int(quote["premium"])
    assert quote["buyer"] == BUYER and quote["end"] - quote["start"] == 90 * DAY
    assert answer["signed"]["underwriter"] == UNDERWRITER.address
    assert answer["transaction"] == {
        "to": answer["transaction"]["to"],
        "data": "0xb2",
        "value": "0",
        "chain_id": 31337,
    }


def test_numbers_beyond_what_json_readers_keep_exactly_are_strings(http: TestClient) -> None:
    quote = http.post("/v1/quotes", json=body()).json()["signed"]["quote"]
    assert quote["nonce"] == str(2**39)
    assert isinstance(quote["terms"]["aggregate_limit"], str)


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (("term_seconds",), "ninety days", "term_seconds"),
        (("term_seconds",), -1, "term_seconds"),
        (("term_seconds",), True, "term_seconds"),
        (("terms", "rate_per_second"), 1.5, "terms.rate_per_second"),
        (("terms", "rate_per_second"), "-5", "terms.rate_per_second"),
        (("terms", "rate_per_second"), True, "terms.rate_per_second"),
        (("terms", "rate_per_second"), 0, "terms.rate_per_second"),
        (("terms", "semantics"), "generous", "terms.semantics"),
        (("terms", "incident_limit"), "100000000001", "terms.incident_limit"),
        (("terms", "surprise"), 1, "terms.surprise"),
        (("subject_id",), "eip155:424242424242", "subject_id"),
    ],
)
def test_bad_input_answers_422_with_its_field(
    http: TestClient, path: tuple[str, ...], value: object, field: str
) -> None:
    asked = body()
    place = asked if len(path) == 1 else asked[path[0]]
    place[path[-1]] = value
    answer = http.post("/v1/quotes", json=asked)
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == field
    assert answer.json()["error"]["message"]


def test_a_real_engine_names_the_subject_too() -> None:
    local = install()
    http = TestClient(create_api(local.installation.engine))
    for subject, said in (("eip155:42162", "eip155:42161"), (BASE, "no cover is sold on it")):
        fault = http.post("/v1/quotes", json=body(subject_id=subject)).json()["error"]
        assert fault["field"] == "subject_id" and said in fault["message"]


def test_a_body_that_is_no_json_answers_422(http: TestClient) -> None:
    answer = http.post("/v1/quotes", content=b"{", headers={"content-type": "application/json"})
    assert (answer.status_code, set(answer.json())) == (422, {"error"})


def test_the_desks_refusal_answers_409_with_its_reason(http: TestClient) -> None:
    answer = http.post("/v1/quotes", json=body(subject_id=BASE))
    assert answer.status_code == 409
    assert answer.json() == {"error": {"message": f"no cover is sold on {BASE} now"}}


@pytest.mark.parametrize("error", [Unreachable("no endpoint answered"), NotConfigured("no key")])
def test_what_the_caller_cannot_mend_answers_503(engine: ScreenEngine, error: Exception) -> None:
    class Broken(ScreenEngine):
        def quote(self, request: QuoteRequest) -> IssuedQuote:
            raise error

    answer = TestClient(create_api(Broken())).post("/v1/quotes", json=body())
    assert (answer.status_code, answer.json()) == (503, {"error": {"message": str(error)}})


def test_a_policy_comes_with_its_claims_and_payments(http: TestClient) -> None:
    answer = http.get("/v1/policies/3").json()
    assert answer["policy"]["premium"] == str(POLICIES[2].premium)
    assert answer["claims"][0]["owed"] == "6388884800"
    assert [payment["paid"] for payment in answer["claims"][0]["payments"]] == ["1388888000", "4999996800"]


def test_a_policy_that_is_not_there_answers_404(http: TestClient) -> None:
    answer = http.get("/v1/policies/77")
    assert (answer.status_code, answer.json()) == (
        404,
        {"error": {"message": "policy 77: there is none of that number"}},
    )


def test_incidents_come_with_what_each_path_attests(http: TestClient) -> None:
    running, final = http.get("/v1/incidents").json()
    assert [path["kind"] for path in running["paths"]] == ["quorum", "quorum", "absence"]
    assert running["paths"][0]["spells"][0]["open"] is True
    assert (running["ended_at"], running["paid_while_down"]) == (None, "6388884800")
    assert (final["paid"], final["paid_while_down"]) == ("11388881600", "3888886400")


def test_the_pool_is_told_in_strings_of_units(http: TestClient) -> None:
    answer = http.get("/v1/pool").json()
    assert answer["solvency"]["assets"] == str(SOLVENCY.assets)
    assert answer["at"] == NOW
    assert sum(int(line["exposed"]) for line in answer["subjects"]) == SOLVENCY.exposed


def test_health_is_bad_while_a_jobs_last_run_failed(engine: ScreenEngine) -> None:
    http = TestClient(create_api(engine))
    assert http.get("/healthz").json()["ok"] is True
    engine.jobs = (JobView("claim", 5.0, 3, 1, NOW, "Unreachable: no endpoint"),)
    answer = http.get("/healthz")
    assert (answer.status_code, answer.json()["ok"]) == (503, False)
    assert http.get("/readyz").status_code == 200, "what it shows is good all the same"


def test_an_unknown_route_answers_404_as_an_error_of_ours(http: TestClient) -> None:
    answer = http.get("/v1/policy")
    assert (answer.status_code, answer.json()["error"]["message"]) == (404, "/v1/policy: no such route; see /docs")


def test_openapi_tells_every_route(http: TestClient) -> None:
    paths = http.get("/openapi.json").json()["paths"]
    assert set(paths) == {
        "/v1/subjects",
        "/v1/quotes",
        "/v1/policies/{policy_id}",
        "/v1/incidents",
        "/v1/pool",
        "/healthz",
        "/readyz",
        "/metrics",
    }
    assert http.get("/docs").status_code == 200


def test_two_apis_in_one_process_share_nothing() -> None:
    one, other = ScreenEngine(), ScreenEngine()
    other.alarmed = {ARBITRUM}
    assert TestClient(create_api(one)).post("/v1/quotes", json=body()).status_code == 200
    assert TestClient(create_api(other)).post("/v1/quotes", json=body()).status_code == 409


@pytest.mark.parametrize("number", [-1, 2**63, 10**30])
def test_a_policy_number_beyond_all_numbers_is_a_wrong_field(http: TestClient, number: int) -> None:
    answer = http.get(f"/v1/policies/{number}")
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == "policy_id"
