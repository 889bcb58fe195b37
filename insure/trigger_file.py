"""A trigger as an underwriter writes it down to have its basis risk priced: its paths, and what each is thought to be.

    {"quorum": 2, "paths": ["watchers", "watchers", "heartbeat"], "common_alarms": [0, 0.005, 0.03]}

A path is the name of a usual kind or an object with `name`, `start_seconds`, `end_seconds`, `miss`, `false_alarms` and
`false_seconds`; what is given replaces what the kind of that name has, if there is one. Every figure is judgement: low,
base and high, or one number for all three.
"""

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from insure.errors import InvalidInput
from pricing_models.errors import InvalidTerms
from pricing_models.observation import HEARTBEAT, STANDARD_TRIGGER, WATCHERS, PathKind, Trigger
from pricing_models.premium import Judgement

KINDS: Mapping[str, PathKind] = {kind.name: kind for kind in (WATCHERS, HEARTBEAT)}
_FIGURES = tuple(each.name for each in fields(PathKind) if each.name != "name")
_OF_TRIGGER = ("common_alarms", "common_seconds")


def read_trigger(path: Path) -> Trigger:
    """Reads such a file; raises `InvalidInput` naming file and field."""
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is no text"
        raise InvalidInput(f"--trigger is {path}: can't be read: {reason}") from error
    try:
        return parse_trigger(text)
    except (InvalidInput, InvalidTerms) as error:
        raise InvalidInput(f"--trigger {path}: {error}") from error


def parse_trigger(text: str) -> Trigger:
    """The trigger that a text describes; raises `InvalidInput` or `InvalidTerms` naming the field."""
    try:
        given = json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"not JSON: {error}") from error
    given = _object("trigger", given, ("quorum", "paths", *_OF_TRIGGER))
    quorum, paths = given.get("quorum"), given.get("paths")
    if type(quorum) is not int:
        raise InvalidInput(f"quorum is {quorum!r}: must be a whole number of paths")
    if not isinstance(paths, list):
        raise InvalidInput(f"paths is {paths!r}: must be a list of names of kinds and objects")
    kinds = tuple(_path(f"paths[{number}]", each) for number, each in enumerate(paths))
    figures = {name: _judgement(name, given[name]) for name in _OF_TRIGGER if name in given}
    usual = {"common_alarms": STANDARD_TRIGGER.common_alarms, "common_seconds": STANDARD_TRIGGER.common_seconds}
    return Trigger(kinds, quorum, **(usual | figures))


def _path(where: str, given: object) -> PathKind:
    if isinstance(given, str):
        if given not in KINDS:
            raise InvalidInput(f"{where} is {given!r}: must be {' or '.join(KINDS)}, or an object that describes it")
        return KINDS[given]
    values = _object(where, given, ("name", *_FIGURES))
    name = values.pop("name", None)
    if not isinstance(name, str) or not name:
        raise InvalidInput(f"{where}.name is {name!r}: must be the path's name")
    figures: dict[str, Any] = {each: _judgement(f"{where}.{each}", value) for each, value in values.items()}
    if name in KINDS:
        return replace(KINDS[name], **figures)
    missing = [each for each in _FIGURES if each not in figures]
    if missing:
        raise InvalidInput(f"{where} lacks {', '.join(missing)}: a kind of path that is not usual needs them all")
    return PathKind(name, **figures)


def _judgement(where: str, given: object) -> Judgement:
    numbers = given if isinstance(given, list) else [given] * 3
    if len(numbers) != 3 or not all(type(each) in (int, float) for each in numbers):
        raise InvalidInput(f"{where} is {given!r}: must be a number, or [low, base, high]")
    try:
        return Judgement(*map(float, numbers))
    except (InvalidTerms, OverflowError) as error:
        raise InvalidInput(f"{where} is {given!r}: must be 0 <= low <= base <= high, finite") from error


def _object(where: str, given: object, names: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise InvalidInput(f"{where} is {given!r}: must be an object")
    unknown = [str(each) for each in given if each not in names]
    if unknown:
        raise InvalidInput(f"{where} has {', '.join(unknown)}: its fields are {', '.join(names)}")
    return dict(given)
