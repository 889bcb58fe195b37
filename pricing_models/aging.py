"""Rates under what is unknown of the effect of age: a fit of the rates for each of a few equally likely coefficients.

The coefficients beta have a normal law of covariance C (`covariates.spread_of`). With d of them the 2 d points at
sqrt(d) times a column of the root of C, on both sides of the mode, have its mean, covariance and third moments (the
spherical-radial cubature of degree three; Stroud, Approximate Calculation of Multiple Integrals, 1971). At each the
years of exposure are weighed and the group is fitted anew, so that what the halts say of rate and effect together is
kept: an old chain's own quiet years bound its rate whatever age does to others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pricing_models import frequency
from pricing_models.cells import cut, of_universe
from pricing_models.covariates import AGE_DESIGNS, AgeEffect, AgeForm, operational_years, spread_of
from pricing_models.errors import InvalidData
from pricing_models.experience import Experience
from pricing_models.frequency import FrequencyFit, FrequencyPrior, RatePosterior

FloatArray = NDArray[np.float64]

_POINTS = 13  # of a node's grid, of which there are several: together as many as the mode's


@dataclass(frozen=True)
class AgeNode:
    """One reading of the effect of age, and the rates fitted under it."""

    effect: AgeEffect
    rates: FrequencyFit


@dataclass(frozen=True)
class Aged:
    """The experience with operational years at the mode, the rates fitted to it, the effect of age, its readings."""

    experience: Experience
    rates: FrequencyFit
    effect: AgeEffect
    nodes: tuple[AgeNode, ...] = ()


def fit(subjects: pd.DataFrame, known: Experience, form: AgeForm, prior: FrequencyPrior) -> Aged:
    """The rates of an experience, with age in the form asked for; raises `InvalidData`, `FitFailed`."""
    design = AGE_DESIGNS.get(form)
    if design is None:
        raise InvalidData(f"age is {form!r}: must be one of {', '.join(AGE_DESIGNS)}")
    if form == "none":
        return Aged(known, frequency.fit(known, prior), AgeEffect("none", ()))
    cells = cut(subjects, known)
    mode, covariance = spread_of(of_universe(cells, known), design, prior)

    def weighed(beta: FloatArray) -> Experience:
        years = operational_years(cells, design, beta).reindex(known.subjects.index).fillna(0.0)
        return replace(known, subjects=known.subjects.assign(operational_years=years))

    nodes = []
    for beta in readings(mode, covariance):
        rates = frequency.fit(weighed(beta), replace(prior, points=min(_POINTS, prior.points)))
        nodes.append(AgeNode(AgeEffect(form, tuple(beta.tolist())), rates))
    whole = weighed(mode)
    return Aged(whole, frequency.fit(whole, prior), AgeEffect(form, tuple(mode.tolist())), tuple(nodes))


def readings(mode: FloatArray, covariance: FloatArray) -> FloatArray:
    """Equally likely coefficients (rows) with this mean and covariance."""
    values, vectors = np.linalg.eigh(covariance)
    steps = np.sqrt(mode.size * np.maximum(values, 0.0)) * vectors
    result: FloatArray = np.concatenate([mode + steps.T, mode - steps.T])
    return result


def factors(effect: AgeEffect, nodes: Sequence[AgeNode], age: float, years: float) -> list[float]:
    """Each reading's mean factor over the coming `years` as a multiple of that of `effect`, for a subject of this age
    (not nan)."""
    at_mode = effect.mean_factor(age, years)
    return [node.effect.mean_factor(age, years) / at_mode for node in nodes]


def mixed(
    fitted: RatePosterior,
    effect: AgeEffect,
    nodes: Sequence[AgeNode],
    age: float,
    years: float,
    subject_id: str,
    kind: str | None,
) -> RatePosterior:
    """The rate at the reference age that, times the mean factor of `effect` over the coming `years` at this age, is the
    rate over all readings; `fitted` is that at the mode, and as it is where age tells nothing of the subject."""
    if not nodes or np.isnan(age):
        return fitted
    pairs = zip(nodes, factors(effect, nodes, age, years), strict=True)
    parts = [node.rates.posterior(subject_id, kind).scaled(factor) for node, factor in pairs]
    shapes, rates = (np.concatenate([getattr(part, name) for part in parts]) for name in ("shapes", "rates"))
    weights = np.concatenate([part.weights for part in parts]) / len(parts)
    return replace(fitted, shapes=shapes, rates=rates, weights=weights)
