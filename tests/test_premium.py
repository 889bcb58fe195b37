"""What `pricing_models.premium` promises: a price in parts that add up, with judgement labelled as such."""

from dataclasses import replace

import numpy as np
import pytest

from pricing_models.capacity import CapacityCurve, Utilisation
from pricing_models.compound import LossDistribution
from pricing_models.errors import InvalidTerms
from pricing_models.experience import YEAR_SECONDS
from pricing_models.payoff import Semantics, Terms
from pricing_models.premium import Basis, Circumstances, Judgement, Loadings, Means, Premium, Scenario
from pricing_models.principles import SD_MULTIPLE

YEAR = int(YEAR_SECONDS)
TERMS = Terms(3600, Semantics.RETENTION, 10, 0, 100_000, 400_000)
LOSS = LossDistribution(np.array([0.0, 100_000.0, 400_000.0]), np.array([0.9, 0.09, 0.01]), 0.1, 0.0)
PLAIN = Loadings(
    cost_of_capital_bps=Judgement(0, 0, 0),
    basis_risk=Judgement(0, 0, 0),
    recent_halt=Judgement(0, 0, 0),
    operator_control=Judgement(0, 0, 0),
)


def quote(loadings, point=12_000.0, term=YEAR, where=None, loss=LOSS):
    return Premium(loss, Means(loss.mean, point), TERMS, term, loadings, where or Circumstances())


def test_the_parts_add_up_to_the_total_exactly():
    premium = quote(Loadings(expense_fixed=0.1, expense_per_day=1 / 3), where=Circumstances(0.3 * LOSS.mean, True, 0.0))
    assert premium.total == sum(part.amount for part in premium.components)
    assert premium.total == sum(premium.breakdown.values())
    assert premium.totals[Scenario.BASE] == premium.total
    assert list(premium.breakdown) == [
        "point_estimate",
        "parameter_uncertainty",
        "failover",
        "capital",
        "capacity",
        "expenses",
        "basis_risk_loading",
        "recent_halt",
        "operator_control",
        "minimum_rate",
    ]


def test_without_loadings_the_premium_is_the_predictive_mean():
    premium = quote(PLAIN)
    assert premium.total == pytest.approx(LOSS.mean)
    assert premium.breakdown["point_estimate"] == 12_000.0
    assert premium.breakdown["parameter_uncertainty"] == pytest.approx(LOSS.mean - 12_000.0)


def test_a_point_estimate_above_the_predictive_mean_adds_no_negative_part():
    premium = quote(PLAIN, point=50_000.0)
    assert premium.breakdown["point_estimate"] == LOSS.mean
    assert premium.breakdown["parameter_uncertainty"] == 0.0


def test_capital_is_charged_on_the_whole_lock_through_the_tail():
    premium = quote(replace(PLAIN, cost_of_capital_bps=Judgement(600, 1000, 1500), tail_seconds=YEAR // 2))
    assert premium.breakdown["capital"] == pytest.approx(0.1 * 400_000 * 1.5, rel=1e-6)


def test_capital_is_charged_on_the_marginal_need_where_that_is_larger():
    loadings = replace(PLAIN, cost_of_capital_bps=Judgement(600, 1000, 1500), tail_seconds=0)
    large, small, lock, unknown = (
        quote(loadings, where=Circumstances(marginal_capital=need)) for need in (500_000.0, 1.0, 400_000.0, None)
    )
    assert large.breakdown["capital"] == pytest.approx(50_000.0, rel=1e-6)
    assert small.breakdown["capital"] == pytest.approx(40_000.0, rel=1e-6)
    assert large.total == pytest.approx(unknown.total + 10_000.0)
    assert small.total == lock.total == unknown.total


def test_the_carry_of_a_lock_is_the_published_example():
    """A limit of 100,000 for 90 days at 10% a year costs 2,466 to carry (of 365 days; here of 365.25)."""
    terms = replace(TERMS, aggregate_limit=100_000)
    loadings = replace(PLAIN, cost_of_capital_bps=Judgement(600, 1000, 1500), tail_seconds=0)
    premium = Premium(LOSS, Means(LOSS.mean, 0.0), terms, 90 * 86400, loadings)
    assert premium.breakdown["capital"] == pytest.approx(2466, abs=2)


def test_expenses_have_a_fixed_and_a_daily_part():
    premium = quote(replace(PLAIN, expense_fixed=50.0, expense_per_day=2.0), term=10 * 86400)
    assert premium.breakdown["expenses"] == 70.0


def test_judged_loadings_apply_where_their_circumstance_holds():
    loadings = Loadings()
    quiet, special = quote(loadings), quote(loadings, where=Circumstances(0.5 * LOSS.mean, True, 0.0))
    assert quiet.breakdown["recent_halt"] == quiet.breakdown["operator_control"] == 0.0
    assert special.breakdown["recent_halt"] == pytest.approx(0.5 * 0.5 * LOSS.mean)
    assert special.breakdown["operator_control"] == pytest.approx(0.1 * LOSS.mean)
    assert special.judgement_share == pytest.approx(
        sum(part.amount for part in special.components if part.basis is Basis.JUDGEMENT) / special.total
    )


def test_the_premium_is_shown_at_the_low_the_base_and_the_high_of_judgement():
    loadings = replace(Loadings(), cost_of_capital_bps=PLAIN.cost_of_capital_bps)
    totals = quote(loadings, where=Circumstances(LOSS.mean, True, 0.0)).totals
    assert totals[Scenario.LOW] < totals[Scenario.BASE] < totals[Scenario.HIGH]
    assert totals[Scenario.HIGH] - totals[Scenario.LOW] == pytest.approx((0.15 + 1.9 + 0.3) * LOSS.mean)


def test_the_minimum_rate_tops_the_premium_up_and_no_further():
    floor = quote(replace(PLAIN, minimum_rate_bps=1000))
    assert floor.total == pytest.approx(40_000.0, rel=1e-6)
    assert quote(replace(PLAIN, minimum_rate_bps=1)).breakdown["minimum_rate"] == 0.0


def test_the_premium_is_never_below_the_expected_payout():
    for point in (0.0, LOSS.mean, 1e6):
        assert quote(PLAIN, point=point).total >= LOSS.mean * (1 - 1e-12)


@pytest.mark.parametrize("term", [0, -5, 1.5, True, 11 * YEAR])
def test_a_term_that_is_no_positive_int_of_at_most_ten_years_is_refused(term):
    with pytest.raises(InvalidTerms, match=f"term_seconds is {term}"):
        quote(PLAIN, term=term).under(Scenario.BASE)


def test_bad_loadings_are_refused_by_field_and_value():
    with pytest.raises(InvalidTerms, match=r"judgement is .*low=-1.*: must be 0 <= low"):
        Loadings(cost_of_capital_bps=Judgement(-1, 0, 0))
    with pytest.raises(InvalidTerms, match=r"minimum_rate_bps is -1"):
        Loadings(minimum_rate_bps=-1)
    with pytest.raises(InvalidTerms, match=r"expense_fixed is nan"):
        Loadings(expense_fixed=float("nan"))
    with pytest.raises(InvalidTerms, match=r"low <= base <= high"):
        Judgement(0.5, 0.1, 0.9)
    with pytest.raises(InvalidTerms, match=r"failover_probability .* at most 1"):
        Loadings(failover_probability=Judgement(0.5, 1.0, 1.5))
    with pytest.raises(InvalidTerms, match=r"recent_payout is -2"):
        Circumstances(recent_payout=-2.0)
    with pytest.raises(InvalidTerms, match=r"marginal_capital is -1"):
        Circumstances(marginal_capital=-1.0)


def test_the_room_in_the_pool_is_charged_by_where_it_stands_and_slices_cost_the_same():
    loadings = replace(PLAIN, capacity=CapacityCurve(0.01, 0.3, 3.0), tail_seconds=0)

    def capacity(in_force, limit):
        terms = replace(TERMS, incident_limit=limit, aggregate_limit=limit)
        where = Circumstances(utilisation=Utilisation(in_force, 1e6))
        return Premium(LOSS, Means(LOSS.mean, 0.0), terms, YEAR, loadings, where).breakdown["capacity"]

    assert quote(loadings).breakdown["capacity"] == 0.0
    whole = capacity(100_000.0, 400_000)
    assert whole > 0.0
    slices = [capacity(100_000.0 + 100_000.0 * n, 100_000) for n in range(4)]
    assert sum(slices) == pytest.approx(whole, rel=1e-9)
    assert slices == sorted(slices)


def test_other_principles_stand_in_for_the_cost_of_the_lock():
    premium = quote(replace(PLAIN, cost_of_capital_bps=Judgement(600, 1000, 1500), expense_fixed=7.0), term=YEAR // 4)
    assert set(premium.alternatives) == {"wang", "proportional_hazard", "standard_deviation", "cost_of_capital"}
    assert premium.alternatives["standard_deviation"] == pytest.approx(7.0 + LOSS.mean + SD_MULTIPLE * LOSS.sd)
    assert all(amount >= LOSS.mean + 7.0 for amount in premium.alternatives.values())
    capital = 0.1 * (LOSS.tvar(0.995) - LOSS.mean) * (YEAR // 4 + 7 * 86400) / YEAR
    assert premium.alternatives["cost_of_capital"] == pytest.approx(7.0 + LOSS.mean + capital, rel=1e-6)


def test_what_failovers_add_is_judgement_and_a_part_of_its_own():
    added = {Scenario.LOW: 500.0, Scenario.BASE: 1_000.0, Scenario.HIGH: 1_000.0}
    premium = Premium(LOSS, Means(LOSS.mean - 1_000.0, 9_000.0, added), TERMS, YEAR, PLAIN)
    assert premium.breakdown["failover"] == 1_000.0
    assert premium.total == pytest.approx(LOSS.mean)
    assert premium.judgement_share == pytest.approx(1_000.0 / LOSS.mean)
    assert premium.totals[Scenario.LOW] == pytest.approx(LOSS.mean - 500.0)


def test_what_capital_costs_is_judgement_with_a_low_and_a_high():
    """No market tells it, and it is most of most premiums: a price that calls it a fact hides what it rests on."""
    loadings = replace(PLAIN, cost_of_capital_bps=Judgement(500, 1000, 2000), tail_seconds=0)
    premium = quote(loadings)
    capital = [{part.name: part for part in premium.parts[scenario]}["capital"] for scenario in Scenario]
    assert [part.amount for part in capital] == pytest.approx([20_000.0, 40_000.0, 80_000.0], rel=1e-6)
    assert {part.basis for part in capital} == {Basis.JUDGEMENT}
    assert premium.judgement_share == pytest.approx(40_000.0 / (40_000.0 + LOSS.mean), rel=1e-6)


@pytest.mark.parametrize("besides", [300.0, -300.0])
def test_what_a_trigger_pays_besides_or_less_is_one_signed_part_and_the_parts_are_the_expected_payout(besides):
    basis = {Scenario.LOW: besides - 200.0, Scenario.BASE: besides, Scenario.HIGH: besides + 900.0}
    premium = Premium(LOSS, Means(LOSS.mean - besides, 9_000.0, basis=basis), TERMS, YEAR, PLAIN)
    assert premium.breakdown["basis_risk"] == besides
    assert premium.total == pytest.approx(LOSS.mean)
    assert premium.totals[Scenario.HIGH] - premium.totals[Scenario.LOW] == pytest.approx(1_100.0)
    moved = LOSS.mean - besides + 300.0  # what is added and what is taken off
    assert premium.judgement_share == pytest.approx(300.0 / moved)
