"""What `pricing_models.aging` promises: a rate knows how little the history tells of what age does to it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pricing_models.aging import readings
from pricing_models.cells import year_start
from pricing_models.compound import loss_distribution
from pricing_models.errors import InvalidData
from pricing_models.experience import YEAR_SECONDS
from pricing_models.model import Model, ModelSettings, fit
from pricing_models.overrides import Override
from pricing_models.payoff import Semantics, Terms
from tests.simulated_history import history

AS_OF = year_start(2024)
SUBJECTS, OUTAGES = history(31, 40, age_exponent=-0.6)
MODEL = fit(SUBJECTS, OUTAGES, AS_OF)


def at_the_mode(model: Model) -> Model:
    return replace(model, age_nodes=())


def test_the_readings_have_the_mean_the_covariance_and_nearly_the_mean_factor_of_the_normal_law():
    mode, root = np.array([0.9, -1.3, -0.9]), np.array([[0.3, 0.0, 0.0], [0.1, 0.5, 0.0], [0.0, 0.2, 0.5]])
    covariance = root @ root.T
    found = readings(mode, covariance)
    assert found.shape == (6, 3)
    assert found.mean(axis=0) == pytest.approx(mode)
    assert np.cov(found.T, bias=True) == pytest.approx(covariance)
    for axis in range(3):
        exact = np.exp(mode[axis] + covariance[axis, axis] / 2.0)
        assert np.exp(found[:, axis]).mean() == pytest.approx(exact, rel=0.01)


def test_a_chain_just_launched_has_the_rate_of_the_young_whose_effect_few_halts_tell():
    launched = SUBJECTS.tail(1).assign(subject_id="new", launch=AS_OF - 86_400.0, observed_from=AS_OF - 86_400.0)
    model = fit(pd.concat([SUBJECTS, launched], ignore_index=True), OUTAGES, AS_OF)
    unsure, sure = model.rate("new"), at_the_mode(model).rate("new")
    assert unsure.sd > 1.01 * sure.sd
    assert unsure.credibility == sure.credibility


def test_the_rate_is_the_mean_over_the_readings_of_rate_and_factor_together():
    age = MODEL.facts("s003").age
    products = [node.rates.posterior("s003").mean * node.effect.mean_factor(age, 1.0) for node in MODEL.age_nodes]
    assert len(products) == 6
    assert MODEL.rate("s003", ahead_seconds=YEAR_SECONDS).mean == pytest.approx(np.mean(products))


@pytest.mark.parametrize("days", [90, 365, 3652])
def test_a_price_is_that_of_the_readings_over_its_very_term(days):
    """Among chains that come into another band within the term the readings change places: no year stands for it."""
    seconds = days * 86_400
    years = seconds / YEAR_SECONDS
    ages = {str(name): MODEL.facts(str(name)).age for name in MODEL.experience.subjects.index}
    subject = next(name for name, age in ages.items() if MODEL.age.changes_within(age, years))
    parts = [
        node.rates.posterior(subject).scaled(node.effect.mean_factor(ages[subject], years)).predictive(years)
        for node in MODEL.age_nodes
    ]
    explicit = np.mean([np.pad(part, (0, 200 - part.size)) for part in parts], axis=0)
    terms = Terms(3600, Semantics.RETENTION, 1_000, 0, 43_200_000, 86_400_000)
    curves = MODEL.length(subject).curves
    expected = loss_distribution(explicit, terms, curves.sf, curves.lev)
    found = MODEL.price(subject, terms, seconds, trigger=None)
    assert found.loss.mean == pytest.approx(expected.mean, rel=1e-6)
    assert found.loss.probability_of_any == pytest.approx(expected.probability_of_any, rel=1e-6)
    assert MODEL.loss(subject, terms, seconds).mean == pytest.approx(expected.mean, rel=1e-6)
    mean = explicit @ np.arange(explicit.size) / years
    assert found.rate is not None and found.rate.mean == pytest.approx(mean, rel=1e-6)
    low, high = MODEL.rate(subject, ahead_seconds=seconds).interval(0.9)
    assert (found.rate.low, found.rate.high) == pytest.approx((low, high), rel=1e-6)


def test_who_stays_in_a_band_has_one_rate_for_every_term():
    ages = {str(name): MODEL.facts(str(name)).age for name in MODEL.experience.subjects.index}
    subject = next(name for name, age in ages.items() if not MODEL.age.changes_within(age, 1.0))
    assert MODEL.known_rates(subject, 0.2) is MODEL.known_rates(subject, 0.9)


def test_own_quiet_years_at_an_age_bound_the_rate_whatever_age_does_to_others():
    """Rate and effect are fitted together: taken as independent, they would spread it more."""
    subjects = SUBJECTS.assign(launch=SUBJECTS["launch"] - 10 * YEAR_SECONDS)  # all are old, all the time
    model = fit(subjects, OUTAGES, AS_OF)
    spread = [node.effect.mean_factor(12.0, 1.0) for node in model.age_nodes]
    assert np.std(np.log(spread)) > 0.3  # hardly anything is told of the effect
    assert model.rate("s003").sd < 1.1 * at_the_mode(model).rate("s003").sd


def test_who_has_no_launch_and_who_is_overridden_has_nothing_of_it():
    unknown = fit(SUBJECTS.assign(launch=np.nan), OUTAGES, AS_OF)
    assert unknown.rate("s003").mean == at_the_mode(unknown).rate("s003").mean
    stated = fit(SUBJECTS, OUTAGES, AS_OF, overrides=[Override("s003", 1.5, "why", "who", AS_OF - 1.0)])
    assert stated.rate("s003").mean == pytest.approx(1.5)
    assert not fit(SUBJECTS, OUTAGES, AS_OF, ModelSettings(age="none")).age_nodes


def test_a_form_of_age_that_is_none_is_refused():
    with pytest.raises(InvalidData, match="age is 'cubic': must be one of none, power, bands"):
        fit(SUBJECTS, OUTAGES, AS_OF, ModelSettings(age="cubic"))  # type: ignore[arg-type]
