"""The portfolio's blocks on all local cores or on a Dask cluster, and the tables made of their years."""

import importlib
import importlib.util
import os
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from math import ceil
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from insure.errors import InvalidInput, NotConfigured, Unreachable
from insure.files import in_whole
from pricing_models import allocation, capital
from pricing_models.portfolio import Book, Plan
from pricing_models.simulate import vectorised
from pricing_models.simulate.outages import BLOCK_YEARS
from pricing_models.simulate.trace import COLUMNS

I64 = NDArray[np.int64]
Advance = Callable[[int], None]
"""Told how many years have been added."""

MOST_YEARS = 1e8
"""Of one run: their totals take 0.8 GB."""
_BATCH = 512
_RETRIES = 10
_CONNECT_SECONDS = 10


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def blocks_for(years: float) -> int:
    """Whole blocks that hold so many years; raises `InvalidInput` unless that is at least two."""
    if not BLOCK_YEARS < years <= MOST_YEARS:
        limits = f"above {BLOCK_YEARS}, for errors need two blocks, up to {MOST_YEARS:g}"
        raise InvalidInput(f"years is {years:g}: must be {limits}")
    return ceil(years / BLOCK_YEARS)


def run_local(plan: Plan, seed: int, blocks: int, workers: int = 0, advance: Advance | None = None) -> I64:
    """The payout of each year of `blocks`, on `workers` threads (0: one a core).

    When interrupted it starts no further batch and returns nothing.
    """
    return _on_threads(plan.simulate, seed, blocks, workers, advance)


def run_with_numpy(book: Book, seed: int, blocks: int, workers: int = 0, advance: Advance | None = None) -> I64:
    """The same years, equal to the unit, worked out by numpy: much slower."""
    return _on_threads(lambda *batch: vectorised.simulate(book, *batch), seed, blocks, workers, advance)


def _on_threads(
    simulate: Callable[[int, int, int], I64], seed: int, blocks: int, workers: int, advance: Advance | None
) -> I64:
    if workers < 0:
        raise InvalidInput(f"workers is {workers}: must be at least 0")
    threads = workers or cores()
    totals = np.zeros(blocks * BLOCK_YEARS, np.int64)
    pool, over = ThreadPoolExecutor(threads), Event()

    def unless_over(at: int, size: int) -> I64:
        return np.zeros(0, np.int64) if over.is_set() else simulate(seed, at, size)

    try:
        futures = {pool.submit(unless_over, at, size): at for at, size in _batches(blocks, threads)}
        for future in as_completed(futures):
            _place(totals, futures[future], future.result(), advance)
    finally:
        over.set()  # a second interrupt may end the shutdown before it has cancelled what waits
        pool.shutdown(wait=True, cancel_futures=True)
    return totals


def run_on_dask(plan: Plan, seed: int, blocks: int, address: str, advance: Advance | None = None) -> I64:
    """The same years, computed by the cluster whose scheduler is at `address`; lost workers' batches run again.

    Raises `NotConfigured` when `distributed` is not installed, `InvalidInput` for what is no address, `Unreachable`
    when no scheduler answers.
    """
    if importlib.util.find_spec("distributed") is None:
        raise NotConfigured("--scheduler needs the extra 'dask': pip install 'downtime-insurance[dask]'")
    _require_scheduler(address)
    distributed: Any = importlib.import_module("distributed")
    try:
        client = distributed.Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise Unreachable(f"no Dask scheduler answers at {address!r}: {error}") from error
    totals = np.zeros(blocks * BLOCK_YEARS, np.int64)
    with client, client.as_current():
        sent = client.scatter(plan, broadcast=True)
        workers = max(1, len(client.scheduler_info()["workers"]))
        futures = {
            client.submit(_run_batch, sent, seed, at, size, retries=_RETRIES, pure=False): at
            for at, size in _batches(blocks, workers)
        }
        for future, part in distributed.as_completed(futures, with_results=True):
            _place(totals, futures[future], part, advance)
    return totals


def _require_scheduler(address: str) -> None:
    """Whether anything listens there, told at once: Dask's own client takes half a minute to give up."""
    try:
        parts = urlsplit(address)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        scheme, host, port = "", None, None
    if scheme not in ("tcp", "tls") or not host or not port:
        raise InvalidInput(f"--scheduler is {address!r}: must be an address such as tcp://10.0.0.5:8786")
    try:
        socket.create_connection((host, port), _CONNECT_SECONDS).close()
    except OSError as error:
        raise Unreachable(f"no Dask scheduler answers at {address!r}: {error}") from error


def _run_batch(plan: Plan, seed: int, first_block: int, blocks: int) -> I64:
    return plan.simulate(seed, first_block, blocks)


def _batches(blocks: int, workers: int) -> Iterator[tuple[int, int]]:
    """(first block, blocks) of pieces small enough to keep all workers busy to the end."""
    size = max(1, min(_BATCH, -(-blocks // (4 * workers))))
    for at in range(0, blocks, size):
        yield at, min(size, blocks - at)


def _place(totals: I64, first_block: int, part: I64, advance: Advance | None) -> None:
    totals[first_block * BLOCK_YEARS : first_block * BLOCK_YEARS + part.size] = part
    if advance is not None:
        advance(part.size)


# Tables


def year_losses(totals: I64) -> pd.DataFrame:
    """Year loss table: year, block, payout."""
    years = np.arange(totals.size)
    return pd.DataFrame({"year": years, "block": years // BLOCK_YEARS, "payout": totals})


def event_losses(book: Book, seed: int, totals: I64, share: float = capital.STORED_SHARE) -> pd.DataFrame:
    """Event loss table of the worst `share` of the years: each outage that pays, what began it, and what it pays.

    Raises `InvalidInput` unless 0 < `share` <= 1; 1 takes all years.
    """
    if not 0.0 < share <= 1.0:
        raise InvalidInput(f"share of the years is {share}: must be above 0 and at most 1")
    worst = np.sort(capital.tail(totals, 1.0 - share).years) if share < 1.0 else np.arange(totals.size)
    pieces = []
    names = np.array(book.world.order)
    for chunk in allocation.chunks(book, worst):
        rows = book.trace(seed, chunk)
        by_row, _ = book.settle(rows)
        frame = pd.DataFrame(rows[by_row > 0], columns=list(COLUMNS))
        frame["payout"] = by_row[by_row > 0]
        pieces.append(frame)
    table = pd.concat(pieces, ignore_index=True)
    table["subject"], table["root"] = names[table.pop("process")], names[table["root"]]
    table["proven"] = table["proven"].astype(bool)
    return table


def require_parquet(path: Path | None) -> None:
    """Raise `NotConfigured` or `InvalidInput` now if a table could not be written to `path` later."""
    if path is None:
        return
    if path.suffix != ".parquet" or path.is_dir():
        raise InvalidInput(f"{path}: must be a file and end in .parquet, the format of the tables")
    if not os.access(path.parent, os.W_OK):
        raise InvalidInput(f"{path}: nothing can be written to {path.parent}")
    if importlib.util.find_spec("pyarrow") is None:
        raise NotConfigured("Parquet needs the extra 'parquet': pip install 'downtime-insurance[parquet]'")


def write_parquet(table: pd.DataFrame, path: Path) -> None:
    """Write a table in whole: an interruption leaves no half of it."""
    with in_whole(path) as unfinished:
        table.to_parquet(unfinished, index=False)
