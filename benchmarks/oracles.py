"""Compound losses by other people's software: what our loss distributions are held against.

    python3.11 -m venv .oracles && .oracles/bin/pip install gemact 'aggregate==0.30.1'
    apt-get install r-cran-actuar r-cran-fitdistrplus          # Debian's, for R
    .oracles/bin/python benchmarks/oracles.py tests/fixtures/compound_oracles.json

Needs its own environment: the peers pin other versions than ours, and neither imports the other. Amounts are hours of
downtime paid (a rate of one), so a policy is a waiting, a limit and an aggregate limit in hours. `benchmarks.pricing`
calls the same file for the peers' times: `--time` prints them as JSON instead.
"""

import argparse
import json
import logging
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

LEVELS = (0.5, 0.9, 0.99, 0.995)
R_SCRIPT = Path(__file__).with_name("oracles.R")
# Poisson(3) halts of lognormal length (median 4 h), paid beyond an hour up to a day each and 61.37 h in all
TIMED: dict[str, Any] = {
    "frequency": {"law": "poisson", "mean": 3.0},
    "severity": {"law": "lognormal", "mu": float(np.log(4.0)), "sigma": 1.4},
    "waiting": 1.0,
    "limit": 24.0,
    "aggregate": 61.373,
}


def cases(count: int = 12) -> list[dict[str, Any]]:
    """Random policies: both laws of counts and of lengths in turn, all sizes of limits."""
    rng = np.random.default_rng(20_261_122)
    found = []
    for number in range(count):
        mean = float(np.round(rng.uniform(0.2, 5.0), 3))
        poisson = number % 2 == 0
        frequency = {"law": "poisson", "mean": mean}
        if not poisson:
            frequency = {"law": "negative binomial", "mean": mean, "shape": int(rng.integers(1, 4))}  # gemact cuts it
        sigma = float(np.round(rng.uniform(0.6, 1.6), 3))
        mu = float(np.round(np.log(rng.uniform(1.0, 10.0)), 3))
        severity = {"law": ("lognormal", "weibull")[number // 2 % 2], "mu": mu, "sigma": sigma}
        limit = float(rng.integers(6, 73))
        aggregate = float(np.round(limit * rng.uniform(1.0, 4.0), 3))
        waiting = float(rng.integers(0, 17)) / 4.0
        found.append(
            {"frequency": frequency, "severity": severity, "waiting": waiting, "limit": limit, "aggregate": aggregate}
        )
    return found


def summary(amounts: np.ndarray, pmf: np.ndarray, limit: float) -> dict[str, Any]:
    """Figures of a peer's law of the sum once the aggregate limit is applied."""
    paid = np.minimum(amounts, limit)
    pmf = pmf / pmf.sum()
    mean = float(paid @ pmf)
    cdf = np.cumsum(pmf)
    return {
        "mean": mean,
        "sd": float(np.sqrt(max(0.0, pmf @ (paid - mean) ** 2))),
        "nothing": float(pmf[amounts <= 1e-12].sum()),
        "quantiles": [float(paid[int(np.searchsorted(cdf, level))]) for level in LEVELS],
    }


def with_gemact(case: dict[str, Any], steps: int) -> dict[str, Any]:
    """By gemact's FFT on `steps` a limit, mean-preserving."""
    amounts, pmf = gemact_law(case, steps)
    return summary(amounts, pmf, case["aggregate"])


def gemact_law(case: dict[str, Any], steps: int, nodes: int = 2**16) -> tuple[np.ndarray, np.ndarray]:
    """Grid and probabilities of the sum before the aggregate limit."""
    from gemact import lossmodel as lm

    frequency, severity = case["frequency"], case["severity"]
    if frequency["law"] == "poisson":
        counts = lm.Frequency(dist="poisson", par={"mu": frequency["mean"]})
    else:
        shape = frequency["shape"]
        counts = lm.Frequency(dist="nbinom", par={"n": shape, "p": shape / (shape + frequency["mean"])})
    scale = float(np.exp(severity["mu"]))
    if severity["law"] == "lognormal":
        lengths = lm.Severity(dist="lognormal", par={"shape": severity["sigma"], "scale": scale})
    else:
        lengths = lm.Severity(dist="weibull", par={"c": 1.0 / severity["sigma"], "scale": scale})
    model = lm.LossModel(
        severity=lengths,
        frequency=counts,
        policystructure=lm.PolicyStructure(layers=lm.Layer(cover=case["limit"], deductible=case["waiting"])),
        aggr_loss_dist_method="fft",
        sev_discr_method="localmoments",
        n_sev_discr_nodes=steps + 1,
        sev_discr_step=case["limit"] / steps,
        n_aggr_dist_nodes=nodes,
    )
    law = model.dist[0]
    return np.asarray(law.nodes), np.diff(np.asarray(law.cumprobs), prepend=0.0)


def with_aggregate(case: dict[str, Any], bucket: float, log2: int) -> dict[str, Any]:
    """By aggregate's FFT on buckets of so many hours."""
    amounts, pmf = aggregate_law(case, bucket, log2)
    return summary(amounts, pmf, case["aggregate"])


def aggregate_law(case: dict[str, Any], bucket: float, log2: int) -> tuple[np.ndarray, np.ndarray]:
    """Grid and probabilities of the sum before the aggregate limit; `!` makes the waiting part of the severity."""
    from aggregate import build

    frequency, severity = case["frequency"], case["severity"]
    law, shape = ("lognorm", severity["sigma"]), "poisson"
    if severity["law"] == "weibull":
        law = ("weibull_min", 1.0 / severity["sigma"])
    if frequency["law"] != "poisson":
        shape = f"mixed gamma {frequency['shape'] ** -0.5!r}"
    scale = float(np.exp(severity["mu"]))
    words = (
        f"agg Oracle {frequency['mean']!r} claims {case['limit']!r} xs {case['waiting']!r} "
        f"sev {scale!r} * {law[0]} {law[1]!r} ! {shape}"
    )
    built = build(words, bs=bucket, log2=log2)
    table = built.density_df
    return table["loss"].to_numpy(), table["p_total"].to_numpy()


def with_actuar(every: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """By actuar's Panjer recursion, in R."""
    rows = [
        [
            case["frequency"]["mean"],
            case["frequency"].get("shape", 0.0),
            case["severity"]["law"],
            case["severity"]["mu"],
            case["severity"]["sigma"],
            case["waiting"],
            case["limit"],
            case["aggregate"],
        ]
        for case in every
    ]
    text = "\n".join(" ".join(map(str, row)) for row in rows)
    done = subprocess.run(["Rscript", str(R_SCRIPT)], input=text, capture_output=True, text=True, check=True)
    found = []
    for line in done.stdout.splitlines():
        mean, sd, nothing, *quantiles = map(float, line.split())
        found.append({"mean": mean, "sd": sd, "nothing": nothing, "quantiles": quantiles})
    return found


def limited_mean(case: dict[str, Any]) -> float:
    """Mean of one halt's payout in closed form: what a peer's severity is checked against."""
    severity = case["severity"]
    scale, sigma = float(np.exp(severity["mu"])), severity["sigma"]
    law = (
        stats.lognorm(sigma, scale=scale) if severity["law"] == "lognormal" else stats.weibull_min(1 / sigma, 0, scale)
    )
    x = np.linspace(case["waiting"], case["waiting"] + case["limit"], 200_001)
    return float(np.trapezoid(law.sf(x), x))


def times() -> dict[str, Any]:
    """Milliseconds of each peer for the mean under the aggregate limit, and its relative error, grid by grid.

    The error is against the finest grid of gemact, in which a step is a tenth of the coarsest one's of those timed.
    """
    exact = with_gemact(TIMED, 2**14)["mean"]
    trials: dict[str, list[tuple[str, Callable[[], tuple[np.ndarray, np.ndarray]]]]] = {
        "gemact": [(f"{n} steps", lambda n=n: gemact_law(TIMED, n, 8 * n)) for n in (64, 128, 256, 512, 1024, 2048)],
        "aggregate": [
            (f"2^{n}", lambda n=n: aggregate_law(TIMED, 2.0 ** (8 - n), n)) for n in (10, 11, 12, 13, 14, 16)
        ],
    }
    return {peer: [_timed(name, law, exact) for name, law in each] for peer, each in trials.items()}


def _timed(name: str, law: Callable[[], tuple[np.ndarray, np.ndarray]], exact: float) -> dict[str, Any]:
    spans = []
    for _ in range(9):
        begin = time.perf_counter()
        amounts, pmf = law()
        mean = float(np.minimum(amounts, TIMED["aggregate"]) @ pmf)
        spans.append(time.perf_counter() - begin)
    return {"grid": name, "ms": 1e3 * statistics.median(spans), "error": abs(mean / exact - 1.0)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", nargs="?", type=Path, help="where the fixture goes")
    parser.add_argument("--time", action="store_true", help="print the peers' times instead")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    if options.time:
        print(json.dumps(times()))
        return
    if options.out is None:
        sys.exit("out is missing: must be the file that the fixture goes to")
    every = cases()
    by_actuar = with_actuar(every)
    for case, actuar in zip(every, by_actuar, strict=True):
        case["one"] = limited_mean(case)
        case["peers"] = {
            "gemact": with_gemact(case, 4096),
            "aggregate": with_aggregate(case, 1 / 64, 16),
            "actuar": actuar,
        }
    options.out.write_text(json.dumps({"levels": LEVELS, "cases": every}, indent=1) + "\n")


if __name__ == "__main__":
    main()
