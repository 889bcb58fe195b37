"""What `pricing_models.duration` promises: lengths from rounded, bounded and censored data."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from pricing_models.duration import BODIES, DurationPosterior, DurationPrior, bounds, fit, permanent_share
from pricing_models.errors import InvalidData
from pricing_models.experience import Experience
from pricing_models.lengths import SplicedPosterior
from pricing_models.tails import Tail

HOUR, DAY = 3600.0, 86400.0
PLAIN = tuple(name for name, body in BODIES.items() if body.parameters == 2)


def experience(low, high, status, kinds=None):
    n = len(low)
    frame = pd.DataFrame(
        {
            "subject_id": [f"s{i}" for i in range(n)],
            "kind": kinds or ["l1"] * n,
            "event_id": [f"e{i:04d}" for i in range(n)],
            "start": 0.0,
            "low": np.asarray(low, dtype=float),
            "high": np.asarray(high, dtype=float),
            "status": status,
        }
    )
    return Experience(pd.DataFrame(), frame, 0.0, 0.0)


def exact(values, kinds=None):
    return experience(values, values, ["exact"] * len(values), kinds)


def draw(name, mu, sigma, size, seed=1):
    """Whole seconds that are no whole hours, so that their rounding is the half minute."""
    z = BODIES[name].quantile(np.random.default_rng(seed).uniform(size=size))
    return np.maximum(np.round(np.exp(mu + sigma * z) / 60) * 60 + 1, 61)


def single(name, mu, sigma, shape=1.0):
    return DurationPosterior(BODIES[name], np.array([mu]), np.array([sigma]), np.ones(1), "", 0.0, np.array([shape]))


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize(("mu", "sigma"), [(9.5, 0.4), (10.0, 1.0), (8.0, 1.9), (9.0, 3.1)])
def test_the_limited_expectation_is_the_integral_of_the_survival_function(name, mu, sigma):
    law = single(name, mu, sigma)
    for limit in (30.0, HOUR, DAY, 30 * DAY):
        # in log time the integrand x S(x) is smooth
        value, _ = integrate.quad(
            lambda t: np.exp(t) * law.sf(np.exp(np.array([t])))[0], -40.0, np.log(limit), limit=400
        )
        assert law.limited_expectation(np.array([limit]))[0] == pytest.approx(value, rel=1e-7)


@pytest.mark.parametrize("sigma", [0.05, 0.31, 1.0, 2.7])
@pytest.mark.parametrize("apart", [-0.03, 0.0, 1e-12, 1e-6, 0.7, 1.0, 2.0 + 1e-9])
@pytest.mark.parametrize("z", [1.9, 2.5, 17.0, 38.0, 120.0])
def test_a_burrs_limited_expectation_is_right_far_out_and_where_its_shapes_differ_by_a_whole_number(sigma, apart, z):
    mu, shape = 9.0, np.array([sigma + apart])
    log_t = np.linspace(mu - 60.0, mu + sigma * z, 20_001)
    abscissae, weights = np.polynomial.legendre.leggauss(5)
    half = (log_t[1] - log_t[0]) / 2.0
    inner = log_t[:-1, None] + half * (1.0 + abscissae)
    survival = np.exp(BODIES["burr"].log_sf((inner - mu) / sigma, shape))
    expected = float((np.exp(inner) * survival @ weights).sum()) * half
    law = DurationPosterior(BODIES["burr"], np.array([mu]), np.array([sigma]), np.ones(1), "", 0.0, shape)
    assert law.limited_expectation(np.exp(log_t[-1:]))[0] == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("name", BODIES)
def test_the_table_agrees_with_the_closed_form(name):
    law = DurationPosterior(BODIES[name], np.array([9.0, 10.0]), np.array([0.7, 1.6]), np.array([0.4, 0.6]), "")
    x = np.array([0.0, 0.3, 1.0, 17.0, 3600.0, 1e5, 3e7, 5e9])
    assert law.curves.lev(x) == pytest.approx(law.limited_expectation(x), rel=1e-9)
    assert law.curves.sf(x) == pytest.approx(law.sf(x), rel=1e-7)


# scipy.stats as an independent implementation of the same laws
@pytest.mark.parametrize(
    ("name", "peer"),
    [
        ("lognormal", stats.lognorm(1.3, scale=np.exp(9.0))),
        ("weibull", stats.weibull_min(1 / 1.3, scale=np.exp(9.0))),
        ("loglogistic", stats.fisk(1 / 1.3, scale=np.exp(9.0))),
        ("burr", stats.burr12(1 / 1.3, 1.0, scale=np.exp(9.0))),
    ],
)
def test_survival_and_quantiles_agree_with_scipy(name, peer):
    law = single(name, 9.0, 1.3)
    x = np.array([10.0, HOUR, DAY, 10 * DAY])
    assert law.sf(x) == pytest.approx(peer.sf(x), rel=1e-9)
    assert [law.quantile(p) for p in (0.05, 0.5, 0.99)] == pytest.approx(peer.ppf([0.05, 0.5, 0.99]), rel=1e-7)
    assert law.sf(np.array([0.0]))[0] == 1.0


def test_quantile_and_survival_of_a_mixture_are_inverse():
    law = DurationPosterior(BODIES["weibull"], np.array([8.0, 11.0]), np.array([1.0, 2.0]), np.array([0.5, 0.5]), "")
    for p in (0.01, 0.5, 0.95):
        assert law.sf(np.array([law.quantile(p)]))[0] == pytest.approx(1 - p, abs=1e-8)


def test_samples_follow_the_predictive_law():
    law = fit(exact(draw("lognormal", 9.5, 1.2, 40))).posterior("l1")
    sample = law.sample(np.random.default_rng(3), 4000)
    assert stats.kstest(sample, lambda x: 1 - law.sf(x)).pvalue > 0.001


def test_exact_lognormal_data_give_back_their_own_moments():
    values = draw("lognormal", 9.5, 1.2, 300)
    law = fit(exact(values), DurationPrior(mu_sd=50.0, log_sigma_sd=50.0)).posterior("l1").plug_in()
    if law.body.name == "lognormal":
        assert law.mu[0] == pytest.approx(np.log(values).mean(), abs=0.02)
        assert law.sigma[0] == pytest.approx(np.log(values).std(), rel=0.02)
    assert law.body.name == "lognormal"


@pytest.mark.parametrize("name", PLAIN)
def test_true_parameters_are_recovered_through_intervals_and_censoring(name):
    rng = np.random.default_rng(11)
    values = draw(name, 9.7, 1.1, 500)
    censor = rng.uniform(HOUR, 4 * DAY, 500)
    running = values > censor
    coarse = ~running & (rng.uniform(size=500) < 0.4)
    low = np.where(running, censor, np.where(coarse, values // (6 * HOUR) * 6 * HOUR, values))
    high = np.where(running, np.inf, np.where(coarse, (values // (6 * HOUR) + 1) * 6 * HOUR, values))
    status = np.where(running, "right", np.where(coarse, "interval", "exact"))
    fitted = fit(experience(low, high, status), DurationPrior(bodies=(name,)))
    law = fitted.posterior("l1")
    for values_, truth in ((law.mu, 9.7), (np.log(law.sigma), np.log(1.1))):
        mean = law.weights @ values_
        sd = np.sqrt(law.weights @ (values_ - mean) ** 2)
        assert abs(mean - truth) < 3.5 * sd
        assert sd < 0.1


@pytest.mark.parametrize("name", PLAIN)
def test_the_true_body_wins_when_the_data_tell_the_bodies_apart(name):
    fitted = fit(exact(draw(name, 9.7, 1.1, 1500)), DurationPrior(points=17, bodies=PLAIN))
    assert fitted.body.name == fitted.chosen == name
    assert fitted.scores["log_score"].idxmax() == name


def test_of_bodies_that_the_data_can_not_tell_apart_the_first_candidate_is_taken():
    seen = exact(draw("lognormal", 9.7, 1.1, 12))
    for order in (("lognormal", "loglogistic"), ("loglogistic", "lognormal")):
        assert fit(seen, DurationPrior(bodies=order)).body.name == order[0]


def test_an_outage_still_running_counts_for_at_least_its_length():
    values = draw("lognormal", 9.0, 1.0, 60)
    short = fit(exact(values)).posterior("l1").quantile(0.95)
    low = np.append(values, [5 * DAY] * 5)
    high = np.append(values, [np.inf] * 5)
    longer = fit(experience(low, high, ["exact"] * 60 + ["right"] * 5)).posterior("l1").quantile(0.95)
    assert longer > 1.3 * short


def test_missing_lengths_are_dropped_or_taken_to_exceed_the_median():
    values = draw("lognormal", 9.0, 1.0, 40)
    low = np.append(values, np.zeros(10))
    high = np.append(values, np.full(10, np.inf))
    seen = experience(low, high, ["exact"] * 40 + ["missing"] * 10)
    dropped = replace(fit(seen).posterior("l1"), permanent=0.0)  # of more halts without any, fewer are for good
    alone = replace(fit(exact(values)).posterior("l1"), permanent=0.0)
    assert dropped.quantile(0.9) == pytest.approx(alone.quantile(0.9))
    assert fit(seen, DurationPrior(missing="pessimistic")).posterior("l1").quantile(0.9) > dropped.quantile(0.9)
    treated = bounds(seen.durations, "pessimistic")
    assert treated["low"].iloc[-10:].tolist() == [np.median(values)] * 10


def test_an_exact_length_is_as_good_as_its_rounding():
    treated = bounds(exact([10 * 60.0 + 7, 2 * HOUR, 3 * DAY, 40.0]).durations, "drop")
    half = (treated["high"] - treated["low"]) / 2
    assert half.tolist() == [30.0, HOUR / 2, DAY / 2, 20.0]


def test_a_kind_with_thirty_known_lengths_stands_alone_and_others_are_pooled():
    fast, slow = draw("lognormal", 7.5, 0.8, 35), draw("lognormal", 11.0, 0.8, 35, seed=2)
    few = draw("lognormal", 7.5, 0.8, 10, seed=3)
    kinds = ["l1"] * 35 + ["l2"] * 35 + ["bridge"] * 10
    fitted = fit(exact(np.concatenate([fast, slow, few]), kinds))
    assert set(fitted.groups) == {"all", "l1", "rollup"}
    assert fitted.posterior("l1").quantile(0.5) < fitted.posterior("bridge").quantile(0.5)
    assert fitted.posterior("bridge").quantile(0.5) < fitted.posterior("l3").quantile(0.5)


def test_the_universes_lengths_are_learnt_from_its_own_halts_and_those_of_others_from_all():
    """Who is in the tables because it halted is there because somebody told of it: of the long ones, above all."""
    own, others = draw("loglogistic", 9.0, 0.8, 40), draw("loglogistic", 11.5, 0.8, 40, seed=2)
    seen = exact(np.concatenate([own, others]))
    names = seen.durations["subject_id"]
    subjects = pd.DataFrame({"in_universe": [True] * 40 + [False] * 40}, index=names.to_list())
    prior = DurationPrior(bodies=("loglogistic",))
    found = fit(replace(seen, subjects=subjects), prior)
    alone, all_told = fit(exact(own), prior).posterior("l1"), fit(seen, prior).posterior("l1")
    of_members, of_others = found.posterior("l1"), found.posterior("l1", member=False)
    assert of_members.plug_in().mu == pytest.approx(alone.plug_in().mu)
    assert of_others.plug_in().mu == pytest.approx(all_told.plug_in().mu)
    assert of_members.source == "40 halts of the group l1 of the universe, loglogistic"
    assert of_others.source == "80 halts of the group l1, all that are told of, loglogistic"
    assert found.of_all_told().posterior("l1") is of_others
    assert fit(replace(seen, subjects=subjects), replace(prior, halts="all")).posterior("l1").mu.mean() > 9.5
    nobody = subjects.assign(in_universe=False)
    assert fit(replace(seen, subjects=nobody), prior).posterior("l1").source.startswith("80 halts")


def drawn_to_all(body, count):
    """By how much the median of a short kind's halts exceeds what they say alone, next to 60 long ones of another."""
    slow, fast, prior = draw("lognormal", 11.0, 0.8, 60), draw("lognormal", 7.5, 0.8, count, seed=2), DurationPrior()
    prior = replace(prior, bodies=(body,))
    found = fit(exact(np.concatenate([slow, fast]), ["l1"] * 60 + ["l2"] * count), prior)
    own, every = (found.posterior(kind).quantile(0.5) for kind in ("l2", "bridge"))
    assert own < every
    return own / fit(exact(fast), prior).posterior("l1").quantile(0.5) - 1.0


def test_a_kind_is_drawn_towards_all_halts_the_more_the_fewer_it_has():
    assert drawn_to_all("lognormal", 20) > 3 * drawn_to_all("lognormal", 200) > 0.0
    assert drawn_to_all("burr", 20) > 0.05


def test_the_posterior_predictive_is_wider_than_its_point_estimate():
    law = replace(fit(exact(draw("lognormal", 9.0, 1.2, 12))).posterior("l1"), permanent=0.0)
    assert law.quantile(0.99) > law.plug_in().quantile(0.99)


def test_rows_that_are_all_alike_give_finite_figures():
    law = fit(exact([7261.0] * 25)).posterior("l1")
    assert np.isfinite([law.quantile(0.5), law.quantile(0.95)]).all()
    assert law.quantile(0.5) == pytest.approx(7261.0, rel=0.05)


def test_one_known_length_is_enough_and_none_is_refused():
    assert fit(exact([7261.0])).posterior("l1").quantile(0.5) > 0
    with pytest.raises(InvalidData, match="no usable row has an upper bound"):
        fit(experience([HOUR], [np.inf], ["right"]))
    with pytest.raises(InvalidData, match="missing is 'guess'"):
        bounds(exact([60.0]).durations, "guess")
    with pytest.raises(ValueError, match="p is 0"):
        single("weibull", 9.0, 1.0).quantile(0)


def test_a_stop_for_good_is_an_outcome_of_its_own():
    ending = DurationPosterior(BODIES["lognormal"], np.array([9.0]), np.array([1.2]), np.ones(1), "")
    law = replace(ending, permanent=0.1)
    x = np.array([60.0, 3600.0, 1e8])
    assert law.sf(x) == pytest.approx(0.1 + 0.9 * ending.sf(x))
    assert law.limited_expectation(x) == pytest.approx(0.1 * x + 0.9 * ending.limited_expectation(x))
    assert law.curves.lev(x) == pytest.approx(law.limited_expectation(x), rel=1e-8)
    assert law.sf(np.array([law.quantile(0.8)]))[0] == pytest.approx(0.2)
    assert law.quantile(0.95) == np.inf
    assert law.plug_in().permanent == 0.1
    drawn = law.sample(np.random.default_rng(0), 20_000)
    assert np.isinf(drawn).mean() == pytest.approx(0.1, abs=0.01)


def test_permanent_stops_are_counted_apart_and_left_out_of_the_body():
    known = exact([3600.0 * (i + 1) for i in range(30)])
    ends = experience([7200.0] * 10, [np.inf] * 10, ["permanent"] * 10).durations
    both = replace(known, durations=pd.concat([known.durations, ends], ignore_index=True))
    assert permanent_share(known.durations) == pytest.approx(0.5 / 55)
    assert permanent_share(both.durations) == pytest.approx(10.5 / 65)
    assert len(bounds(both.durations, "pessimistic")) == 30
    assert fit(both).groups["all"].mu == pytest.approx(fit(known).groups["all"].mu)
    assert fit(both).groups["all"].permanent == fit(both).permanent == pytest.approx(10.5 / 65)


def test_the_universes_halts_are_for_good_as_often_as_they_were():
    """An end of a chain that nobody watched is none of theirs."""
    known = exact([3600.0 * (i + 1) for i in range(30)])
    ends = experience([7200.0] * 10, [np.inf] * 10, ["permanent"] * 10).durations.assign(subject_id="dead")
    both = replace(
        known,
        subjects=pd.DataFrame({"in_universe": [*[True] * 30, False]}, index=[*known.durations["subject_id"], "dead"]),
        durations=pd.concat([known.durations, ends], ignore_index=True),
    )
    found = fit(both)
    assert found.permanent == found.posterior("l1").permanent == pytest.approx(0.5 / 55)
    assert found.posterior("l1", member=False).permanent == pytest.approx(10.5 / 65)


# ------------------------------------------------------------- a third parameter, and a tail


@pytest.mark.parametrize("shape", [0.2, 0.7, 1.0, 2.5, 8.0])
@pytest.mark.parametrize("sigma", [0.4, 1.3, 2.5])
def test_a_burr_of_any_shape_is_scipys(shape, sigma):
    law, peer = single("burr", 9.0, sigma, shape), stats.burr12(1 / sigma, shape, scale=np.exp(9.0))
    x = np.array([10.0, HOUR, DAY, 30 * DAY])
    assert law.sf(x) == pytest.approx(peer.sf(x), rel=1e-9)
    assert [law.quantile(p) for p in (0.05, 0.5, 0.9)] == pytest.approx(peer.ppf([0.05, 0.5, 0.9]), rel=1e-7)
    for limit in (HOUR, DAY, 30 * DAY):
        value, _ = integrate.quad(lambda t: np.exp(t) * law.sf(np.exp(np.array([t])))[0], -40.0, np.log(limit))
        assert law.limited_expectation(np.array([limit]))[0] == pytest.approx(value, rel=1e-6)
    assert law.curves.lev(x) == pytest.approx(law.limited_expectation(x), rel=1e-8)


def test_a_burr_is_taken_only_where_its_third_parameter_pays():
    rng = np.random.default_rng(7)
    bent = np.round(stats.burr12(4.0, 0.15, scale=np.exp(8.0)).rvs(900, random_state=rng) / 60) * 60 + 1
    names = ("lognormal", "weibull", "loglogistic", "burr")
    assert fit(exact(bent), DurationPrior(points=15, bodies=names)).chosen == "burr"
    plain = fit(exact(draw("loglogistic", 9.0, 1.2, 60)), DurationPrior(points=15, bodies=("loglogistic", "burr")))
    assert plain.chosen == "loglogistic"
    assert plain.scores["parameters"].to_dict() == {"loglogistic": 2, "burr": 3}


def test_a_burrs_posterior_holds_the_law_it_was_drawn_from():
    bent = stats.burr12(2.0, 0.5, scale=np.exp(8.0))
    law = fit(exact(bent.rvs(600, random_state=3)), DurationPrior(bodies=("burr",))).posterior("l1")
    law = replace(law, permanent=0.0)
    for p in (0.1, 0.5, 0.9, 0.97):
        assert law.sf(np.array([bent.ppf(p)]))[0] == pytest.approx(1 - p, abs=0.035)
    assert law.plug_in().sf(np.array([bent.ppf(0.5)]))[0] == pytest.approx(0.5, abs=0.05)
    sample = law.sample(np.random.default_rng(3), 4000)
    assert stats.kstest(sample, lambda x: 1 - law.sf(x)).pvalue > 0.001


def far_tailed(seed, size, xi=0.8, beta=2 * DAY):
    """Lognormal up to a day, a Pareto law beyond."""
    rng = np.random.default_rng(seed)
    values = np.exp(rng.normal(10.2, 1.0, size))
    far = values > DAY
    values[far] = DAY + stats.genpareto(xi, scale=beta).rvs(int(far.sum()), random_state=rng)
    return np.round(values / 60) * 60 + 61


def test_a_tail_is_taken_only_if_it_wins():
    names = ("lognormal", "lognormal+gpd")
    assert fit(exact(far_tailed(2, 900)), DurationPrior(points=15, bodies=names)).chosen == "lognormal+gpd"
    assert fit(exact(draw("lognormal", 9.7, 1.1, 300)), DurationPrior(points=15, bodies=names)).chosen == "lognormal"


@pytest.mark.parametrize("body", ["lognormal", "loglogistic"])
def test_a_law_with_a_tail_is_one_law(body):
    law = fit(exact(far_tailed(4, 200)), DurationPrior(points=15, bodies=(f"{body}+gpd",))).posterior("l1")
    x = np.array([60.0, HOUR, DAY - 1, DAY, DAY + 1, 3 * DAY, 60 * DAY])
    survival = law.sf(x)
    assert (np.diff(survival) < 0).all()
    assert survival[2] - survival[4] < 1e-4
    for limit in (HOUR, DAY, 30 * DAY):
        value, _ = integrate.quad(
            lambda t: np.exp(t) * law.sf(np.exp(np.array([t])))[0],
            -10.0,
            np.log(limit),
            points=[np.log(DAY)],
            limit=300,
        )
        assert law.limited_expectation(np.array([limit]))[0] == pytest.approx(value, rel=1e-5)
    assert law.curves.lev(x) == pytest.approx(law.limited_expectation(x), rel=1e-8)
    assert law.curves.sf(x) == pytest.approx(law.sf(x), rel=1e-6)
    for p in (0.2, 0.9, 0.97):
        assert law.sf(np.array([law.quantile(p)]))[0] == pytest.approx(1 - p, abs=1e-8)
    drawn = law.sample(np.random.default_rng(3), 6000)
    assert np.isinf(drawn).mean() == pytest.approx(law.permanent, abs=0.01)
    ending = replace(law, permanent=0.0)
    assert stats.kstest(drawn[np.isfinite(drawn)], lambda v: 1 - ending.sf(v)).pvalue > 0.001
    assert np.isfinite(law.plug_in().limited_expectation(x)).all()


def test_of_a_few_halts_no_third_parameter_is_learnt():
    few = fit(exact(far_tailed(4, 12)))
    assert set(few.scores["parameters"]) == {2}


def test_a_body_that_never_reaches_its_tail_is_a_law_too():
    never = SplicedPosterior(
        BODIES["weibull"], np.array([np.log(HOUR)]), np.array([0.1]), np.ones(1), "", threshold=DAY,
        tail=Tail(np.array([0.5]), np.array([DAY]), np.ones(1)),
    )  # fmt: skip
    points = np.array([HOUR / 2, DAY, 9 * DAY])
    assert never.curves.sf(points) == pytest.approx(never.sf(points), abs=1e-4)
    assert never.curves.lev(points) == pytest.approx(never.limited_expectation(points), rel=1e-4)
    assert never.sf(points)[1] == 0.0


def test_without_halts_beyond_the_threshold_no_tail_is_tried():
    short = np.minimum(draw("lognormal", 8.0, 0.6, 40), DAY - 3601)
    assert not [name for name in fit(exact(short)).scores.index if name.endswith("+gpd")]
