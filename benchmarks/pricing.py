"""How fast the models fit and price: `python -m benchmarks.pricing [--json] [--save results/pricing.json]`.

`loss_distribution_ms` is one policy on the busiest subject, `policies_10000_s` ten thousand different policies over
all subjects at their full premium, from a fit that has priced nothing yet; both medians, on one core where
`OPENBLAS_NUM_THREADS=1` holds numpy to it. A peer's ratio is its time over ours for the same compound Poisson law at
equal measured error of the mean, 1e-6 or the least that the peer reaches; it is null without the peers' environment
(`benchmarks/oracles.py` says how it is made).
"""

import argparse
import json
import platform
import resource
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.oracles import TIMED
from benchmarks.provenance import provenance
from insure import dataset
from insure.engine import fit_model
from pricing_models.compound import LossDistribution, loss_distribution
from pricing_models.duration import BODIES, DurationPosterior
from pricing_models.frequency import poisson_counts
from pricing_models.model import Model
from pricing_models.payoff import LONGEST_INCIDENT_SECONDS, Semantics, Terms
from pricing_models.pricing import Enquiry, price_many

DAY = 86_400
HOUR = 3_600
AS_OF = 1_795_305_600  # 2026-11-22
POLICIES = 10_000
ERROR = 1e-6
RUNS = 3
COMMAND = "OPENBLAS_NUM_THREADS=1 python -m benchmarks.pricing --json"
TARGETS = {"fit_s": 2.0, "loss_distribution_ms": 0.5, "relative_mean_error": ERROR, "policies_10000_s": 10.0}
TERMS = Terms(HOUR, Semantics.RETENTION, 1_000_000, 0, 24 * HOUR * 10**6, 61_373 * 3_600_000)
"""An aggregate limit that binds and lies on no grid: without one the mean is exact on any."""
PEERS = Path(__file__).resolve().parent.parent / ".oracles" / "bin" / "python"


def timed(work: Callable[[], object], times: int) -> float:
    """Median seconds of a call."""
    spans = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        spans.append(time.perf_counter() - begin)
    return statistics.median(spans)


def different_policies(model: Model, count: int) -> list[Enquiry]:
    """Enquiries no two of which are the same, over all subjects; one in five with a failover benefit."""
    rng = np.random.default_rng(0)
    names = [str(name) for name in model.experience.subjects.index]
    found = []
    for number in range(count):
        rate = int(rng.integers(10**5, 10**7))
        limit = rate * int(rng.integers(2, 48)) * HOUR
        semantics = list(Semantics)[number % 2]
        benefit = limit // 4 if number % 5 == 0 else 0
        waiting, most = int(rng.integers(1, 13)) * HOUR // 2, int(limit * rng.uniform(1, 3))
        terms = Terms(waiting, semantics, rate, benefit, limit, most)
        found.append(Enquiry(names[number % len(names)], terms, int(rng.integers(7, 365)) * DAY))
    return found


def of_peers() -> Callable[[float], LossDistribution]:
    """The law that the peers are timed on, by a tolerance: from its parameters, as they do it, without a table."""
    mu, sigma = TIMED["severity"]["mu"] + np.log(HOUR), TIMED["severity"]["sigma"]
    law = DurationPosterior(BODIES["lognormal"], np.array([mu]), np.array([sigma]), np.ones(1), "")
    limits = [round(TIMED[name] * HOUR) for name in ("waiting", "limit", "aggregate")]
    terms = Terms(limits[0], Semantics.RETENTION, 1, 0, limits[1], limits[2])
    week = float(LONGEST_INCIDENT_SECONDS)

    def run(tolerance: float) -> LossDistribution:
        return loss_distribution(
            poisson_counts(TIMED["frequency"]["mean"]),
            terms,
            lambda x: np.where(x >= week, 0.0, law.sf(x)),
            lambda x: law.limited_expectation(np.minimum(x, week)),
            tolerance=tolerance,
        )

    return run


def ratios(peers: Path, rounds: int = 3) -> dict[str, float | None]:
    """Each peer's time over ours at equal error, medians of rounds in which both are timed."""
    if not peers.exists():
        return {"ratio_gemact": None, "ratio_aggregate": None}
    run = of_peers()
    exact = run(1e-9).mean
    found: dict[str, list[float]] = {"ratio_gemact": [], "ratio_aggregate": []}
    for _ in range(rounds):
        told = _told_by(peers)
        for name, trials in told.items():
            target = max(ERROR, min(trial["error"] for trial in trials))
            theirs = min(trial["ms"] for trial in trials if trial["error"] <= target)
            tolerance = next(t for t in (target, target / 3, target / 10) if abs(run(t).mean / exact - 1.0) <= target)
            ours = 1e3 * timed(lambda tolerance=tolerance: run(tolerance), 101)  # type: ignore[misc]
            found[f"ratio_{name}"].append(theirs / ours)
    return {name: statistics.median(values) for name, values in found.items()}


def _told_by(peers: Path) -> dict[str, list[dict[str, Any]]]:
    script = Path(__file__).with_name("oracles.py")
    done = subprocess.run([str(peers), str(script), "--time"], capture_output=True, text=True, check=True)
    result: dict[str, list[dict[str, Any]]] = json.loads(done.stdout.splitlines()[-1])
    return result


def measure(policies: int, peers: Path) -> dict[str, float | None]:
    """All figures, by the names that are printed."""
    history = dataset.load()
    fit_s = timed(lambda: fit_model(history, AS_OF), RUNS)
    model = fit_model(history, AS_OF)
    subject = str(model.experience.subjects["halts"].idxmax())
    counts, law = model.rate(subject).predictive(1.0), model.length(subject).curves

    def one(tolerance: float = ERROR) -> LossDistribution:
        return loss_distribution(counts, TERMS, law.sf, law.lev, tolerance=tolerance)

    exact, found = one(1e-9).mean, one()
    book = different_policies(model, policies)
    fits = iter([model, *(fit_model(history, AS_OF) for _ in range(RUNS - 1))])
    priced = timed(lambda: price_many(next(fits), book), RUNS)
    figures: dict[str, float | None] = {
        "fit_s": fit_s,
        "loss_distribution_ms": 1e3 * timed(one, 301),
        "relative_mean_error": max(found.mean_error, abs(found.mean / exact - 1.0)),
        "policies_10000_s": priced * POLICIES / policies,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    return figures | ratios(peers)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--policies", type=int, default=POLICIES, help="how many to price; the time is scaled to 10,000"
    )
    parser.add_argument("--save", type=Path, help="write the figures with date, machine and commit")
    parser.add_argument("--peers", type=Path, default=PEERS, help="the Python of the peers' environment")
    options = parser.parse_args()
    found = measure(options.policies, options.peers)
    if options.save:
        about = provenance(COMMAND, f"Python {platform.python_version()}")
        options.save.write_text(json.dumps(about | {"targets": TARGETS, "figures": found}, indent=1) + "\n")
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:24} {'not measured' if value is None else f'{value:.4g}'}")


if __name__ == "__main__":
    main()
