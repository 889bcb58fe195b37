"""What `pricing_models.candidates` promises: rivals that differ in what they say they differ, one of them shipped."""

import numpy as np
import pytest

from pricing_models import experience
from pricing_models.candidates import CANDIDATES, SHIPPED, Training, hierarchical
from pricing_models.cells import cut, year_start
from pricing_models.covariates import age_power, no_covariate
from pricing_models.experience import YEAR_SECONDS
from pricing_models.frequency import FrequencyPrior
from pricing_models.model import fit
from tests.simulated_history import history

ORIGIN = year_start(2023)
END = year_start(2024)
SUBJECTS, OUTAGES = history(4, 40, age_exponent=-0.7)
CELLS = cut(SUBJECTS, experience.build(SUBJECTS, OUTAGES, END))
BEFORE, AFTER = CELLS[CELLS["start"] < ORIGIN], CELLS[CELLS["start"] >= ORIGIN]
TRAINING = Training(BEFORE, experience.build(SUBJECTS, OUTAGES, ORIGIN), ORIGIN, FrequencyPrior())


@pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda each: each.name)
def test_a_forecast_is_a_distribution_for_every_subject(candidate):
    found = candidate.predict(TRAINING, AFTER)
    assert set(found) == set(SUBJECTS["subject_id"])
    for pmf in found.values():
        assert (pmf >= 0).all()
        assert pmf.sum() == pytest.approx(1.0, abs=1e-6)


def test_the_shipped_candidate_is_the_model_that_prices():
    model = fit(SUBJECTS, OUTAGES, ORIGIN)
    found = next(each for each in CANDIDATES if each.name == SHIPPED).predict(TRAINING, AFTER)
    years = (END - ORIGIN) / YEAR_SECONDS
    for subject, pmf in found.items():
        # a quarter counts whole in the band that its middle lies in: a subject may cross an edge up to half of it off
        own = model.rate(subject, ahead_seconds=END - ORIGIN).predictive(years)[:6]
        assert pmf[:6] == pytest.approx(own, abs=0.03)


def test_without_own_history_only_the_window_and_the_age_tell_subjects_apart():
    pooled = hierarchical("pooled", 2, own_history=False).predict(TRAINING, AFTER)
    first, *others = pooled.values()
    assert all(np.array_equal(first, other) for other in others)
    own = hierarchical("own", 3).predict(TRAINING, AFTER)
    halts = BEFORE.groupby("subject_id")["halts"].sum()
    assert own[halts.idxmax()][0] < first[0] < own[halts.idxmin()][0]


@pytest.mark.parametrize("design", [no_covariate, age_power], ids=["alike", "by age"])
def test_history_that_is_never_forgotten_is_history(design):
    own = hierarchical("own", 3, design).predict(TRAINING, AFTER)
    slow = hierarchical("slow", 4, design, half_life_years=1e9).predict(TRAINING, AFTER)
    for subject, pmf in own.items():
        assert slow[subject][:6] == pytest.approx(pmf[:6], abs=1e-9)


def test_the_simpler_a_model_the_fewer_figures_it_says_it_learns():
    figures = {each.name: each.parameters for each in CANDIDATES}
    assert figures["pooled_poisson"] < figures["pooled_nb"] < figures["age_only_nb"]
    assert figures["one_group"] < figures["one_group_age_power"] < figures[SHIPPED] < figures["by_kind_age_bands"]
