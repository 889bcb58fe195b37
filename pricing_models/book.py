"""Would such prices have been right? A synthetic book, sold every 1 January and paid by what then happened.

Every universe subject with a window open on the day buys the same terms until that window or the year ends, at the
price of a model fitted to what began before. A halt's covered seconds are taken to be its length (no trigger between),
which is treated three ways where it is not known: `low` pays for its lower bound, `base` for the middle of its bounds
(the median of known lengths where there is no upper one, if that is longer), `high` for its upper bound, without one
for ever. A stop for good is paid for ever by all three.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pricing_models import experience
from pricing_models.cells import year_start
from pricing_models.compound import loss_distribution
from pricing_models.diagnostics import chain_bootstrap, ratio_bootstrap
from pricing_models.errors import InvalidData
from pricing_models.experience import Experience, Status
from pricing_models.model import Model, ModelSettings, fit
from pricing_models.payoff import LONGEST_INCIDENT_SECONDS, Curve, Semantics, Terms, expected_payout, owed
from pricing_models.premium import Loadings, Premium, Scenario
from pricing_models.windows import clip, windows_of

FloatArray = NDArray[np.float64]

TREATMENTS = ("low", "base", "high")
_LONGEST_SECONDS = 10 * 366 * 86400
UNIT = 10**6
STANDARD_TERMS = Terms(
    waiting_seconds=3600,
    semantics=Semantics.RETENTION,
    rate_per_second=5000 * UNIT // 3600,
    failover_benefit=0,
    incident_limit=60_000 * UNIT,
    aggregate_limit=120_000 * UNIT,
)
"""5,000 an hour beyond the first, 60,000 an incident, twice that in all, in millionths."""


def lengths(durations: pd.DataFrame) -> pd.DataFrame:
    """Whole seconds of each halt under the three `TREATMENTS` (columns), indexed as `durations`."""
    low, high = durations["low"].to_numpy(dtype=float), durations["high"].to_numpy(dtype=float)
    bounded = np.isfinite(high)
    typical = float(np.median((low + high)[bounded] / 2.0)) if bounded.any() else 0.0
    forever = (durations["status"] == Status.PERMANENT).to_numpy()
    middle = np.where(bounded, (low + np.where(bounded, high, 0.0)) / 2.0, np.maximum(low, typical))
    low, middle = (np.where(forever, float(_LONGEST_SECONDS), each) for each in (low, middle))
    columns = {"low": low, "base": middle, "high": np.minimum(high, float(_LONGEST_SECONDS))}
    return pd.DataFrame(columns, index=durations.index).round().astype(np.int64)


def paid(terms: Terms, halts: Iterable[tuple[int, int]]) -> int:
    """What a policy owes for its halts in order, under both limits: of each its seconds, and those from its beginning
    to the policy's end. A long halt is several incidents, of which those that begin before that end are paid."""
    total = 0
    for seconds, left in halts:
        for start in range(0, min(seconds, left), LONGEST_INCIDENT_SECONDS):
            total += owed(terms, min(seconds - start, LONGEST_INCIDENT_SECONDS), False, total)
    return total


def replay(
    subjects: pd.DataFrame,
    outages: pd.DataFrame,
    as_of: float,
    years: Iterable[int],
    terms: Terms = STANDARD_TERMS,
    loadings: Loadings | None = None,
    settings: ModelSettings | None = None,
) -> pd.DataFrame:
    """One row per policy: year, subject_id, kind, term_years, expected_halts and halts, expected, of_halts (what the
    expected halts would be paid without an aggregate limit), sd, premium and paid_low, paid_base, paid_high (asset
    units). A year that cannot be fitted for want of data is left out; raises `InvalidData` when all are."""
    settings = settings or ModelSettings()
    whole = experience.build(subjects, outages, as_of, settings.merge_gap_seconds)
    rows: list[dict[str, object]] = []
    for year in years:
        origin = year_start(year)
        model = fit(subjects, outages, origin, settings)
        for subject_id, term in _terms_of_year(subjects, origin, min(year_start(year + 1), as_of)).items():
            premium = model.price(subject_id, terms, term, loadings)
            row = {"year": year, "subject_id": subject_id, "kind": model.kind(subject_id), "halts": 0}
            row |= {"term_years": term / experience.YEAR_SECONDS, "premium": premium.total}
            row |= _expected(model, subject_id, terms, term, premium)
            rows.append(row | _outcome(whole, str(subject_id), origin, origin + term, terms))
    if not rows:
        raise InvalidData("subjects: none of the universe could be sold cover in any of the years")
    return pd.DataFrame(rows)


def _expected(model: Model, subject_id: str, terms: Terms, term: int, premium: Premium) -> dict[str, float]:
    """What is expected of the policy that the outcome can hold: its halts by their length, for what is paid below has
    no trigger between either, and of those only what its sources can see."""
    rate, law = model.rate(subject_id, ahead_seconds=term), model.length(subject_id).curves
    years = term / experience.YEAR_SECONDS
    floor = float(model.experience.subjects.loc[[subject_id], "floor_seconds"].to_numpy()[0])
    sf, lev = beyond(law.sf, law.lev, floor)
    halts = rate.mean * years
    found = {
        "expected_halts": halts * float(law.sf(np.array([floor]))[0]),
        "of_halts": halts * expected_payout(terms, sf, lev, 0.0),
        "expected": premium.means.of_outages(Scenario.BASE),
        "sd": premium.loss.sd,
    }
    if floor <= terms.waiting_seconds:
        return found  # what is not seen is not paid
    loss = loss_distribution(rate.predictive(years), terms, sf, lev, 0.0)
    return found | {"expected": loss.mean, "sd": loss.sd}


def beyond(sf: Curve, lev: Curve, floor: float) -> tuple[Curve, Curve]:
    """The curves of D where it lies beyond the floor, of nothing where it does not."""
    if floor <= 0.0:
        return sf, lev
    at = np.array([floor])
    reached, until = float(sf(at)[0]), float(lev(at)[0])

    def sf_seen(seconds: FloatArray) -> FloatArray:
        return sf(np.maximum(seconds, floor))

    def lev_seen(seconds: FloatArray) -> FloatArray:
        return np.minimum(seconds, floor) * reached + lev(np.maximum(seconds, floor)) - until

    return sf_seen, lev_seen


def _terms_of_year(subjects: pd.DataFrame, origin: float, end: float) -> dict[str, int]:
    """Seconds of cover of each universe subject with a window open at the origin."""
    members = subjects[subjects["in_universe"].astype(bool)]
    terms: dict[str, int] = {}
    for name, windows in zip(members["subject_id"], windows_of(members), strict=True):
        ahead = clip(windows, origin, end)
        if ahead and ahead[0][0] == origin and ahead[0][1] - origin >= 86400:
            terms[str(name)] = int(ahead[0][1] - origin)
    return terms


def _outcome(whole: Experience, subject_id: str, begin: float, end: float, terms: Terms) -> dict[str, object]:
    """Halts that began within [begin, end) and what was owed for them under each treatment."""
    table = whole.durations
    seconds = lengths(table)
    mine = (table["subject_id"] == subject_id) & (table["start"] >= begin) & (table["start"] < end)
    result: dict[str, object] = {"halts": int(mine.sum())}
    left = np.ceil(end - table.loc[mine, "start"]).astype(int)
    return result | {
        f"paid_{name}": paid(terms, zip(seconds.loc[mine, name], left, strict=True)) for name in TREATMENTS
    }


def adequacy(policies: pd.DataFrame) -> pd.DataFrame:
    """Per year and in all: policies, halts, expected with its sd (policies taken as independent), premium, what was
    paid under each treatment, and expected and premium over what was paid in the base one (inf if nothing was)."""
    sums = ["halts", "expected", "premium", *(f"paid_{name}" for name in TREATMENTS)]
    years: dict[object, pd.DataFrame] = {year: part for year, part in policies.groupby("year")}
    rows: dict[str, dict[str, float]] = {}
    for name, part in (*years.items(), ("all", policies)):
        totals = {column: float(part[column].sum()) for column in sums}
        base = totals["paid_base"]
        over = {f"{top}_over_paid": totals[top] / base if base else np.inf for top in ("expected", "premium")}
        rows[str(name)] = {"policies": len(part), "sd": float(np.sqrt((part["sd"] ** 2).sum())), **totals, **over}
    return pd.DataFrame.from_dict(rows, orient="index")


def shortfall(policies: pd.DataFrame, treatment: str = "base") -> tuple[float, float, float]:
    """What was paid less what was expected, over all policies, with its 90% chain-bootstrap interval (asset units)."""
    by_chain = (policies[f"paid_{treatment}"] - policies["expected"]).groupby(policies["subject_id"]).sum()
    _, low, high = chain_bootstrap(by_chain)
    return float(by_chain.sum()), low, high


def factors(policies: pd.DataFrame) -> dict[str, tuple[float, float, float]]:
    """What was expected over what was paid in the base, taken apart into factors that multiply to it: how many halts,
    how much one of them is paid, and what the aggregate limit takes off; each with its 90% interval over chains."""
    table = policies.set_index("subject_id")
    parts = {
        "all": (["expected"], ["paid_base"]),
        "halts": (["expected_halts"], ["halts"]),
        "paid for one": (["of_halts", "halts"], ["expected_halts", "paid_base"]),
        "aggregate limit": (["expected"], ["of_halts"]),
    }
    return {name: ratio_bootstrap(table, *columns) for name, columns in parts.items()}
