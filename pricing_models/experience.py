"""Outage tables turned into what the models fit: exposure, halts and durations per subject.

Reports of one subject that begin within the merge gap of the last known end of the one before are one halt:
at 48 h a tenth of the halts of the history vanish into clusters, after which the gaps look exponential. A
merged halt lasts the sum of its parts, never the time between them; one without a known end lasted at least its
low bound, and one that was for good has no length. What is counted is what lies in a subject's `windows`.

A source may be unable to see what is shorter than its floor. Such rows are left out even where somebody told of
them, because nobody would have told of all; what is left is a sample of the halts beyond the floor (left truncation),
and both the lengths and the rates are fitted as such (`duration`, `with_detection`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from pricing_models.errors import InvalidData
from pricing_models.payoff import Curve
from pricing_models.windows import are_windows, clip, covers, seconds, windows_of

YEAR_SECONDS = 365.25 * 86400.0
"""Of a year in which halts, exposure, terms and capital are counted."""
MERGE_GAP_SECONDS = 48 * 3600

SUBJECT_COLUMNS = ("subject_id", "kind", "observed_from", "observed_to", "in_universe")
OPERATED_KINDS = frozenset({"l2", "l3"})
"""Kinds whose chains one operator can stop, where the table of subjects does not say who can be."""
OUTAGE_COLUMNS = (
    "subject_id",
    "event_id",
    "start",
    "start_precision",
    "low_seconds",
    "high_seconds",
    "usable",
    "ended",
)
TALLY_COLUMNS = ("subject_id", "why", "peril", "rows")
COUNTED = "counted"
SHORT = "shorter than its source can see"
LATER = "began after the day of the fit"
_LONGEST_FLOOR = 86400.0


class Status(StrEnum):
    """What is known of a duration."""

    EXACT = "exact"  # a figure, as good as its rounding
    INTERVAL = "interval"  # between two bounds
    RIGHT = "right"  # at least so long
    PERMANENT = "permanent"  # for good: no length at all
    MISSING = "missing"  # nothing: a bound at zero carries no information


@dataclass(frozen=True)
class Experience:
    """Exposure and halts per subject, and one duration per halt.

    `subjects` (index subject_id): kind, in_universe, operated, launch and last_halt (epoch s, nan if none),
    floor_seconds, exposure_years, halts.
    `durations`: subject_id, kind, event_id, start, low, high, floor (seconds), status, counted (whether it is one of
    the halts of a subject in the universe that its rate rests on); also of halts outside the windows. A subject that
    is not listed (its launch is unknown) gives durations of kind "unlisted" and no count.
    `tally`: how many rows of the table of outages each subject, peril and reason has; the reason is `COUNTED` where
    the rows are halts or parts of one, else why they are left out.
    """

    subjects: pd.DataFrame
    durations: pd.DataFrame
    as_of: float
    merge_gap_seconds: float
    tally: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(TALLY_COLUMNS)))

    def table(self) -> pd.DataFrame:
        """One row per subject: raw rate a year with its exact (Garwood) 90% interval, what is known of lengths."""
        frame = self.subjects.copy()
        exposed = frame["exposure_years"].where(frame["exposure_years"] > 0)
        frame["rate"] = frame["halts"] / exposed
        limits = [garwood_interval(int(n), 0.9) for n in frame["halts"]]
        frame["rate_low"] = np.array([low for low, _ in limits]) / exposed
        frame["rate_high"] = np.array([high for _, high in limits]) / exposed
        status = pd.crosstab(self.durations["subject_id"], self.durations["status"])
        for name in Status:
            column = status[name.value] if name.value in status else pd.Series(dtype=int)
            frame[f"durations_{name}"] = column.reindex(frame.index, fill_value=0).astype(int)
        return frame


def garwood_interval(count: int, level: float) -> tuple[float, float]:
    """Exact central interval of a Poisson mean after `count` events (Garwood 1936)."""
    tail = (1.0 - level) / 2.0
    low = float(stats.gamma.ppf(tail, count)) if count else 0.0
    return low, float(stats.gamma.ppf(1.0 - tail, count + 1))


def build(
    subjects: pd.DataFrame,
    outages: pd.DataFrame,
    as_of: float,
    merge_gap_seconds: float = MERGE_GAP_SECONDS,
) -> Experience:
    """Count usable halts within each subject's window and tabulate their durations.

    Nothing that began after `as_of` is known. Raises `InvalidData` naming the column and the row at fault.
    """
    subjects, outages = tables(subjects, outages)
    if not np.isfinite(as_of):
        raise InvalidData(f"as_of is {as_of}: must be a finite number of epoch seconds")
    if not merge_gap_seconds >= 0:
        raise InvalidData(f"merge_gap_seconds is {merge_gap_seconds}: must be at least 0")
    frame = subjects.set_index("subject_id")[["kind", "in_universe", "launch", "operated", "floor_seconds"]].copy()
    frame = frame.astype({"in_universe": bool, "operated": bool})
    why = _why(outages, frame["floor_seconds"], as_of)
    halts = _merge(outages[why == COUNTED], float(merge_gap_seconds))
    windows = [clip(each, -np.inf, as_of) for each in subjects["windows"]]
    frame["exposure_years"] = [seconds(each) / YEAR_SECONDS for each in windows]
    starts = {key: part.to_numpy(dtype=float) for key, part in halts.groupby("subject_id")["start"]}
    none = np.empty(0)
    inside = [covers(each, starts.get(name, none)) for name, each in zip(frame.index, windows, strict=True)]
    frame["halts"] = np.fromiter((each.sum() for each in inside), dtype=int, count=len(frame))
    frame["last_halt"] = halts.groupby("subject_id")["start"].max().reindex(frame.index).astype(float)
    owner = halts["subject_id"]
    halts["kind"] = frame["kind"].reindex(owner).fillna("unlisted").to_numpy()
    halts["floor"] = frame["floor_seconds"].reindex(owner).fillna(0.0).to_numpy()
    members = {str(name): each for name, each in zip(frame.index, inside, strict=True) if frame.at[name, "in_universe"]}
    halts["counted"] = _of_members(halts, members)
    columns = ["subject_id", "kind", "event_id", "start", "low", "high", "floor", "status", "counted"]
    keys = outages.assign(why=why, peril=outages["peril"].astype(str))[list(TALLY_COLUMNS[:3])]
    tally = keys.value_counts(sort=False).sort_index().rename("rows").reset_index()
    return Experience(frame, halts[columns], float(as_of), float(merge_gap_seconds), tally)


def _why(outages: pd.DataFrame, floors: "pd.Series[float]", as_of: float) -> "pd.Series[str]":
    """Why each row is left out, `COUNTED` where it is not."""
    usable = outages["usable"].astype(bool)
    floor = floors.reindex(outages["subject_id"]).fillna(0.0).to_numpy()
    reasons = outages["unusable_reason"].astype(str).where(~usable, COUNTED)
    return reasons.mask(usable & (outages["high_seconds"] <= floor), SHORT).mask(outages["start"] >= as_of, LATER)


def _of_members(halts: pd.DataFrame, inside: Mapping[str, NDArray[np.bool_]]) -> NDArray[np.bool_]:
    """Which halts, in order by subject and start, are among those `inside` their subject's windows."""
    none = np.zeros(0, dtype=bool)
    parts = [
        inside.get(str(name), np.zeros(len(part), dtype=bool)) for name, part in halts.groupby("subject_id", sort=False)
    ]
    return np.concatenate([none, *parts])


def with_detection(known: Experience, law: Callable[[str, bool], Curve]) -> Experience:
    """The experience with the share of its halts that each subject's sources can see (`detected`), given the survival
    function of the lengths of the halts of a kind's members of the universe, or others: its quiet years tell of those
    beyond the floor alone. As it is where no floor is stated."""
    frame = known.subjects
    if not (frame["floor_seconds"] > 0.0).any():
        return known
    columns = zip(frame["kind"], frame["in_universe"], frame["floor_seconds"], strict=True)
    detected = [float(law(str(kind), bool(member))(np.array([floor]))[0]) for kind, member, floor in columns]
    return replace(known, subjects=frame.assign(detected=detected))


def _merge(outages: pd.DataFrame, gap: float) -> pd.DataFrame:
    """One row per halt, ordered by subject and start."""
    rows: list[dict[str, object]] = []
    ordered = outages.sort_values(["subject_id", "start", "event_id"], kind="stable")
    current: list[tuple[float, float]] = []
    owner, event, first, end = "", "", 0.0, 0.0
    columns = ["subject_id", "event_id", "start", "low_seconds", "high_seconds", "ended"]
    permanent = False
    for subject, event_id, start, low, high, ended in ordered[columns].itertuples(index=False):
        if current and subject == owner and start - end <= gap:
            end = max(end, start + np.nan_to_num(low))
            current.append((low, high))
            permanent |= ended == "permanent"
            continue
        if current:
            rows.append(_halt(owner, event, first, current, permanent))
        permanent = ended == "permanent"
        owner, event, first, current = subject, event_id, start, [(low, high)]
        end = start + np.nan_to_num(low)
    if current:
        rows.append(_halt(owner, event, first, current, permanent))
    halts = pd.DataFrame(rows, columns=["subject_id", "event_id", "start", "low", "high", "status"])
    return halts.astype({"start": float, "low": float, "high": float})


def _halt(
    subject: str, event: str, start: float, parts: list[tuple[float, float]], permanent: bool
) -> dict[str, object]:
    """A halt out of its parts: bounds add up, and an unknown bound adds zero below and infinity above."""
    low = sum(0.0 if np.isnan(a) else float(a) for a, _ in parts)
    high = sum(np.inf if np.isnan(b) else float(b) for _, b in parts)
    if permanent:
        high, status = np.inf, Status.PERMANENT
    elif np.isinf(high):
        status = Status.RIGHT if low > 0 else Status.MISSING
    else:
        status = Status.EXACT if low == high else Status.INTERVAL
    return {
        "subject_id": subject,
        "event_id": event,
        "start": start,
        "low": low,
        "high": high,
        "status": status.value,
    }


def tables(subjects: pd.DataFrame, outages: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both tables checked: only the columns that the models take, times and lengths as floats.

    Optional in the first, and added where they are missing: `launch` (epoch seconds, nan unknown), `operated` (whether
    one operator can stop it; by kind), `floor_seconds` (below which its sources see nothing; 0), `windows` (all of the
    bracket). Optional in the second: `peril` ("unknown"), `unusable_reason` ("not usable").
    Raises `InvalidData` naming the column and the row at fault.
    """
    if "launch" not in subjects:
        subjects = subjects.assign(launch=np.nan)
    if "operated" not in subjects and "kind" in subjects:
        subjects = subjects.assign(operated=subjects["kind"].isin(OPERATED_KINDS))
    if "floor_seconds" not in subjects:
        subjects = subjects.assign(floor_seconds=0.0)
    numbers = ("observed_from", "observed_to", "launch", "floor_seconds")
    optional = ("launch", "operated", "floor_seconds", *(name for name in ("windows",) if name in subjects))
    subjects = _with_numbers("subjects", subjects, (*SUBJECT_COLUMNS, *optional), numbers)
    defaults = {"peril": "unknown", "unusable_reason": "not usable"}
    outages = outages.assign(**{name: text for name, text in defaults.items() if name not in outages})
    outages = _with_numbers("outages", outages, (*OUTAGE_COLUMNS, *defaults), ("start", "low_seconds", "high_seconds"))
    _check_subjects(subjects)
    _check_outages(outages)
    return subjects.assign(windows=pd.Series(windows_of(subjects), index=subjects.index, dtype=object)), outages


def _check_subjects(subjects: pd.DataFrame) -> None:
    ids = subjects["subject_id"]
    _reject("subjects", subjects, "subject_id", ids.duplicated(), "must occur once")
    for column in ("observed_from", "observed_to"):
        bad = ~np.isfinite(subjects[column])
        _reject("subjects", subjects, column, bad, "must be a finite number of epoch seconds")
    _reject_backward(subjects)
    _reject("subjects", subjects, "launch", np.isinf(subjects["launch"]), "must be epoch seconds, or nan")
    if "windows" in subjects:
        bad = ~subjects["windows"].map(are_windows).astype(bool)
        _reject("subjects", subjects, "windows", bad, "must be pairs of epoch seconds, in order and apart")
    floor = subjects["floor_seconds"]
    blind = ~((floor >= 0.0) & (floor < _LONGEST_FLOOR))
    _reject("subjects", subjects, "floor_seconds", blind, "must be at least 0 and below a day")
    for column in ("kind", "in_universe", "operated"):
        _reject("subjects", subjects, column, subjects[column].isna(), "must not be empty")


def _reject_backward(subjects: pd.DataFrame) -> None:
    """Raise on the first subject whose time of observation ends before it begins: it would count as none."""
    begins, ends = subjects["observed_from"], subjects["observed_to"]
    for row in np.flatnonzero(ends < begins)[:1]:
        right = f"must not be before observed_from of {subjects['subject_id'].iloc[row]!r}, which is {begins.iloc[row]}"
        raise InvalidData(f"subjects row {row}, column observed_to is {ends.iloc[row]}: {right}")


def _check_outages(outages: pd.DataFrame) -> None:
    low, high = outages["low_seconds"], outages["high_seconds"]
    usable = outages["usable"]
    _reject("outages", outages, "usable", usable.isna(), "must be true or false")
    counted = usable.astype(bool)
    _reject("outages", outages, "subject_id", outages["subject_id"].isna(), "must not be empty")
    late = ~np.isfinite(outages["start"]) & counted
    _reject("outages", outages, "start", late, "must be a finite number of epoch seconds")
    negative = (low < 0) | np.isinf(low)
    _reject("outages", outages, "low_seconds", negative, "must be finite and at least 0, or nan")
    backward = (high < low) | (high <= 0)
    _reject("outages", outages, "high_seconds", backward, "must be positive and at least low_seconds")


def _with_numbers(table: str, frame: pd.DataFrame, columns: tuple[str, ...], numbers: tuple[str, ...]) -> pd.DataFrame:
    """The `columns` of a table, those of `numbers` as floats."""
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise InvalidData(f"{table} lacks {', '.join(missing)}: needs the columns {', '.join(columns)}")
    result = frame[list(columns)].copy()
    for name in numbers:
        values = pd.to_numeric(frame[name], errors="coerce")
        _reject(table, frame, name, values.isna() & frame[name].notna(), "must be a number")
        result[name] = values.astype(float)
    return result


def _reject(table: str, frame: pd.DataFrame, column: str, bad: object, right: str) -> None:
    """Raise on the first row that is bad."""
    flags = np.asarray(bad, dtype=bool)
    if flags.any():
        row = int(np.argmax(flags))
        value = frame[column].iloc[row]
        shown = value.item() if isinstance(value, np.generic) else value
        raise InvalidData(f"{table} row {row}, column {column} is {shown!r}: {right}")
