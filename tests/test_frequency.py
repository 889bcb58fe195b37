"""What `pricing_models.frequency` promises: a posterior rate per subject that knows how little it knows."""

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, special, stats
from statsmodels.discrete.discrete_model import NegativeBinomial

from pricing_models.errors import InvalidData, UnknownSubject
from pricing_models.experience import Experience
from pricing_models.frequency import (
    FrequencyPrior,
    RatePosterior,
    fit,
    log_marginal,
    poisson_counts,
)

# Gaver and O'Muircheartaigh, Technometrics 29 (1987): failures of ten pumps, thousands of hours
PUMP_FAILURES = np.array([5, 1, 5, 14, 3, 19, 1, 1, 4, 22], dtype=float)
PUMP_HOURS = np.array([94.3, 15.7, 62.9, 126.0, 5.24, 31.4, 1.05, 1.05, 2.1, 10.5])


def experience(halts, years, kinds=None, universe=None):
    n = len(halts)
    frame = pd.DataFrame(
        {
            "kind": kinds or ["l1"] * n,
            "in_universe": [True] * n if universe is None else universe,
            "exposure_years": np.asarray(years, dtype=float),
            "halts": np.asarray(halts, dtype=int),
            "last_halt": np.nan,
        },
        index=pd.Index([f"s{i}" for i in range(n)], name="subject_id"),
    )
    return Experience(frame, pd.DataFrame(), 0.0, 0.0)


def simulated(rng, subjects, mean, shape, years):
    rates = rng.gamma(shape, mean / shape, subjects)
    return rates, experience(rng.poisson(rates * years), np.full(subjects, years))


def single(shape, rate):
    return RatePosterior(np.array([shape]), np.array([rate]), np.ones(1), 0.0, "")


def test_the_marginal_likelihood_of_the_pumps_peaks_where_the_literature_says():
    def loss(v):
        mean, shape = np.exp(v[:1]), np.exp(v[1:])
        return -float(log_marginal(mean, shape, PUMP_FAILURES, PUMP_HOURS)[0])

    peak = np.exp(optimize.minimize(loss, [0.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-9}).x)
    shape, rate = peak[1], peak[1] / peak[0]
    # empirical Bayes by maximum likelihood: a 0.82296, b 1.26165; theta_1 0.0609, theta_10 1.9405
    assert (shape, rate) == pytest.approx((0.82296, 1.26165), abs=2e-5)
    assert single(shape + 5, rate + 94.3).mean == pytest.approx(0.0609, abs=5e-5)
    assert single(shape + 22, rate + 10.5).mean == pytest.approx(1.9405, abs=5e-5)


def test_the_quantiles_of_one_gamma_are_its_own():
    one = single(11.0, 1.0)
    assert one.quantile(0.975) == pytest.approx(18.39036, abs=5e-6)  # Garwood's upper 95% limit for n = 10
    assert one.interval(0.9) == pytest.approx(stats.gamma.ppf([0.05, 0.95], 11.0))


def test_quantiles_far_in_the_lower_tail_are_found():
    assert single(0.05, 3.0).quantile(0.05) == pytest.approx(stats.gamma.ppf(0.05, 0.05, scale=1 / 3), rel=1e-6)


def test_the_grid_agrees_with_dense_integration():
    seen = experience([0, 1, 4, 0, 2, 9, 0, 1], [5.0, 3.0, 8.0, 1.0, 6.0, 7.0, 2.0, 4.0])
    fitted, prior = fit(seen), FrequencyPrior()
    x, y = (side.ravel() for side in np.meshgrid(np.linspace(-6, 3, 500), np.linspace(-5, 5, 500), indexing="ij"))
    halts, years = seen.subjects["halts"].to_numpy(float), seen.subjects["exposure_years"].to_numpy()
    density = log_marginal(np.exp(x), np.exp(y), halts, years)
    density = density + stats.norm.logpdf(x, np.log(0.2), prior.mean_log_sd) + stats.norm.logpdf(y)
    weight = special.softmax(density)
    for i, subject in enumerate(seen.subjects.index):
        shapes, rates = np.exp(y) + halts[i], np.exp(y - x) + years[i]
        posterior = fitted.posterior(subject)
        assert posterior.mean == pytest.approx(weight @ (shapes / rates), rel=1e-6)
        below = weight @ special.gammainc(shapes, rates * posterior.quantile(0.95))
        assert below == pytest.approx(0.95, abs=1e-5)


def test_the_predictive_count_is_the_mixture_of_negative_binomials():
    mixed = RatePosterior(np.array([0.5, 3.0]), np.array([2.0, 9.0]), np.array([0.3, 0.7]), 0.0, "")
    pmf = mixed.predictive(2.5)
    k = np.arange(pmf.size)
    direct = 0.3 * stats.nbinom.pmf(k, 0.5, 2.0 / 4.5) + 0.7 * stats.nbinom.pmf(k, 3.0, 9.0 / 11.5)
    assert pmf[:-1] == pytest.approx(direct[:-1], rel=1e-9)
    assert pmf.sum() == pytest.approx(1.0, abs=1e-13)
    assert pmf @ k == pytest.approx(mixed.mean * 2.5, rel=1e-9)


def test_a_count_that_may_be_huge_keeps_its_whole_probability():
    pmf = single(0.3, 1e-4).predictive(10.0)
    assert pmf.sum() == pytest.approx(1.0, abs=1e-12)


def test_poisson_counts_are_poisson():
    pmf = poisson_counts(3.5)
    assert pmf == pytest.approx(stats.poisson.pmf(np.arange(pmf.size), 3.5), abs=1e-14)
    assert poisson_counts(0.0)[0] == 1.0


def test_true_parameters_are_recovered_from_many_subjects():
    _, seen = simulated(np.random.default_rng(7), 400, mean=0.3, shape=0.8, years=6.0)
    nodes = fit(seen).groups["all"]
    for values, truth in ((nodes.x, np.log(0.3)), (nodes.y, np.log(0.8))):
        mean = nodes.weights @ values
        sd = np.sqrt(nodes.weights @ (values - mean) ** 2)
        assert abs(mean - truth) < 3.5 * sd
        assert sd < 0.25


def test_nine_intervals_of_ten_hold_the_true_rate():
    inside = []
    for seed in range(12):
        rates, seen = simulated(np.random.default_rng(seed), 40, mean=0.25, shape=1.0, years=5.0)
        fitted = fit(seen)
        for subject, rate in zip(seen.subjects.index, rates, strict=True):
            low, high = fitted.posterior(subject).interval(0.9)
            inside.append(low <= rate <= high)
    # 480 intervals: standard error 0.014
    assert np.mean(inside) == pytest.approx(0.9, abs=0.05)


def test_a_subject_lies_between_its_own_mean_and_its_groups():
    fitted = fit(experience([0] * 10 + [6], [5.0] * 11))
    quiet, busy = fitted.posterior("s0"), fitted.posterior("s10")
    group = fitted.posterior("new", kind="l1")
    assert 0.0 < quiet.mean < group.mean < busy.mean < 6 / 5
    assert busy.sd > quiet.sd


def test_credibility_grows_with_exposure():
    fitted = fit(experience([1, 2, 3, 0], [0.5, 5.0, 50.0, 5.0]))
    values = [fitted.posterior(f"s{i}").credibility for i in range(3)]
    assert 0 < values[0] < values[1] < values[2] < 1
    assert fitted.posterior("new", kind="l1").credibility == 0.0


def test_all_kinds_are_one_group_unless_told_otherwise():
    seen = experience([3] * 20 + [1] * 20, [5.0] * 40, ["l1"] * 20 + ["l2"] * 20)
    fitted = fit(seen)
    assert set(fitted.groups) == {"all"}
    assert fitted.posterior("new", "l1").mean == fitted.posterior("new", "l2").mean
    apart = fit(seen, FrequencyPrior(by_kind=True))
    assert apart.posterior("new", "l1").mean > fitted.posterior("new", "l1").mean > apart.posterior("new", "l2").mean


def test_by_kind_groups_that_are_large_enough_stand_alone_and_small_ones_join_all():
    kinds = ["l1"] * 20 + ["l2"] * 20 + ["bridge"] * 3
    by_kind = FrequencyPrior(by_kind=True)
    fitted = fit(experience([1] * 20 + [0] * 15 + [2] * 5 + [0] * 3, [5.0] * 43, kinds), by_kind)
    assert set(fitted.groups) == {"all", "l1", "rollup"}
    assert fitted.group_of("zk_rollup") == "rollup"
    assert fitted.group_of("bridge") == "all"
    assert set(fit(experience([1] * 5, [5.0] * 5), by_kind).groups) == {"all"}


def test_outside_the_universe_quiet_years_are_no_evidence_but_halts_are():
    seen = experience([1] * 20 + [0, 9], [5.0] * 22, universe=[True] * 20 + [False, False])
    fitted = fit(seen)
    group = fitted.posterior("new", kind="l1")
    assert fitted.posterior("s20").mean == group.mean
    assert fitted.posterior("s21").mean > 2 * group.mean
    assert np.array_equal(fitted.groups["all"].x, fit(experience([1] * 20, [5.0] * 20)).groups["all"].x)


def test_no_halts_at_all_leave_a_small_rate_and_no_nan():
    posterior = fit(experience([0] * 10, [5.0] * 10)).posterior("s0")
    assert 0 < posterior.mean < 0.05
    assert np.isfinite([posterior.sd, *posterior.interval(0.9)]).all()


def test_one_subject_is_enough():
    posterior = fit(experience([2], [4.0])).posterior("s0")
    assert 0.1 < posterior.mean < 0.6


def test_what_can_not_be_answered_is_refused():
    with pytest.raises(UnknownSubject, match="'nobody' is not in the fit"):
        fit(experience([1], [4.0])).posterior("nobody")
    with pytest.raises(InvalidData, match="none is in the universe"):
        fit(experience([1], [4.0], universe=[False]))
    with pytest.raises(ValueError, match="years is 0"):
        single(1.0, 1.0).predictive(0)
    with pytest.raises(ValueError, match="p is 1"):
        single(1.0, 1.0).quantile(1)


@pytest.mark.parametrize(("mean", "shape"), [(0.2, 0.7), (1.5, 3.0), (0.05, 20.0)])
def test_the_marginal_likelihood_is_that_of_a_negative_binomial_regression(mean, shape):
    ones = np.ones((PUMP_HOURS.size, 1))
    regression = NegativeBinomial(PUMP_FAILURES, ones, loglike_method="nb2", exposure=PUMP_HOURS)
    oracle = regression.loglike(np.array([np.log(mean), -np.log(shape)]))  # it takes the log of the dispersion
    ours = log_marginal(np.array([mean]), np.array([shape]), PUMP_FAILURES, PUMP_HOURS)[0]
    assert ours == pytest.approx(oracle, rel=1e-9)
