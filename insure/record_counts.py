"""What data/ holds and lacks, counted: the tables that data/README.md shows.

python -m insure.record_counts [--check] [README]
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from insure import dataset
from insure.dataset import Dataset, experience_frames
from insure.errors import InvalidInput
from insure.records.history import (
    Confidence,
    Observation,
    Outage,
    Precision,
    Stopped,
    Subject,
    SubjectKind,
)
from insure.universe import unsearched_years
from pricing_models import experience
from pricing_models.frequency import GROUP_OF_KIND
from pricing_models.windows import seconds

BEGIN = "<!-- counts, written by `make counts` -->"
END = "<!-- end of counts -->"
_ROLLUPS = frozenset({SubjectKind.L2, SubjectKind.L3})


def counts(history: Dataset) -> str:
    """All tables as Markdown; the same data give the same text, because time ends with the last recorded start."""
    kinds = {subject.id: subject.kind for subject in history.subjects}
    as_of = max((outage.start_interval[1] for outage in history.outages), default=0)
    return "\n\n".join(
        [
            _by_year(history.outages, kinds),
            _by("what stopped", Stopped, lambda outage: outage.what_stopped, history.outages),
            _by_precision(history.outages),
            _by("confidence", Confidence, lambda outage: outage.confidence, history.outages),
            _observed(history, as_of),
            _brackets(history, as_of),
            _gaps(history.subjects, history.outages),
        ]
    )


def written(readme: str, history: Dataset) -> str:
    """The page with its counts brought up to date; raises `InvalidInput` if it has no place for them."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise InvalidInput(f"the page has no place for counts: must have {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{counts(history)}\n\n{END}{after}"


def _by_year(outages: Sequence[Outage], kinds: Mapping[str, SubjectKind]) -> str:
    rows: dict[str, Counter[str]] = {}
    for outage in outages:
        row = rows.setdefault(str(datetime.fromtimestamp(outage.start, UTC).year), Counter())
        kind = kinds[outage.subject]
        row["all"] += 1
        if outage.usable:
            row["rollups" if kind in _ROLLUPS else "chains"] += 1
        elif not kind.is_chain:
            row["others"] += 1
    heads = ("all", "chains", "rollups", "others")
    body = [(year, *(rows[year][head] for head in heads)) for year in sorted(rows)]
    total = ("all", *(sum(row[head] for row in rows.values()) for head in heads))
    titles = ("year", "rows", "usable halts of L1s and app-chains", "of rollups", "rows of services and clouds")
    return _table(titles, [*body, total])


def _by(title: str, values: Iterable[StrEnum], of: Callable[[Outage], StrEnum], outages: Sequence[Outage]) -> str:
    body = []
    for value in values:
        own = [outage for outage in outages if of(outage) is value]
        body.append((str(value), len(own), sum(outage.usable for outage in own)))
    return _table((title, "rows", "usable halts"), body)


def _by_precision(outages: Sequence[Outage]) -> str:
    usable = [outage for outage in outages if outage.usable]
    body = [
        (
            str(precision),
            sum(each.start_precision is precision for each in usable),
            sum(each.end_precision is precision for each in usable),
        )
        for precision in Precision
    ]
    body.append(("unknown", 0, sum(each.end is None for each in usable)))
    return _table(("precision, of usable halts", "start", "end"), body)


def _observed(history: Dataset, as_of: int) -> str:
    """Members of the frequency universe by how they were watched, with the years in which they were listed and all
    their usable halts."""
    members = [subject for subject in history.subjects if subject.in_frequency_universe]
    listed = experience_frames(history, as_of)[0].set_index("subject_id")["windows"].map(seconds)
    body = []
    for observation in Observation:
        own = [subject for subject in members if subject.observation is observation]
        ids = {subject.id for subject in own}
        halts = sum(outage.usable and outage.subject in ids for outage in history.outages)
        years = float(listed.reindex(sorted(ids), fill_value=0.0).sum()) / experience.YEAR_SECONDS
        body.append((str(observation), len(own), f"{years:.1f}", halts))
    return _table(("members of the universe, watched by", "chains", "years", "usable halts"), body)


def _brackets(history: Dataset, as_of: int) -> str:
    """Halts a chain-year of the members that anybody watched, and of all: the truth lies between. Halts are merged, and
    counted within membership, as the models do."""
    subjects, outages = experience_frames(history, as_of)
    unsearched = unsearched_years(history.universe, history.subjects, as_of)
    tables = [
        experience.build(subjects.assign(in_universe=subjects[column]), outages, as_of).subjects
        for column in ("in_universe", "member")
    ]
    body = []
    for group in ("l1", "rollup"):
        row: list[object] = [group]
        for table, more in zip(tables, (0.0, unsearched[group]), strict=True):
            own = table[table["in_universe"] & (table["kind"].map(GROUP_OF_KIND) == group)]
            halts, years = int(own["halts"].sum()), float(own["exposure_years"].sum()) + more
            row += [halts, f"{years:.1f}", f"{halts / years:.3f}"]
        body.append(tuple(row))
    heads = ("members by group", "halts of the watched", "their years", "rate", "halts of all", "their years", "rate")
    return _table(heads, body)


def _gaps(subjects: Iterable[Subject], outages: Sequence[Outage]) -> str:
    usable = [outage for outage in outages if outage.usable]
    lows = [outage for outage in usable if outage.duration_low_seconds is not None]
    chains = [subject for subject in subjects if subject.kind.is_chain]
    body = [
        ("usable halts without any bound of their length", len(usable) - len(lows)),
        ("usable halts with only a lower bound", sum(each.duration_high_seconds is None for each in lows)),
        ("usable halts whose length is exact", sum(e.duration_low_seconds == e.duration_high_seconds for e in lows)),
        ("usable halts from a single source", sum(len(each.sources) == 1 for each in usable)),
        ("chains without a launch date", sum(each.launch is None for each in chains)),
        ("chains whose launch date is background knowledge", sum(e.launch_source == "background" for e in chains)),
        ("members of the universe that nobody watched", sum(map(_is_unwatched, chains))),
    ]
    return _table(("gap", "rows"), body)


def _is_unwatched(subject: Subject) -> bool:
    return subject.in_frequency_universe and subject.observation is Observation.NONE


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [heads, ("---", *("--:" for _ in heads[1:])), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def main() -> None:
    """Writes the counts into the page, or with --check says whether they are those of the data."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("readme", nargs="?", type=Path, default=Path("data/README.md"))
    parser.add_argument("--check", action="store_true", help="change nothing; exit code 1 if it would")
    options = parser.parse_args()
    page = options.readme.read_text(encoding="utf-8")
    right = written(page, dataset.load(options.readme.parent))
    if page == right:
        return
    if options.check:
        sys.exit(f"{options.readme}: counts are not those of the data: make counts")
    options.readme.write_text(right, encoding="utf-8")


if __name__ == "__main__":
    main()
