"""The run of a pool's book in a file: by its worst years a quote is told what capital its policy adds.

The file (numpy's npz) has every year's payout, and what it is the run of: book, model, history, seed. The outages of
the worst years are drawn again when it is read, which shows as well that the payouts are of this run and no other.
"""

import json
import os
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from insure.book import build_world
from insure.dataset import Dataset
from insure.errors import InvalidInput
from insure.files import in_whole
from pricing_models.errors import ModelError
from pricing_models.marginal import StoredTail, store_tail
from pricing_models.model import Model, as_stored
from pricing_models.payoff import Terms
from pricing_models.portfolio import Book, Cover

I64 = NDArray[np.int64]

_AGAIN = "simulate the book again: insure portfolio simulate --tail"


def require_tail_file(path: Path | None) -> None:
    """Raises `InvalidInput` now if a tail could not be written to `path` later."""
    if path is None:
        return
    if path.suffix != ".npz" or path.is_dir():
        raise InvalidInput(f"--tail is {path}: must be a file and end in .npz, the format of tails")
    if not os.access(path.parent, os.W_OK):
        raise InvalidInput(f"--tail is {path}: nothing can be written to {path.parent}")


@dataclass(frozen=True)
class PoolTail:
    """The worst years of a run whose simulated year begins at `begins_at` (UTC seconds)."""

    stored: StoredTail
    begins_at: int

    @property
    def words(self) -> str:
        """Which run it is."""
        day = datetime.fromtimestamp(self.begins_at, UTC).strftime("%Y-%m-%d")
        book = f"{len(self.stored.book.covers)} policies, {self.stored.totals.size:,} years from {day} on"
        return f"marginal capital: by tail {self.stored.version} of {book}"


def write_tail(path: Path, book: Book, seed: int, totals: I64, model: Model, history: Dataset, begins_at: int) -> None:
    """Keeps the run of `book` with `seed` from block 0 on, in whole, or nothing when it is interrupted.

    The book's world must be that of `history` and of `model` as its record has it (`as_stored`), at the base of
    judgement, or nobody will be able to read it.
    """
    made = {
        "model_version": model.version,
        "data_fingerprint": history.fingerprint,
        "book": book.version,
        "begins_at": begins_at,
        "seed": seed,
        "covers": [asdict(each) for each in book.covers],
    }
    with in_whole(path) as unfinished, unfinished.open("wb") as file:
        np.savez_compressed(file, made=np.array(json.dumps(made)), totals=totals)


def read_tail(path: Path, model: Model, history: Dataset) -> PoolTail:
    """The worst years of a run of the same model and history as the quote's.

    Raises `InvalidInput` naming the file, and what it is of instead if it is of another model, history or book.
    """
    made = read_made(path)
    if made["model_version"] != model.version:
        raise InvalidInput(
            f"tail {path}: is of model {made['model_version']}: must be of {model.version}, the quote's; {_AGAIN}"
        )
    try:
        with np.load(path, allow_pickle=False) as content:
            totals = np.asarray(content["totals"], np.int64)
        covers = tuple(Cover(**each | {"terms": Terms(**each["terms"])}) for each in made["covers"])
        book = Book(covers, build_world(as_stored(model), history))
        found = store_tail(book, made["seed"], totals) if book.version == made["book"] else None
        begins_at = int(made["begins_at"])
    except (ModelError, *_UNREADABLE) as error:
        raise InvalidInput(f"tail {path}: {error}; {_AGAIN}") from error
    if found is None:
        _refuse_book(path, made, book.version, history)
    return PoolTail(found, begins_at)


_UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error)


def _refuse_book(path: Path, made: Mapping[str, Any], version: str, history: Dataset) -> NoReturn:
    fingerprint = str(made["data_fingerprint"])
    of = f" of history {fingerprint[:16]}" if fingerprint != history.fingerprint else ""
    now = f"{version}, with history {history.fingerprint[:16]}"
    raise InvalidInput(f"tail {path}: is of book {made['book']}{of}: the same policies must now make {now}; {_AGAIN}")


_FIELDS = ("model_version", "data_fingerprint", "book", "begins_at", "seed", "covers")


def read_made(path: Path) -> dict[str, Any]:
    """What the run in a file was made of; raises `InvalidInput` when it can't be read or is none."""
    try:
        with np.load(path, allow_pickle=False) as content:
            made = json.loads(str(content["made"]))
        missing = [name for name in _FIELDS if name not in made]
    except _UNREADABLE as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "is no tail"
        raise InvalidInput(f"tail {path}: can't be read: {reason}; {_AGAIN}") from error
    if missing:
        raise InvalidInput(f"tail {path}: is no tail: lacks {', '.join(missing)}; {_AGAIN}")
    return dict(made)


class KeptTail:
    """A tail that quotes are charged by for as long as it is of their model: read when it is first needed, and again
    when the file or the model has changed."""

    def __init__(self, path: Path, history: Dataset) -> None:
        self.path = path
        self._history = history
        self._key: tuple[object, ...] = ()
        self._found: PoolTail | InvalidInput | None = None

    def of(self, model: Model) -> PoolTail:
        """The tail of a quote by this model; raises as `read_tail`."""
        key = (*self._stamp(), model.version)
        if self._found is None or key != self._key:
            try:
                found: PoolTail | InvalidInput = read_tail(self.path, model, self._history)
            except InvalidInput as error:
                found = error
            self._key, self._found = key, found
        if isinstance(self._found, InvalidInput):
            raise self._found
        return self._found

    def _stamp(self) -> tuple[object, ...]:
        try:
            told = self.path.stat()
        except OSError:
            return (None,)
        return told.st_mtime_ns, told.st_size
