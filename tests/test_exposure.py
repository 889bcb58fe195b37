"""What the pool stands for, from policies and its own accounts."""

from dataclasses import replace

import pytest

from insure import exposure
from insure.records.onchain import Policy, Semantics, Solvency, Terms

A, B = "eip155:1", "eip155:10"
SUBJECT_OF = {"ta": A, "tb": B}
NAMES = {A: "First", B: "Second"}
TERMS = Terms(0, Semantics.RETENTION, 1, 0, 60, 100)
YEAR = exposure.CONTRACT_YEAR_SECONDS
STATE = Solvency(
    assets=1_000,
    unearned=100,
    debts=20,
    claimable=7,
    reserve=60,
    matured_exits=10,
    exposed=300,
    free=510,
    supply=1_000,
)


def policy(number: int, trigger: str = "ta", **changes: object) -> Policy:
    base = Policy(number, "holder", trigger, TERMS, 1_000, 1_000 + YEAR, "standby", 50)
    return replace(base, **changes)  # type: ignore[arg-type]


def test_a_policy_can_still_be_owed_its_aggregate_limit_less_what_it_was_owed() -> None:
    assert exposure.remaining(policy(1, owed=30)) == 70
    assert exposure.remaining(policy(1, owed=30, released=True)) == 0


def test_a_policy_is_in_force_from_its_start_to_just_before_its_end() -> None:
    one = policy(1)
    assert [bool(exposure.in_force([one], at)) for at in (999, 1_000, 999 + YEAR, 1_000 + YEAR)] == [
        False,
        True,
        True,
        False,
    ]


def test_exposure_is_by_subject_with_the_largest_first_and_unsold_subjects_shown() -> None:
    lines = exposure.subject_exposures(
        [policy(1, "tb"), policy(2, "tb", owed=40)], SUBJECT_OF, NAMES, {"tb": 60}, {"ta": 500, "tb": 400}
    )
    assert [(line.name, line.policies, line.exposed, line.reserve, line.cap) for line in lines] == [
        ("Second", 2, 160, 60, 400),
        ("First", 0, 0, 0, 500),
    ]


def test_a_scenario_calls_on_all_its_subjects_at_once() -> None:
    lines = exposure.subject_exposures([policy(1), policy(2, "tb")], SUBJECT_OF, NAMES, {}, {})
    both, one = exposure.scenario_exposures({"alone": [B], "both": [A, B]}, lines, STATE)
    assert (both.name, both.exposed, one.exposed) == ("both", 200, 100)
    assert both.available == 1_000 - 100 - 20 - 60 - 10


def test_utilisation_is_the_largest_scenario_over_what_stands_against_it_rounded_up() -> None:
    assert exposure.utilisation_bps(STATE) == 3_704  # 300 / 810 = 0.37037
    assert exposure.utilisation_bps(replace(STATE, assets=190)) is None


def test_an_empty_pools_share_is_worth_one() -> None:
    empty = replace(STATE, assets=0, unearned=0, debts=0, supply=0)
    assert exposure.share_price_e18(empty, 6, 12) == 10**18


def test_the_share_price_follows_what_is_the_stakers_and_is_rounded_down() -> None:
    state = replace(STATE, assets=1_100 * 10**6, unearned=0, debts=0, supply=1_000 * 10**12)
    assert exposure.share_price_e18(state, 6, 12) == 1_100_000_001 * 10**24 // (10**15 + 10**6)
    assert exposure.share_price_e18(replace(state, unearned=2_000 * 10**6), 6, 12) < 10**10


def test_the_yield_is_a_years_premium_of_the_policies_in_force() -> None:
    running, waiting = policy(1), policy(2, start=5_000, end=5_000 + YEAR)
    assert exposure.premium_yield_bps([running, waiting], STATE, 2_000) == 568  # 50 / 880 = 0.0568
    assert exposure.premium_yield_bps([running], replace(STATE, assets=0), 2_000) is None


def test_priced_losses_are_unknown_when_one_policys_quote_is() -> None:
    policies = [policy(1), policy(2)]
    assert exposure.priced_loss_bps(policies, {1: 11, 2: 11}, STATE, 2_000) == 250
    assert exposure.priced_loss_bps(policies, {1: 11}, STATE, 2_000) is None


def test_the_pools_view_adds_up_premium_and_claims() -> None:
    view = exposure.pool_view(
        2_000,
        STATE,
        [policy(1), policy(2, released=True)],
        [],
        (),
        (),
        expected={},
        asset_decimals=6,
        share_decimals=12,
        price_reliable=True,
    )
    assert (view.premium_written, view.premium_earned, view.policies_in_force) == (100, 0, 1)
    assert view.share_price_e18 == exposure.snapshot(STATE, 2_000, 6, 12).share_price_e18


@pytest.mark.parametrize("field", ["unearned", "debts", "reserve", "matured_exits"])
def test_all_that_ranks_before_limits_lowers_what_is_available(field: str) -> None:
    more = replace(STATE, **{field: getattr(STATE, field) + 5})
    assert exposure.available(STATE) - exposure.available(more) == 5
