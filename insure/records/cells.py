"""Cells of CSV files as typed values, with every problem noted by file, line and column."""

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

from insure.records.history import DAY_SECONDS, parse_subject_id

_STAMP = {True: ("%Y-%m-%d", "YYYY-MM-DD"), False: ("%Y-%m-%dT%H:%M:%SZ", "YYYY-MM-DDTHH:MM:SSZ")}

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


@dataclass
class Row:
    """One line of a file; a cell that can't be read notes a problem and yields None."""

    file: str
    line: int
    cells: dict[str, str]
    problems: list[str]
    failed: bool = field(default=False)

    def fail(self, column: str, message: str) -> None:
        """Note a problem of this column."""
        self.failed = True
        self.problems.append(f"{self.file}:{self.line}:{column}: {message}")

    def text(self, column: str) -> str:
        """Return a cell that must not be empty."""
        value = self.cells[column]
        if not value.strip():
            self.fail(column, "is empty: must be given")
        return value

    def items(self, column: str) -> tuple[str, ...]:
        """Return the parts of a cell separated by semicolons."""
        return tuple(part.strip() for part in self.cells[column].split(";") if part.strip())

    def parsed(self, column: str, parse: Callable[[str], T], right: str) -> T | None:
        """Return the parsed cell, None for an empty one or, after noting a problem, a wrong one."""
        value = self.cells[column]
        if not value:
            return None
        try:
            return parse(value)
        except (ValueError, OverflowError):
            self.fail(column, f"{value!r} {right}")
            return None

    def choice(self, column: str, options: type[E]) -> E:
        """Return one of the options; after noting a problem, any of them."""
        found = self.option(column, options)
        if found is None:
            if not self.cells[column]:
                self.fail(column, f"is empty: must be one of {', '.join(options)}")
            return next(iter(options))
        return found

    def option(self, column: str, options: type[E]) -> E | None:
        """Return one of the options, None for an empty cell."""
        return self.parsed(column, options, f"is not one of {', '.join(options)}")

    def flag(self, column: str) -> bool:
        """Return whether the cell is true; only true and false are taken."""
        if self.cells[column] not in ("true", "false"):
            self.fail(column, f"{self.cells[column]!r} is neither true nor false")
        return self.cells[column] == "true"

    def subject_id(self, column: str) -> str | None:
        """Return a CAIP-2 or svc id."""
        return self.parsed(column, parse_subject_id, "is neither a CAIP-2 id nor svc:<slug>")

    def seconds(self, column: str) -> int | None:
        """Return a whole number of seconds."""
        return self.parsed(column, _whole, "is not a whole number of seconds")

    def length(self, column: str) -> float | None:
        """Return a positive number of seconds, fractions allowed."""
        return self.parsed(column, _positive, "is not a positive number of seconds")

    def stamp(self, column: str, is_day: bool) -> int | None:
        """Return a day or a UTC clock time as epoch seconds; a day is its first second."""
        pattern, shape = _STAMP[is_day]
        return self.parsed(column, lambda text: _epoch(text, pattern), f"is not a UTC time as {shape}")

    def day_after(self, column: str) -> int | None:
        """Return the first second after a day."""
        day = self.stamp(column, True)
        return None if day is None else day + DAY_SECONDS

    def probability(self, column: str) -> float:
        """Return a number from 0 to 1 that must be given."""
        self.text(column)
        return self.parsed(column, _share, "is not a probability from 0 to 1") or 0.0


def _whole(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,12}", text):
        raise ValueError(text)
    return int(text)


def _positive(text: str) -> float:
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) or float(text) == 0:
        raise ValueError(text)
    return float(text)


def _share(text: str) -> float:
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) or float(text) > 1:
        raise ValueError(text)
    return float(text)


def _epoch(text: str, pattern: str) -> int:
    moment = datetime.strptime(text, pattern).replace(tzinfo=UTC)
    if moment.strftime(pattern) != text:  # strptime takes 2023-1-5
        raise ValueError(text)
    return int(moment.timestamp())


def read_rows(name: str, header: str, content: bytes, problems: list[str]) -> list[Row]:
    """Return the rows of a CSV file with their true line numbers; note what is wrong in `problems`."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        problems.append(f"{name}:{line}: is not UTF-8")
        return []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    columns = header.split(",")
    rows: list[Row] = []
    line = 1
    try:
        found = next(reader, [])
        if found != columns:
            problems.append(f"{name}:1: {_header_problem(found, columns)}")
            return []
        line = reader.line_num + 1
        for values in reader:
            if len(values) == len(columns):
                rows.append(Row(name, line, dict(zip(columns, values, strict=True)), problems))
            elif values:
                problems.append(f"{name}:{line}: has {len(values)} cells: must have {len(columns)}")
            line = reader.line_num + 1
    except csv.Error as error:
        problems.append(f"{name}:{line}: is not CSV: {error}")
    return rows


def _header_problem(header: list[str], columns: list[str]) -> str:
    missing = [name for name in columns if name not in header]
    surplus = [name for name in header if name not in columns]
    faults = [f"lacks {', '.join(missing)}"] if missing else []
    faults += [f"does not know {', '.join(map(repr, surplus))}"] if surplus else []
    return f"header {' and '.join(faults) or 'is in another order'}: must be {','.join(columns)}"
