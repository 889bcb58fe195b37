"""A fit is named by the hash of all that a price is made from, and comes back from its record as it was."""

import ast
import json
from pathlib import Path

import numpy as np
import pytest

import pricing_models
from pricing_models.cells import year_start
from pricing_models.errors import InvalidData
from pricing_models.model import ModelSettings, fit, record, restored
from pricing_models.overrides import Override
from pricing_models.payoff import Semantics, Terms
from pricing_models.scoring import DurationPrior
from pricing_models.versions import PRICED, code_version, version_of
from tests.simulated_history import history

DAY = 86_400
AS_OF = year_start(2024)
TABLES = history(31, 30)
TERMS = Terms(3600, Semantics.RETENTION, 1_000, 0, 43_200_000, 86_400_000)
PACKAGE = Path(pricing_models.__file__).parent


def fits(name):
    settings = {
        "plain": ModelSettings(),
        "burr": ModelSettings(duration=DurationPrior(bodies=("burr",), points=15)),
        "tail": ModelSettings(duration=DurationPrior(bodies=("loglogistic+gpd",), points=15)),
    }[name]
    stated = [Override("s001", 2.5, "why", "who", AS_OF - DAY)]
    return fit(*TABLES, AS_OF, settings, stated)


@pytest.mark.parametrize("name", ["plain", "burr", "tail"])
def test_a_fit_comes_back_from_json_with_its_prices(name):
    model = fits(name)
    told = json.loads(json.dumps(record(model), allow_nan=False))
    again = restored(told, model.version)
    assert again.version == model.version == version_of(record(again))
    assert again.settings == model.settings
    assert again.overrides == model.overrides
    for subject in ("s000", "s001", "newborn"):
        there, here = (each.price(subject, TERMS, 90 * DAY, kind="l1") for each in (again, model))
        # twelve digits of the parameters; the basis risk is a difference of means
        assert there.breakdown == pytest.approx(here.breakdown, rel=1e-8, abs=1e-8 * here.total)
        assert there.rests_on == here.rests_on
    assert again.summary()["rate_mean"].to_numpy() == pytest.approx(model.summary()["rate_mean"].to_numpy())


def test_a_record_that_was_touched_or_is_none_is_refused():
    model = fits("plain")
    told = record(model)
    with pytest.raises(InvalidData, match="its content has the hash"):
        restored(told | {"age": {"form": "none", "coefficients": []}}, model.version)
    with pytest.raises(InvalidData, match=r"lacks as_of, .* of unknown origin; must be one that this code wrote"):
        restored({"rates": {}}, version_of({"rates": {}}))
    with pytest.raises(InvalidData, match=r"TypeError: .* must be one that a fit wrote"):
        wrong = told | {"settings": 7}
        restored(wrong, version_of(wrong))


def test_a_fit_that_older_code_stored_is_refused_by_what_it_lacks_and_told_whose_it_is():
    """It may have held an exponent of age where bands stand today: to guess the rest would make another fit of it."""
    told = record(fits("plain"))
    older = {name: value for name, value in told.items() if name != "age"} | {"age_exponent": -0.4, "code": "0.0.9+77"}
    with pytest.raises(InvalidData, match=r"lacks age, written by code 0\.0\.9\+77; .* fit the data of that day again"):
        restored(older, version_of(older))


def test_parameters_that_differ_beyond_the_twelfth_digit_have_one_name():
    model = fits("plain")
    nodes = model.frequency.groups["all"]
    before = record(model)
    nodes.x[:] = nodes.x * (1.0 + 1e-15)
    assert version_of(record(model)) == version_of(before)
    nodes.x[:] = nodes.x * (1.0 + 1e-9)
    assert version_of(record(model)) != version_of(before)


def test_the_code_is_part_of_the_name():
    assert code_version().startswith(f"{pricing_models.__version__}+")
    model = fits("plain")
    assert version_of(record(model) | {"code": "0.0.0+0"}) != model.version


def test_the_code_that_is_named_is_all_that_a_price_goes_through():
    needed, left = set(), {"model"}
    while left:
        name = left.pop()
        needed.add(name)
        for node in ast.walk(ast.parse((PACKAGE / f"{name}.py").read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("pricing_models"):
                inner = node.module.removeprefix("pricing_models").lstrip(".")
                names = {inner} if inner else {each.name for each in node.names if each.name != "__version__"}
                left |= names - needed
    assert set(PRICED) == needed


def test_no_number_of_a_record_is_nan():
    assert np.isfinite(fits("plain").age.coefficients).all()
    text = json.dumps(record(fits("plain")), allow_nan=False)
    assert "NaN" not in text
