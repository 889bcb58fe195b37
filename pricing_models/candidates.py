"""Frequency models that compete out of sample: the shipped one, the baselines it must beat, and what might be added.

Covariates enter as operational time (`covariates`), to which the shipped gamma-Poisson code is fitted.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pricing_models import aging
from pricing_models.covariates import (
    AGE_EDGES,
    Design,
    age_bands,
    age_power,
    fit_covariates,
    no_covariate,
    operational_years,
    recent_halt,
    spread_of,
)
from pricing_models.experience import YEAR_SECONDS, Experience
from pricing_models.frequency import FrequencyPrior, fit, poisson_counts

FloatArray = NDArray[np.float64]
_HALF_LIFE_YEARS = 1.0
_PSEUDO_HALTS = 0.5
_NEGLIGIBLE = 1e-7


@dataclass(frozen=True)
class Training:
    """What was known at an origin (epoch seconds): the cells before it and the experience built from them."""

    cells: pd.DataFrame
    experience: Experience
    origin: float
    prior: FrequencyPrior


Forecast = Mapping[str, FloatArray]
"""Per subject the probabilities of 0, 1, ... halts in the window asked about."""


@dataclass(frozen=True)
class Candidate:
    """A model by name; `parameters` is how many figures it learns (own histories count as one), the measure of
    simplicity."""

    name: str
    parameters: int
    predict: Callable[[Training, pd.DataFrame], Forecast]


def _windows(tests: pd.DataFrame, design: Design, beta: FloatArray) -> dict[str, tuple[str, float]]:
    """Kind and operational years of each subject's window."""
    kinds = tests.groupby("subject_id", sort=False)["kind"].first()
    years = operational_years(tests, design, beta).reindex(kinds.index)
    return {str(name): (str(kind), float(time)) for (name, kind), time in zip(kinds.items(), years, strict=True)}


def hierarchical(
    name: str,
    parameters: int,
    design: Design = no_covariate,
    own_history: bool = True,
    grouped: bool = True,
    half_life_years: float | None = None,
    uncertain: bool = False,
) -> Candidate:
    """The gamma-Poisson model with a covariate, without own histories (every subject a new one), with all kinds in one
    group, or with own histories that are forgotten by half in `half_life_years`. `uncertain` carries on what is unknown
    of the covariate's coefficients, as prices do (`aging`); the others take the likeliest."""

    def predict(training: Training, tests: pd.DataFrame) -> Forecast:
        if not uncertain:
            return at(fit_covariates(training.cells, design, training.prior), training, tests)
        betas = aging.readings(*spread_of(training.cells, design, training.prior))
        return _averaged([at(beta, training, tests) for beta in betas])

    def at(beta: FloatArray, training: Training, tests: pd.DataFrame) -> Forecast:
        known = training.experience
        subjects = known.subjects.copy()
        time = operational_years(training.cells, design, beta)
        subjects["operational_years"] = time.reindex(subjects.index).fillna(0.0)
        fitted = fit(replace(known, subjects=subjects), replace(training.prior, by_kind=grouped))
        faded: dict[str, tuple[float, float]] = {}
        if half_life_years is not None:
            faded = _faded(training, half_life_years, np.exp(design(training.cells) @ beta))
        result: dict[str, FloatArray] = {}
        for subject, (kind, years) in _windows(tests, design, beta).items():
            if not own_history:
                rate = fitted.posterior("", kind=kind)
            elif half_life_years is not None:
                group, (halts, spent) = fitted.posterior("", kind=kind), faded.get(subject, (0.0, 0.0))
                rate = replace(group, shapes=group.shapes + halts, rates=group.rates + spent)
            else:
                rate = fitted.posterior(subject, kind=kind)
            result[subject] = rate.predictive(years, _NEGLIGIBLE)
        return result

    return Candidate(name, parameters, predict)


def _averaged(parts: Sequence[Forecast]) -> Forecast:
    """Forecasts that are as likely as one another, taken together."""
    result: dict[str, FloatArray] = {}
    for subject in parts[0]:
        longest = max(part[subject].size for part in parts)
        padded = [np.pad(part[subject], (0, longest - part[subject].size)) for part in parts]
        result[subject] = np.mean(padded, axis=0)
    return result


def _faded(training: Training, half_life: float, factors: FloatArray) -> dict[str, tuple[float, float]]:
    """Halts and operational years (`factors` of the cells) of each subject, each cell weighted by its distance from the
    origin."""
    cells = training.cells
    owner, names = pd.factorize(cells["subject_id"])
    weight = 0.5 ** ((training.origin - cells["start"].to_numpy(dtype=float)) / YEAR_SECONDS / half_life)
    halts = np.bincount(owner, weight * cells["halts"].to_numpy(dtype=float))
    years = np.bincount(owner, weight * cells["years"].to_numpy(dtype=float) * factors)
    return {str(name): (float(a), float(b)) for name, a, b in zip(names, halts, years, strict=True)}


def _pooled_rates(training: Training) -> dict[str, float]:
    """Halts a year of each group, half a halt at the prior's rate added so that no group has none."""
    sums = training.cells.groupby("group")[["halts", "years"]].sum()
    extra = _PSEUDO_HALTS / training.prior.mean_rate
    rates = (sums["halts"] + _PSEUDO_HALTS) / (sums["years"] + extra)
    return {str(group): float(rate) for group, rate in rates.items()}


def _poisson(training: Training, tests: pd.DataFrame, own_history: bool) -> Forecast:
    rates = _pooled_rates(training)
    own = training.cells.groupby("subject_id")[["halts", "years"]].sum()
    result: dict[str, FloatArray] = {}
    for subject, window in tests.groupby("subject_id", sort=False):
        rate = rates.get(str(window["group"].iloc[0]), training.prior.mean_rate)
        if own_history and subject in own.index:
            halts, years = own.loc[[subject]].to_numpy(dtype=float)[0]
            rate = (halts + _PSEUDO_HALTS) / (years + _PSEUDO_HALTS / rate)
        result[str(subject)] = poisson_counts(rate * float(window["years"].sum()))
    return result


def pooled_poisson(training: Training, tests: pd.DataFrame) -> Forecast:
    """One rate per group, known."""
    return _poisson(training, tests, own_history=False)


def own_mean(training: Training, tests: pd.DataFrame) -> Forecast:
    """Each subject's own mean, half a halt at the group's rate added."""
    return _poisson(training, tests, own_history=True)


BASELINE = "pooled_poisson"
SHIPPED = "one_group_age_bands"


def _age_bands_and_recent_halt(cells: pd.DataFrame) -> FloatArray:
    return np.hstack([age_bands(cells), recent_halt(cells)])


CANDIDATES: Sequence[Candidate] = (
    Candidate(BASELINE, 2, pooled_poisson),
    hierarchical("pooled_nb", 4, own_history=False),
    hierarchical("age_only_nb", 4 + len(AGE_EDGES), age_bands, own_history=False),
    Candidate("own_mean", 2, own_mean),
    hierarchical("one_group", 2, grouped=False),
    hierarchical("by_kind", 4),
    hierarchical("one_group_recent_halt", 3, recent_halt, grouped=False),
    hierarchical("one_group_forgetting", 3, grouped=False, half_life_years=_HALF_LIFE_YEARS),
    hierarchical("one_group_age_power", 3, age_power, grouped=False),
    hierarchical("one_group_age_power_forgetting", 4, age_power, grouped=False, half_life_years=_HALF_LIFE_YEARS),
    hierarchical(SHIPPED, 2 + len(AGE_EDGES), age_bands, grouped=False, uncertain=True),
    hierarchical("by_kind_age_bands", 4 + len(AGE_EDGES), age_bands),
    hierarchical("one_group_age_bands_recent_halt", 3 + len(AGE_EDGES), _age_bands_and_recent_halt, grouped=False),
    hierarchical(
        "one_group_age_bands_forgetting", 3 + len(AGE_EDGES), age_bands, grouped=False, half_life_years=_HALF_LIFE_YEARS
    ),
)
"""Figures that are learnt: a mean and a spread for each group of kinds (two, or all in one; the baselines that know no
subject apart have them in two), a factor for each covariate, the half-life."""
