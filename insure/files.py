"""Files that are written in whole or not at all, and folders in which one at a time writes."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from insure.errors import InvalidInput


@contextmanager
def in_whole(path: Path) -> Iterator[Path]:
    """Gives a file beside `path` to write to, and puts it in the place of `path` once it is written and on the disk.

    When writing fails, is interrupted or the disk is full, `path` stays as it was. Raises `OSError` as writing does.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield unfinished
        handle = os.open(unfinished, os.O_RDONLY)
        try:
            os.fsync(handle)  # or a power cut could leave the new name with nothing behind it
        finally:
            os.close(handle)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """While one decides: of two at once each would write the files without the other's decision.

    Raises `InvalidInput` when somebody else is at it, or when the folder is none.
    """
    if not folder.is_dir():
        raise InvalidInput(f"{folder}: is no folder: must be one with the record")
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InvalidInput(f"{folder}: somebody else is deciding: try again") from None
        yield
    finally:
        os.close(handle)  # lets go of it
