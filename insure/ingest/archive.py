"""What sources answered, kept for good: each answer once, by its content, and a log of when it was given."""

import fcntl
import gzip
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from insure.errors import SourceError

_INDEX = "index.jsonl"


@dataclass(frozen=True)
class Entry:
    """That `url` answered a source at `at` (UTC seconds) with the content of this SHA-256, and how to ask again."""

    source: str
    url: str
    at: int
    sha256: str
    etag: str = ""
    last_modified: str = ""


class Archive:
    """A folder of answers, content-addressed and compressed, and an index that is only ever appended to.

    Several processes may write it. An answer is stored whole before it is in the index, so that a crash loses an entry,
    never half an answer.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, body: bytes, source: str, url: str, at: int, etag: str = "", last_modified: str = "") -> None:
        """Keeps what `url` answered a source; the rest as in `Entry`."""
        self.add(Entry(source, url, at, hashlib.sha256(body).hexdigest(), etag, last_modified), body)

    def add(self, entry: Entry, body: bytes) -> None:
        """Keeps an answer; raises `SourceError` if its hash is another."""
        if hashlib.sha256(body).hexdigest() != entry.sha256:
            raise SourceError(f"{entry.url}: the content is not that of SHA-256 {entry.sha256}")
        path = self._path(entry.sha256)
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(f".{os.getpid()}.draft")
            draft.write_bytes(gzip.compress(body, mtime=0))
            draft.replace(path)
        with (self._folder / _INDEX).open("a+b") as index:
            fcntl.flock(index, fcntl.LOCK_EX)  # let go when the file is closed
            _cut_half_line(index)
            index.write(json.dumps(asdict(entry)).encode() + b"\n")
            index.flush()
            os.fsync(index.fileno())

    def entries(self) -> tuple[Entry, ...]:
        """All answers, in the order in which they came; raises `SourceError` naming a line that can't be read.

        A last line without an end is what a crash left, and is passed over.
        """
        path = self._folder / _INDEX
        if not path.is_file():
            return ()
        lines = path.read_text(encoding="utf-8").split("\n")
        return tuple(_entry(number, line) for number, line in enumerate(lines[:-1], 1) if line)

    def latest(self, url: str) -> Entry | None:
        """The last answer of an address."""
        return next((entry for entry in reversed(self.entries()) if entry.url == url), None)

    def body(self, sha256: str) -> bytes:
        """A content by its hash; raises `SourceError` if it is missing or not what its name says."""
        path = self._path(sha256)
        try:
            body = gzip.decompress(path.read_bytes())
        except (OSError, EOFError, gzip.BadGzipFile) as error:
            raise SourceError(f"archived content {sha256} can't be read ({type(error).__name__})") from None
        if hashlib.sha256(body).hexdigest() != sha256:
            raise SourceError(f"archived content {sha256} has changed")
        return body

    def answers(self) -> Iterator[tuple[Entry, bytes]]:
        """Every content of every source once, with when it was last given."""
        last = {(entry.source, entry.url, entry.sha256): entry for entry in self.entries()}
        for entry in last.values():
            yield entry, self.body(entry.sha256)

    def _path(self, sha256: str) -> Path:
        return self._folder / "objects" / sha256[:2] / f"{sha256}.gz"


def _cut_half_line(index: BinaryIO) -> None:
    """Drops what a crash left after the last whole line."""
    index.seek(0)
    content = index.read()
    if not content.endswith(b"\n"):
        index.truncate(content.rfind(b"\n") + 1)


def _entry(number: int, line: str) -> Entry:
    try:
        return Entry(**json.loads(line))
    except (TypeError, ValueError):
        raise SourceError(f"{_INDEX}:{number}: is no entry of the archive") from None
