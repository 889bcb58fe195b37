"""A process that plays one seed after the other: what takes long to import is imported once."""

import multiprocessing
import os
import signal
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path

from tests.chaos.run import run
from tests.postgres import PostgresServer, binaries, postgres

LONGEST_RUN = 300
"""Seconds after which a run is a failure of its own."""

_spawn = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Result:
    """What was done, line by line, and what is wrong in the end: nothing if all is well."""

    told: list[str]
    wrong: list[str]


class Databases(ExitStack):
    """Gives seeds new databases; one server is up for all of them, once the first needs it."""

    _server: PostgresServer | None = None

    @contextmanager
    def of(self, seed: int) -> Iterator[str]:
        """The URL of one of the kind that its number stands for."""
        if seed % 2 == 0 and binaries() is not None:
            if self._server is None:
                self._server = self.enter_context(postgres())
            yield self._server.database(empty=True)
        else:
            with tempfile.TemporaryDirectory() as folder:
                yield f"sqlite:///{folder}/chaos.sqlite"


def play(seed: int, databases: Databases) -> Result:
    """Plays one seed; whatever ends it is what is wrong."""
    try:
        with databases.of(seed) as url:
            wrong, told = run(seed, url)
    except Exception:  # it is what the campaign looks for
        return Result([], [traceback.format_exc()])
    return Result(told, wrong)


class Worker:
    """A process for seeds; one that does not come to an end is killed, and another takes its place."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._start()

    def play(self, seed: int) -> Result:
        """Plays one; what is wrong then has what the engines told, too."""
        self._line.send(seed)
        try:
            result = (
                self._line.recv() if self._line.poll(LONGEST_RUN) else self._lose(f"not done after {LONGEST_RUN} s")
            )
        except EOFError:
            result = self._lose("the process that played it has ended")
        if result.wrong:
            result = replace(result, wrong=[*result.wrong, self._log.read_text(errors="replace")])
        return result

    def _lose(self, why: str) -> Result:
        self._kill()
        self._start()
        return Result([], [why])

    def end(self) -> None:
        """Lets it take down what it has up."""
        self._line.send(None)
        self._process.join()

    def _start(self) -> None:
        self._line, theirs = _spawn.Pipe()
        self._process = _spawn.Process(target=_serve, args=[theirs, self._log])
        self._process.start()
        theirs.close()

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid or 0, signal.SIGKILL)
        self._process.join()


def _serve(line: Connection, log: Path) -> None:
    os.setsid()  # what it starts is killed with it
    for stream in (1, 2):
        os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
    with Databases() as databases:
        while (seed := line.recv()) is not None:
            os.truncate(log, 0)
            line.send(play(seed, databases))
