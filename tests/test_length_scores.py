"""What `pricing_models.length_scores` promises: honest scores of lengths known to a minute, to a day, or not at all."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pricing_models.bodies import BODIES
from pricing_models.cells import year_start
from pricing_models.diagnostics import pit_histogram, ratio_bootstrap
from pricing_models.duration import DurationPosterior
from pricing_models.errors import InvalidData
from pricing_models.experience import build
from pricing_models.length_candidates import (
    LENGTH_BASELINE,
    LENGTH_CANDIDATES,
    LENGTH_SHIPPED,
    counted_only,
    recent_only,
    with_press_floor,
)
from pricing_models.length_scores import compare, inside, roll, told
from pricing_models.model import ModelSettings
from tests.simulated_history import history

HOUR, DAY = 3600.0, 86400.0
FIVE_YEARS = "universe_by_kind_five_years"
AS_OF = year_start(2024)
LAW = DurationPosterior(BODIES["loglogistic"], np.array([np.log(4 * HOUR)]), np.array([0.8]), np.ones(1), "", 0.02)
FEW = [each for each in LENGTH_CANDIDATES if each.name in (LENGTH_BASELINE, LENGTH_SHIPPED, "universe_one_law")]


def two_populations():
    """Members whose halts are short, and chains that are in the tables because of their long ones."""
    subjects, outages = history(3, 40, mean=0.8)
    far = outages["subject_id"].isin([f"s{i:03d}" for i in range(20)])
    subjects.loc[:19, "in_universe"] = False
    outages.loc[far, ["low_seconds", "high_seconds"]] *= 8.0
    return subjects, outages


@pytest.fixture(scope="module")
def scores():
    return roll(*two_populations(), AS_OF, candidates=FEW)


def halts(low, high, floor=0.0, for_good=False):
    return pd.DataFrame({"low": low, "high": high, "floor": floor, "for_good": for_good})


def test_what_a_law_says_of_a_halt_is_the_probability_of_what_is_known_of_it():
    sf = LAW.sf(np.array([HOUR, 2 * HOUR, DAY]))
    below, mass = told(LAW, halts([HOUR, DAY], [2 * HOUR, np.inf]))
    assert below == pytest.approx([1.0 - sf[0], 1.0 - sf[2]])
    assert mass == pytest.approx([sf[0] - sf[1], sf[2]])  # one that was not seen to end may be for good
    below, mass = told(LAW, halts([HOUR], [np.inf], for_good=True))
    assert (below[0], mass[0]) == pytest.approx((0.98, 0.02))
    below, mass = told(LAW, halts([2 * HOUR], [DAY], floor=HOUR))
    assert (below[0], mass[0]) == pytest.approx((1.0 - sf[1] / sf[0], (sf[1] - sf[2]) / sf[0]))


def test_a_transform_lies_in_a_central_interval_with_the_share_of_it_that_does():
    below, mass = np.array([0.0, 0.2, 0.9, 0.0]), np.array([0.05, 0.1, 0.1, 1.0])
    assert inside(below, mass, 0.9) == pytest.approx([0.0, 1.0, 0.5, 0.9])


def test_halts_of_the_law_itself_are_calibrated_however_they_were_recorded():
    rng = np.random.default_rng(5)
    lengths = LAW.sample(rng, 4000)
    for_good = np.isinf(lengths)
    watched = rng.exponential(12 * HOUR, lengths.size)
    running = ~for_good & (lengths > watched)
    cell = rng.choice([60.0, HOUR, 6 * HOUR], lengths.size)
    low = np.where(running, watched, np.where(for_good, 0.0, np.floor(np.where(for_good, 0.0, lengths) / cell) * cell))
    high = np.where(running | for_good, np.inf, low + cell)
    ending = ~for_good  # of those for good a lower bound is all that censoring leaves, as of others
    below, mass = told(replace(LAW, permanent=0.0), halts(low[ending], high[ending]))
    shares, p_value = pit_histogram(below, mass)
    assert shares == pytest.approx(np.full(10, 0.1), abs=0.02) and p_value > 0.01
    for level in (0.5, 0.8, 0.9):
        assert inside(below, mass, level).mean() == pytest.approx(level, abs=0.02)
    longer = replace(LAW, permanent=0.0, mu=LAW.mu + 0.5)
    below, mass = told(longer, halts(low[ending], high[ending]))
    assert pit_histogram(below, mass)[1] < 0.001


def test_a_law_of_the_universes_own_halts_wins_where_others_are_told_of_for_their_long_ones(scores):
    table = compare(scores, FEW)
    assert table["halts"].nunique() == 1
    assert table.at["universe_one_law", "gain"] > 2.0 * table.at["universe_one_law", "gain_se"]
    assert table.at["universe_one_law", "gain_low"] > 0.0
    shipped = table.loc[LENGTH_SHIPPED]
    assert 0.9 < shipped["expected_over_paid"] < 1.4  # a few halts in a hundred might have been for good
    assert table.at[LENGTH_BASELINE, "expected_over_paid"] > 1.2 * shipped["expected_over_paid"]
    assert shipped["coverage_90_low"] < 0.9 < shipped["coverage_90_high"]
    assert abs(shipped["gain_of_others"]) < 5.0 * shipped["gain_of_others_se"] + 1.0
    assert shipped["others"] == (~scores["counted"]).sum() / len(FEW) > 0


def test_every_score_is_that_of_the_probability_given_to_what_happened(scores):
    assert np.exp(scores["log_score"]).to_numpy() == pytest.approx(scores["mass"].to_numpy())
    assert ((scores["below"] >= 0.0) & (scores["below"] + scores["mass"] <= 1.0 + 1e-9)).all()
    assert (scores.groupby("candidate").size() == len(scores) / len(FEW)).all()
    assert (scores["paid_low"] <= scores["paid_high"]).all()


def test_nothing_after_an_origin_moves_its_forecast(scores):
    subjects, outages = two_populations()
    changed = roll(subjects, outages[outages["start"] < year_start(2023)], AS_OF, candidates=FEW)
    keys = ["candidate", "event_id"]
    before = scores[scores["window"] <= "2022-01-01"].set_index(keys)["log_score"]
    assert before.size > 50
    assert changed.set_index(keys)["log_score"].reindex(before.index).to_numpy() == pytest.approx(before.to_numpy())


def test_what_ships_is_among_the_candidates_and_what_a_fit_takes():
    [shipped] = [each for each in LENGTH_CANDIDATES if each.name == LENGTH_SHIPPED]
    assert shipped.prior == ModelSettings().duration
    assert len({each.name for each in LENGTH_CANDIDATES}) == len(LENGTH_CANDIDATES)


def test_candidates_are_fitted_to_the_part_that_they_name():
    subjects, outages = two_populations()
    subjects.loc[30:, "observed_to"] = year_start(2021)
    known = build(subjects, outages, AS_OF)
    members = known.durations["subject_id"].isin(known.subjects.index[known.subjects["in_universe"]])
    counted = counted_only(known).durations
    assert len(counted) == (known.durations["counted"] | ~members).sum() < len(known.durations)
    assert recent_only(replace(known, as_of=year_start(2026))).durations["start"].min() >= year_start(2021)
    floored = with_press_floor(known).durations
    others = ~floored["subject_id"].isin(known.subjects.index[known.subjects["in_universe"]])
    assert (floored.loc[others, "floor"] == 4 * HOUR).all() and (floored.loc[~others, "floor"] == 0.0).all()
    assert (floored.loc[others, "high"] > 4 * HOUR).all()


def test_a_candidate_whose_part_is_empty_is_fitted_to_all():
    known = replace(build(*two_populations(), AS_OF), as_of=year_start(2040))
    recent, shipped = (
        [each for each in LENGTH_CANDIDATES if each.name == name] for name in (FIVE_YEARS, LENGTH_SHIPPED)
    )
    assert recent_only(known).durations.empty
    assert recent[0].fit(known).posterior("l1").quantile(0.5) == shipped[0].fit(known).posterior("l1").quantile(0.5)


def test_too_little_history_is_refused():
    subjects, outages = history(3, 4)
    with pytest.raises(InvalidData, match="no year has 10 halts of bounded length before it"):
        roll(subjects, outages.head(3), AS_OF, candidates=FEW)


def test_the_bootstrap_of_a_ratio_is_that_of_its_totals():
    table = pd.DataFrame({"a": [1.0, 2.0, 3.0] * 40, "b": 2.0}, index=[f"s{i}" for i in range(120)])
    value, low, high = ratio_bootstrap(table, ["a"], ["b"])
    assert value == pytest.approx(1.0)
    # the mean of 120 draws of sd sqrt(2/3), over a constant
    assert (high - low) / 2.0 == pytest.approx(1.645 * np.sqrt(2.0 / 3.0 / 120.0) / 2.0, rel=0.08)
    assert ratio_bootstrap(table, ["a", "b"], ["b", "a"])[0] == pytest.approx(1.0)
