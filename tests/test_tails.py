"""What `pricing_models.tails` promises: the Pareto law of excesses, its special cases among the others."""

import numpy as np
import pytest
from scipy import integrate, stats

from pricing_models.tails import Tail, tail_nodes

DAY = 86400.0


def single(xi, beta):
    return Tail(np.array([xi]), np.array([beta]), np.ones(1))


@pytest.mark.parametrize("xi", [-0.4, -1e-12, 0.0, 1e-12, 0.3, 1.0 - 1e-10, 1.0, 1.7, 2.5])
def test_survival_and_limited_expectation_are_scipys_and_the_integral(xi):
    law, peer = single(xi, 3.0 * DAY), stats.genpareto(xi, scale=3.0 * DAY)
    x = np.array([0.0, 60.0, DAY, 20 * DAY, 400 * DAY])
    assert law.sf(x) == pytest.approx(peer.sf(x), rel=1e-9, abs=1e-15)
    for limit in (DAY, 6 * DAY, 200 * DAY):
        end = min(limit, 3.0 * DAY / -xi) if xi < -1e-6 else limit
        value, _ = integrate.quad(peer.sf, 0.0, end, limit=300)
        assert law.limited_expectation(np.array([limit]))[0] == pytest.approx(value, rel=1e-7)


def test_the_exponential_and_the_logarithmic_case_have_their_formulas():
    """Loss Models A.2: beta (1 - exp(-d / beta)) at xi = 0, beta log(1 + d / beta) at xi = 1."""
    d = np.array([0.5 * DAY, 9.0 * DAY])
    assert single(0.0, DAY).limited_expectation(d) == pytest.approx(-DAY * np.expm1(-d / DAY), rel=1e-12)
    assert single(1.0, DAY).limited_expectation(d) == pytest.approx(DAY * np.log1p(d / DAY), rel=1e-12)


def test_beyond_the_end_of_a_bounded_law_nothing_survives():
    assert single(-0.5, DAY).sf(np.array([2.0 * DAY, 5.0 * DAY])) == pytest.approx([0.0, 0.0], abs=1e-300)


def test_samples_follow_the_mixture():
    law = Tail(np.array([0.2, 1.1]), np.array([DAY, 3 * DAY]), np.array([0.7, 0.3]))
    drawn = law.sample(np.random.default_rng(1), 5000)
    assert stats.kstest(drawn, lambda x: 1.0 - law.sf(x)).pvalue > 0.001
    assert law.plug_in().xi[0] == pytest.approx(0.47)


def test_true_parameters_are_within_the_posterior():
    values = stats.genpareto(0.6, scale=2 * DAY).rvs(400, random_state=5)
    nodes = tail_nodes(values - 30.0, values + 30.0, 25)
    for column, truth in ((nodes.x, 0.6), (nodes.y, np.log(2 * DAY))):
        mean = nodes.weights @ column
        assert abs(mean - truth) < 3.0 * np.sqrt(nodes.weights @ (column - mean) ** 2)
