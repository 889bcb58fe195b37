"""An underwriter's rate stands in the place of the fitted one, with its reason, in prices, fits and files."""

from dataclasses import replace
from pathlib import Path

import pytest

from insure.errors import DatasetError, InvalidInput
from insure.overrides import FILE, HEADER, append_override, parse_overrides
from pricing_models.cells import year_start
from pricing_models.errors import InvalidData
from pricing_models.experience import YEAR_SECONDS
from pricing_models.model import fit
from pricing_models.overrides import Override, in_force
from pricing_models.payoff import Semantics, Terms
from tests.simulated_history import history

DAY = 86_400
AS_OF = year_start(2024)
TABLES = history(31, 40, age_exponent=-0.6)
STATED = Override("s001", 2.5, "moved its sequencer without a rehearsal", "A. Underwriter", AS_OF - 5 * DAY)
PLAIN, OVERRIDDEN = fit(*TABLES, AS_OF), fit(*TABLES, AS_OF, overrides=[STATED])
TERMS = Terms(3600, Semantics.RETENTION, 1_000, 0, 43_200_000, 86_400_000)


def test_the_rate_is_the_underwriters_whatever_the_age_and_its_spread_stays() -> None:
    fitted, stated = PLAIN.rate("s001"), OVERRIDDEN.rate("s001")
    for ahead in (0.0, 90.0 * DAY, 3 * YEAR_SECONDS):
        assert OVERRIDDEN.rate("s001", ahead_seconds=ahead).mean == pytest.approx(2.5)
    assert stated.sd / stated.mean == pytest.approx(fitted.sd / fitted.mean)
    assert OVERRIDDEN.rate("s002").mean == PLAIN.rate("s002").mean


def test_the_price_follows_and_says_so() -> None:
    usual, stated = (model.price("s001", TERMS, 90 * DAY) for model in (PLAIN, OVERRIDDEN))
    assert stated.loss.mean / usual.loss.mean == pytest.approx(2.5 / PLAIN.rate("s001").mean, rel=0.25)
    assert "a year by A. Underwriter on 2023-12-27: moved its sequencer" in stated.rests_on[0]
    assert stated.rests_on[0].startswith("rate: overridden from ")
    assert OVERRIDDEN.price("s002", TERMS, 90 * DAY).breakdown == PLAIN.price("s002", TERMS, 90 * DAY).breakdown
    assert OVERRIDDEN.version != PLAIN.version


def test_the_last_one_made_by_the_day_counts_and_one_without_a_rate_lifts_it() -> None:
    later = replace(STATED, rate=0.1, since=AS_OF)
    lifted = replace(STATED, rate=None, since=AS_OF + DAY)
    assert in_force([later, STATED], AS_OF - DAY) == {"s001": STATED}
    assert in_force([lifted, later, STATED], AS_OF) == {"s001": later}
    assert in_force([lifted, later, STATED], AS_OF + 2 * DAY) == {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rate": 0.0}, "rate of the override on s001 is 0.0"),
        ({"rate": float("nan")}, "rate of the override on s001 is nan"),
        ({"reason": " "}, "reason of the override on 's001' is empty"),
        ({"by": ""}, "by of the override on 's001' is empty"),
        ({"since": float("inf")}, "since of the override on s001 is inf"),
    ],
)
def test_an_override_without_rate_reason_name_or_day_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidData, match=message):
        replace(STATED, **change)  # type: ignore[arg-type]


# ------------------------------------------------------------- the file


def lines(*rows: str) -> bytes:
    return "\n".join((HEADER, *rows, "")).encode()


def test_a_file_is_read_line_by_line_and_an_empty_rate_lifts() -> None:
    found = parse_overrides(
        lines('eip155:1,0.5,Ann,2026-11-20,"late, and why"', "eip155:1,,Bob,2026-11-22,it was mended"), {"eip155:1"}
    )
    assert [(each.rate, each.by, each.reason) for each in found] == [
        (0.5, "Ann", "late, and why"),
        (None, "Bob", "it was mended"),
    ]


def test_every_problem_of_a_file_is_named_with_line_and_column() -> None:
    wrong = lines("eip155:2,0.5,Ann,2026-11-20,why", "eip155:1,-1,Ann,2026-11-20,why", "eip155:1,1,Ann,today,why")
    with pytest.raises(DatasetError) as caught:
        parse_overrides(wrong + b"eip155:1,1,,2026-11-20,why\neip155:1,1,Ann,,\n", {"eip155:1"})
    assert str(caught.value).splitlines() == [
        "overrides.csv:2:subject: 'eip155:2' is not an id in subjects.csv",
        "overrides.csv:3:rate_per_year: '-1' must be above 0 and below 1000",
        "overrides.csv:4:date: 'today' is not a UTC time as YYYY-MM-DD",
        "overrides.csv:5:by: is empty: must be given",
        "overrides.csv:6:reason: is empty: must be given",
    ]
    with pytest.raises(DatasetError, match="'nan' must be above 0"):
        parse_overrides(lines("eip155:1,nan,Ann,2026-11-20,why"), {"eip155:1"})


def test_lines_are_added_and_none_is_lost(tmp_path: Path) -> None:
    append_override(tmp_path, "eip155:1", "0.5", "Ann", "2026-11-20", 'a "quoted" reason')
    append_override(tmp_path, "eip155:1", "", "Bob", "2026-11-22", "mended")
    kept = parse_overrides((tmp_path / FILE).read_bytes(), {"eip155:1"})
    assert [each.reason for each in kept] == ['a "quoted" reason', "mended"]
    with pytest.raises(InvalidInput, match=r"^rate_per_year: 'lots' must be above 0"):
        append_override(tmp_path, "eip155:1", "lots", "Bob", "2026-11-22", "why")
    assert len((tmp_path / FILE).read_text().splitlines()) == 3
