"""What `pricing_models.model` promises: one fit that prices cover, and a version that names all it rests on."""

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import pricing_models
from pricing_models.duration import DurationPrior
from pricing_models.errors import InvalidData, InvalidTerms, UnknownSubject
from pricing_models.experience import YEAR_SECONDS
from pricing_models.model import Model, ModelSettings, fit
from pricing_models.payoff import Semantics, Terms
from pricing_models.premium import Loadings, Scenario

DAY = 86400
START = 1.5e9
AS_OF = START + 6 * YEAR_SECONDS
TERM = 90 * DAY
TERMS = Terms(3600, Semantics.RETENTION, 277_777, 0, 24_000_000_000, 100_000_000_000)


def history(seed=4, subjects=60):
    """A made-up world: most subjects quiet, a few busy, lengths lognormal with some ends unknown."""
    rng = np.random.default_rng(seed)
    kinds = ["l1" if i % 3 else "l2" for i in range(subjects)]
    frame = pd.DataFrame(
        {
            "subject_id": [f"s{i:03d}" for i in range(subjects)],
            "kind": kinds,
            "observed_from": START,
            "observed_to": AS_OF,
            "in_universe": True,
        }
    )
    rows = []
    for subject, rate in zip(frame["subject_id"], rng.gamma(1.0, 0.25, subjects), strict=True):
        for start in rng.uniform(START, AS_OF - 100 * DAY, rng.poisson(rate * 6)):
            length = round(float(np.exp(rng.normal(9.5, 1.2))) / 60) * 60.0 + 60.0
            known = rng.uniform() < 0.85
            rows.append(
                {
                    "subject_id": subject,
                    "event_id": f"{subject}-{int(start)}",
                    "start": float(start),
                    "start_precision": "minute",
                    "low_seconds": length if known else np.nan,
                    "high_seconds": length if known else np.nan,
                    "usable": True,
                    "ended": "resumed",
                }
            )
    return frame, pd.DataFrame(rows)


SUBJECTS, OUTAGES = history()


@pytest.fixture(scope="module")
def model() -> Model:
    return fit(SUBJECTS, OUTAGES, AS_OF)


def by_rate(model):
    return model.summary()["rate_mean"].sort_values().index


def test_the_summary_has_a_row_per_subject_and_no_nan(model):
    summary = model.summary()
    assert summary.index.tolist() == SUBJECTS["subject_id"].tolist()
    assert {"halts", "exposure_years", "rate_mean", "rate_low", "rate_high", "median_seconds", "p95_seconds"} <= set(
        summary.columns
    )
    assert not summary.isna().any().any()
    assert (summary["rate_low"] < summary["rate_mean"]).all()
    assert (summary["rate_mean"] < summary["rate_high"]).all()
    assert (summary["median_seconds"] < summary["p95_seconds"]).all()
    assert summary["halts"].sum() == model.experience.subjects["halts"].sum() > 50


def test_a_busier_subject_costs_more(model):
    order = by_rate(model)
    assert model.price(order[-1], TERMS, TERM).total > model.price(order[0], TERMS, TERM).total


def test_the_parts_add_up_and_hold_the_predictive_mean(model):
    premium = model.price(by_rate(model)[-1], TERMS, TERM)
    parts = premium.breakdown
    assert premium.total == sum(parts.values())
    of_outages = parts["point_estimate"] + parts["parameter_uncertainty"]
    assert of_outages + parts["basis_risk"] == pytest.approx(premium.loss.mean)
    assert parts["parameter_uncertainty"] > 0
    low, high = premium.expected_interval
    assert low < premium.loss.mean < high


def test_the_price_falls_with_the_waiting_period_and_rises_with_rate_limits_and_term(model):
    subject = by_rate(model)[-1]
    total = model.price(subject, TERMS, TERM).total
    assert model.price(subject, replace(TERMS, waiting_seconds=4 * 3600), TERM).total < total
    assert model.price(subject, replace(TERMS, rate_per_second=2 * TERMS.rate_per_second), TERM).total > total
    assert model.price(subject, replace(TERMS, incident_limit=2 * TERMS.incident_limit), TERM).total > total
    assert model.price(subject, replace(TERMS, aggregate_limit=2 * TERMS.aggregate_limit), TERM).total > total
    assert model.price(subject, TERMS, 2 * TERM).total > total
    qualifying = replace(TERMS, semantics=Semantics.QUALIFYING)
    assert model.price(subject, qualifying, TERM).total > total


def test_outages_of_weeks_are_in_the_price_as_several_incidents(model):
    subject = by_rate(model)[-1]
    law, years = model.length(subject), TERM / YEAR_SECONDS
    free = replace(TERMS, aggregate_limit=10**15)
    first, second = (
        TERMS.rate_per_second * float(np.diff(law.limited_expectation(np.array([from_, from_ + 86_400.1])))[0])
        for from_ in (3600.0, 3600.0 + 7 * DAY)
    )
    mean = model.rate(subject).mean * years
    assert model.loss(subject, free, TERM).mean > mean * (first + second) > mean * first


def test_a_limit_beyond_all_seconds_is_priced_on_a_grid_of_the_usual_size(model):
    far = replace(TERMS, rate_per_second=1, incident_limit=10**15, aggregate_limit=10**15)
    near = replace(far, incident_limit=8 * DAY)
    premium = model.price(by_rate(model)[-1], far, TERM, trigger=None)
    assert premium.loss.amounts.size < 10**6
    assert premium.loss.mean == pytest.approx(model.loss(by_rate(model)[-1], near, TERM).mean, rel=1e-6)


def test_a_failover_benefit_is_priced_as_certain_and_shown_where_it_is_not(model):
    subject = by_rate(model)[-1]
    premium = model.price(subject, replace(TERMS, failover_benefit=5_000_000_000), TERM)
    assert premium.total > model.price(subject, TERMS, TERM).total
    assert premium.totals[Scenario.LOW] < premium.totals[Scenario.BASE] <= premium.totals[Scenario.HIGH]


def test_a_recent_halt_and_an_operator_load_the_price(model):
    recent = OUTAGES.iloc[[0]].assign(subject_id="s001", event_id="new", start=AS_OF - 10 * DAY)
    later = fit(SUBJECTS, pd.concat([OUTAGES, recent]), AS_OF)
    assert later.price("s001", TERMS, TERM).breakdown["recent_halt"] > 0
    assert model.price("s001", TERMS, TERM).breakdown["recent_halt"] == 0
    assert model.price("s000", TERMS, TERM).breakdown["operator_control"] > 0
    assert model.price("s001", TERMS, TERM).breakdown["operator_control"] == 0


def test_whom_one_operator_can_stop_is_a_fact_of_the_data_and_follows_the_kind_only_without_one(model):
    stated = SUBJECTS.assign(operated=SUBJECTS["subject_id"] == "s001")
    told = fit(stated, OUTAGES, AS_OF)
    assert told.price("s001", TERMS, TERM).breakdown["operator_control"] > 0
    assert told.price("s000", TERMS, TERM).breakdown["operator_control"] == 0
    assert model.price("newborn", TERMS, TERM, kind="l2").breakdown["operator_control"] > 0
    with pytest.raises(InvalidData, match="column operated is nan: must not be empty"):
        fit(stated.assign(operated=float("nan")), OUTAGES, AS_OF)


def test_a_subject_without_history_is_priced_by_its_group_when_its_kind_is_named(model):
    premium = model.price("newborn", TERMS, TERM, kind="l1")
    assert premium.total > 0
    assert "no history" in model.rate("newborn", "l1").source
    with pytest.raises(UnknownSubject, match="'newborn' is not in the fit"):
        model.price("newborn", TERMS, TERM)


def test_a_pessimistic_view_of_unknown_ends_costs_more(model):
    settings = ModelSettings(duration=DurationPrior(missing="pessimistic"))
    worse = fit(SUBJECTS, OUTAGES, AS_OF, settings)
    subject = by_rate(model)[-1]
    assert worse.price(subject, TERMS, TERM).total > model.price(subject, TERMS, TERM).total
    assert worse.version != model.version


def test_the_version_names_data_settings_and_date_but_not_the_order_of_rows(model):
    assert fit(SUBJECTS.iloc[::-1], OUTAGES.sample(frac=1, random_state=1), AS_OF).version == model.version
    assert len(model.version) == 16
    changed = OUTAGES.copy()
    changed.loc[0, "low_seconds"] = changed.loc[0, "high_seconds"] = 12_345.0
    versions = {
        model.version,
        fit(SUBJECTS, changed, AS_OF).version,
        fit(SUBJECTS, OUTAGES, AS_OF + DAY).version,
        fit(SUBJECTS, OUTAGES, AS_OF, ModelSettings(merge_gap_seconds=3600)).version,
    }
    assert len(versions) == 4


def test_the_code_version_in_the_hash_is_the_packages():
    pyproject = Path(__file__).parents[1] / "pyproject.toml"
    assert tomllib.loads(pyproject.read_text())["project"]["version"] == pricing_models.__version__


def test_no_outages_at_all_are_refused_with_their_reason():
    with pytest.raises(ValueError, match="no usable row has an upper bound"):
        fit(SUBJECTS, OUTAGES.iloc[:0], AS_OF)


def test_a_bad_term_is_refused(model):
    with pytest.raises(InvalidTerms, match="term_seconds is 0"):
        model.price("s000", TERMS, 0)
    with pytest.raises(InvalidTerms, match="marginal_capital is -1"):
        model.price("s000", TERMS, TERM, Loadings(), marginal_capital=-1.0)
