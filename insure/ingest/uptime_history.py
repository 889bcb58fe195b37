"""An uptime feed in the archive: asked for what the archive lacks, and its rounds and events read as one history."""

import json
from collections.abc import Callable, Sequence
from functools import cache

from insure.chain.rpc import Chain
from insure.errors import InvalidInput, SourceError
from insure.ingest.archive import Archive, Entry
from insure.ingest.beside import FIRST_SECOND
from insure.ingest.header_search import block_at
from insure.ingest.incidents import decode as decode_json
from insure.ingest.reports import Report
from insure.ingest.sources import Form, Source
from insure.ingest.uptime_events import decode, differences, encode, filled, is_passage, read_passage
from insure.ingest.uptime_feed import PHASE_BITS, Round, as_reports, read_aggregators, read_outages, read_rounds
from insure.records.history import HOUR_SECONDS

DEPTH_BLOCKS = 3_600
"""Events are read so far behind the head: what is reorganised away would stay in the archive."""


def ask_feed(name: str, sources: Sequence[Source], connect: Callable[[str], Chain], archive: Archive, now: int) -> int:
    """Reads an uptime feed's rounds and events from its chain into the archive; returns how many outages the rounds
    tell of.

    The chain is asked for those only that the archive lacks; each answer of rounds there is whole all the same. Events
    are read a bounded number of blocks at a time, from when the feed began: of an old feed run after run. `connect`
    gives the chain of a subject. Raises `ChainError` or `SourceError` for what is no feed, `SourceError` if rounds and
    events differ in what they did not before: the archive has both.
    """
    found = next((source for source in sources if source.name == name and source.form is Form.UPTIME_FEED), None)
    if found is None:
        raise InvalidInput(f"source {name!r} is no uptime feed")
    chain = connect(found.subject)
    known, events = _archived(archive, found)
    rounds = read_rounds(chain, found.address, known)
    body = json.dumps([[each.id, each.answer, each.started_at] for each in rounds]).encode()
    archive.keep(body, name, found.address, now)
    _ask_events(chain, found, rounds, archive, now)
    try:
        told = len(read_outages(rounds, now))
    except InvalidInput as error:
        raise SourceError(f"{name}: {error}") from None
    before = set(differences(known, events))
    differ = [line for line in differences(*_archived(archive, found)) if line not in before]
    if differ:
        raise SourceError(f"{name}: rounds and events differ in {len(differ)}: {differ[0]}")
    return told


def read_history(archive: Archive, feed: Source) -> tuple[tuple[Report, ...], tuple[str, ...]]:
    """What a feed's last rounds say together with the events of those that it has forgotten, and a line for each round
    of which the two differ; nothing without such events.

    Raises `InvalidInput` if they contradict each other in time.
    """
    rounds, events = _archived(archive, feed)
    lines = differences(rounds, events)
    whole = filled(rounds, events)
    if len(whole) == len(rounds):
        return (), lines
    at = max(entry.at for entry in archive.entries() if entry.source == feed.name)
    return as_reports(read_outages(whole, at), feed.name, feed.subject, feed.address, at), lines


def decode_rounds(payload: bytes) -> tuple[Round, ...]:
    """Rounds as they were archived; raises `InvalidInput` for anything else."""
    rows = decode_json(payload)
    if not isinstance(rows, list) or not all(_is_round(row) for row in rows):
        raise InvalidInput("answer is no list of rounds")
    return tuple(Round(*row) for row in rows)


def _is_round(row: object) -> bool:
    return isinstance(row, list) and len(row) == 3 and all(type(part) is int for part in row)


def _archived(archive: Archive, feed: Source) -> tuple[tuple[Round, ...], tuple[Round, ...]]:
    """The rounds that the feed answered last, none if they can't be read, and those that all events tell of."""
    entries = {entry.sha256: entry for entry in archive.entries() if entry.source == feed.name}
    last = next((entry for entry in reversed(archive.entries()) if _is_of_rounds(entry, feed)), None)
    events: dict[Round, None] = {}
    rounds: tuple[Round, ...] = ()
    for sha256 in entries:
        body = archive.body(sha256)
        try:
            if is_passage(body):
                events |= dict.fromkeys(decode(body))
            elif last is not None and sha256 == last.sha256:
                rounds = decode_rounds(body)
        except InvalidInput:
            continue  # `collect` tells of it
    return rounds, tuple(sorted(events))


def _is_of_rounds(entry: Entry, feed: Source) -> bool:
    return entry.source == feed.name and "#" not in entry.url


def _ask_events(chain: Chain, feed: Source, rounds: Sequence[Round], archive: Archive, now: int) -> None:
    """Archives the events of the aggregators, each from where its last passage ended."""

    @cache
    def time_of(number: int) -> int:
        return chain.block(number).timestamp

    phases = max((each.phase for each in rounds), default=0)
    aggregators = read_aggregators(chain, feed.address, phases)
    if not aggregators:
        return
    head = chain.head().number
    last = max(head - DEPTH_BLOCKS, 0)
    _, events = _archived(archive, feed)
    for phase, address in aggregators:
        own = [each for each in rounds if each.phase == phase]
        if phase < phases and own and own[-1] in events:
            continue  # it was replaced, and everything that it told is there
        name = f"{feed.address}#{phase}:{address}:"
        first = _next(archive, feed, name)
        if first is None:
            since = _began(own)
            first = 0 if since is None else block_at(time_of, head, since - HOUR_SECONDS)
        if first <= last:
            passage = read_passage(chain, (phase, address), first, last)
            archive.keep(encode(passage), feed.name, f"{name}{passage.first}-{passage.last}", now)


def _next(archive: Archive, feed: Source, name: str) -> int | None:
    """The block after the last whose events are archived."""
    entries = (each for each in archive.entries() if each.source == feed.name and each.url.startswith(name))
    return max((int(each.url.rpartition("-")[2]) + 1 for each in entries), default=None)


def _began(rounds: Sequence[Round]) -> int | None:
    """When an aggregator's first round was, UTC seconds; None if it has forgotten it, or gives it no time."""
    whole = bool(rounds) and rounds[0].id == (rounds[0].phase << PHASE_BITS) + 1
    return rounds[0].started_at if whole and rounds[0].started_at >= FIRST_SECOND else None
