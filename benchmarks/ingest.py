"""Headers scanned for gaps, beside a bare duckdb window query over the same Parquet files; reports reconciled.

    python -m benchmarks.ingest [--headers 1e8] [--repeat 3] [--json]

Twenty chains of equally many headers, a file each, blocks every 0.4 to 12 seconds, five planted gaps a chain; written
by pyarrow as it writes by default, numbers rising. Each run is a process of its own on all cores; figures are medians,
`peak_mib` is the largest resident set of a scan. Both must find what was planted. Then 100,000 reports by eight sources
of outages of all recorded chains are reconciled beside the record, in a process of its own. Needs the extra `bench`.
"""

import argparse
import json
import platform
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from insure import dataset
from insure.ingest.headers import scan_file
from insure.ingest.reconcile import reconcile
from insure.ingest.reports import Moment, Report, SourceKind
from insure.records.history import Precision
from insure.simulation import cores

CHAINS, GAPS, LENGTH_SECONDS = 20, 5, 3_600
PACES = (0.4, 1.0, 2.0, 6.0, 12.0)
SOURCES, REPORTS = 8, 100_000
BEGIN = 1_600_000_000
QUERY = """
SELECT count(*) FROM (
    SELECT timestamp - lag(timestamp) OVER chain AS wait, number - lag(number) OVER chain AS step
    FROM read_parquet('{files}', filename = true)
    WINDOW chain AS (PARTITION BY filename ORDER BY number)
) WHERE wait >= 600 AND step = 1
"""


def write_chains(folder: Path, headers: int) -> None:
    """The files, planted gaps and all."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(1)
    blocks = headers // CHAINS
    for place in range(CHAINS):
        times = BEGIN + np.floor(np.arange(blocks) * PACES[place % len(PACES)]).astype(np.int64)
        for after in rng.choice(np.arange(1, blocks), GAPS, replace=False):
            times[after:] += LENGTH_SECONDS
        table = pa.table({"number": np.arange(blocks), "timestamp": times})
        pq.write_table(table, folder / f"{place:02d}.parquet")


def ours(folder: Path) -> int:
    """Gaps that the scan finds, files side by side."""
    with ThreadPoolExecutor(cores()) as pool:
        return sum(len(found.gaps) for found in pool.map(scan_file, sorted(folder.glob("*.parquet"))))


def duckdb_window(folder: Path) -> int:
    """Gaps that the query finds."""
    import duckdb

    with duckdb.connect(config={"threads": cores()}) as connection:
        row = connection.execute(QUERY.format(files=folder / "*.parquet")).fetchone()
    assert row is not None
    return int(row[0])


def reports(count: int) -> list[Report]:
    """By eight sources, each of outages of every chain: clock times minutes off each other, some days."""
    rng = np.random.default_rng(2)
    chains = [subject.id for subject in dataset.load().subjects if subject.kind.is_chain]
    outages = rng.integers(BEGIN, BEGIN + 6 * 365 * 86_400, count // SOURCES)
    subjects = rng.integers(0, len(chains), count // SOURCES)
    kinds = [kind for kind in SourceKind if kind is not SourceKind.RECORD]
    told: list[Report] = []
    for source in range(SOURCES):
        kind = kinds[source % len(kinds)]
        lags, lengths = rng.integers(-900, 900, outages.size), rng.integers(600, 40_000, outages.size)
        for place, (start, lag, length) in enumerate(zip(outages, lags, lengths, strict=True)):
            precision = Precision.DAY if kind is SourceKind.PRESS and place % 2 else Precision.MINUTE
            at = int(start) + int(lag)
            begin = Moment(at - at % 86_400 if precision is Precision.DAY else at, precision)
            end = None if precision is Precision.DAY else Moment(at + int(length), precision)
            subject = chains[subjects[place]]
            told.append(Report(f"{kind}:{source}", str(place), kind, "https://example", BEGIN, subject, begin, end))
    return told


def reconciled(count: int) -> float:
    """Seconds to reconcile so many reports with the record; raises `RuntimeError` if any of them is lost."""
    history, told = dataset.load(), reports(count)
    slugs = {subject.id: subject.slug for subject in history.subjects}
    causes = [(each.subject, each.cause) for each in history.dependencies]
    start = time.perf_counter()
    findings = reconcile(told, history.outages, slugs, causes=causes)
    seconds = time.perf_counter() - start
    kept = sum(len(found.reports) for found in findings)
    unsure = len({doubt for found in findings for doubt in found.doubts if "may be" in doubt})
    if kept + unsure != len(told) + len(history.outages):
        raise RuntimeError(
            f"{kept} reports in outages and {unsure} unsure of {len(told)} and {len(history.outages)} rows"
        )
    return seconds


def timed(way: Callable[[Path], int], folder: Path) -> tuple[float, float]:
    """Seconds and peak MiB of one run in this process; raises `RuntimeError` unless it finds what was planted."""
    start = time.perf_counter()
    found = way(folder)
    seconds = time.perf_counter() - start
    if found != CHAINS * GAPS:
        raise RuntimeError(f"{way.__name__} found {found} gaps of {CHAINS * GAPS}")
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024


def measure(headers: int, repeat: int) -> dict[str, object]:
    """All figures; the two ways take turns."""
    runs: dict[str, list[tuple[float, float]]] = {"ours": [], "duckdb": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_chains(folder, headers)
        for _ in range(repeat):
            for key, way in (("ours", ours), ("duckdb", duckdb_window)):
                with ProcessPoolExecutor(1, get_context("spawn")) as pool:
                    runs[key].append(pool.submit(timed, way, folder).result())
    alone = []
    for _ in range(repeat):
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            alone.append(pool.submit(reconciled, REPORTS).result())
    seconds = {key: statistics.median(each[0] for each in pairs) for key, pairs in runs.items()}
    return {
        "headers_per_s": round(headers / seconds["ours"]),
        "ratio_duckdb": round(seconds["duckdb"] / seconds["ours"], 2),
        "peak_mib": round(max(peak for _, peak in runs["ours"])),
        "reconcile_100000_s": round(statistics.median(alone), 2),
        "headers": headers,
        "seconds": {key: round(each, 3) for key, each in seconds.items()},
    }


def main() -> None:
    """Prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--headers", type=float, default=1e8)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="without it too: there is no other output")
    options = parser.parse_args()
    machine = f"{platform.machine()}, {cores()} cores, Python {platform.python_version()}"
    figures = measure(int(options.headers), options.repeat)
    print(json.dumps({**figures, "date": datetime.now(UTC).date().isoformat(), "machine": machine}))


if __name__ == "__main__":
    main()
