"""Loss distributions against other people's: gemact, aggregate and R's actuar on random policies, and Danish fires.

`benchmarks/oracles.py` made the fixture, in an environment of its own.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize, stats

from pricing_models.bodies import BODIES
from pricing_models.compound import loss_distribution
from pricing_models.frequency import RatePosterior, poisson_counts
from pricing_models.lengths import DurationPosterior
from pricing_models.payoff import LONGEST_INCIDENT_SECONDS, Semantics, Terms
from pricing_models.tails import hazard

HOUR = 3600
FIXTURES = Path(__file__).parent / "fixtures"
TOLD = json.loads((FIXTURES / "compound_oracles.json").read_text())
CASES = TOLD["cases"]
PEERS = ("gemact", "aggregate", "actuar")
MEAN_ERROR = {"gemact": 2e-6, "aggregate": 2e-5, "actuar": 3e-6}
"""What the peers' own grids leave."""


def counts(frequency):
    if frequency["law"] == "poisson":
        return poisson_counts(frequency["mean"])
    shape = float(frequency["shape"])
    rate = RatePosterior(np.array([shape]), np.array([shape / frequency["mean"]]), np.ones(1), 0.0, "")
    return rate.predictive(1.0)


def one_incident(severity):
    """The law of hours cut where a halt would become a second incident: the peers know of none."""
    mu = severity["mu"] + np.log(HOUR)
    law = DurationPosterior(
        BODIES[severity["law"]], np.array([mu]), np.array([severity["sigma"]]), np.ones(1), "hours of the peers"
    )
    week = float(LONGEST_INCIDENT_SECONDS)
    return (
        lambda x: np.where(x >= week, 0.0, law.sf(x)),
        lambda x: law.limited_expectation(np.minimum(x, week)),
    )


def ours(case):
    """In units of an hour: a rate of one a second."""
    terms = Terms(
        waiting_seconds=round(case["waiting"] * HOUR),
        semantics=Semantics.RETENTION,
        rate_per_second=1,
        failover_benefit=0,
        incident_limit=round(case["limit"] * HOUR),
        aggregate_limit=round(case["aggregate"] * HOUR),
    )
    return loss_distribution(counts(case["frequency"]), terms, *one_incident(case["severity"]), tolerance=1e-7)


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_mean_spread_and_quantiles_are_those_of_the_peers(case):
    law = ours(case)
    step = case["limit"] / 256
    for peer in PEERS:
        told = case["peers"][peer]
        # the aggregate limit is cut to whole seconds here
        assert law.mean / HOUR == pytest.approx(told["mean"], rel=MEAN_ERROR[peer] + 1e-6), peer
        assert law.sd / HOUR == pytest.approx(told["sd"], rel=1e-3), peer
        for level, quantile in zip(TOLD["levels"], told["quantiles"], strict=True):
            assert law.quantile(level) / HOUR == pytest.approx(quantile, abs=2.0 * step), (peer, level)


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_the_chance_of_no_payout_is_the_peers_but_for_what_their_grids_move_to_nothing(case):
    nothing = 1.0 - ours(case).probability_of_any
    for peer in ("gemact", "aggregate"):
        assert nothing == pytest.approx(case["peers"][peer]["nothing"], abs=5e-3), peer


def test_the_peers_differ_among_themselves_by_more_than_we_differ_from_the_best():
    """gemact's grid is the finest; on it the error of ours is measured."""
    for case in CASES:
        mean = ours(case).mean / HOUR
        gaps = {peer: abs(case["peers"][peer]["mean"] / mean - 1.0) for peer in PEERS}
        assert gaps["gemact"] <= max(gaps["aggregate"], gaps["actuar"], 2e-6)


def danish():
    """Excesses over 10 of the 109 Danish fire losses beyond it (millions of kroner; R's fitdistrplus, danishuni)."""
    return np.array(json.loads((FIXTURES / "danish_fires.json").read_text())["excesses"])


def test_the_tail_of_the_danish_fires_is_the_published_one():
    """McNeil (ASTIN Bulletin 27, 1997): xi 0.497, beta 6.975, -loglik 374.893."""
    excesses = danish()
    assert excesses.size == 109

    def loss(v):
        return float(np.sum(hazard(v[0], np.exp(v[1]), excesses) * (1.0 + v[0]) + v[1]))

    best = optimize.minimize(loss, np.array([0.3, 1.5]), method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-10})
    assert best.x[0] == pytest.approx(0.497, abs=1e-3)
    assert np.exp(best.x[1]) == pytest.approx(6.975, abs=2e-3)
    assert best.fun == pytest.approx(374.893, abs=1e-3)
    assert best.fun == pytest.approx(-stats.genpareto.logpdf(excesses, best.x[0], scale=np.exp(best.x[1])).sum())
