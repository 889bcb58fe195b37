"""What `pricing_models.book` promises: past prices held against what past halts would have been paid."""

import numpy as np
import pandas as pd
import pytest

from pricing_models.book import STANDARD_TERMS, UNIT, adequacy, factors, lengths, paid, replay, shortfall
from pricing_models.cells import year_start
from pricing_models.errors import InvalidData
from pricing_models.experience import YEAR_SECONDS, build
from pricing_models.model import ModelSettings, fit
from pricing_models.premium import Scenario
from tests.simulated_history import history

AS_OF = year_start(2024)
BEGIN, END = year_start(2022), year_start(2023)
SUBJECTS, OUTAGES = history(21, 30, mean=0.8)


@pytest.fixture(scope="module")
def policies():
    return replay(SUBJECTS, OUTAGES, AS_OF, (2021, 2022, 2023))


def test_a_halt_of_five_hours_is_paid_four_and_limits_bind():
    rate, hour, year = STANDARD_TERMS.rate_per_second, 3600, 365 * 86400
    assert paid(STANDARD_TERMS, [(5 * hour, year)]) == 4 * hour * rate
    assert paid(STANDARD_TERMS, [(hour, year)]) == 0
    assert paid(STANDARD_TERMS, [(100 * hour, year)]) == 60_000 * UNIT
    assert paid(STANDARD_TERMS, [(100 * hour, year)] * 3) == 120_000 * UNIT


def test_a_halt_of_weeks_is_several_incidents_and_those_after_the_end_are_not_paid():
    week = 7 * 86400
    assert paid(STANDARD_TERMS, [(2 * week, 52 * week)]) == 120_000 * UNIT
    assert paid(STANDARD_TERMS, [(2 * week, week)]) == 60_000 * UNIT
    assert paid(STANDARD_TERMS, [(week + 7200, 52 * week)]) == 60_000 * UNIT + 3600 * STANDARD_TERMS.rate_per_second


def test_unknown_ends_are_short_typical_or_endless():
    status = ["exact", "interval", "right", "missing", "permanent"]
    bounds = {"low": [100.0, 200.0, 50.0, 0.0, 7.0], "high": [100.0, 400.0, np.inf, np.inf, np.inf]}
    durations = pd.DataFrame(bounds | {"status": status})
    found = lengths(durations)
    assert found["low"].tolist()[:4] == [100, 200, 50, 0]
    assert found["base"].tolist()[:4] == [100, 300, 200, 200]
    assert found.iloc[4].nunique() == 1  # for good under every treatment
    assert found["high"].tolist()[:2] == [100, 400]
    assert (found["high"].tolist()[2:] > np.array([10**8])).all()


def test_each_policy_is_priced_by_what_was_known_on_its_day(policies):
    model = fit(SUBJECTS, OUTAGES, year_start(2022))
    row = policies[(policies["year"] == 2022) & (policies["subject_id"] == "s003")].iloc[0]
    premium = model.price("s003", STANDARD_TERMS, 365 * 86400)
    # what is paid here has no trigger between, so neither has what is expected
    assert (row["expected"], row["premium"]) == (premium.means.of_outages(Scenario.BASE), premium.total)


def test_cover_is_sold_to_who_is_listed_on_the_day_and_until_it_is_not():
    begin, day = year_start(2022), 86400.0
    subjects = SUBJECTS.copy()
    windows = [((low, high),) for low, high in zip(subjects["observed_from"], subjects["observed_to"], strict=True)]
    windows[3] = ((begin - 400 * day, begin + 100 * day), (begin + 200 * day, AS_OF))
    windows[4] = ((begin - 400 * day, begin - day), (begin + day, AS_OF))
    subjects["windows"] = windows
    sold = replay(subjects, OUTAGES, AS_OF, (2022,)).set_index("subject_id")["term_years"]
    assert sold["s003"] * 365.25 == pytest.approx(100)
    assert "s004" not in sold
    assert sold["s005"] * 365.25 == pytest.approx(365)


def test_all_halts_of_the_sold_years_are_replayed(policies):
    sold = OUTAGES["start"].between(year_start(2021), AS_OF, inclusive="left")
    assert len(policies) == 90
    assert 0 < policies["halts"].sum() <= sold.sum()
    assert policies["halts"].sum() >= 0.8 * sold.sum()  # some merge
    assert (policies["paid_low"] <= policies["paid_base"]).all() and (
        policies["paid_base"] <= policies["paid_high"]
    ).all()


def test_the_table_adds_up_and_a_true_model_expects_about_what_it_pays(policies):
    table = adequacy(policies)
    assert table.index.tolist() == ["2021", "2022", "2023", "all"]
    for column in ("expected", "premium", "paid_base", "halts", "policies"):
        assert table[column].iloc[:3].sum() == pytest.approx(table.loc["all", column])
    gap = table.loc["all", "paid_base"] - table.loc["all", "expected"]
    assert abs(gap) < 3 * table.loc["all", "sd"]
    total, low, high = shortfall(policies)
    assert total == pytest.approx(gap)
    assert low < total < high


def test_what_was_expected_over_what_was_paid_is_taken_apart(policies):
    found = factors(policies)
    table = adequacy(policies).loc["all"]
    whole, count, one, limits = (found[name][0] for name in ("all", "halts", "paid for one", "aggregate limit"))
    assert whole == pytest.approx(table["expected_over_paid"]) == pytest.approx(count * one * limits)
    assert count == pytest.approx(policies["expected_halts"].sum() / policies["halts"].sum())
    assert limits < 1.0
    for value, low, high in found.values():
        assert low <= value <= high


def test_of_a_source_with_a_floor_is_expected_what_it_can_see():
    """A halt of two hours is paid one beyond the first, and one whose source sees none below four is not told of it."""
    blind = SUBJECTS.assign(floor_seconds=4 * 3600.0)
    sold = replay(blind, OUTAGES, AS_OF, (2022, 2023)).set_index(["year", "subject_id"])
    model = fit(blind, OUTAGES, year_start(2022))
    row, term = sold.loc[(2022, "s003")], 365 * 86_400
    law, rate = model.length("s003"), model.rate("s003", ahead_seconds=term)
    survival = float(law.sf(np.array([4 * 3600.0]))[0])
    assert row["expected_halts"] == pytest.approx(rate.mean * term / YEAR_SECONDS * survival)
    halts = build(blind, OUTAGES, AS_OF).durations
    mine = halts[(halts["subject_id"] == "s003") & halts["start"].between(BEGIN, END, inclusive="left")]
    assert row["halts"] == len(mine)
    hours = np.arange(4, 40_000) * 3600.0  # what is paid for one by a sum over the hours of its length
    chances = law.sf(hours) - np.append(law.sf(hours[1:]), law.permanent)
    paid_for = [float(paid(STANDARD_TERMS, [(int(each) + 1800, 10**12)])) for each in hours[:-1]]
    one = float(chances[:-1] @ paid_for) + float(law.sf(hours[-1:])[0]) * STANDARD_TERMS.aggregate_limit
    assert row["of_halts"] == pytest.approx(rate.mean * term / YEAR_SECONDS * one, rel=0.01)
    assert row["expected"] < row["of_halts"]
    whole = model.price("s003", STANDARD_TERMS, term)
    assert row["expected"] < whole.means.of_outages(Scenario.BASE) and row["premium"] == whole.total


def test_a_year_in_which_nobody_can_be_sold_cover_is_no_book():
    with pytest.raises(InvalidData, match="none of the universe could be sold"):
        replay(SUBJECTS, OUTAGES, AS_OF, [2030], settings=ModelSettings())
