"""From sources to reports: each is asked in turn, and everything that was ever archived is read anew every time."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby

from insure.chain.rpc import Chain
from insure.errors import InvalidInput, NotConfigured, SourceError
from insure.ingest.archive import Archive
from insure.ingest.closing import Sighting, close
from insure.ingest.fetch import Fetcher
from insure.ingest.header_search import HEADERS, block_at, encode, find_gaps
from insure.ingest.header_search import as_reports as header_reports
from insure.ingest.header_search import decode as decode_gaps
from insure.ingest.headers import Wait, chance_wait
from insure.ingest.l2beat import read_anomalies
from insure.ingest.milestones import read_milestones
from insure.ingest.reports import Report
from insure.ingest.silences import as_reports as silence_reports
from insure.ingest.silences import decode as decode_silences
from insure.ingest.sources import Form, Source
from insure.ingest.uptime_events import decode as decode_events
from insure.ingest.uptime_events import is_passage
from insure.ingest.uptime_feed import as_reports, flaws, read_outages
from insure.ingest.uptime_history import decode_rounds, read_history
from insure.records.history import DAY_SECONDS
from insure.records.units import time_text

EMPTY_SECONDS = 30 * DAY_SECONDS
"""For so long a page that lists what is over fails when it tells of nothing any more; then it is taken for empty."""

SEARCHED_SECONDS = 1_800
"""No shorter gap is searched for over RPC, unless asked for: the requests are as many as such spans."""


@dataclass(frozen=True)
class Collection:
    """All reports that the archive holds, and a line for whatever can't be trusted of what sources answered last."""

    reports: tuple[Report, ...]
    rejected: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """Reports of one subject, a line for each part that can't be trusted, and how many parts can be, whomever they
    concern."""

    reports: tuple[Report, ...]
    rejected: tuple[str, ...]
    trusted: int


def ask(name: str, sources: Sequence[Source], fetcher: Fetcher, now: int) -> int:
    """Asks the page of that name, archives what it answers, and returns how many incidents it tells of.

    Raises `SourceError` if it does not answer, or answers something that is no longer read, or tells of nothing any
    more where it lists what is over: the archive has it, and nothing that was known is lost.
    """
    found = next((source for source in sources if source.name == name), None)
    if found is None or not found.urls:
        known = ", ".join(sorted({source.name for source in sources if source.urls})) or "none"
        raise InvalidInput(f"source {name!r} is not one that can be asked: {known}")
    told = 0
    emptied: list[str] = []
    for url in found.urls:
        payload = fetcher.fetch(name, url)
        try:
            answers = [read(source, url, payload, now) for source in sources if source.name == name]
        except InvalidInput as error:
            raise SourceError(f"{name}: {error}") from None
        rejected = list(dict.fromkeys(line for answer in answers for line in answer.rejected))
        trusted = max(answer.trusted for answer in answers)
        if rejected and not trusted:
            raise SourceError(f"{name}: nothing can be trusted, {len(rejected)} rejected: {rejected[0]}")
        told += trusted
        before = None if trusted or not found.lists_history else _told_before(fetcher.archive, found, url, now)
        if before is not None:
            emptied.append(f"{url} tells of no incident, and told of {before[0]} at {time_text(before[1])}")
    if emptied:
        raise SourceError(f"{name}: {'; '.join(emptied)}: its history has been emptied or moved")
    return told


def _told_before(archive: Archive, source: Source, url: str, now: int) -> tuple[int, int] | None:
    """Of how many incidents an address told last, and when; None if it has told of none for `EMPTY_SECONDS`."""
    silent: set[str] = set()
    for entry in reversed(archive.entries()):
        if (entry.source, entry.url) != (source.name, url):
            continue
        try:
            told = 0 if entry.sha256 in silent else read(source, url, archive.body(entry.sha256), entry.at).trusted
        except InvalidInput:
            continue  # it was broken, not empty
        if told:
            return told, entry.at
        if entry.at <= now - EMPTY_SECONDS:
            return None
        silent.add(entry.sha256)
    return None


def ask_headers(
    subject: str, chain: Chain, archive: Archive, since: int, at_least: int | None, now: int
) -> tuple[Wait, ...]:
    """Gaps of at least `at_least` seconds between a chain's blocks, those that lasted or began since `since`; the
    archive gets them too.

    By default of `SEARCHED_SECONDS`, or of `chance_wait` where that is longer. Raises `InvalidInput` if there is no
    block since, or none before it, `Unreachable` or `ChainError` as the chain does.
    """

    @cache
    def time_of(number: int) -> int:
        return chain.block(number).timestamp

    last = chain.head().number
    first = block_at(time_of, last, since)
    if first > 1:  # the block before tells of a halt that lasted then; that of genesis may have no time
        first -= 1
    if first >= last or time_of(last) < since:
        raise InvalidInput(f"chain {subject} has no two blocks since {since}: its last one is of {time_of(last)}")
    if at_least is None:
        mean = (time_of(last) - time_of(first)) / (last - first)
        at_least = max(SEARCHED_SECONDS, chance_wait(mean, last - first))
    gaps = find_gaps(time_of, first, last, at_least)
    keep_gaps(archive, subject, (first, last), gaps, now)
    return gaps


def keep_gaps(archive: Archive, subject: str, blocks: tuple[int, int], gaps: Sequence[Wait], now: int) -> None:
    """Archives the gaps that a chain's headers show between two blocks."""
    body = encode(gaps)
    name = f"{HEADERS}{subject}"
    archive.keep(body, name, f"{name}#{blocks[0]}-{blocks[1]}", now)


def chain_of(nodes: Mapping[str, tuple[str, ...]], subject: str) -> Chain:
    """The chain of a subject through the nodes that are configured; raises `NotConfigured` without any."""
    if subject not in nodes:
        raise NotConfigured(f"INSURE_SUBJECT_NODES has no node of {subject}")
    return Chain.connect(",".join(nodes[subject]))


def collect(archive: Archive, sources: Iterable[Source]) -> Collection:
    """Reads every archived answer with the parsers of today, so that a parser's repair reaches what is past.

    A chain's own headers need no row among the sources; what is archived under another source that is no longer listed
    is left alone.
    """
    by_name: dict[str, list[Source]] = {}
    for source in sources:
        by_name.setdefault(source.name, []).append(source)
    reports: list[Report] = []
    rejected: dict[str, None] = {}
    newest = {(entry.source, entry.url): entry.sha256 for entry in archive.entries()}
    for entry, body in archive.answers():
        lines: tuple[str, ...] = ()
        try:
            if entry.source.startswith(HEADERS):
                reports += header_reports(decode_gaps(body), entry.source.removeprefix(HEADERS), entry.at)
            for source in by_name.get(entry.source, []):
                answer = read(source, entry.url, body, entry.at)
                reports += answer.reports
                lines += answer.rejected
        except InvalidInput as error:
            lines += (str(error),)
        if entry.sha256 == newest[entry.source, entry.url]:
            rejected.update(dict.fromkeys(f"{entry.source}: {line}" for line in lines))
    for source in (each for named in by_name.values() for each in named if each.lists_active):
        reports += close(_sightings(archive, source))
    for source in (each for named in by_name.values() for each in named if each.form is Form.UPTIME_FEED):
        try:
            told, lines = read_history(archive, source)
        except InvalidInput as error:
            told, lines = (), (str(error),)
        reports += told
        rejected.update(dict.fromkeys(f"{source.name}: {line}" for line in lines))
    return Collection(tuple(reports), tuple(rejected))


def _sightings(archive: Archive, source: Source) -> Iterator[Sighting]:
    """What a source's page told, from old to new; an answer that was given several times in a row is one."""
    entries = (entry for entry in archive.entries() if entry.source == source.name and entry.url in source.urls)
    for sha256, run in groupby(sorted(entries, key=lambda entry: entry.at), key=lambda entry: entry.sha256):
        given = list(run)
        try:
            answer = read(source, given[-1].url, archive.body(sha256), given[-1].at)
        except InvalidInput:
            continue  # `collect` tells of it
        yield Sighting(given[0].at, given[-1].at, answer.reports, not answer.rejected)


def read(source: Source, url: str, payload: bytes, at: int) -> Answer:
    """What an answer given at `at` says of the source's subject; raises `InvalidInput` if nothing of it can be read."""
    if source.form is Form.UPTIME_FEED:
        if is_passage(payload):
            return Answer((), (), len(decode_events(payload)))  # alone they tell no spells: `read_history` does
        rounds = decode_rounds(payload)
        reports = as_reports(read_outages(rounds, at), source.name, source.subject, url, at)
        return Answer(reports, flaws(rounds, at), len(reports))
    if source.form is Form.L2BEAT:
        reports, rejected = read_anomalies(payload, source.project, source.name, source.subject, url, at)
        return Answer(reports, rejected, len(reports))
    if source.form is Form.MILESTONES:
        reports, rejected = read_milestones(payload, source.project, source.name, source.subject, url, at)
        return Answer(reports, rejected, len(reports))
    if source.form is Form.BATCHES:
        reports = tuple(silence_reports(decode_silences(payload), source.name, source.subject))
        return Answer(reports, (), len(reports))
    reading = source.read(payload, at)
    own = [incident for incident in reading.incidents if source.concerns(incident)]
    told = tuple(each.as_report(source.name, source.subject, source.address, at) for each in own)
    return Answer(told, reading.rejected, len(reading.incidents))
