"""What `pricing_models.credibility` promises: the published credibility of five states, and that of halts."""

import numpy as np
import pytest

from pricing_models.cells import cut, year_start
from pricing_models.credibility import buhlmann_straub, of_halts
from pricing_models.errors import InvalidData
from pricing_models.experience import build
from tests.simulated_history import history

# Hachemeister (1975): average bodily-injury claims of five states in twelve quarters, and numbers of claims
RATIOS = np.array(
    [
        [1738, 1642, 1794, 2051, 2079, 2234, 2032, 2035, 2115, 2262, 2267, 2517],
        [1364, 1408, 1597, 1444, 1342, 1675, 1470, 1448, 1464, 1831, 1612, 1471],
        [1759, 1685, 1479, 1763, 1674, 2103, 1502, 1622, 1828, 2155, 2233, 2059],
        [1223, 1146, 1010, 1257, 1426, 1532, 1953, 1123, 1343, 1243, 1762, 1306],
        [1456, 1499, 1609, 1741, 1482, 1572, 1606, 1735, 1607, 1573, 1613, 1690],
    ],
    dtype=float,
)
CLAIMS = np.array(
    [
        [7861, 9251, 8706, 8575, 7917, 8263, 9456, 8003, 7365, 7832, 7849, 9077],
        [1622, 1742, 1523, 1515, 1622, 1602, 1964, 1515, 1527, 1748, 1654, 1861],
        [1147, 1357, 1329, 1204, 998, 1077, 1277, 1218, 896, 1003, 1108, 1121],
        [407, 396, 348, 341, 315, 328, 352, 331, 287, 384, 321, 342],
        [2902, 3172, 3046, 3068, 2693, 2910, 3275, 2697, 2663, 3017, 3242, 3425],
    ],
    dtype=float,
)


def test_hachemeisters_states_have_their_published_credibility():
    """R actuar 3.3.2, cm(~state, hachemeister, ratios, weights)."""
    found = buhlmann_straub(RATIOS, CLAIMS)
    assert found.collective == pytest.approx(1683.713437, abs=5e-7)
    assert found.within == pytest.approx(139120025.9, abs=0.05)
    assert found.between == pytest.approx(89638.72623, abs=5e-6)
    assert found.factors == pytest.approx([0.98474, 0.92764, 0.89848, 0.72791, 0.95879], abs=5e-6)
    assert found.premiums == pytest.approx([2055.165, 1523.706, 1793.444, 1442.967, 1603.285], abs=5e-4)


def test_periods_without_weight_do_not_matter():
    more = buhlmann_straub(np.hstack([RATIOS, np.full((5, 1), np.nan)]), np.hstack([CLAIMS, np.zeros((5, 1))]))
    assert more.premiums == pytest.approx(buhlmann_straub(RATIOS, CLAIMS).premiums)


def test_subjects_that_are_alike_have_no_credibility():
    same = buhlmann_straub(np.tile([[1.0, 2.0, 3.0]], (4, 1)), np.ones((4, 3)))
    assert same.between == 0.0
    assert same.factors.tolist() == [0.0] * 4
    assert same.premiums == pytest.approx([2.0] * 4)


def test_the_moments_of_simulated_halts_are_those_they_were_drawn_from():
    found = []
    for seed in range(8):
        subjects, outages = history(seed, 150, mean=0.6, shape=0.5)
        found.append(of_halts(cut(subjects, build(subjects, outages, year_start(2024)))))
    # of Gamma(1/2) rates of mean 0.6: variance 0.36 / 0.5; within is the Poisson's own mean (merging takes a little)
    between, within = np.array([each.between for each in found]), np.array([each.within for each in found])
    assert between.mean() == pytest.approx(0.72, abs=4 * between.std() / np.sqrt(7))
    assert within.mean() == pytest.approx(0.6, abs=4 * within.std() / np.sqrt(7))


def test_years_in_which_a_subject_was_not_watched_have_no_weight():
    subjects, outages = history(3, 20)
    subjects.loc[:9, "observed_from"] = year_start(2022)
    found = of_halts(cut(subjects, build(subjects, outages, year_start(2024))))
    assert found.factors[:10].max() < found.factors[10:].min()


def test_too_little_to_compare_is_refused():
    with pytest.raises(InvalidData, match="at least two subjects"):
        buhlmann_straub(RATIOS[:1], CLAIMS[:1])
    with pytest.raises(InvalidData, match="for two periods"):
        buhlmann_straub(RATIOS[:, :1], CLAIMS[:, :1])
    with pytest.raises(InvalidData, match="must be finite"):
        buhlmann_straub(RATIOS * np.nan, CLAIMS)
