"""How fast the models fit and price: `python -m benchmarks.pricing --json`.

`--policies` of the 10,000 different policies are priced and the time scaled to all of them. A peer's ratio is its time
over ours at equal error; it is null where the peer has not been measured in the same run.
"""

import argparse
import json
import resource
import statistics
import time
from collections.abc import Callable

import numpy as np

from insure import dataset
from insure.engine import fit_model
from pricing_models.compound import LossDistribution, loss_distribution
from pricing_models.model import Model
from pricing_models.payoff import Semantics, Terms

DAY = 86_400
HOUR = 3_600
AS_OF = 1_795_305_600  # 2026-11-22
ALL_POLICIES = 10_000
TERMS = Terms(HOUR, Semantics.RETENTION, 1_000_000, 0, 24 * HOUR * 10**6, 61_373 * 3_600_000)
"""An aggregate limit that binds and lies on no grid: without one the mean is exact on any."""


def timed(work: Callable[[], object], times: int) -> float:
    """Median seconds of a call."""
    spans = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        spans.append(time.perf_counter() - begin)
    return statistics.median(spans)


def different_policies(model: Model, count: int) -> list[tuple[str, Terms, int]]:
    """Policies no two of which are the same, over all subjects."""
    rng = np.random.default_rng(0)
    names = [str(name) for name in model.experience.subjects.index]
    found = []
    for number in range(count):
        rate = int(rng.integers(10**5, 10**7))
        limit = rate * int(rng.integers(2, 48)) * HOUR
        semantics = list(Semantics)[number % 2]
        terms = Terms(int(rng.integers(1, 13)) * HOUR // 2, semantics, rate, 0, limit, int(limit * rng.uniform(1, 3)))
        found.append((names[number % len(names)], terms, int(rng.integers(7, 365)) * DAY))
    return found


def measure(policies: int) -> dict[str, float | None]:
    """All figures, by the names that are printed."""
    history = dataset.load()
    fit_s = timed(lambda: fit_model(history, AS_OF), 3)
    model = fit_model(history, AS_OF)
    subject = str(model.experience.subjects["halts"].idxmax())
    counts, law = model.rate(subject).predictive(1.0), model.length(subject)

    def one(tolerance: float = 1e-6) -> LossDistribution:
        return loss_distribution(counts, TERMS, law.sf, law.tabulated_expectation, tolerance=tolerance)

    exact, found = one(1e-8).mean, one()
    begin = time.perf_counter()
    for name, terms, term in different_policies(model, policies):
        model.price(name, terms, term)
    each = (time.perf_counter() - begin) / policies
    return {
        "fit_s": fit_s,
        "loss_distribution_ms": 1e3 * timed(one, 101),
        "relative_mean_error": max(found.mean_error, abs(found.mean / exact - 1.0)),
        "ratio_gemact": None,
        "ratio_aggregate": None,
        "policies_10000_s": each * ALL_POLICIES,
        "policies_measured": float(policies),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--policies", type=int, default=500, help="how many of the 10,000 to price")
    options = parser.parse_args()
    found = measure(options.policies)
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:24} {'not measured' if value is None else f'{value:.4g}'}")


if __name__ == "__main__":
    main()
