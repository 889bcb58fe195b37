"""Decides from sightings whether a chain is down, since when, and when it came back: pure, one step at a time."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from insure.records.onchain import Span
from insure.watchtower.probe import Sighting


@dataclass(frozen=True)
class VigilRules:
    """How long a head must stand still, in seconds, before it is a sign of trouble and before it is downtime;
    and how many new blocks end it."""

    alarm_after: int = 600
    down_after: int = 600
    recovery_blocks: int = 1


@dataclass(frozen=True)
class Vigil:
    """What one observer knows of one chain: the last head that moved, and the stop it is in, if any."""

    height: int
    block_time: int
    down_from: int | None = None
    """First second of the stop; None while the chain runs."""
    seen_still: int = 0
    """When the head was last seen standing still in this stop."""


@dataclass(frozen=True)
class Finding:
    """What an observer has to say now: the downtime seen so far, whether it is over, and since when it is uneasy."""

    downtime: Span | None = None
    ended: bool = False
    uneasy_since: int | None = None


NOTHING = Finding()


def advance(
    vigil: Vigil | None,
    sighting: Sighting | None,
    now: int,
    rules: VigilRules,
    block_time_of: Callable[[int], int | None],
) -> tuple[Vigil | None, Finding]:
    """One step: takes the sighting at `now` in and says what follows from it.

    An unknown sighting (None) changes nothing and finds nothing. The second in which the last block was made counts
    as up, and so does the one of the first new block: downtime is [last block + 1, first new block). Some chains
    back-date the blocks they make after a stop: what was seen with own eyes stands against such a timestamp.
    `block_time_of` looks one block up by its number, for the first block after a stop.
    """
    if sighting is None:
        return vigil, NOTHING
    if vigil is None or (sighting.height > vigil.height and vigil.down_from is None):
        return _still(Vigil(sighting.height, sighting.block_time), now, rules)
    if sighting.height <= vigil.height:
        return _still(vigil, now, rules)
    if sighting.height < vigil.height + rules.recovery_blocks:
        return vigil, NOTHING  # neither still nor back: what was seen so far stands

    first_new = block_time_of(vigil.height + 1)
    if first_new is None or vigil.down_from is None:
        return vigil, NOTHING
    until = max(first_new, vigil.seen_still)
    return Vigil(sighting.height, sighting.block_time), Finding(Span(vigil.down_from, until), ended=True)


def _still(vigil: Vigil, now: int, rules: VigilRules) -> tuple[Vigil, Finding]:
    silent = now - vigil.block_time
    uneasy_since = vigil.block_time if silent > rules.alarm_after else None
    if silent <= rules.down_after:
        return vigil, Finding(uneasy_since=uneasy_since)
    down = replace(vigil, down_from=vigil.block_time + 1, seen_still=now)
    return down, Finding(Span(vigil.block_time + 1, now), uneasy_since=uneasy_since)
