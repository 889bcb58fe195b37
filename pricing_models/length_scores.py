"""Would the lengths have been right? Laws fitted to what began before each 1 January, held against the year's halts.

A halt's score is the log of the probability that its law gave to what is known of its length: that it lies between two
bounds, beyond one, or for good. Of one known between bounds the probability integral transform is spread evenly over
what the law gives to them, of one known to have lasted at least so long over all beyond (randomised, as for counts);
so is what share of it lies in a central interval. A halt without any bound tells nothing and is left out; what a source
can't see is not expected of it (left truncation). There is no CRPS: of a length of which only a lower bound is known
there is no distance. What one halt is paid on the book's terms says what matters of that instead.

Candidates are compared on the halts that the rates count, because price is rate times length; those of others are
scored beside them. Intervals resample chains (`diagnostics`).
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pricing_models import duration, experience
from pricing_models.book import STANDARD_TERMS, TREATMENTS, beyond, lengths, paid
from pricing_models.cells import year_start
from pricing_models.diagnostics import chain_bootstrap, ratio_bootstrap, standing
from pricing_models.errors import InvalidData
from pricing_models.experience import MERGE_GAP_SECONDS, Experience, Status
from pricing_models.length_candidates import LENGTH_BASELINE, LENGTH_CANDIDATES, LengthCandidate
from pricing_models.lengths import DurationPosterior
from pricing_models.payoff import expected_payout

FloatArray = NDArray[np.float64]

LEAST_TRAINING_HALTS = 10
LEVELS = (0.5, 0.8, 0.9)
_LEAST_PROBABILITY = 1e-12
_ENDLESS = 2**40  # seconds that a policy is taken to last: the end of the term is no matter of lengths
_COLUMNS = ["subject_id", "kind", "event_id", "low", "high", "floor", "for_good", "counted"]


def roll(
    subjects: pd.DataFrame,
    outages: pd.DataFrame,
    as_of: float,
    candidates: Sequence[LengthCandidate] = LENGTH_CANDIDATES,
    merge_gap_seconds: float = MERGE_GAP_SECONDS,
) -> pd.DataFrame:
    """One row per candidate and halt of known length that began after an origin (a 1 January with at least
    `LEAST_TRAINING_HALTS` halts of bounded length before it) and within its year.

    Columns: candidate, subject_id, event_id, window, counted, log_score, below = P(shorter), mass = P(what is known),
    expected (what one halt is paid by the law, asset units) and paid_low, paid_base, paid_high. Raises `InvalidData`
    when no origin has enough halts behind it.
    """
    whole = experience.build(subjects, outages, as_of, merge_gap_seconds)
    money = _paid(whole)
    parts = []
    for origin, end in _years(whole.durations, as_of):
        known = experience.build(subjects, outages, origin, merge_gap_seconds)
        tests = _tests(whole.durations[whole.durations["start"].between(origin, end, inclusive="left")])
        if tests.empty or np.isfinite(known.durations["high"]).sum() < LEAST_TRAINING_HALTS:
            continue
        window = pd.Timestamp(origin, unit="s").strftime("%Y-%m-%d")
        for candidate in candidates:
            found = _scored(candidate.fit(known), tests, known)
            parts.append(found.assign(candidate=candidate.name, window=window))
    if not parts:
        raise InvalidData(f"outages: no year has {LEAST_TRAINING_HALTS} halts of bounded length before it")
    return pd.concat(parts, ignore_index=True).merge(money, on=["subject_id", "event_id"], how="left")


def _years(durations: pd.DataFrame, as_of: float) -> Iterator[tuple[float, float]]:
    """First and last second of every year from that of the first halt on."""
    first, last = (pd.Timestamp(float(at), unit="s").year for at in (durations["start"].min(), as_of))
    for year in range(first, last + 1):
        if year_start(year) < as_of:
            yield year_start(year), min(year_start(year + 1), as_of)


def _tests(durations: pd.DataFrame) -> pd.DataFrame:
    """The halts of which anything is known, their bounds as the likelihood takes them."""
    parts = []
    for counted, each in durations.groupby("counted"):
        bounded = duration.bounds(each, "drop").assign(for_good=False)
        ends = each[each["status"] == Status.PERMANENT].assign(for_good=True)
        parts.append(pd.concat([bounded, ends]).assign(counted=bool(counted)))
    return pd.concat(parts, ignore_index=True)[_COLUMNS] if parts else pd.DataFrame(columns=_COLUMNS)


def _scored(fitted: duration.DurationFit, tests: pd.DataFrame, known: Experience) -> pd.DataFrame:
    """The tests with what the law of each said of it."""
    members = known.subjects.index[known.subjects["in_universe"]]
    parts = []
    for (kind, member, _), each in tests.groupby(["kind", tests["subject_id"].isin(members), "floor"]):
        law = fitted.posterior(str(kind), bool(member))
        below, mass = told(law, each)
        least = float(each["floor"].iloc[0])
        seen = float(law.sf(np.array([least]))[0])
        expected = expected_payout(STANDARD_TERMS, *beyond(law.sf, law.limited_expectation, least), 0.0) / seen
        log_score = np.log(np.maximum(mass, _LEAST_PROBABILITY))
        parts.append(each.assign(below=below, mass=mass, log_score=log_score, expected=expected))
    columns = ["subject_id", "event_id", "counted", "below", "mass", "log_score", "expected"]
    return pd.concat(parts)[columns]


def told(law: DurationPosterior, halts: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
    """P(shorter than what is known) and P(what is known) of each halt (columns low, high, floor, for_good), given that
    it lies beyond its floor."""
    low, high, floor = (halts[name].to_numpy(dtype=float) for name in ("low", "high", "floor"))
    for_good, bounded = halts["for_good"].to_numpy(dtype=bool), np.isfinite(high)
    seen = law.sf(floor)
    top = np.where(for_good, law.permanent, law.sf(low))
    bottom = np.where(bounded, law.sf(np.where(bounded, high, 1.0)), 0.0)
    return 1.0 - top / seen, (top - bottom) / seen


def _paid(whole: Experience) -> pd.DataFrame:
    """What each halt is paid on the book's terms, under each treatment of the unknown ends."""
    seconds = lengths(whole.durations)
    money = {
        f"paid_{name}": [float(paid(STANDARD_TERMS, [(int(each), _ENDLESS)])) for each in seconds[name]]
        for name in TREATMENTS
    }
    return whole.durations[["subject_id", "event_id"]].assign(**money)


def inside(below: FloatArray, mass: FloatArray, level: float) -> FloatArray:
    """The share of each transform, even over [below, below + mass], that lies in the central `level`."""
    low, high = (1.0 - level) / 2.0, (1.0 + level) / 2.0
    within = np.minimum(below + mass, high) - np.maximum(below, low)
    result: FloatArray = np.clip(within / np.maximum(mass, _LEAST_PROBABILITY), 0.0, 1.0)
    return result


def compare(scores: pd.DataFrame, candidates: Sequence[LengthCandidate] = LENGTH_CANDIDATES) -> pd.DataFrame:
    """One row per candidate, on the halts that the rates count: total log score against the baseline with its s.e. and
    90% interval, the gap to the best with its s.e. and whether it is within that, the mean, coverage of the central
    50%, 80% and 90% with intervals, what one halt was expected to be paid over what it was, with its interval; and on
    the other halts the score against the baseline with its s.e."""
    counted = scores["counted"].astype(bool)
    own, others = (_by_chain(scores[which], candidates) for which in (counted, ~counted))
    best = str(own.sum().idxmax())
    rows: dict[str, dict[str, object]] = {}
    for candidate in candidates:
        name = candidate.name
        beside = others[name] - others[LENGTH_BASELINE]
        mine = scores[counted & (scores["candidate"] == name)]
        rows[name] = {
            "parameters": candidate.parameters,
            "halts": len(mine),
            **standing(own, name, LENGTH_BASELINE, best),
            "log_score": float(mine["log_score"].mean()),
            **_coverage(mine),
            **_of_money(mine),
            "others": len(scores[~counted]) // len(candidates),
            "gain_of_others": float(beside.sum()),
            "gain_of_others_se": chain_bootstrap(beside)[0] if len(beside) else 0.0,
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def _by_chain(scores: pd.DataFrame, candidates: Sequence[LengthCandidate]) -> pd.DataFrame:
    table = scores.pivot_table("log_score", "subject_id", "candidate", "sum")
    return table.reindex(columns=[each.name for each in candidates])


def _coverage(mine: pd.DataFrame) -> dict[str, float]:
    below, mass = mine["below"].to_numpy(dtype=float), mine["mass"].to_numpy(dtype=float)
    found: dict[str, float] = {}
    for level in LEVELS:
        shares = pd.DataFrame({"inside": inside(below, mass, level), "halts": 1.0}, index=mine["subject_id"])
        value, low, high = ratio_bootstrap(shares, ["inside"], ["halts"])
        name = f"coverage_{level * 100:.0f}"
        found |= {name: value, f"{name}_low": low, f"{name}_high": high}
    return found


def _of_money(mine: pd.DataFrame) -> dict[str, float]:
    """What one halt was expected to be paid over what it was in the base, and at both ends of what is not known."""
    table = mine.set_index("subject_id")
    value, low, high = ratio_bootstrap(table, ["expected"], ["paid_base"])
    ends = {
        f"expected_over_paid_{name}": float(table["expected"].sum() / max(1.0, table[f"paid_{name}"].sum()))
        for name in ("low", "high")
    }
    return {"expected_over_paid": value, "expected_over_paid_5": low, "expected_over_paid_95": high, **ends}
