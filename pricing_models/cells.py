"""Exposure and halts cut into quarters: what a forecast is made from and what it is held against.

A halt belongs to the quarter in which it (its first report, after merging) begins, so the cells before an origin
are what was known there, whatever came to be merged later.
"""

from datetime import UTC, datetime

import numpy as np
import pandas as pd

from pricing_models.errors import InvalidData
from pricing_models.experience import YEAR_SECONDS, Experience
from pricing_models.frequency import ALL, GROUP_OF_KIND
from pricing_models.windows import clip, covers, seconds, windows_of

RECENT_SECONDS = 90 * 86400.0
COLUMNS = ("subject_id", "kind", "group", "start", "years", "halts", "age", "recent")


def quarter_starts(begin: float, end: float) -> list[float]:
    """First seconds (UTC epoch) of the calendar quarters that touch [begin, end)."""
    if not begin < end:
        return []
    first = datetime.fromtimestamp(begin, UTC)
    year, quarter = first.year, (first.month - 1) // 3
    starts: list[float] = []
    while not starts or starts[-1] < end:
        starts.append(datetime(year, 3 * quarter + 1, 1, tzinfo=UTC).timestamp())
        year, quarter = (year + 1, 0) if quarter == 3 else (year, quarter + 1)
    return starts[:-1]


def year_start(year: int) -> float:
    """First second of a calendar year (UTC epoch)."""
    return datetime(year, 1, 1, tzinfo=UTC).timestamp()


def cut(subjects: pd.DataFrame, experience: Experience) -> pd.DataFrame:
    """One row per subject and calendar quarter that its windows touch, with the columns of `COLUMNS`.

    `age` is in years since launch at the middle of the row's exposure (nan if unknown); `recent` is 1.0 if a halt began
    within the 90 days before the quarter. `years` are those in which a halt would have been seen: where the sources
    have a floor, the share of halts beyond it (`experience.with_detection`) of the row's years.
    """
    launch = experience.subjects["launch"]
    detected = dict(experience.subjects.get("detected", pd.Series(dtype=float)))
    starts = {str(key): part.to_numpy() for key, part in experience.durations.groupby("subject_id")["start"]}
    rows: list[tuple[object, ...]] = []
    for subject_id, kind, whole in zip(subjects["subject_id"], subjects["kind"], windows_of(subjects), strict=True):
        windows = clip(whole, -np.inf, experience.as_of)
        halts = starts.get(str(subject_id), np.empty(0))
        group = GROUP_OF_KIND.get(str(kind), ALL)
        quarters = quarter_starts(windows[0][0], windows[-1][1]) if windows else []
        for quarter, following in zip(quarters, [*quarters[1:], np.inf], strict=False):
            parts = clip(windows, quarter, following)
            if not parts:
                continue
            length = seconds(parts)
            middle = sum((low + high) / 2.0 * ((high - low) / length) for low, high in parts)
            recent = float(np.any((halts >= quarter - RECENT_SECONDS) & (halts < quarter)))
            age = (middle - float(launch[subject_id])) / YEAR_SECONDS
            years = length / YEAR_SECONDS * detected.get(subject_id, 1.0)
            count = int(covers(parts, halts).sum())
            rows.append((subject_id, kind, group, quarter, years, count, age, recent))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def seen(cells: pd.DataFrame, known: Experience) -> pd.DataFrame:
    """Cells cut from all time with only the years in which a halt would have been seen, as far as `known` tells."""
    if "detected" not in known.subjects:
        return cells
    share = cells["subject_id"].map(known.subjects["detected"]).fillna(1.0)
    return cells.assign(years=cells["years"] * share)


def of_universe(cells: pd.DataFrame, experience: Experience) -> pd.DataFrame:
    """The cells of the subjects whose quiet time counts; raises `InvalidData` when there is none."""
    members = experience.subjects.index[experience.subjects["in_universe"]]
    kept = cells[cells["subject_id"].isin(members)]
    if kept.empty:
        raise InvalidData("subjects: none is in the universe with a positive exposure; at least one is needed")
    return kept
