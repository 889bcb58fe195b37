"""One database by URL: opened, brought to the newest schema, and the only place that opens sessions."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Self

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, event, inspect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import StaticPool
from sqlmodel import Session, create_engine

from insure import migrations
from insure.errors import InvalidInput, NotConfigured

_BUSY_SECONDS = 30
"""How long a writer waits for the one before it."""
_WRITES = "insure_writes"
"""Execution option of connections that change something."""
_WRITERS = 1_969_823_859
"""The advisory lock for which writers queue in PostgreSQL: any number that nothing else uses in the same database."""


class Database:
    """A database by its SQLAlchemy URL: SQLite (a file, or `sqlite://` for memory) or PostgreSQL.

    Raises `InvalidInput` for a URL that names no database, `NotConfigured` when its driver is not installed.
    """

    def __init__(self, url: str = "sqlite://") -> None:
        self._url = _parse(url)
        self._engine = _open(self._url)
        self._writer = self._engine.execution_options(**{_WRITES: True})
        # SQLite has one writer at a time: those of this process need not find that out by trying again and again
        self._write_turn: AbstractContextManager[Any] = nullcontext()
        if self._url.get_backend_name() == "sqlite":
            self._write_turn = threading.RLock()
        # and the database in memory has one connection for all threads
        self._turn = self._write_turn if isinstance(self._engine.pool, StaticPool) else nullcontext()

    def create(self, revision: str = "head") -> Self:
        """Brings the schema to the newest revision, or to an earlier one, an empty database included; returns itself.

        Raises `NotConfigured` when the database can't be opened.
        """
        config = migration_config()
        try:
            with self.alone() as connection:
                config.attributes["connection"] = connection
                command.upgrade(config, revision)
        except DBAPIError as error:
            raise NotConfigured(f"database_url {_shown(self._url)!r} can't be opened: {error.orig}") from None
        return self

    def close(self) -> None:
        """Gives all connections back."""
        self._engine.dispose()

    @contextmanager
    def at_one_moment(self) -> Iterator[Connection]:
        """A connection that sees everything as it is now, however long it reads."""
        with self._turn, self._engine.connect() as connection:
            if self._url.get_backend_name() != "sqlite":  # where every transaction is so
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """The only connection that writes, in whichever process: what it reads is still so when it writes.

        Its changes are kept together if the block ends well, and not at all if it raises. Whoever waits for half a
        minute for those before gets the driver's error.
        """
        with self._write_turn, self._writer.begin() as connection:
            if self._url.get_backend_name() != "sqlite":
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_BUSY_SECONDS}s'")
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS})")
            yield connection

    def table_names(self) -> list[str]:
        """What tables there are; none in a new database."""
        with self._turn, self._engine.connect() as connection:
            return inspect(connection).get_table_names()

    def revision(self) -> str | None:
        """The schema's revision, None for a database without one; changes nothing.

        Raises `NotConfigured` when the database can't be opened.
        """
        if self._url.get_backend_name() == "sqlite" and not Path(self._url.database or "").is_file():
            return None  # connecting would make the file
        try:
            with self._turn, self._engine.connect() as connection:
                return MigrationContext.configure(connection).get_current_revision()
        except DBAPIError as error:
            raise NotConfigured(f"database_url {_shown(self._url)!r} can't be opened: {error.orig}") from None

    @contextmanager
    def _reading(self) -> Iterator[Session]:
        """A session that changes nothing."""
        with self._turn, Session(self._engine) as session, session.begin():
            yield session

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        """A session on the only connection that writes (`alone`)."""
        with self.alone() as connection, Session(connection) as session, session.begin():
            yield session


def migration_config() -> Config:
    """Where Alembic finds the migrations."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def newest_revision() -> str:
    """The revision of the schema that this version uses."""
    return ScriptDirectory.from_config(migration_config()).get_current_head() or ""


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # the latter for a port that is no number; both texts may hold a password
        raise InvalidInput("database_url must be an SQLAlchemy URL, such as sqlite:///insure.sqlite") from None
    if parsed.drivername == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


def _shown(url: URL) -> str:
    """The file, or the server; never credentials, nor options, which may hold some too."""
    if url.get_backend_name() == "sqlite":
        return f"{url.drivername}:///{url.database or ''}"
    return f"{url.drivername}://{url.host or ''}"


def _open(url: URL) -> Engine:
    sqlite = url.get_backend_name() == "sqlite"
    options: dict[str, Any] = {}
    if sqlite:
        options["connect_args"] = {"check_same_thread": False, "timeout": _BUSY_SECONDS}
        if not url.database or url.database == ":memory:":
            options["poolclass"] = StaticPool
    try:
        engine = create_engine(url, **options)
    except NoSuchModuleError as error:
        raise InvalidInput(f"database_url: {url.drivername!r} must be sqlite or postgresql") from error
    except ModuleNotFoundError as error:
        raise NotConfigured(f"database_url: {url.drivername!r} needs the Python package {error.name!r}") from error
    if sqlite:
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # left to itself the driver begins a transaction at the first change only: what was read before might be old by
    # then, and tables that are made would be kept though what follows breaks off
    connection.isolation_level = None
    # readers of a file (the API) need not wait for the writer (the watcher)
    connection.execute("PRAGMA journal_mode=WAL")
    # the logs' key is a hash, so a new one may belong on any page: 64 MiB of them stay at hand
    connection.execute("PRAGMA cache_size=-65536")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
