"""What may make a subject halt more or less often at one time than at another: covariates of the rate.

A covariate multiplies the rate of a cell by exp(x . beta): exposure becomes operational time, the sum of years
exp(x . beta), and the gamma-Poisson model is fitted to that. beta is the mode of its posterior, beta ~ Normal(0, 1),
under the likelihood of the cells, jointly with each group's mean and spread, and its covariance is that of the normal
law with the posterior's curvature there (Laplace; `spread_of`).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize

from pricing_models.errors import FitFailed
from pricing_models.frequency import FrequencyPrior, log_marginal

FloatArray = NDArray[np.float64]
Design = Callable[[pd.DataFrame], FloatArray]

AGE_EDGES = (0.5, 5.0, 8.0)
"""Years since launch at which the piecewise rate may jump; half a year to five is the reference."""
REFERENCE_AGE = 2.0
"""Years since launch at which the factor is one; a subject of unknown launch counts as that old."""
_AGE_OFFSET = 0.25
_STEP = 1e-2


def log_age(years: FloatArray) -> FloatArray:
    """log((age + a quarter) / (two years + a quarter)): zero at the reference age and for an unknown one."""
    age = np.nan_to_num(np.asarray(years, dtype=float), nan=REFERENCE_AGE)
    result: FloatArray = np.log((np.maximum(age, 0.0) + _AGE_OFFSET) / (REFERENCE_AGE + _AGE_OFFSET))
    return result


def no_covariate(cells: pd.DataFrame) -> FloatArray:
    """No column at all."""
    return np.empty((len(cells), 0))


def age_bands(cells: pd.DataFrame) -> FloatArray:
    """Indicators of the age bands but the reference (half a year to five); an unknown age is in the reference."""
    age = cells["age"].to_numpy(dtype=float)
    young, middle, old = AGE_EDGES
    bands = (age < young, (age >= middle) & (age < old), age >= old)
    return np.column_stack(bands).astype(float)


def age_power(cells: pd.DataFrame) -> FloatArray:
    """`log_age` of each cell: exp(x beta) is a power law of age (Crow-AMSAA)."""
    return log_age(cells["age"].to_numpy(dtype=float))[:, None]


AgeForm = Literal["none", "power", "bands"]
AGE_DESIGNS: Mapping[AgeForm, Design] = {"none": no_covariate, "power": age_power, "bands": age_bands}


@dataclass(frozen=True)
class AgeEffect:
    """How the rate depends on age: the fitted coefficients of a form's columns, of the power law its exponent, of the
    bands the logs of their factors."""

    form: AgeForm
    coefficients: tuple[float, ...]

    def mean_factor(self, age: float, years: float) -> float:
        """Mean over the coming `years` of the rate as a multiple of that at the reference age, for a subject of this
        `age` in years (nan unknown: 1): an integral, so that a longer term never has fewer halts."""
        if math.isnan(age) or not any(self.coefficients):
            return 1.0
        under = _under_power if self.form == "power" else _under_bands
        begin = max(age, 0.0)
        return under(begin, begin + years, *self.coefficients) / years

    def changes_within(self, age: float, years: float) -> bool:
        """Whether the factor of a subject of this age is another one at some time in the coming `years`."""
        if math.isnan(age) or self.form == "none":
            return False
        begin = max(age, 0.0)
        return self.form == "power" or any(begin < edge < begin + years for edge in AGE_EDGES)


def _under_power(begin: float, end: float, *of_exponent: float) -> float:
    (exponent,) = of_exponent
    begin, end, power = begin + _AGE_OFFSET, end + _AGE_OFFSET, exponent + 1.0
    area = math.log(end / begin) if abs(power) < 1e-9 else (end**power - begin**power) / power
    return float(area / (REFERENCE_AGE + _AGE_OFFSET) ** exponent)


def _under_bands(begin: float, end: float, *of_bands: float) -> float:
    edges, (young, *older) = (0.0, *AGE_EDGES, np.inf), of_bands
    logs = (young, 0.0, *older)
    spent = (max(0.0, min(end, high) - max(begin, low)) for low, high in pairwise(edges))
    return float(sum(math.exp(log) * years for log, years in zip(logs, spent, strict=True)))


def recent_halt(cells: pd.DataFrame) -> FloatArray:
    """Whether a halt began within the 90 days before the cell's quarter."""
    return cells["recent"].to_numpy(dtype=float)[:, None]


def fit_covariates(cells: pd.DataFrame, design: Design, prior: FrequencyPrior) -> FloatArray:
    """The mode of beta given the cells; raises `FitFailed` when the optimiser finds none."""
    x = design(cells)
    if x.shape[1] == 0:
        return np.empty(0)
    return _mode(_loss(cells, x, prior), cells, x, prior)[: x.shape[1]]


def spread_of(cells: pd.DataFrame, design: Design, prior: FrequencyPrior) -> tuple[FloatArray, FloatArray]:
    """The mode of beta and its covariance; raises as `fit_covariates`, and where the posterior has no peak."""
    x = design(cells)
    size = x.shape[1]
    if size == 0:
        return np.empty(0), np.empty((0, 0))
    loss = _loss(cells, x, prior)
    mode = _mode(loss, cells, x, prior)
    try:
        covariance: FloatArray = np.linalg.inv(_curvature(loss, mode)).astype(np.float64)
    except np.linalg.LinAlgError as error:
        raise FitFailed("the covariates' posterior has no peak: look for contradictions in the cells") from error
    return mode[:size], covariance[:size, :size]


Loss = Callable[[FloatArray], float]


def _loss(cells: pd.DataFrame, x: FloatArray, prior: FrequencyPrior) -> Loss:
    """Minus the log posterior of (beta, log mean and log shape of each group)."""
    owner, names = pd.factorize(cells["subject_id"])
    group, groups = pd.factorize(cells.groupby("subject_id", sort=False)["group"].first().reindex(names))
    years, halts = cells["years"].to_numpy(dtype=float), cells["halts"].to_numpy(dtype=float)
    totals = np.bincount(owner, halts)
    m0, a0 = np.log(prior.mean_rate), np.log(prior.shape)

    def loss(v: FloatArray) -> float:
        beta, mean, shape = v[: x.shape[1]], v[x.shape[1] : x.shape[1] + len(groups)], v[x.shape[1] + len(groups) :]
        effect = x @ beta
        time = np.bincount(owner, years * np.exp(effect))
        # within a subject the halts fall on its cells in proportion to their operational time
        total = float(halts @ effect - totals @ np.log(time))
        for number in range(len(groups)):
            own = group == number
            m, a = np.exp(mean[number : number + 1]), np.exp(shape[number : number + 1])
            total += float(log_marginal(m, a, totals[own], time[own])[0])
        penalty = np.sum(beta**2) + np.sum(((mean - m0) / prior.mean_log_sd) ** 2)
        return float(0.5 * (penalty + np.sum(((shape - a0) / prior.shape_log_sd) ** 2)) - total)

    return loss


def _mode(loss: Loss, cells: pd.DataFrame, x: FloatArray, prior: FrequencyPrior) -> FloatArray:
    """Where the loss is least: beta first."""
    groups = cells["group"].nunique()
    start = np.zeros(x.shape[1] + 2 * groups)
    start[x.shape[1] : x.shape[1] + groups] = np.log(prior.mean_rate)
    start[x.shape[1] + groups :] = np.log(prior.shape)
    found = optimize.minimize(loss, start, method="L-BFGS-B", bounds=[(-12.0, 12.0)] * start.size)
    if not np.isfinite(found.fun):
        raise FitFailed("the covariates have no mode: look for contradictions in the cells")
    return np.asarray(found.x, dtype=float)


def _curvature(loss: Loss, at: FloatArray) -> FloatArray:
    """Second derivatives by central differences."""
    steps = _STEP * np.eye(at.size)
    found = np.empty((at.size, at.size))
    for i, one in enumerate(steps):
        for j, other in enumerate(steps[: i + 1]):
            corners = loss(at + one + other) - loss(at + one - other) - loss(at - one + other) + loss(at - one - other)
            found[i, j] = found[j, i] = corners / (4.0 * _STEP**2)
    return found


def operational_years(cells: pd.DataFrame, design: Design, beta: FloatArray) -> "pd.Series[float]":
    """Operational years per subject: its exposure, each cell weighted by its factor."""
    time = cells["years"].to_numpy(dtype=float) * np.exp(design(cells) @ beta)
    return pd.Series(time, index=cells["subject_id"]).groupby(level=0, sort=False).sum()
