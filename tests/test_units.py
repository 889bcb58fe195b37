"""Durations and amounts as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insure.errors import InvalidInput
from insure.records.units import amount_text, duration_text, parse_amount, parse_duration, parse_rate, time_text


@pytest.mark.parametrize(("text", "seconds"), [("45s", 45), ("30m", 1_800), ("1h30m", 5_400), ("90d", 7_776_000)])
def test_durations_are_read_as_written(text: str, seconds: int) -> None:
    assert parse_duration("waiting", text) == seconds


@pytest.mark.parametrize("text", ["", "8", "h", "8 h", "-1h", "1.5h", "8w", "9" * 5_000 + "d"])
def test_a_malformed_duration_names_the_field_and_shows_what_is_right(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"waiting is .* must be a duration such as 30m"):
        parse_duration("waiting", text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(45, "45 s"), (60, "1 min"), (4_680, "1 h 18 min"), (194_400, "2 d 6 h"), (0.4, "0 s")]
)
def test_durations_are_shown_in_their_two_largest_units(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_amounts_are_exact_and_never_rounded() -> None:
    assert parse_amount("limit", "12500.50", 6) == 12_500_500_000
    assert parse_amount("limit", "1_000", 18) == 10**21
    for text in ("0.0000001", "-1", "nan", "inf", "ten", "", "1e6", "1e999999999", "1e-999999999", ".5", "9" * 99):
        with pytest.raises(InvalidInput, match="limit is"):
            parse_amount("limit", text, 6)


@given(st.integers(min_value=0, max_value=2**96), st.sampled_from([0, 6, 18]))
def test_an_amount_shown_and_read_again_is_the_same(amount: int, decimals: int) -> None:
    assert parse_amount("amount", amount_text(amount, decimals).replace(",", ""), decimals) == amount


def test_amounts_show_at_least_two_decimals_and_their_unit() -> None:
    assert amount_text(1_234_500_000, 6, "tUSD") == "1,234.50 tUSD"
    assert amount_text(-1, 6) == "-0.000001"


def test_times_are_utc() -> None:
    assert time_text(1_702_654_140) == "2023-12-15 15:29:00"


@pytest.mark.parametrize(
    ("text", "per_second"), [("1000/h", 277_777), ("0.25/s", 250_000), ("24000/d", 277_777), ("3.6/m", 60_000)]
)
def test_a_rate_is_cut_to_whole_units_a_second(text: str, per_second: int) -> None:
    assert parse_rate("--rate", text, 6) == per_second


@pytest.mark.parametrize("text", ["1000", "1000/", "/h", "1000/w", "-1/h", "1000/hour", "nan/h"])
def test_a_rate_without_a_time_or_an_amount_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=f"^--rate is '{text.partition('/')[0]}"):
        parse_rate("--rate", text, 6)
