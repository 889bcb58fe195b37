"""Everything a database holds as one compressed file of lines, whatever its kind; and back into an empty one."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, LargeBinary, MetaData, Table, insert, select
from sqlalchemy.exc import SQLAlchemyError

from insure.errors import InvalidInput
from insure.files import in_whole
from insure.store.database import Database, migration_config
from insure.store.tables import Row

_FORMAT = "insure backup 1"
_AT_ONCE = 500
"""Rows that are read or written together: memory stays the same however many there are."""


def back_up(database: Database, path: Path) -> int:
    """Writes all rows as they stand at one moment; returns how many.

    The file appears when it is whole. Raises `InvalidInput` when it can't be written or is there already.
    """
    if path.exists():
        raise InvalidInput(f"{path} is there already: name a new file")
    try:
        with (
            in_whole(path) as unfinished,
            gzip.open(unfinished, "wt", encoding="utf-8") as file,
            database.at_one_moment() as connection,
        ):
            rows = _write(connection, file)
    except OSError as error:
        raise InvalidInput(f"{path} can't be written: {error.strerror}") from None
    return rows


def _write(connection: Connection, file: TextIO) -> int:
    head = {"format": _FORMAT, "revision": MigrationContext.configure(connection).get_current_revision()}
    file.write(json.dumps(head) + "\n")
    written = 0
    for table in Row.metadata.sorted_tables:
        file.write(json.dumps({"table": table.name, "columns": [column.name for column in table.columns]}) + "\n")
        for row in connection.execution_options(yield_per=_AT_ONCE).execute(select(table)):
            file.write(json.dumps(list(row), default=bytes.hex) + "\n")
            written += 1
    file.write(json.dumps({"rows": written}) + "\n")
    return written


def restore(database: Database, path: Path) -> int:
    """Writes a backup's rows into a new database, all or none, and brings its schema up to date; returns how many.

    Raises `InvalidInput` for a database that has tables and for a file that is no whole backup.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            lines = (json.loads(line) for line in file)
            rows = _restore(database, path, lines)
    except InvalidInput:
        raise
    except (OSError, EOFError) as error:
        raise InvalidInput(f"{path} can't be read: {error}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{path} is no backup: {error}") from error
    database.create()
    return rows


def _restore(database: Database, path: Path, lines: Iterator[Any]) -> int:
    head = next(lines, None)
    if not isinstance(head, dict) or head.get("format") != _FORMAT:
        raise InvalidInput(f"{path} is no backup: its first line must be of {_FORMAT!r}")
    known = {each.revision for each in ScriptDirectory.from_config(migration_config()).walk_revisions()}
    if head["revision"] not in known:
        raise InvalidInput(f"{path} is of revision {head['revision']}, which this version does not know")
    if database.table_names():
        raise InvalidInput("the database is not new: restore into one without tables")
    database.create(head["revision"])
    with database.alone() as connection:
        # the tables as they were then: columns that came later are filled in by the migrations
        tables = MetaData()
        tables.reflect(connection)
        try:
            return _fill(connection, tables, path, lines)
        except SQLAlchemyError as error:
            raise InvalidInput(f"{path} does not fit its revision: {error.__class__.__name__}") from error


def _fill(connection: Connection, tables: MetaData, path: Path, lines: Iterator[Any]) -> int:
    table: Table | None = None
    columns: list[str] = []
    waiting: list[dict[str, Any]] = []
    written = 0
    for line in lines:
        if isinstance(line, list):
            waiting.append(_row(table, dict(zip(columns, line, strict=True))))
            if len(waiting) < _AT_ONCE:
                continue
        if table is not None and waiting:
            connection.execute(insert(table), waiting)
            written += len(waiting)
            waiting = []
        if isinstance(line, list):
            continue
        if "rows" in line:
            if line["rows"] != written:
                raise InvalidInput(f"{path} has {written} rows and should have {line['rows']}")
            return written
        table, columns = _typed(tables.tables[line["table"]]), line["columns"]
    raise InvalidInput(f"{path} breaks off: its last line is missing")


def _row(table: Table | None, told: dict[str, Any]) -> dict[str, Any]:
    """The values as they are kept: bytes, which a line of JSON holds as hexadecimal digits, are bytes again."""
    binary = () if table is None else (each.name for each in table.columns if isinstance(each.type, LargeBinary))
    return told | {name: bytes.fromhex(told[name]) for name in binary if told.get(name) is not None}


def _typed(reflected: Table) -> Table:
    """The table as it was, with today's types, which know how an amount is written."""
    today = Row.metadata.tables.get(reflected.name)
    for column in reflected.columns:
        if today is not None and column.name in today.columns:
            column.type = today.columns[column.name].type
    return reflected
