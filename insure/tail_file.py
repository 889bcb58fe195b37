"""The run of a pool's book in a file: by its worst years a quote is told what capital its policy adds.

The file (numpy's npz) has every year's payout, and what it is the run of: book, model, history, seed. The outages of
the worst years are drawn again when it is read, which shows as well that the payouts are of this run and no other.
"""

import json
import logging
import os
import struct
import threading
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from insure.book import build_world
from insure.dataset import Dataset
from insure.errors import InvalidInput
from insure.files import in_whole
from insure.records.history import DAY_SECONDS
from pricing_models.errors import ModelError
from pricing_models.marginal import StoredTail, store_tail
from pricing_models.model import Model, as_stored
from pricing_models.payoff import Terms
from pricing_models.portfolio import Book, Cover
from pricing_models.simulate.outages import BLOCK_YEARS
from pricing_models.versions import VERSION_DIGITS

I64 = NDArray[np.int64]

_log = logging.getLogger(__name__)

OLDEST_DAYS = 30
"""How long before a price a run may have begun: each day policies end that it holds, and others are sold."""
_EARLIEST, _LATEST = 1_420_070_400, 4_102_444_800
"""The beginnings of 2015, before which no chain was insured, and of 2100."""
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
    """The worst years of a run whose simulated year begins at `begins_at` (UTC seconds); `fingerprint` is of all that
    the file at `path` says, the beginning included."""

    path: Path
    stored: StoredTail
    begins_at: int
    fingerprint: str

    def words(self, now: int) -> str:
        """Which run it is, and how old."""
        covers, years = self.stored.book.covers, self.stored.totals.size
        book = f"{len(covers)} policies, {years:,} years from {self._day} on, {self._days(now)} days old"
        return f"marginal capital: by tail {self.fingerprint[:VERSION_DIGITS]} of {book}"

    def require_recent(self, now: int) -> None:
        """Raises `InvalidInput` for a price at `now` (UTC seconds) when the run began more than `OLDEST_DAYS` before,
        for it then knows too little of the policies in force, or when it is still to begin."""
        told = f"tail {self.path}: begins_at is {self._day}"
        if self.begins_at > now + DAY_SECONDS:  # one clock may be a little behind another
            raise InvalidInput(f"{told}, after the price; {_AGAIN}")
        if now - self.begins_at > OLDEST_DAYS * DAY_SECONDS:
            days = self._days(now)
            raise InvalidInput(f"{told}, {days} days before the price: must be at most {OLDEST_DAYS}; {_AGAIN}")

    @property
    def _day(self) -> str:
        return datetime.fromtimestamp(self.begins_at, UTC).strftime("%Y-%m-%d")

    def _days(self, now: int) -> int:
        return max(0, now - self.begins_at) // DAY_SECONDS


def write_tail(path: Path, book: Book, seed: int, totals: I64, model: Model, history: Dataset, begins_at: int) -> None:
    """Keeps the run of `book` with `seed` from block 0 on, in whole, or nothing when it is interrupted.

    The book's world must be that of `history` and of `model` as its record has it (`as_stored`), at the base of
    judgement, or nobody will be able to read it.
    """
    made: dict[str, Any] = {
        "model_version": model.version,
        "data_fingerprint": history.fingerprint,
        "book": book.version,
        "begins_at": begins_at,
        "seed": seed,
        "covers": [asdict(each) for each in book.covers],
    }
    made["fingerprint"] = _fingerprint(made, totals)
    with in_whole(path) as unfinished, unfinished.open("wb") as file:
        np.savez_compressed(file, made=np.array(json.dumps(made)), totals=totals)


def read_tail(path: Path, model: Model, history: Dataset) -> PoolTail:
    """The worst years of a run of the same model and history as the quote's.

    Raises `InvalidInput` naming the file and what is wrong in it, or what it is of instead if it is of another model,
    history or book. Whether it is recent `PoolTail.require_recent` says.
    """
    made = read_made(path)
    if made["model_version"] != model.version:
        raise InvalidInput(
            f"tail {path}: is of model {made['model_version']}: must be of {model.version}, the quote's; {_AGAIN}"
        )
    totals, covers = _totals(path), _covers(path, made["covers"])
    if made["fingerprint"] != _fingerprint(made, totals):
        raise InvalidInput(f"tail {path}: fingerprint is not that of its content, which was changed; {_AGAIN}")
    try:
        book = Book(covers, build_world(as_stored(model), history))
        found = store_tail(book, made["seed"], totals) if book.version == made["book"] else None
    except (ModelError, *_UNREADABLE) as error:
        raise InvalidInput(f"tail {path}: {error}; {_AGAIN}") from error
    if found is None:
        _refuse_book(path, made, book.version, history)
    return PoolTail(path, found, made["begins_at"], made["fingerprint"])


_UNREADABLE = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    EOFError,
    RuntimeError,  # an archive that is locked, or packed in a way that is not known
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""What reading raises where the content is not what it should be."""


def _totals(path: Path) -> I64:
    try:
        with np.load(path, allow_pickle=False) as content:
            totals = np.asarray(content["totals"])
    except _UNREADABLE as error:
        raise InvalidInput(f"tail {path}: totals can't be read: {error}; {_AGAIN}") from error
    if totals.dtype != np.int64 or totals.ndim != 1 or totals.size == 0 or totals.size % BLOCK_YEARS:
        shape = f"{totals.dtype} of shape {totals.shape}"
        raise InvalidInput(f"tail {path}: totals are {shape}: must be int64, blocks of {BLOCK_YEARS} years; {_AGAIN}")
    if totals.min() < 0:
        raise InvalidInput(f"tail {path}: totals are {totals.min()} at least: must not be below 0; {_AGAIN}")
    return totals


def _covers(path: Path, told: Sequence[Any]) -> tuple[Cover, ...]:
    covers = []
    for number, each in enumerate(told):
        try:
            covers.append(Cover(**each | {"terms": Terms(**each["terms"])}))
        except (ModelError, *_UNREADABLE) as error:
            raise InvalidInput(f"tail {path}: covers[{number}]: {error}; {_AGAIN}") from error
    return tuple(covers)


def _fingerprint(made: Mapping[str, Any], totals: I64) -> str:
    """Names all that a file says: what the run is of, its beginning and seed, and every year's payout."""
    said = json.dumps({name: made[name] for name in _FIELDS if name != "fingerprint"}, sort_keys=True)
    return sha256(said.encode() + totals.astype("<i8").tobytes()).hexdigest()


def _refuse_book(path: Path, made: Mapping[str, Any], version: str, history: Dataset) -> NoReturn:
    fingerprint = str(made["data_fingerprint"])
    of = f" of history {fingerprint[:16]}" if fingerprint != history.fingerprint else ""
    now = f"{version}, with history {history.fingerprint[:16]}"
    raise InvalidInput(f"tail {path}: is of book {made['book']}{of}: the same policies must now make {now}; {_AGAIN}")


_FIELDS: Mapping[str, tuple[type, str]] = {
    "model_version": (str, "a version"),
    "data_fingerprint": (str, "a fingerprint"),
    "book": (str, "a version"),
    "begins_at": (int, f"UTC seconds, {_EARLIEST} to {_LATEST}"),
    "seed": (int, "a whole number of at least 0"),
    "covers": (list, "a list of policies"),
    "fingerprint": (str, "a fingerprint"),
}
"""What a file says of its run: of which type, and in words what it must be."""


def read_made(path: Path) -> dict[str, Any]:
    """What the run in a file was made of; raises `InvalidInput` when it can't be read, is none, or says what can't be,
    naming the field."""
    try:
        with np.load(path, allow_pickle=False) as content:
            made = json.loads(str(content["made"]))
    except _UNREADABLE as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "is no tail"
        raise InvalidInput(f"tail {path}: can't be read: {reason}; {_AGAIN}") from error
    if not isinstance(made, dict):
        raise InvalidInput(f"tail {path}: made is {str(made)!r:.40}: must be an object; {_AGAIN}")
    missing = [name for name in _FIELDS if name not in made]
    if missing:
        raise InvalidInput(f"tail {path}: is no tail: lacks {', '.join(missing)}; {_AGAIN}")
    for name, (kind, words) in _FIELDS.items():
        value = made[name]
        right = isinstance(value, kind) and not isinstance(value, bool)
        least, most = (_EARLIEST, _LATEST) if name == "begins_at" else (0, None)
        if not right or (kind is int and (value < least or (most is not None and value > most))):
            raise InvalidInput(f"tail {path}: {name} is {str(value)!r:.40}: must be {words}; {_AGAIN}")
    return made


class KeptTail:
    """A tail that quotes are charged by for as long as it is of their model and recent: read by `read_ahead` or when it
    is first needed, and again when the file or the model has changed."""

    def __init__(self, path: Path, history: Dataset) -> None:
        self.path = path
        self._history = history
        self._key: tuple[object, ...] = ()
        self._found: PoolTail | InvalidInput | None = None
        self._one_reads = threading.Lock()

    def of(self, model: Model, now: int) -> PoolTail:
        """The tail of a quote by this model at `now` (UTC seconds); raises as `read_tail`, and when it is too old."""
        found = self._read(model)
        found.require_recent(now)
        return found

    def _read(self, model: Model) -> PoolTail:
        with self._one_reads:
            key = (*self._stamp(), model.version)
            if self._found is None or key != self._key:
                try:
                    found: PoolTail | InvalidInput = read_tail(self.path, model, self._history)
                except InvalidInput as error:
                    found = error
                self._key, self._found = key, found
            found = self._found
        if isinstance(found, InvalidInput):
            raise found
        return found

    def read_ahead(self, model: Model) -> None:
        """Reads the file now, which takes seconds, so that no quote waits for it; the log says what is wrong in it."""
        try:
            self._read(model)
        except InvalidInput as error:
            _log.warning("marginal capital is not known: %s", error)

    def _stamp(self) -> tuple[object, ...]:
        try:
            told = self.path.stat()
        except OSError:
            return (None,)
        return told.st_mtime_ns, told.st_size
