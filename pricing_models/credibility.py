"""Credibility without a distribution (Bühlmann and Straub): how much own history weighs, from variances alone.

The prices rest on the gamma-Poisson model; this is the second opinion on it that assumes nothing but two moments, shown
beside it in the look back. Loss Models 18.7 and 19.2; Bühlmann and Gisler, A Course in Credibility Theory, 4.8.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pricing_models.errors import InvalidData

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Credibility:
    """Structure parameters and, per subject, the weight of its own mean and the premium that follows.

    `within` is the expected variance of one unit of weight, `between` the variance of the subjects' means (0 if the
    data show none: then nobody's own history counts).
    """

    collective: float
    within: float
    between: float
    factors: FloatArray
    premiums: FloatArray


def buhlmann_straub(ratios: FloatArray, weights: FloatArray) -> Credibility:
    """Unbiased estimators from a row per subject and a column per period; weight 0 where a subject was not there.

    The collective mean is weighted by credibility. Raises `InvalidData` with fewer than two subjects, or fewer than two
    periods in each of them.
    """
    x, w = np.where(weights > 0, ratios, 0.0), np.asarray(weights, dtype=float)
    if not (np.isfinite(x).all() and np.isfinite(w).all() and (w >= 0).all()):
        raise InvalidData("ratios and weights: must be finite, weights at least 0")
    own, periods = w.sum(axis=1), (w > 0).sum(axis=1)
    freedom = int(np.maximum(periods - 1, 0).sum())
    if (own > 0).sum() < 2 or freedom == 0:
        raise InvalidData("ratios: at least two subjects are needed, and one of them for two periods")
    means = np.divide((w * x).sum(axis=1), own, out=np.zeros_like(own), where=own > 0)
    within = float((w * (x - means[:, None]) ** 2).sum()) / freedom
    total = float(own.sum())
    overall = float(own @ means) / total
    excess = float(own @ (means - overall) ** 2) - ((own > 0).sum() - 1) * within
    between = max(0.0, excess / (total - float(own @ own) / total))
    factors = own * between / (own * between + within) if between > 0 else np.zeros_like(own)
    collective = float(factors @ means / factors.sum()) if between > 0 else overall
    return Credibility(collective, within, between, factors, collective + factors * (means - collective))


def of_halts(cells: pd.DataFrame) -> Credibility:
    """The same of halts a year, by calendar year, from the `cells` of one group; weights are years of exposure."""
    year = pd.to_datetime(cells["start"], unit="s").dt.year
    sums = cells.assign(year=year, halts=cells["halts"].astype(float)).pivot_table(
        index="subject_id", columns="year", values=["halts", "years"], aggfunc="sum", fill_value=0.0
    )
    years = sums["years"].to_numpy(dtype=float)
    halts = sums["halts"].to_numpy(dtype=float)
    ratios = np.divide(halts, years, out=np.zeros_like(halts), where=years > 0)
    return buhlmann_straub(ratios, years)
