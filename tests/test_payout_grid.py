"""What `pricing_models.payout_grid` promises: one halt's payout on a grid with its mean kept, and sums of several."""

import numpy as np
import pytest

from pricing_models import payout_grid
from pricing_models.collapse import poisson
from pricing_models.duration import BODIES, DurationPosterior
from pricing_models.frequency import poisson_counts
from pricing_models.payoff import Semantics, Terms, TermsTable, limited_payouts
from pricing_models.payout_grid import Task, discretise, grid_of

HOUR = 3600
LENGTH = DurationPosterior(BODIES["lognormal"], np.array([np.log(4.0 * HOUR)]), np.array([1.4]), np.ones(1), "")
MANY = [
    Terms(waiting, semantics, 100, benefit, 100 * hours * HOUR, 100 * 61 * HOUR + 7)
    for waiting, hours, benefit in ((HOUR, 24, 0), (2 * HOUR, 5, 40_000), (60, 47, 10**7))
    for semantics in Semantics
]
"""Policies whose grids have different widths, so that some are padded."""


def test_spreading_to_the_grid_keeps_the_mean_exactly():
    assert MANY[0].semantics is Semantics.RETENTION
    grid = np.linspace(0.0, float(MANY[0].incident_limit), 101)
    limited = MANY[0].rate_per_second * (
        LENGTH.limited_expectation(HOUR + grid / 100) - LENGTH.limited_expectation(np.array([float(HOUR)]))
    )
    (pmf,), (mean,) = discretise(limited[None, :], grid[1:2])
    assert pmf.sum() == pytest.approx(1.0, abs=1e-12)
    assert pmf @ grid == pytest.approx(limited[-1], rel=1e-12)
    assert mean * grid[1] == pytest.approx(limited[-1], rel=1e-12)


def test_rounding_of_the_limited_means_adds_nothing_to_the_mean():
    grid = np.linspace(0.0, 1e6, 50_001)
    limited = 1e4 * -np.expm1(-grid / 1e4) + np.random.default_rng(1).normal(0.0, 1e-6, grid.size)
    (pmf,), _ = discretise(limited[None, :], grid[1:2])
    assert pmf @ grid == pytest.approx(limited[-1] - limited[0], rel=1e-5)
    assert pmf.min() >= 0.0
    assert pmf.sum() == pytest.approx(1.0, abs=1e-12)


def task_of(many: list[Terms], steps: int) -> Task:
    table = TermsTable.of(many)
    step, width = grid_of(table, np.full(len(many), steps))
    points = step[:, None] * np.minimum(np.arange(int(width.max()) + 1), width[:, None])
    limited = limited_payouts(table, points, LENGTH.sf, LENGTH.limited_expectation, np.full(len(many), 0.3))
    counts = np.repeat(poisson_counts(0.8)[None, :], len(many), axis=0)
    false = limited_payouts(table, points, lambda x: np.exp(-x / 9e3), lambda x: -9e3 * np.expm1(-x / 9e3), 0.0 * step)
    alarms = poisson(np.linspace(0.0, 0.1, len(many)))
    return Task(table.aggregate, limited, step, width, counts, counts.shape[1] + 7, alarms, false)


def test_both_grids_solved_at_once_are_those_solved_one_by_one(monkeypatch):
    task = task_of(MANY, 16)
    monkeypatch.setattr(payout_grid, "_LITTLE_WORK", np.inf)
    grid, below, means, coarse = task.solve_with_half()
    monkeypatch.setattr(payout_grid, "_LITTLE_WORK", 0)
    grid_alone, below_alone, means_alone, coarse_alone = task.solve_with_half()
    assert means == pytest.approx(means_alone, rel=1e-9)
    assert coarse == pytest.approx(coarse_alone, rel=1e-9)
    assert below == pytest.approx(below_alone, abs=1e-12)
    assert (grid.cells[: len(MANY)] == grid_alone.cells).all()
    once = np.array([[0.0, 1.0]] * len(MANY))  # just one halt
    for one, alone in zip(grid.summed(once), grid_alone.summed(once), strict=True):
        assert one == pytest.approx(alone, rel=1e-9, abs=1e-12)


def test_every_other_point_is_the_grid_of_half_as_many_steps():
    assert task_of(MANY, 64).solve_with_half()[3] == pytest.approx(task_of(MANY, 32).solve()[2], rel=1e-9)
