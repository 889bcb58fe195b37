"""What the models counted and what they left out, and why: every row of the table of outages is in one place."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from pricing_models.errors import UnknownSubject
from pricing_models.experience import COUNTED, Experience, Status


@dataclass(frozen=True)
class Account:
    """The way from rows to halts, of all subjects or of one.

    `left_out` and `counted` have rows by peril, the first by reason. Reports within `merge_gap_seconds` are one halt,
    of which there are `halts`; `in_rates` began while their subject was watched as a member of the universe,
    `unwatched` while one was listed that is none, `outside` at no such time, `unlisted` are of subjects without a row.
    `lengths` are halts by what is known of their length, those that were for good apart. `floors` are subjects by the
    seconds below which their sources see nothing.
    """

    rows: int
    left_out: Mapping[str, Mapping[str, int]]
    counted: Mapping[str, int]
    merge_gap_seconds: float
    halts: int
    in_rates: int
    unwatched: int
    outside: int
    unlisted: int
    lengths: Mapping[str, int]
    floors: Mapping[float, int]


def account(known: Experience, subject_id: str | None = None) -> Account:
    """The account of an experience, or of one of its subjects; raises `UnknownSubject`."""
    tally, durations, subjects = known.tally, known.durations, known.subjects
    if subject_id is not None:
        if subject_id not in subjects.index:
            raise UnknownSubject(f"subject {subject_id!r} is not in the fit: must be one of its table of subjects")
        subjects = subjects.loc[[subject_id]]
        tally, durations = (each[each["subject_id"] == subject_id] for each in (tally, durations))
    member = subjects["in_universe"].astype(bool)
    in_rates, unwatched = (int(subjects.loc[which, "halts"].sum()) for which in (member, ~member))
    unlisted = int((~durations["subject_id"].isin(subjects.index)).sum())
    statuses, floors = durations["status"].value_counts(), subjects["floor_seconds"].astype(str).value_counts()
    apart = tally["why"] == COUNTED
    return Account(
        rows=int(tally["rows"].sum()),
        left_out={str(why): _by_peril(part) for why, part in tally[~apart].groupby("why")},
        counted=_by_peril(tally[apart]),
        merge_gap_seconds=known.merge_gap_seconds,
        halts=len(durations),
        in_rates=in_rates,
        unwatched=unwatched,
        outside=len(durations) - in_rates - unwatched - unlisted,
        unlisted=unlisted,
        lengths={each.value: int(statuses.get(each.value, 0)) for each in Status},
        floors={float(str(floor)): int(count) for floor, count in floors.items()},
    )


def _by_peril(rows: pd.DataFrame) -> dict[str, int]:
    """Rows by peril, most first."""
    sums = rows.groupby("peril")["rows"].sum().sort_values(ascending=False, kind="stable")
    return {str(peril): int(count) for peril, count in sums.items()}
