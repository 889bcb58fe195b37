"""What Prometheus reads is what the surfaces show."""

from dataclasses import replace

from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from insure.api.app import create_api
from insure.api.metrics import exposition
from insure.records.mirror import Spending
from insure.records.views import EndpointView, Health, JobView, Rollback, SenderView
from tests.screen_engine import NOW, SOLVENCY, ScreenEngine

HEALTH = Health(
    now=NOW,
    chain_id=1,
    head=1_000,
    deep=996,
    mirrored_to=988,
    jobs=(
        JobView("claim", 60.0, 7, 2, NOW - 5, "Unreachable: no endpoint", 1.5),
        JobView("mirror", 15.0, 0, 0, None, ""),
    ),
    endpoints=(EndpointView("a.example", 1_000, 0, 0.25, True), EndpointView("a.example", -1, 3, 0.0, False)),
    private_endpoints=(EndpointView("r.example", -1, 0, 0.25, True), EndpointView("s.example", -1, 2, 0.0, False)),
    senders=(SenderView("keeper", "0x" + "ab" * 20, 3 * 10**17),),
    spendings=(Spending("0x" + "ab" * 20, "beat", 9, 1, 400_000, 10**15, 7),),
)


def samples(text: str) -> dict[tuple[str, ...], float]:
    """By name and the values of the labels in the order of their names."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def told(health: Health = HEALTH, engine: ScreenEngine | None = None) -> dict[tuple[str, ...], float]:
    return samples(exposition(health, (engine or ScreenEngine()).pool()).decode())


def test_head_mirror_and_lag() -> None:
    found = told()
    assert found[("insure_head_block",)] == 1_000
    assert found[("insure_mirrored_block",)] == 988
    assert found[("insure_mirror_lag_blocks",)] == 8


def test_whether_new_heads_come_by_websocket() -> None:
    assert told()[("insure_heads_by_websocket",)] == 0
    assert told(replace(HEALTH, heads="websocket"))[("insure_heads_by_websocket",)] == 1


def test_jobs_with_their_failures_and_durations() -> None:
    found = told()
    assert found[("insure_job_runs_total", "claim")] == 7
    assert found[("insure_job_failures_total", "claim")] == 2
    assert found[("insure_job_failing", "claim")] == 1
    assert found[("insure_job_last_run_timestamp_seconds", "claim")] == NOW - 5
    assert found[("insure_job_last_run_duration_seconds", "claim")] == 1.5
    assert found[("insure_job_failing", "mirror")] == 0
    assert ("insure_job_last_run_timestamp_seconds", "mirror") not in found, "it has not run"


def test_when_the_mirror_last_went_back() -> None:
    name = ("insure_mirror_rolled_back_timestamp_seconds",)
    assert told()[name] == 0, "it never did"
    assert told(replace(HEALTH, rollback=Rollback(NOW - 7, 90, 88)))[name] == NOW - 7


def test_what_each_key_has_spent_on_what() -> None:
    found, which = told(), ("0x" + "ab" * 20, "beat")
    assert found[("insure_transactions_total", *which)] == 9
    assert found[("insure_transactions_failed_total", *which)] == 1
    assert found[("insure_gas_used_total", *which)] == 400_000
    assert found[("insure_gas_fees_wei_total", *which)] == 1e15
    assert found[("insure_sent_value_wei_total", *which)] == 7


def test_what_each_key_has_left_for_gas() -> None:
    assert told()[("insure_sender_balance_wei", "0x" + "ab" * 20, "keeper")] == 3e17


def test_endpoints_of_one_host_are_told_apart() -> None:
    found = told()
    assert found[("insure_endpoint_used", "a.example", "0")] == 1
    assert found[("insure_endpoint_used", "a.example", "1")] == 0
    assert found[("insure_endpoint_failures", "a.example", "1")] == 3
    assert found[("insure_endpoint_latency_seconds", "a.example", "0")] == 0.25


def test_private_endpoints_are_told_apart_from_those_that_are_read_from() -> None:
    found = told()
    assert found[("insure_private_endpoint_used", "r.example", "0")] == 1
    assert found[("insure_private_endpoint_used", "s.example", "1")] == 0
    assert found[("insure_private_endpoint_failures", "s.example", "1")] == 2
    assert ("insure_endpoint_used", "r.example", "0") not in found


def test_solvency_and_what_is_owed_and_not_paid() -> None:
    engine = ScreenEngine()
    found, pool = told(engine=engine), engine.pool()
    assert found[("insure_pool_assets",)] == SOLVENCY.assets
    assert found[("insure_pool_claims_unpaid",)] == pool.claims_owed - pool.claims_paid
    assert found[("insure_policies_in_force",)] == pool.policies_in_force


def test_it_is_served_as_prometheus_wants_it() -> None:
    answer = TestClient(create_api(ScreenEngine())).get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert samples(answer.text)[("insure_pool_assets",)] == SOLVENCY.assets


def test_an_engine_is_ready_when_its_mirror_has_nearly_all_that_is_deep_enough() -> None:
    assert HEALTH.ready
    assert not replace(HEALTH, mirrored_to=-1).ready
    assert not replace(HEALTH, deep=5_000, head=5_000).ready
    assert replace(HEALTH, head=5_000).ready, "what is not deep enough yet is not waited for"
