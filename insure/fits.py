"""Stored fits: a folder with a file per model version, whose content the version is the hash of."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from insure.errors import InvalidInput
from insure.files import in_whole
from pricing_models.errors import ModelError
from pricing_models.model import Model, record, restored

_log = logging.getLogger(__name__)

_LAST = "last"
"""The file that names the version that was stored last, which may be one that was there before."""


@dataclass(frozen=True)
class StoredFit:
    """A fit and what it was made from: `made` has the day, the data's fingerprint, the commit and when."""

    model: Model
    made: Mapping[str, Any]


class Fits:
    """The fits of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, model: Model, made: Mapping[str, Any]) -> Path:
        """Writes a fit; one of the same version stays as it was, but for being the last one again."""
        path = self._folder / f"{model.version}.json"
        text = json.dumps({"version": model.version, "made": dict(made), "fit": record(model)}, indent=1)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if not self._reads_well(model.version):
                with in_whole(path) as draft:
                    draft.write_text(text + "\n")
            with in_whole(self._folder / _LAST) as draft:
                draft.write_text(model.version + "\n")
        except OSError as error:
            raise InvalidInput(f"folder of fits {self._folder}: can't be written: {error.strerror or error}") from error
        return path

    def versions(self) -> list[str]:
        """The versions that are stored and can be read, the last one made last; the log names those that can't be."""
        made = {}
        for name in self._names():
            try:
                made[name] = str(self._read(name)["made"].get("at"))
            except InvalidInput as error:
                _log.warning("left out of the stored fits: %s", error)
        last = self._named_last()
        return sorted(made, key=lambda name: (name == last, made[name], name))

    def _named_last(self) -> str:
        try:
            return (self._folder / _LAST).read_text().strip()
        except (OSError, ValueError):  # of an earlier program, which had no such file
            return ""

    def _reads_well(self, version: str) -> bool:
        try:
            return version in self._names() and bool(self.load(version))
        except InvalidInput:
            return False

    def _names(self) -> list[str]:
        return sorted(path.stem for path in self._folder.glob("*.json")) if self._folder.is_dir() else []

    def load(self, version: str) -> StoredFit:
        """The fit of a version, of which the first digits are enough; raises `InvalidInput` naming those there are, or
        the file if it can't be read."""
        known = self._names()
        found = [name for name in known if name.startswith(version)] if version else []
        if len(found) != 1:
            wrong = "is the beginning of several" if found else "is not stored"
            raise InvalidInput(f"version {version!r} {wrong}: {', '.join(found or known) or 'none is'}")
        content = self._read(found[0])
        try:
            return StoredFit(restored(content["fit"], found[0]), content["made"])
        except ModelError as error:
            raise InvalidInput(f"{self._folder / found[0]}.json: {error}") from error

    def last(self) -> StoredFit | None:
        """The last fit made, None if none was."""
        known = self.versions()
        return self.load(known[-1]) if known else None

    def _read(self, name: str) -> dict[str, Any]:
        path = self._folder / f"{name}.json"
        try:
            content = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise InvalidInput(f"{path}: can't be read: {error}") from error
        if not isinstance(content, dict) or not isinstance(content.get("made"), dict) or "fit" not in content:
            raise InvalidInput(f"{path}: is no stored fit: `insure model fit` writes them")
        return content
