"""What `pricing_models.treatments` promises: the price under each reading of what the history leaves open."""

import numpy as np
import pandas as pd
import pytest

from pricing_models.cells import year_start
from pricing_models.errors import InvalidData
from pricing_models.experience import YEAR_SECONDS
from pricing_models.model import ModelSettings, fit
from pricing_models.payoff import Semantics, Terms
from pricing_models.pricing import Enquiry
from pricing_models.scoring import DurationPrior
from pricing_models.treatments import Ends, Exposure, merged_at, price_all, treated_models, with_unsearched
from tests.simulated_history import history

AS_OF = year_start(2024)
TERM = 90 * 86400
DAY = np.array([86400.0])
TERMS = Terms(3600, Semantics.RETENTION, 1_000, 0, 43_200_000, 86_400_000)
SUBJECTS, OUTAGES = history(31, 40)
OUTAGES.loc[::5, ["low_seconds", "high_seconds"]] = np.nan  # lengths that nobody knows
SUBJECTS["watched"] = True
# five chains of which only outages are known, more than others had
BUSY = OUTAGES["subject_id"].value_counts().index[:5]
SUBJECTS.loc[SUBJECTS["subject_id"].isin(BUSY), "in_universe"] = False
MODEL = fit(SUBJECTS, OUTAGES, AS_OF)


@pytest.fixture(scope="module")
def models():
    return treated_models(MODEL, SUBJECTS, OUTAGES, {"l1": 80.0})


def test_every_combination_is_priced_and_the_base_is_the_model_itself(models):
    assert set(models) == {(exposure, ends) for exposure in Exposure for ends in Ends}
    base = models[Exposure.SEARCHED, Ends.LIKE_KNOWN].price("s000", TERMS, TERM)
    assert base.total == MODEL.price("s000", TERMS, TERM).total


def test_quiet_years_of_the_unsearched_lower_the_price_and_listed_chains_raise_it(models):
    found = {(t.exposure, t.ends): t.premium.loss.mean for t in price_all(models, Enquiry("new", TERMS, TERM, "l1"))}
    for ends in Ends:
        assert found[Exposure.ALL, ends] < found[Exposure.SEARCHED, ends] < found[Exposure.LISTED, ends]


def test_halts_of_members_that_nobody_watched_count_with_their_years():
    """A member whose every halt was told by somebody else is evidence of all members' rate, not of the searched."""
    told = SUBJECTS.assign(member=SUBJECTS["in_universe"] | (SUBJECTS["subject_id"] == BUSY[0]))
    rate = {
        name: treated_models(MODEL, table, OUTAGES, {})[Exposure.ALL, Ends.LIKE_KNOWN].rate("new", "l1").mean
        for name, table in (("told", told), ("left out", SUBJECTS))
    }
    assert rate["told"] > rate["left out"]


def test_long_unknown_ends_cost_more_than_typical_ones(models):
    found = {(t.exposure, t.ends): t.premium.loss.mean for t in price_all(models, Enquiry("s000", TERMS, TERM))}
    for exposure in Exposure:
        assert found[exposure, Ends.LIKE_KNOWN] < found[exposure, Ends.LONG]


def test_long_unknown_ends_come_with_the_lengths_of_all_that_are_told_of(models):
    """Of members hardly any length is unknown: what is unknown is who tells."""
    base = models[Exposure.SEARCHED, Ends.LIKE_KNOWN].duration
    long = models[Exposure.SEARCHED, Ends.LONG].duration
    assert base.posterior("l1").sf(DAY) != base.posterior("l1", member=False).sf(DAY)
    assert long.posterior("l1").sf(DAY) == long.posterior("l1", member=False).sf(DAY)


def test_a_model_of_long_unknown_ends_is_the_base_as_it_is_and_typical_ones_leave_the_universes_lengths():
    settings = ModelSettings(duration=DurationPrior(missing="pessimistic"))
    sold = fit(SUBJECTS, OUTAGES, AS_OF, settings)
    found = treated_models(sold, SUBJECTS, OUTAGES, {})
    assert found[Exposure.SEARCHED, Ends.LONG].duration is sold.duration
    typical = found[Exposure.SEARCHED, Ends.LIKE_KNOWN].duration
    assert typical.posterior("l1").sf(DAY) != typical.posterior("l1", member=False).sf(DAY)


def test_prices_come_cheapest_first(models):
    totals = [each.premium.total for each in price_all(models, Enquiry("s001", TERMS, TERM))]
    assert totals == sorted(totals)


def test_at_the_gap_of_a_contract_there_are_more_halts_than_at_that_of_the_fit(models):
    """A chain that halts again within hours had one halt by the fit, and owes two incidents by the contract."""
    again = OUTAGES.assign(start=OUTAGES["start"] + 20 * 3600.0, event_id=OUTAGES["event_id"] + "-again")
    twice = pd.concat([OUTAGES, again], ignore_index=True)
    fitted = fit(SUBJECTS, twice, AS_OF)
    other = merged_at(fitted, SUBJECTS, twice, 1800.0)
    halts = [int(model.experience.subjects["halts"].sum()) for model in (fitted, other)]
    assert halts[1] > 1.6 * halts[0]
    found = price_all({}, Enquiry("s000", TERMS, TERM), others=[fitted, other])
    assert {each.merge_gap_seconds for each in found} == {1800.0, 172_800.0}
    assert len({each.premium.total for each in found}) == 2


def test_unsearched_years_are_added_as_quiet_members_of_the_usual_length():
    more = with_unsearched(SUBJECTS, {"l1": 80.0, "rollup": 10.0}, AS_OF)
    added = more.iloc[len(SUBJECTS) :]
    years = (added["observed_to"] - added["observed_from"]) / YEAR_SECONDS
    assert years.sum() == pytest.approx(80.0)  # and none for a group that has no searched member
    assert len(added) == 16  # of the five years that each was watched
    assert added["in_universe"].all()
    assert more.iloc[: len(SUBJECTS)]["subject_id"].tolist() == SUBJECTS["subject_id"].tolist()


def test_unsearched_members_are_as_long_as_the_searched_were_listed():
    subjects = SUBJECTS.copy()
    pairs = zip(subjects["observed_from"], subjects["observed_to"], strict=True)
    subjects["windows"] = [((low, low + YEAR_SECONDS), (high - YEAR_SECONDS, high)) for low, high in pairs]
    more = with_unsearched(subjects, {"l1": 80.0}, AS_OF)
    assert len(more) - len(SUBJECTS) == 40  # of two years each
    refitted = fit(more, OUTAGES, AS_OF).experience.subjects
    assert refitted["exposure_years"].iloc[-40:].sum() == pytest.approx(80.0)


@pytest.mark.parametrize("years", [-1.0, np.nan, np.inf])
def test_years_that_are_no_number_of_years_are_refused(years):
    with pytest.raises(InvalidData, match="unsearched years of l1 are"):
        with_unsearched(SUBJECTS, {"l1": years}, AS_OF)


def test_without_knowing_who_was_watched_the_listed_are_the_searched():
    models = treated_models(MODEL, SUBJECTS.drop(columns="watched"), OUTAGES, {"l1": 80.0})
    rates = {exposure: models[exposure, Ends.LONG].rate("s003").mean for exposure in Exposure}
    assert rates[Exposure.LISTED] == pytest.approx(rates[Exposure.SEARCHED])
