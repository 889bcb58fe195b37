"""How the engine fares, for Prometheus: the same answers that the surfaces show, as gauges and counters."""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from insure.records.views import Health, PoolView

_MONEY = "in the asset's smallest unit"


def exposition(health: Health, pool: PoolView) -> bytes:
    """The text that a Prometheus server reads."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Answers((*_of_health(health), *_of_pool(pool))))
    return generate_latest(registry)


class _Answers(Collector):
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = tuple(metrics)

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _of_health(health: Health) -> Iterator[Metric]:
    yield _gauge("insure_head_block", "Last block of the host chain.", health.head)
    yield _gauge("insure_mirrored_block", "Last block taken into the mirror; -1 before the first.", health.mirrored_to)
    lag = "Blocks that are deep enough and not in the mirror."
    yield _gauge("insure_mirror_lag_blocks", lag, health.lag)
    when = "When the chain last left behind what the mirror had believed, UTC; 0 if it has not since the start."
    yield _gauge("insure_mirror_rolled_back_timestamp_seconds", when, health.rollback.at if health.rollback else 0)
    by_websocket = "1 if new heads come by WebSocket, 0 if they are asked for."
    yield _gauge("insure_heads_by_websocket", by_websocket, 1 if health.heads == "websocket" else 0)
    runs = CounterMetricFamily("insure_job_runs", "Runs of a job since the start.", labels=["job"])
    failures = CounterMetricFamily("insure_job_failures", "Runs of a job that failed since the start.", labels=["job"])
    failing = GaugeMetricFamily("insure_job_failing", "1 if a job's last run failed.", labels=["job"])
    last = GaugeMetricFamily("insure_job_last_run_timestamp_seconds", "When a job last ran, UTC.", labels=["job"])
    took = GaugeMetricFamily("insure_job_last_run_duration_seconds", "How long its last run took.", labels=["job"])
    for job in health.jobs:
        runs.add_metric([job.name], job.runs)
        failures.add_metric([job.name], job.failures)
        failing.add_metric([job.name], 1 if job.last_error else 0)
        if job.last_at is not None:
            last.add_metric([job.name], job.last_at)
            took.add_metric([job.name], job.last_seconds)
    yield from (runs, failures, failing, last, took)
    yield from _of_endpoints(health)
    yield from _of_private_endpoints(health)
    left = GaugeMetricFamily("insure_sender_balance_wei", "What a key has left for gas.", labels=["role", "address"])
    for sender in health.senders:
        left.add_metric([sender.role, sender.address], sender.balance)
    yield left
    yield from _of_spendings(health)


def _of_spendings(health: Health) -> Iterator[Metric]:
    labels = ["address", "kind"]
    count = CounterMetricFamily(
        "insure_transactions", "Final transactions of a key, failed ones included.", labels=labels
    )
    failed = CounterMetricFamily("insure_transactions_failed", "Those that reverted when mined.", labels=labels)
    gas = CounterMetricFamily("insure_gas_used", "Gas that they used.", labels=labels)
    fees = CounterMetricFamily("insure_gas_fees_wei", "What that gas cost.", labels=labels)
    value = CounterMetricFamily(
        "insure_sent_value_wei", "What was sent along, such as fees for messages.", labels=labels
    )
    for each in health.spendings:
        which = [each.sender, each.kind]
        count.add_metric(which, each.transactions)
        failed.add_metric(which, each.failures)
        gas.add_metric(which, each.gas_used)
        fees.add_metric(which, each.fees)
        value.add_metric(which, each.value)
    yield from (count, failed, gas, fees, value)


def _of_endpoints(health: Health) -> Iterator[Metric]:
    labels = ["number", "host"]
    used = GaugeMetricFamily("insure_endpoint_used", "1 if an endpoint of the host chain is well.", labels=labels)
    failures = GaugeMetricFamily("insure_endpoint_failures", "Failures of an endpoint in a row.", labels=labels)
    latency = GaugeMetricFamily("insure_endpoint_latency_seconds", "Moving average of its answers.", labels=labels)
    head = GaugeMetricFamily("insure_endpoint_head_block", "Its last head; -1 if it was not asked.", labels=labels)
    for number, each in enumerate(health.endpoints):
        which = [str(number), each.host]
        used.add_metric(which, 1 if each.used else 0)
        failures.add_metric(which, each.failures)
        latency.add_metric(which, each.latency)
        head.add_metric(which, each.head)
    yield from (used, failures, latency, head)


def _of_private_endpoints(health: Health) -> Iterator[Metric]:
    labels, what = ["number", "host"], "an endpoint that transactions are published by alone"
    used = GaugeMetricFamily("insure_private_endpoint_used", f"1 if {what} is well.", labels=labels)
    failures = GaugeMetricFamily("insure_private_endpoint_failures", f"Failures of {what} in a row.", labels=labels)
    for number, each in enumerate(health.private_endpoints):
        used.add_metric([str(number), each.host], 1 if each.used else 0)
        failures.add_metric([str(number), each.host], each.failures)
    yield from (used, failures)


def _of_pool(pool: PoolView) -> Iterator[Metric]:
    solvency = pool.solvency
    amounts = {
        "assets": (solvency.assets, "All that the pool holds for stakers and policies"),
        "unearned_premium": (solvency.unearned, "Premium not earned yet"),
        "debts": (solvency.debts, "Owed to policies and not paid for want of assets"),
        "reserve": (solvency.reserve, "Held for incidents and alarms"),
        "exposed": (solvency.exposed, "Aggregate limits of the fullest scenario"),
        "free": (solvency.free, "What may back further cover"),
        "claims_owed": (pool.claims_owed, "Owed to policies so far"),
        "claims_paid": (pool.claims_paid, "Paid to policies so far"),
        "claims_unpaid": (pool.claims_owed - pool.claims_paid, "Owed and not paid"),
    }
    for name, (amount, what) in amounts.items():
        yield _gauge(f"insure_pool_{name}", f"{what}, {_MONEY}.", amount)
    yield _gauge("insure_policies_in_force", "Policies in force.", pool.policies_in_force)
    yield _gauge("insure_price_reliable", "1 if shares can be bought.", 1 if pool.price_reliable else 0)


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(name, what, value=value)
