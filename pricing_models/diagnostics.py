"""Would the forecasts have been right? Rolling origin: fitted to what began before it, held against what came after.

Every candidate forecasts the count of every universe subject in every window (a calendar year, or a quarter, the usual
term). Scores are in nats (natural log of the probability given to what happened) against the pooled Poisson; their
intervals resample chains, because one chain's windows are not independent. What the tables lacked at an origin but hold
today (reports found later, membership brackets) is not undone: the scores are what a fit on today's knowledge of that
past would have earned.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from pricing_models import duration, experience
from pricing_models.candidates import BASELINE, CANDIDATES, Candidate, Training
from pricing_models.cells import cut, of_universe, quarter_starts, seen
from pricing_models.duration import DurationPrior
from pricing_models.errors import InvalidData
from pricing_models.experience import MERGE_GAP_SECONDS, Experience
from pricing_models.frequency import FrequencyPrior

FloatArray = NDArray[np.float64]
Window = Literal["year", "quarter"]

LEAST_TRAINING_HALTS = 10
_REPLICATES = 4000
_SEED = 20_190_101
_PIT_DRAWS = 100
_PIT_BINS = 10
_LEVEL = 0.9
_POINTS = 21  # of the group's grid: a third of the nodes that prices use, at no cost to four digits
_LEAST_PROBABILITY = 1e-12


@dataclass(frozen=True)
class Forecasts:
    """One row per candidate, subject and window in `scores`: candidate, subject_id, group, window (its first day),
    halts, mean, log_score, crps, below = P(N < halts), mass = P(N = halts), low and high (central 90%).

    `totals` has one row per candidate, group and window: halts, mean and the central 90% of the sum over subjects,
    taken as independent given the fit (so a little narrow: they share the group's uncertain mean).
    """

    scores: pd.DataFrame
    totals: pd.DataFrame


# Scores of one forecast


def crps(pmf: FloatArray, count: int) -> float:
    """Continuous ranked probability score of a count: sum over k of (F(k) - 1{count <= k})^2; 0 is perfect."""
    cdf = np.cumsum(pmf)
    steps = np.arange(max(pmf.size, count + 1))
    known = np.append(cdf, np.ones(steps.size - cdf.size)) if steps.size > cdf.size else cdf
    return float(np.sum((known - (steps >= count)) ** 2))


def central_interval(pmf: FloatArray, level: float) -> tuple[int, int]:
    """Quantiles at both tails of `level`: the counts whose cdf first reaches (1 - level)/2 and (1 + level)/2."""
    cdf = np.cumsum(pmf)
    tail = (1.0 - level) / 2.0
    low, high = np.searchsorted(cdf, [tail, 1.0 - tail])
    return int(low), int(min(high, pmf.size - 1))


def pit_histogram(below: FloatArray, mass: FloatArray, seed: int = _SEED) -> tuple[FloatArray, float]:
    """Randomised probability integral transform u = F(n - 1) + v p(n), v uniform: the share of u in each tenth (all 0.1
    where forecasts are calibrated), averaged over draws of v, and the median p-value of their tests for uniformity.

    Czado, Gneiting and Held, Biometrics 65 (2009); the test is Kolmogorov and Smirnov's.
    """
    rng = np.random.default_rng(seed)
    u = below + rng.uniform(size=(_PIT_DRAWS, below.size)) * mass
    counts, _ = np.histogram(u, bins=_PIT_BINS, range=(0.0, 1.0 + 1e-9))
    values = [float(stats.kstest(np.clip(row, 0.0, 1.0), "uniform").pvalue) for row in u]
    return counts / counts.sum(), float(np.median(values))


def chain_bootstrap(differences: "pd.Series[float]", seed: int = _SEED) -> tuple[float, float, float]:
    """Standard error and 90% interval of a total, resampling its parts (one per chain) with replacement."""
    values = differences.to_numpy(dtype=float)
    rng = np.random.default_rng(seed)
    totals = values[rng.integers(0, values.size, size=(_REPLICATES, values.size))].sum(axis=1)
    low, high = np.quantile(totals, [(1.0 - _LEVEL) / 2.0, (1.0 + _LEVEL) / 2.0])
    return float(totals.std()), float(low), float(high)


def standing(by_chain: pd.DataFrame, name: str, baseline: str, best: str) -> dict[str, object]:
    """What a candidate won over the baseline and lacks to the best, given nats by chain (rows) and candidate (columns):
    totals, standard errors, the gain's 90% interval, and whether it is within one standard error of the best."""
    gain, behind = by_chain[name] - by_chain[baseline], by_chain[best] - by_chain[name]
    se, low, high = chain_bootstrap(gain)
    se_behind = chain_bootstrap(behind)[0]
    return {
        "gain": float(gain.sum()),
        "gain_se": se,
        "gain_low": low,
        "gain_high": high,
        "behind_best": float(behind.sum()),
        "behind_best_se": se_behind,
        "within_one_se": bool(behind.sum() <= se_behind),
    }


def ratio_bootstrap(
    table: pd.DataFrame, above: Sequence[str], below: Sequence[str], seed: int = _SEED
) -> tuple[float, float, float]:
    """Product of the totals of some columns over that of others (each at least one unit), and its 90% interval,
    resampling chains, which are the table's index, with replacement."""
    sums = table[[*above, *below]].groupby(level=0).sum().to_numpy(dtype=float)
    rng = np.random.default_rng(seed)
    drawn = sums[rng.integers(0, len(sums), size=(_REPLICATES, len(sums)))].sum(axis=1)
    totals = np.vstack([sums.sum(axis=0), drawn])
    ratios = totals[:, : len(above)].prod(axis=1) / np.maximum(totals[:, len(above) :], 1.0).prod(axis=1)
    low, high = np.quantile(ratios[1:], [(1.0 - _LEVEL) / 2.0, (1.0 + _LEVEL) / 2.0])
    return float(ratios[0]), float(low), float(high)


# Rolling origin


def roll(
    subjects: pd.DataFrame,
    outages: pd.DataFrame,
    as_of: float,
    window: Window = "year",
    candidates: Sequence[Candidate] = CANDIDATES,
    prior: FrequencyPrior | None = None,
    merge_gap_seconds: float = MERGE_GAP_SECONDS,
    lengths: DurationPrior | None = None,
) -> Forecasts:
    """Forecasts of every candidate from every origin that has at least `LEAST_TRAINING_HALTS` halts before it.

    `subjects` may carry `launch` (epoch seconds, nan unknown) for the models of age. Where sources have a floor, years
    are those in which they see a halt, by the `lengths` fitted at the origin. Raises `InvalidData` when no origin has
    enough halts behind it.
    """
    whole = experience.build(subjects, outages, as_of, merge_gap_seconds)
    cells = of_universe(cut(subjects, whole), whole)
    rows: list[dict[str, object]] = []
    totals: list[dict[str, object]] = []
    for origin, end in _origins(cells, as_of, window):
        before = cells[cells["start"] < origin]
        if before["halts"].sum() < LEAST_TRAINING_HALTS:
            continue
        known = _detected(experience.build(subjects, outages, origin, merge_gap_seconds), lengths)
        training = Training(seen(before, known), known, origin, prior or FrequencyPrior(points=_POINTS))
        tests = seen(_as_known(cells[(cells["start"] >= origin) & (cells["start"] < end)], origin), known)
        if tests.empty:
            continue
        for candidate in candidates:
            _score(candidate, training, tests, rows, totals)
    if not rows:
        raise InvalidData(f"outages: no origin has {LEAST_TRAINING_HALTS} usable halts before it; too few to look back")
    return Forecasts(pd.DataFrame(rows), pd.DataFrame(totals))


def _detected(known: Experience, lengths: DurationPrior | None) -> Experience:
    """The experience with the share of halts that its sources see; lengths are fitted only where a floor is stated."""
    some = bool((known.subjects["floor_seconds"] > 0.0).any())
    return duration.detected(known, duration.fit(known, lengths)) if some else known


def _origins(cells: pd.DataFrame, as_of: float, window: Window) -> list[tuple[float, float]]:
    """First and last second of every window."""
    if window not in ("year", "quarter"):
        raise InvalidData(f"window is {window!r}: must be 'year' or 'quarter'")
    starts = quarter_starts(float(cells["start"].min()), as_of)
    if window == "year":
        starts = [start for start in starts if pd.Timestamp(start, unit="s").month == 1]
    return list(zip(starts, [*starts[1:], as_of], strict=True))


def _as_known(tests: pd.DataFrame, origin: float) -> pd.DataFrame:
    """The windows' cells with recent halts as known at the origin: those of later quarters are not."""
    return tests.assign(recent=tests["recent"].where(tests["start"] == origin, 0.0))


def _score(
    candidate: Candidate,
    training: Training,
    tests: pd.DataFrame,
    rows: list[dict[str, object]],
    totals: list[dict[str, object]],
) -> None:
    """Append a row per subject and one per group."""
    window = pd.Timestamp(training.origin, unit="s").strftime("%Y-%m-%d")
    halts = tests.groupby("subject_id")["halts"].sum().to_dict()
    groups = tests.groupby("subject_id")["group"].first().to_dict()
    sums: dict[str, FloatArray] = {}
    halted: dict[str, int] = {}
    for subject, pmf in candidate.predict(training, tests).items():
        count, group = int(halts[subject]), str(groups[subject])
        mass = float(pmf[count]) if count < pmf.size else 0.0
        low, high = central_interval(pmf, _LEVEL)
        rows.append(
            {
                "candidate": candidate.name,
                "subject_id": subject,
                "group": group,
                "window": window,
                "halts": count,
                "mean": float(pmf @ np.arange(pmf.size)),
                "log_score": float(np.log(max(mass, _LEAST_PROBABILITY))),
                "crps": crps(pmf, count),
                "below": float(pmf[:count].sum()),
                "mass": mass,
                "low": low,
                "high": high,
            }
        )
        sums[group] = np.convolve(sums.get(group, np.ones(1)), pmf)
        halted[group] = halted.get(group, 0) + count
    for group, pmf in sums.items():
        low, high = central_interval(pmf, _LEVEL)
        row = {"halts": halted[group], "mean": float(pmf @ np.arange(pmf.size)), "low": low, "high": high}
        totals.append({"candidate": candidate.name, "group": group, "window": window, **row})


# Comparison


def compare(forecasts: Forecasts, candidates: Sequence[Candidate] = CANDIDATES) -> pd.DataFrame:
    """One row per candidate: total log score against the baseline with its chain-bootstrap s.e. and 90% interval, the
    gap to the best of them with its s.e., whether that is within one s.e., mean CRPS, coverage of the central 90%."""
    scores = forecasts.scores
    by_chain = scores.pivot_table(index="subject_id", columns="candidate", values="log_score", aggfunc="sum")
    best = str(by_chain[[each.name for each in candidates]].sum().idxmax())
    rows: dict[str, dict[str, object]] = {}
    for candidate in candidates:
        own = scores[scores["candidate"] == candidate.name]
        inside = (own["halts"] >= own["low"]) & (own["halts"] <= own["high"])
        rows[candidate.name] = {
            "parameters": candidate.parameters,
            **standing(by_chain, candidate.name, BASELINE, best),
            "crps": float(own["crps"].mean()),
            "coverage_90": float(inside.mean()),
            "expected": float(own["mean"].sum()),
            "observed": int(own["halts"].sum()),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def simplest_close(comparison: pd.DataFrame) -> str:
    """The candidate with fewest parameters within one standard error of the best; of equals the better score."""
    close = comparison[comparison["within_one_se"].astype(bool)]
    return str(close.sort_values(["parameters", "behind_best"]).index[0])


def spread(forecasts: Forecasts, candidate: str, parts: int = 5) -> pd.DataFrame:
    """Expected and observed halts by fifth of the expected rate: a model that spreads subjects too far expects more
    than it sees at the top and less at the bottom."""
    own = forecasts.scores[forecasts.scores["candidate"] == candidate].reset_index(drop=True)
    rank = own["mean"].rank(method="first")
    fifth = np.minimum(((rank - 1) * parts / len(own)).astype(int), parts - 1)
    return own.groupby(fifth)[["mean", "halts"]].sum().rename(columns={"mean": "expected", "halts": "observed"})
