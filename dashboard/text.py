"""Amounts, rates, times and durations as people read them; every number with its unit, every time in UTC."""

import re
from datetime import UTC, datetime
from decimal import Decimal

from insure.records.deployment import Deployment

THIN = "\u202f"
NONE = "–"


def money(amount: int, asset: Deployment, decimals: int = 2) -> str:
    """Whole asset units with thousands set apart, cut (never rounded up) after `decimals`: `1,234.56 tUSD`."""
    return f"{plain(amount, asset, decimals)} {asset.asset_symbol}"


def plain(amount: int, asset: Deployment, decimals: int = 2) -> str:
    """`money` without the symbol."""
    scale: int = 10**asset.asset_decimals
    shown = abs(amount) * 10**decimals // scale
    whole, rest = divmod(shown, 10**decimals)
    sign = "−" if amount < 0 and shown else ""
    return f"{sign}{whole:,}.{rest:0{decimals}d}" if decimals else f"{sign}{whole:,}"


def money_up(amount: int, asset: Deployment, decimals: int = 2) -> str:
    """`money` for what somebody has to pay: rounded up, never cut."""
    step = 10 ** max(0, asset.asset_decimals - decimals)
    return money(-(-amount // step) * step, asset, decimals)


def exact(amount: int, asset: Deployment) -> str:
    """All digits of an amount, without trailing zeros beyond the second decimal."""
    text = plain(amount, asset, asset.asset_decimals)
    head, _, tail = text.partition(".")
    return f"{head}.{tail.rstrip('0').ljust(2, '0')} {asset.asset_symbol}"


def units(amount: int, asset: Deployment) -> float:
    """An amount in whole asset units, for the axis of a figure only."""
    return float(Decimal(amount) / Decimal(10) ** asset.asset_decimals)


def percent(bps: int | None, decimals: int = 2) -> str:
    """Basis points as per cent; a dash for None."""
    return NONE if bps is None else f"{bps / 100:,.{decimals}f}{THIN}%"


def chance(probability: float) -> str:
    """A probability as per cent, with as many digits as a small one needs."""
    if 0 < probability < 0.0001:
        return f"<{THIN}0.01{THIN}%"
    return f"{probability * 100:.{2 if probability < 0.1 else 1}f}{THIN}%"


def utc(at: int, seconds: bool = True) -> str:
    """`2026-11-23 17:05:30 UTC`; a dash for zero, which is the contracts' "not yet"."""
    if at == 0:
        return NONE
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC" if seconds else "%Y-%m-%d %H:%M UTC")


def stamp(at: int) -> datetime:
    """A time for the axis of a figure; naive, since plotly shows what it is given and axes say UTC."""
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None)


def duration(seconds: float) -> str:
    """Two units at most: `2 d 4 h`, `3 h 20 min`, `45 min`, `30 s`."""
    left = round(seconds)
    parts: list[tuple[int, str]] = []
    for size, name in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        count, left = divmod(left, size)
        if count or parts:
            parts.append((count, name))
        if len(parts) == 2:
            break
    return " ".join(f"{count}{THIN}{name}" for count, name in parts if count) or f"0{THIN}s"


def counted(count: int, one: str, many: str) -> str:
    """`1 payment`, `2 payments`."""
    return f"{count:,} {one if count == 1 else many}"


def words(name: str) -> str:
    """An event's name as words: `ClaimPaid` becomes `Claim paid`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).capitalize()


def short(text: str, head: int = 8, tail: int = 4) -> str:
    """A hash or an address with its middle left out."""
    return text if len(text) <= head + tail + 1 else f"{text[:head]}…{text[-tail:]}"
