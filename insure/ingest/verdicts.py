"""data/verdicts.csv: what people decided about outages, a line each, from which the record's versions follow."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from enum import StrEnum

from insure.errors import DatasetError
from insure.ingest.reconcile import Settled
from insure.records.cells import read_rows

FILE = "verdicts.csv"
HEADER = "at,outage_id,version,verdict,field,before,after,source,reference,reason"


class Kind(StrEnum):
    """What was decided."""

    ACCEPTED = "accepted"  # the record says what the sources say
    CORRECTED = "corrected"  # the record says what a person read elsewhere
    KEPT = "kept"  # the record stands against a source's word
    DISMISSED = "dismissed"  # a report is of no outage


@dataclass(frozen=True)
class Verdict:
    """A line: for `kept` `after` is the source's word, for `dismissed` the report's digest; `at` is a UTC time.

    `version` counts from 1 the versions of an outage's row that verdicts made; the row as first gathered is 0.
    """

    at: str
    outage_id: str
    version: int
    verdict: Kind
    field: str
    before: str
    after: str
    source: str
    reference: str
    reason: str


@dataclass(frozen=True)
class Verdicts:
    """All of them, in the order in which they were given."""

    lines: tuple[Verdict, ...]

    @property
    def settled(self) -> frozenset[Settled]:
        """What stands against a source's word."""
        return frozenset(
            Settled(each.outage_id, each.field, each.source, each.reference, each.after)
            for each in self.lines
            if each.verdict is Kind.KEPT
        )

    @property
    def dismissed(self) -> frozenset[str]:
        """Digests of reports that are of no outage."""
        return frozenset(each.after for each in self.lines if each.verdict is Kind.DISMISSED)

    def version(self, outage_id: str) -> int:
        """The version that an outage's row has now."""
        return max((each.version for each in self.lines if each.outage_id == outage_id), default=0)


def parse_verdicts(content: bytes) -> Verdicts:
    """The lines of data/verdicts.csv; raises `DatasetError` with every problem as file:line:column: what is wrong."""
    problems: list[str] = []
    lines: list[Verdict] = []
    last: Counter[str] = Counter()
    for row in read_rows(FILE, HEADER, content, problems):
        row.stamp("at", False)
        version = row.seconds("version") or 0
        verdict = Verdict(
            at=row.text("at"),
            outage_id=row.text("outage_id"),
            version=version,
            verdict=row.choice("verdict", Kind),
            field=row.cells["field"],
            before=row.cells["before"],
            after=row.cells["after"],
            source=row.cells["source"],
            reference=row.cells["reference"],
            reason=row.text("reason"),
        )
        if verdict.verdict is Kind.CORRECTED:
            row.text("source")
        if not last[verdict.outage_id] <= version <= last[verdict.outage_id] + 1:
            row.fail("version", f"{version} does not follow {last[verdict.outage_id]}, the last of {verdict.outage_id}")
        last[verdict.outage_id] = max(version, last[verdict.outage_id])
        lines.append(verdict)
    if problems:
        raise DatasetError("\n".join(problems))
    return Verdicts(tuple(lines))


def table(header: str, rows: Iterable[Sequence[object]]) -> bytes:
    """A CSV file as the files of data/ are written."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header.split(","))
    writer.writerows(rows)
    return text.getvalue().encode()


def written(verdicts: Verdicts) -> bytes:
    """The file with these lines."""
    return table(HEADER, (astuple(each) for each in verdicts.lines))
