"""Rates that underwriters put in the place of fitted ones: a file beside the history, every line kept.

    subject,rate_per_year,by,date,reason
    eip155:42161,0.5,A. Underwriter,2026-11-20,sequencer moved to new hardware without a rehearsal

The last line of a subject counts from its date on; an empty rate lifts the one before.
"""

import csv
import io
from pathlib import Path

from insure.errors import DatasetError, InvalidInput
from insure.files import alone, in_whole
from insure.records.cells import Row, read_rows
from pricing_models.errors import InvalidData
from pricing_models.overrides import Override

FILE = "overrides.csv"
HEADER = "subject,rate_per_year,by,date,reason"
MOST_A_YEAR = 1000.0


def parse_overrides(content: bytes, known: set[str]) -> tuple[Override, ...]:
    """The overrides of a file's bytes, for subjects that are `known`; raises `DatasetError` listing every problem."""
    problems: list[str] = []
    rows = [(row, _override(row, known)) for row in read_rows(FILE, HEADER, content, problems)]
    if problems:
        raise DatasetError("\n".join(problems))
    return tuple(override for _, override in rows if override is not None)


def _override(row: Row, known: set[str]) -> Override | None:
    subject = row.text("subject")
    if subject and subject not in known:
        row.fail("subject", f"{subject!r} is not an id in subjects.csv")
    rate, since = (
        row.parsed("rate_per_year", _rate, f"must be above 0 and below {MOST_A_YEAR:.0f}"),
        row.stamp("date", True),
    )
    by, reason = row.text("by"), row.text("reason")
    if since is None and not row.failed:
        row.fail("date", "is empty: must be a day such as 2026-11-20")
    return None if row.failed or since is None else Override(subject, rate, reason, by, float(since))


def _rate(text: str) -> float:
    rate = float(text)
    if not 0.0 < rate < MOST_A_YEAR:
        raise ValueError(text)
    return rate


def append_override(folder: Path, subject_id: str, rate: str, by: str, day: str, reason: str) -> Override:
    """Adds a line to the file of a folder, which is made if there is none.

    Raises `InvalidInput` naming the field, and when the file can't be written or somebody else is at it.
    """
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerow([subject_id, rate, by, day, reason])
    try:
        (found,) = parse_overrides(f"{HEADER}\n{out.getvalue()}".encode(), {subject_id})
    except (DatasetError, InvalidData) as error:
        raise InvalidInput(str(error).replace(f"{FILE}:2:", "")) from error
    path = folder / FILE
    try:
        with alone(folder), in_whole(path) as draft:
            begun = path.read_text() if path.exists() else f"{HEADER}\n"
            draft.write_text(begun + ("" if begun.endswith("\n") else "\n") + out.getvalue())
    except OSError as error:
        raise InvalidInput(f"{path}: can't be written: {error.strerror or error}") from error
    return found
