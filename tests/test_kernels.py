"""What `pricing_models.kernels` promises: what plain numpy would give, in one pass."""

import numpy as np
import pytest
from scipy import stats

from pricing_models import kernels

RNG = np.random.default_rng(5)


def test_cubics_are_read_within_their_table_and_nowhere_else():
    cubics = RNG.normal(size=(4, 4))
    at = np.array([0.0, 0.25, 1.0, 3.999, 4.0, -1e-9, 4.0001, np.nan, np.inf])
    found = np.empty(at.size)
    assert kernels.read_cubics(at, cubics, found)
    for place, value in zip(at[:5], found[:5], strict=True):
        cell = min(int(place), 3)
        assert value == pytest.approx(np.polyval(cubics[cell], place - cell), rel=1e-12)
    assert np.isnan(found[5:]).all()
    assert not kernels.read_cubics(at[:5], cubics, found[:5])


def test_polynomials_are_those_of_numpy_at_complex_numbers():
    at = RNG.normal(size=(3, 50)) + 1j * RNG.normal(size=(3, 50))
    counts = RNG.uniform(size=(3, 9))
    assert kernels.horner(at, counts) == pytest.approx(
        np.array([np.polyval(row[::-1], points) for row, points in zip(counts, at, strict=True)]), rel=1e-12
    )


def test_falls_of_a_survival_function_are_kept_between_nothing_and_one():
    survival = np.array([[0.7, 0.2, 0.1], [1.0 + 1e-12, 0.5, -1e-15]])
    found, means = kernels.masses(survival)
    assert found == pytest.approx(np.array([[0.3, 0.5, 0.1, 0.1], [0.0, 0.5, 0.5, 0.0]]), abs=1e-11)
    assert means == pytest.approx(found @ np.arange(4))


def test_a_cap_of_any_size_is_reached_in_an_incident_that_there_is():
    caps = np.array([[-1e20, -1.0, 0.0, np.nan, 149.0, 1e300, np.inf]])
    for bound, last in ((0, 0), (9, 9)):
        assert kernels.incidents_reached(caps, np.array([100.0]), bound) == last
    assert kernels.incidents_reached(caps[:, :5], np.array([100.0]), 9) == 1


def test_only_a_rise_beyond_rounding_is_told():
    limited = np.array([[0.0, 1.0, 1.5], [0.0, 1.0, 2.0 + 1e-14], [0.0, 1.0, 2.1]])
    found, rising = kernels.slopes(limited, np.array([1.0, 1.0, 0.5]))
    assert found == pytest.approx(np.array([[1.0, 0.5], [1.0, 1.0], [2.0, 2.2]]))
    assert list(rising) == [False, False, True]


@pytest.mark.parametrize("points", [1, 511, 2000])
def test_tilting_and_straightening_undo_each_other_up_to_each_rows_end(points):
    values = RNG.uniform(size=(3, points))
    values[0, 0] = -1e-18
    ends = np.array([points, points // 2, 0])
    found, sums, moments = kernels.straightened(kernels.tilted(values, points, 1e-3), ends, points, 1e-3)
    expected = np.where(np.arange(points) < ends[:, None], np.maximum(values, 0.0), 0.0)
    assert found == pytest.approx(expected, rel=1e-12)
    assert sums == pytest.approx(expected.sum(axis=1), rel=1e-12)
    assert moments == pytest.approx(expected @ np.arange(points), rel=1e-12)


def test_mixtures_of_poisson_laws_are_those_of_scipy_as_far_as_the_widest_goes():
    means, weights = np.array([[0.0, 3.0], [60.0, 0.1]]), np.array([[0.5, 0.5], [0.2, 0.8]])
    found = kernels.poisson_mixtures(means, weights, 1e-12)
    each = stats.poisson.pmf(np.arange(found.shape[1]), means[:, :, None])
    assert found == pytest.approx((weights[:, :, None] * each).sum(axis=1), rel=1e-9, abs=1e-16)
    assert 1.0 - found.sum(axis=1) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("mean", [150.0, 599.0, 601.0, 1e3, 2e4])
def test_hundreds_of_halts_are_counted_to_their_end_though_no_halt_at_all_is_next_to_impossible(mean):
    (found,) = kernels.poisson_mixtures(np.array([[mean]]), np.ones((1, 1)), 1e-12)
    assert found == pytest.approx(stats.poisson.pmf(np.arange(found.size), mean), rel=1e-8, abs=1e-16)
    assert found.sum() == pytest.approx(1.0, abs=1e-10)


def test_the_recurrence_of_a_uniform_law_is_that_of_legendres_polynomials():
    x = (np.arange(20_000) + 0.5) / 10_000 - 1.0
    diagonal, beside = kernels.lanczos(x, np.full(x.size, 1.0 / x.size), 6)
    n = np.arange(1.0, 6.0)
    assert diagonal == pytest.approx(np.zeros(6), abs=1e-9)
    assert beside == pytest.approx(n / np.sqrt(4.0 * n**2 - 1.0), rel=1e-6)


def test_the_recurrence_ends_where_the_points_are_used_up():
    diagonal, beside = kernels.lanczos(np.array([0.2, 0.9]), np.array([0.5, 0.5]), 6)
    assert (diagonal.size, beside.size) == (2, 1)
    jacobi = np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
    assert np.linalg.eigvalsh(jacobi) == pytest.approx([0.2, 0.9])
