"""The files of data/ as validated records, and the tables that the models take."""

import difflib
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from insure.errors import DatasetError, InvalidInput, UnknownSubject
from insure.floors import FILE as FLOORS
from insure.floors import parse_floors
from insure.overrides import FILE as OVERRIDES
from insure.overrides import parse_overrides
from insure.records.history import Dependency, Observation, Outage, Precision, Subject
from insure.records.history_tables import HEADERS, parse_tables
from insure.universe import FILE as UNIVERSE
from insure.universe import Listing, Member, listings, parse_universe
from pricing_models.overrides import Override
from pricing_models.windows import clip

_HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Dataset:
    """All subjects, outages and dependencies, the rates that underwriters overrode, the lists that the frequency
    universe is taken from, and by subject the seconds below which its sources see nothing; `fingerprint` is the SHA-256
    (hex) of the files' bytes."""

    subjects: tuple[Subject, ...]
    outages: tuple[Outage, ...]
    dependencies: tuple[Dependency, ...]
    fingerprint: str
    overrides: tuple[Override, ...] = ()
    universe: tuple[Member, ...] = ()
    floors: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def _by_name(self) -> dict[str, Subject]:
        return {name.lower(): subject for subject in self.subjects for name in _names(subject)}

    @cached_property
    def _outages_by_subject(self) -> dict[str, tuple[Outage, ...]]:
        groups: dict[str, list[Outage]] = {}
        for outage in sorted(self.outages, key=lambda outage: (outage.start, outage.id)):
            groups.setdefault(outage.subject, []).append(outage)
        return {subject: tuple(outages) for subject, outages in groups.items()}

    def subject(self, id_or_alias: str) -> Subject:
        """Return the subject of this id, slug or alias; raise `UnknownSubject` naming the nearest ones."""
        found = self._by_name.get(id_or_alias.strip().lower())
        if found is None:
            near = difflib.get_close_matches(id_or_alias.strip().lower(), self._by_name, n=8, cutoff=0.5)
            nearest = dict.fromkeys(f"{self._by_name[name].id} ({self._by_name[name].slug})" for name in near)
            hint = f"did you mean {', '.join(list(nearest)[:3])}?" if nearest else "none has a similar name"
            raise UnknownSubject(f"subject {id_or_alias!r} is unknown: {hint}")
        return found

    def chain(self, id_or_alias: str) -> Subject:
        """Return the chain of this id, slug or alias; raise `UnknownSubject`, for what is known and no chain too."""
        found = self.subject(id_or_alias)
        if not found.kind.is_chain:
            raise UnknownSubject(
                f"subject {found.id} is a {found.kind.value}: must be a chain, the only ones with rates"
            )
        return found

    def outages_of(self, id_or_alias: str) -> tuple[Outage, ...]:
        """Return the outages of a subject, oldest first; raise `UnknownSubject`."""
        return self._outages_by_subject.get(self.subject(id_or_alias).id, ())


def load(path: Path | None = None) -> Dataset:
    """Read the three files of a folder (by default the packaged data, else the repository's data/), and where there are
    such files its overrides, its floors and its universe.

    Raises `DatasetError` that lists every problem found, one a line, as file:line:column: what is wrong.
    """
    folder = path if path is not None else default_folder()
    contents: dict[str, bytes] = {}
    unreadable: list[str] = []
    for name in HEADERS:
        try:
            contents[name] = (folder / name).read_bytes()
        except OSError as error:
            unreadable.append(f"{name}: can't be read from {folder}: {error.strerror or error}")
    if unreadable:
        raise DatasetError("\n".join(unreadable))
    (subjects, outages, dependencies), problems = parse_tables(contents)
    if problems:
        raise DatasetError("\n".join(problems))
    known = {subject.id for subject in subjects}
    stated: tuple[Override, ...] = ()
    if (folder / OVERRIDES).is_file():
        contents[OVERRIDES] = (folder / OVERRIDES).read_bytes()
        stated = parse_overrides(contents[OVERRIDES], known)
    floors: Mapping[str, int] = {}
    if (folder / FLOORS).is_file():
        contents[FLOORS] = (folder / FLOORS).read_bytes()
        floors = parse_floors(contents[FLOORS], known)
    members: tuple[Member, ...] = ()
    if (folder / UNIVERSE).is_file():
        contents[UNIVERSE] = (folder / UNIVERSE).read_bytes()
        members = parse_universe(contents[UNIVERSE], subjects)
    return Dataset(subjects, outages, dependencies, _fingerprint(contents), stated, members, floors)


# Tables for the models


def experience_frames(dataset: Dataset, as_of: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables (subjects of chains, outages) that `pricing_models` takes; times are epoch seconds.

    A chain counts in the universe if it is a member and anybody watched it, in the windows in which it was listed.
    Without launch and bracket it has none: it adds no exposure, yet its outages still tell how long halts last. Outages
    of what is no chain are not usable; they are there to be told of among what was left out.
    """
    listed = listings(dataset.universe, dataset.subjects)
    chains = [subject for subject in dataset.subjects if subject.kind.is_chain]
    subjects = pd.DataFrame(
        [_exposure(each, listed.get(each.id), as_of, dataset.floors.get(each.id, 0)) for each in chains]
    )
    return subjects, pd.DataFrame([_experience(outage) for outage in dataset.outages])


def _exposure(subject: Subject, listed: tuple[Listing, ...] | None, as_of: int, floor: int) -> dict[str, object]:
    begins = [time for time in (subject.launch, subject.observed_from) if time is not None]
    ends = [time for time in (subject.end, subject.observed_to) if time is not None]
    until = min([as_of, *ends])
    begin = min(max(begins, default=until), until)
    times = ((low, until if high is None else high) for low, high in listed or ((begin, until),))
    return {
        "subject_id": subject.id,
        "kind": subject.kind.value,
        "launch": np.nan if subject.launch is None else float(subject.launch),
        "observed_from": float(begin),
        "observed_to": float(until),
        "windows": clip(times, begin, until),
        "in_universe": subject.in_frequency_universe and subject.observation is not Observation.NONE,
        "member": subject.in_frequency_universe,
        "watched": subject.observation is not Observation.NONE,
        "operated": subject.operator_controlled,
        "floor_seconds": float(floor),
    }


def _experience(outage: Outage) -> dict[str, object]:
    low, high = outage.duration_low_seconds, outage.duration_high_seconds
    first, last = outage.start_interval
    open_end = np.inf if low is not None else np.nan
    return {
        "subject_id": outage.subject,
        "event_id": outage.event_id,
        "start": (first + last) / 2.0,
        "start_precision": outage.start_precision.value,
        "low_seconds": np.nan if low is None else float(low),
        "high_seconds": open_end if high is None else float(high),
        "usable": outage.usable,
        "ended": outage.ended.value,
        "peril": outage.peril.value,
        "unusable_reason": outage.unusable_reason,
    }


# Replays


def replayable(outage: Outage) -> tuple[int, int] | None:
    """Return (start, end) in UTC seconds if the length is known, None otherwise.

    Clock times stand as they are; else the middle of the duration's bounds is laid from the better known end.
    """
    low, high = outage.duration_low_seconds, outage.duration_high_seconds
    start_is_day = outage.start_precision is Precision.DAY
    end = None if outage.end_precision is Precision.DAY else outage.end
    if end is not None and not start_is_day:
        return (outage.start, end) if end > outage.start else None
    if low is None or high is None or high == 0:
        return None
    length = max((low + high) // 2, 1)
    return (end - length, end) if end is not None else (outage.start, outage.start + length)


def find_outage(dataset: Dataset, name: str) -> Outage:
    """Return the outage named `<subject>@<YYYY-MM-DD>` by its day of start (UTC).

    Of several on one day a halt that counts comes first, then the longest. Raises `UnknownSubject`, or
    `InvalidInput` naming the days that the subject has.
    """
    who, _, day = name.rpartition("@")
    if not who or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", day):
        raise InvalidInput(f"outage {name!r} must be <subject>@<YYYY-MM-DD>, such as eip155:42161@2023-12-15")
    subject = dataset.subject(who)
    outages = dataset.outages_of(subject.id)
    matches = [outage for outage in outages if _day(outage.start) == day]
    if not matches:
        days = sorted({_day(outage.start) for outage in outages})
        known = f"it has {', '.join(days)}" if days else "it has none at all"
        raise InvalidInput(f"{subject.id} ({subject.slug}) has no outage on {day}: {known}")
    return max(matches, key=lambda outage: (outage.usable, outage.duration_low_seconds or -1))


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


# Files


def default_folder() -> Path:
    """The packaged data, else the repository's data/."""
    packaged = _HERE / "_data"
    return packaged if packaged.is_dir() else _HERE.parent / "data"


def _fingerprint(contents: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in contents.items():
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _names(subject: Subject) -> Iterable[str]:
    return dict.fromkeys((subject.id, subject.slug, *subject.aliases))
