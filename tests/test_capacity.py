"""What `pricing_models.capacity` promises: an order costs the same in one piece and in slices."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate

from pricing_models.capacity import CapacityCurve, Utilisation, charge
from pricing_models.errors import InvalidTerms

curves = st.builds(
    lambda base, more, power: CapacityCurve(base, base + more, power),
    st.floats(0.0, 0.1),
    st.floats(0.0, 2.0),
    st.floats(0.2, 8.0),
)


@given(curves, st.floats(0.0, 0.5), st.lists(st.floats(0.001, 0.1), min_size=1, max_size=5), st.floats(0.01, 5.0))
def test_slices_cost_what_one_order_costs(curve, begin, slices, years):
    start = Utilisation(begin * 1e9, 1e9)
    where, paid = start, 0.0
    for part in slices:
        paid += charge(curve, where, part * 1e9, years)
        where = where.after(part * 1e9)
    whole = charge(curve, start, sum(slices) * 1e9, years)
    assert paid == pytest.approx(whole, rel=1e-9, abs=1e-3)


@given(curves, st.floats(0.0, 0.4), st.floats(0.5, 1.0))
def test_the_integral_is_that_of_the_rate(curve, low, high):
    area, _ = integrate.quad(curve.rate, low, high)
    assert curve.integral(low, high) == pytest.approx(area, rel=1e-4)  # of quadrature, near a root of u


def test_the_fuller_the_pool_the_dearer_its_room():
    curve = CapacityCurve()
    costs = [charge(curve, Utilisation(used, 100.0), 10.0, 1.0) for used in (0.0, 40.0, 90.0)]
    assert costs == sorted(costs)
    assert costs[0] < 0.001 * costs[-1]
    assert charge(curve, Utilisation(0.0, 100.0), 100.0, 1.0) == pytest.approx(100.0 * 0.2 / 5.0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CapacityCurve(base=-0.1), "base is -0.1"),
        (lambda: CapacityCurve(base=0.3, full=0.2), "full is 0.2"),
        (lambda: CapacityCurve(power=0.0), "power is 0.0"),
        (lambda: CapacityCurve(full=np.nan), "full is nan"),
        (lambda: Utilisation(1.0, 0.0), "capacity is 0.0"),
        (lambda: Utilisation(2.0, 1.0), "in_force is 2.0: must be from 0 to capacity"),
        (lambda: charge(CapacityCurve(), Utilisation(0.9, 1.0), 0.2, 1.0), "in_force is 1.1"),
    ],
)
def test_impossible_pools_and_curves_are_refused_by_field(make, message):
    with pytest.raises(InvalidTerms, match=message):
        make()


def test_a_pool_of_an_asset_with_18_decimals_stands_somewhere_too():
    """Its amounts are ints beyond 64 bits."""
    where = Utilisation(5 * 10**18, 100 * 10**18)
    assert charge(CapacityCurve(), where, 10**18, 1.0) > 0.0
    with pytest.raises(InvalidTerms, match="capacity is inf"):
        Utilisation(0.0, float("inf"))
