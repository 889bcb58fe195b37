"""What sources can't see: a file beside the history with the shortest outage that those of a subject show.

    subject,floor_seconds,source
    eip155:42161,600,a header search that tells of no shorter gap

Rates and lengths of the subject are fitted to what lies beyond its floor; one that is not named has none.
"""

from collections.abc import Mapping

from insure.errors import DatasetError
from insure.records.cells import Row, read_rows
from insure.records.history import DAY_SECONDS

FILE = "floors.csv"
HEADER = "subject,floor_seconds,source"


def parse_floors(content: bytes, known: set[str]) -> Mapping[str, int]:
    """Seconds by subject, of those that are `known`; raises `DatasetError` listing every problem."""
    problems: list[str] = []
    floors: dict[str, int] = {}
    for row in read_rows(FILE, HEADER, content, problems):
        subject, seconds = _floor(row, known)
        if subject in floors:
            row.fail("subject", f"{subject!r} occurs twice: must have one floor")
        floors[subject] = seconds
    if problems:
        raise DatasetError("\n".join(problems))
    return floors


def _floor(row: Row, known: set[str]) -> tuple[str, int]:
    subject, seconds = row.text("subject"), row.seconds("floor_seconds")
    row.text("source")
    if subject and subject not in known:
        row.fail("subject", f"{subject!r} is not an id in subjects.csv")
    if not row.failed and not 0 < (seconds or 0) < DAY_SECONDS:
        row.fail("floor_seconds", f"{row.cells['floor_seconds']!r} must be at least 1 and below {DAY_SECONDS}")
    return subject, seconds or 0
