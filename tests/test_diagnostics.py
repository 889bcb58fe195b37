"""What `pricing_models.diagnostics` promises: honest scores of forecasts that knew only what came before."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from pricing_models import diagnostics
from pricing_models.candidates import BASELINE, CANDIDATES
from pricing_models.cells import year_start
from pricing_models.diagnostics import chain_bootstrap, compare, crps, pit_histogram, roll, simplest_close, spread
from pricing_models.duration import DurationPrior
from pricing_models.errors import InvalidData
from tests.simulated_history import history

FEW = [each for each in CANDIDATES if each.name in (BASELINE, "pooled_nb", "own_mean", "by_kind")]
AS_OF = year_start(2024)


@pytest.fixture(scope="module")
def forecasts():
    return roll(*history(11, 60, mean=0.6, shape=0.5), AS_OF, candidates=FEW)


@pytest.mark.parametrize(("mass_at", "count", "score"), [(0, 0, 0.0), (0, 3, 3.0), (4, 1, 3.0)])
def test_the_crps_of_a_certain_forecast_is_its_distance(mass_at, count, score):
    assert crps(np.eye(5)[mass_at], count) == score


def test_the_crps_is_its_other_definition():
    """E|X - n| - E|X - X'| / 2 (Gneiting and Raftery 2007)."""
    pmf, k = stats.poisson.pmf(np.arange(40), 2.3), np.arange(40)
    spread_term = pmf @ np.abs(k[:, None] - k) @ pmf / 2
    for count in (0, 2, 9):
        assert crps(pmf, count) == pytest.approx(pmf @ np.abs(k - count) - spread_term, abs=1e-12)


def calibrated(rng, truth, claimed, size=4000):
    counts = rng.poisson(truth, size)
    law = stats.poisson(claimed)
    return law.cdf(counts - 1), law.pmf(counts)


def test_the_transform_of_calibrated_forecasts_is_uniform_and_of_others_is_not():
    rng = np.random.default_rng(3)
    shares, p_value = pit_histogram(*calibrated(rng, 0.3, 0.3))
    assert shares == pytest.approx(np.full(10, 0.1), abs=0.02)
    assert p_value > 0.01
    too_high, p_value = pit_histogram(*calibrated(rng, 0.3, 0.45))
    assert too_high[-1] < 0.09
    assert p_value < 0.001


def test_the_bootstrap_of_many_parts_is_the_normal_one():
    parts = pd.Series(np.random.default_rng(1).normal(0.1, 1.0, 400))
    se, low, high = chain_bootstrap(parts)
    assert se == pytest.approx(parts.std() * 20, rel=0.05)
    assert (high - low) / 2 == pytest.approx(1.645 * se, rel=0.06)
    assert low < parts.sum() < high


def test_nothing_after_an_origin_moves_its_forecast():
    subjects, outages = history(5, 30)
    whole = roll(subjects, outages, AS_OF, candidates=FEW).scores
    late = outages["start"] >= year_start(2022)
    changed = roll(subjects, outages[~late], AS_OF, candidates=FEW).scores
    keys = ["candidate", "subject_id", "window"]
    before = whole[whole["window"] <= "2022-01-01"].set_index(keys)["mean"]
    assert before.size > 100
    assert changed.set_index(keys)["mean"].reindex(before.index).to_numpy() == pytest.approx(before.to_numpy())


def test_every_score_is_that_of_the_probability_given_to_what_happened(forecasts):
    scores = forecasts.scores
    assert np.exp(scores["log_score"]).to_numpy() == pytest.approx(scores["mass"].to_numpy())
    counted = scores.groupby("candidate")["halts"].sum()
    assert counted.nunique() == 1
    assert len(scores) == len(FEW) * scores[["subject_id", "window"]].drop_duplicates().shape[0]


def test_where_rates_differ_own_history_wins(forecasts):
    table = compare(forecasts, FEW)
    assert table.loc[BASELINE, "gain"] == 0.0
    assert table.loc["by_kind", "gain_low"] > 0.0
    assert table["gain"].idxmax() == "by_kind"
    assert not table.loc["pooled_nb", "within_one_se"]
    assert simplest_close(table) == "own_mean"  # close enough here, and simpler: it learns no spread
    assert table.loc["by_kind", "coverage_90"] >= 0.88  # whole numbers cover more than they are asked


def test_where_all_rates_are_one_the_pooled_poisson_is_chosen():
    table = compare(roll(*history(2, 60, mean=0.5, shape=1e6), AS_OF, candidates=FEW), FEW)
    assert simplest_close(table) == BASELINE
    assert table.loc["own_mean", "gain"] < 0.0


def test_the_ninety_percent_of_sums_hold_about_nine_sums_of_ten():
    inside = []
    for seed in range(3):
        totals = roll(*history(seed, 30), AS_OF, "quarter", [FEW[-1]]).totals
        inside.extend((totals["halts"] >= totals["low"]) & (totals["halts"] <= totals["high"]))
    assert 0.84 < np.mean(inside) <= 1.0
    assert len(inside) > 30


def test_the_fifths_of_expected_rates_hold_all_halts(forecasts):
    parts = spread(forecasts, "by_kind")
    own = forecasts.scores[forecasts.scores["candidate"] == "by_kind"]
    assert len(parts) == 5
    assert parts["observed"].sum() == own["halts"].sum()
    assert parts["expected"].is_monotonic_increasing


def test_quarters_ahead_are_four_times_as_many():
    subjects, outages = history(5, 20)
    quarters = roll(subjects, outages, AS_OF, "quarter", FEW[:1]).scores
    assert quarters["window"].str[5:].isin(["01-01", "04-01", "07-01", "10-01"]).all()


def test_too_little_history_and_unknown_windows_are_refused():
    subjects, outages = history(5, 20)
    with pytest.raises(InvalidData, match=f"no origin has {diagnostics.LEAST_TRAINING_HALTS} usable halts"):
        roll(subjects, outages.iloc[:5], AS_OF)
    with pytest.raises(InvalidData, match="window is 'month'"):
        roll(subjects, outages, AS_OF, "month")


def test_a_source_with_a_floor_is_forecast_what_it_can_see():
    """Without own history only the floor tells two halves apart, one of which sees half of its halts."""
    subjects, outages = history(7, 80, mean=1.5, shape=4.0)
    blind = subjects["subject_id"] < "s040"
    subjects = subjects.assign(floor_seconds=np.where(blind, 4 * 3600.0, 0.0))
    prior = DurationPrior(bodies=("lognormal",))  # as they were drawn
    found = roll(subjects, outages, AS_OF, candidates=[each for each in FEW if each.name == "pooled_nb"], lengths=prior)
    halves = found.scores.groupby(found.scores["subject_id"] < "s040")[["mean", "halts"]].sum()
    ratio = halves["mean"] / halves["halts"]
    assert halves.at[True, "halts"] < 0.7 * halves.at[False, "halts"]
    assert ratio.to_list() == pytest.approx([1.0, 1.0], abs=0.2)
    whole = roll(subjects.assign(floor_seconds=0.0), outages, AS_OF, candidates=FEW[:1], lengths=prior)
    same = roll(subjects.drop(columns="floor_seconds"), outages, AS_OF, candidates=FEW[:1])
    assert whole.scores.equals(same.scores)
