"""Durations and amounts as people write them, to and from integers of seconds and smallest units."""

import re
from datetime import UTC, datetime

from insure.errors import InvalidInput

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_AMOUNT = re.compile(r"(?P<whole>\d[\d_]{0,60})(\.(?P<fraction>\d{1,60}))?", re.ASCII)
_PART = re.compile(r"(\d+)([smhd])")


def parse_duration(field: str, text: str) -> int:
    """Seconds of "90d", "8h", "1h30m" or "45s"; raises `InvalidInput` naming the field."""
    if not re.fullmatch(r"(?:\d{1,9}[smhd]){1,4}", text, re.ASCII):
        raise InvalidInput(f"{field} is {text!r}: must be a duration such as 30m, 8h, 1h30m or 90d")
    return sum(int(number) * _SECONDS[unit] for number, unit in _PART.findall(text))


def duration_text(seconds: float) -> str:
    """A length of time in the two largest units that matter: "2 d 6 h", "1 h 18 min", "45 s"."""
    whole = round(seconds)
    for size, name, below, below_name in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // below
            return f"{whole // size} {name}" + (f" {rest} {below_name}" if rest else "")
    return f"{whole} s"


def parse_amount(field: str, text: str, decimals: int) -> int:
    """Smallest units of a decimal amount such as "12500.50"; raises `InvalidInput` unless it is whole in those."""
    written = _AMOUNT.fullmatch(text)
    if not written:
        raise InvalidInput(f"{field} is {text!r}: must be an amount of at least 0 such as 12500 or 0.50")
    whole, fraction = written["whole"].replace("_", ""), written["fraction"] or ""
    if len(fraction.rstrip("0")) > decimals:
        raise InvalidInput(f"{field} is {text!r}: must have at most {decimals} decimal places")
    return int(whole + fraction[:decimals].ljust(decimals, "0"))


def parse_rate(field: str, text: str, decimals: int) -> int:
    """Smallest units per second of a rate such as "1000/h", "0.25/s" or "24000/d", cut so that no hour pays more than
    was asked for; raises `InvalidInput` naming the field."""
    amount, slash, unit = text.partition("/")
    if not slash or unit not in _SECONDS:
        raise InvalidInput(f"{field} is {text!r}: must be an amount per time such as 1000/h, 0.25/s or 24000/d")
    return parse_amount(field, amount, decimals) // _SECONDS[unit]


def amount_text(amount: int, decimals: int, symbol: str = "") -> str:
    """An amount with thousands separators and all of its decimals that are not zero, at least two."""
    whole, fraction = divmod(abs(amount), 10**decimals)
    digits = f"{fraction:0{decimals}d}".rstrip("0") if decimals else ""
    shown = f"{whole:,}" + (f".{digits.ljust(min(2, decimals), '0')}" if decimals else "")
    return ("-" if amount < 0 else "") + shown + (f" {symbol}" if symbol else "")


def time_text(at: int) -> str:
    """A UTC time as "2023-12-15 15:29:00"."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")
