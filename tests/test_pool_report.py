"""What `insure.pool_report` promises: what runs say at each end of judgement, in figures that add up."""

import json
from dataclasses import replace
from fractions import Fraction

import pytest
from rich.console import Console

from insure import pool_report
from insure.pool_report import NO_JUDGEMENT, report, report_json
from insure.pool_tables import print_report
from pricing_models import allocation, capital
from pricing_models.errors import InvalidData
from pricing_models.portfolio import Book, World
from tests.pool_worlds import small_pool

BLOCKS = 30


def unjudged(book):
    return Book(book.covers, World(book.world.subjects, (), (), 0.0))


@pytest.fixture(scope="module")
def books():
    base = small_pool()
    low = small_pool(failover=0.1)
    high = Book(base.covers, replace(base.world, failover_probability=1.0))
    return {"low": low, "base": base, "high": high, NO_JUDGEMENT: unjudged(base)}


@pytest.fixture(scope="module")
def totals(books):
    return {name: book.simulate(1, 0, BLOCKS) for name, book in books.items()}


@pytest.fixture(scope="module")
def found(books, totals):
    return report(books, 1, totals, 10**6, 0.99)


def test_every_scenario_is_told_what_capital_says_of_its_years(books, totals, found):
    assert set(found.judgement) == set(books) and found.base == found.judgement["base"]
    for name, book in books.items():
        told, years = found.judgement[name], totals[name]
        assert told.risk == capital.risk(years, 0.99)
        assert told.allocation == allocation.allocate(book, 1, years, 0.99)
        assert told.ruin == capital.ruin(years, 10**6)
        assert told.aggregate_curve == capital.return_periods(years)
        assert told.occurrence_curve == allocation.occurrence_curve(book, 1, years)


def test_the_share_of_judgement_is_what_var_is_more_than_without_it(totals, found):
    ratio = capital.value_at_risk(totals[NO_JUDGEMENT], 0.99) / capital.value_at_risk(totals["base"], 0.99)
    assert found.judgement_share == pytest.approx(1 - ratio)


def test_a_base_run_alone_has_no_judgement_and_no_ruin_unless_the_pool_is_known(books, totals):
    alone = report({"base": books["base"]}, 1, {"base": totals["base"]}, level=0.99)
    assert alone.judgement == {} and alone.judgement_share is None and alone.base.ruin is None


def test_totals_of_another_run_are_refused(books, totals):
    with pytest.raises(InvalidData, match="not the run of this book"):
        report({"base": books["base"]}, 2, {"base": totals["base"]}, level=0.99)


def test_in_json_shares_add_up_to_tvar_rounded_up(found):
    told = report_json(found)
    assert json.loads(json.dumps(told)) == told
    for each in (told, *told["judgement"].values()):
        tvar = int(each["tvar"]["value"])
        for shares in ("tvar_by_policy", "tvar_by_subject", "tvar_by_cause"):
            assert sum(map(int, each[shares].values())) == tvar
    assert int(told["tvar"]["value"]) - 1 < found.base.allocation.tvar <= int(told["tvar"]["value"])
    assert told["judgement"]["base"] == {name: told[name] for name in told["judgement"]["base"]}


def test_the_unit_that_rounding_leaves_goes_to_the_largest_remainders():
    shares = {"a": Fraction(10, 3), "b": Fraction(5, 3), "c": Fraction(1, 2), "d": Fraction(0)}
    assert pool_report._shares(shares, Fraction(11, 2)) == {"a": "3", "b": "2", "c": "1"}


def test_people_read_each_end_of_judgement(found):
    out = Console(width=200)
    with out.capture() as shown:
        print_report(out, found, 0, "units")
    text = shown.get()
    for name in ("low", "base", "high", NO_JUDGEMENT):
        assert f"judgement: {name}: a year exceeds the pool with" in text
    for period, amount in found.judgement["high"].aggregate_curve.items():
        assert f"{period:,}" in text and f"{amount:,}" in text
    assert f"{found.judgement_share:.1%} of VaR goes with judgement" in text
