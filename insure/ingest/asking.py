"""Which sources an installation asks, with what, and how often."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from insure import dataset
from insure.chain.rpc import Chain
from insure.ingest.archive import Archive
from insure.ingest.batches import ask_batches
from insure.ingest.collect import ask, ask_headers, chain_of
from insure.ingest.fetch import Fetcher
from insure.ingest.header_search import HEADERS
from insure.ingest.headers import has_own_clock
from insure.ingest.sources import FILE, Form, Source, parse_sources
from insure.ingest.uptime_history import ask_feed
from insure.records.history import DAY_SECONDS
from insure.settings import Settings

PAGE_SECONDS = 900
MILESTONE_SECONDS = DAY_SECONDS
"""L2BEAT's project files tell days, and are written by hand days later."""
FEED_SECONDS = 3_600
HEADER_SECONDS = 6 * 3_600
_CONTRACT_SECONDS = {Form.UPTIME_FEED: FEED_SECONDS, Form.BATCHES: HEADER_SECONDS}
SEARCH_BACK_SECONDS = 3 * DAY_SECONDS
"""So far back headers and batches are searched each time: a node that is out of reach for a while hides nothing."""


def archive_of(settings: Settings) -> Archive:
    """The archive of the settings, else the folder `archive` where the command runs."""
    return Archive(settings.archive or Path("archive"))


def read_sources(folder: Path, history: dataset.Dataset) -> tuple[Source, ...]:
    """The sources of a data folder, none without their file; raises `DatasetError` for a row that is wrong."""
    path = folder / FILE
    return parse_sources(path.read_bytes(), [each.id for each in history.subjects]) if path.is_file() else ()


def fetcher_of(settings: Settings) -> Fetcher:
    """One fetcher for all sources: those on one host share its turns."""
    return Fetcher(archive_of(settings), lambda: int(time.time()))


def ask_source(name: str, sources: Sequence[Source], settings: Settings, fetcher: Fetcher, now: int) -> int:
    """Asks one source by its name; returns how many incidents or outages it tells of.

    Raises `SourceError` or `ChainError` if it does not answer as it should, `NotConfigured` if the chain that an uptime
    feed or batches are read from has no node.
    """

    def connect(chain: str) -> Chain:
        return chain_of(settings.subject_nodes, chain)

    form = next((each.form for each in sources if each.name == name), None)
    if form is Form.UPTIME_FEED:
        return ask_feed(name, sources, connect, fetcher.archive, now)
    if form is Form.BATCHES:
        return len(ask_batches(name, sources, connect, fetcher.archive, now - SEARCH_BACK_SECONDS, None, now))
    return ask(name, sources, fetcher, now)


@dataclass(frozen=True)
class Task:
    """That a source is asked every so many seconds; `run` is given now, UTC seconds."""

    source: str
    every_seconds: int
    run: Callable[[int], None]


def timetable(settings: Settings) -> tuple[Task, ...]:
    """What is asked without being told to, each source once.

    Nothing without an archive; of the uptime feeds and the batches those on chains that have a node, and of such chains
    the headers, where they tell when a block was made.
    """
    if settings.archive is None:
        return ()
    folder = settings.data or dataset.default_folder()
    history = dataset.load(folder)
    sources, fetcher = read_sources(folder, history), fetcher_of(settings)

    def task(name: str, every: int) -> Task:
        def run(now: int) -> None:
            ask_source(name, sources, settings, fetcher, now)

        return Task(name, every, run)

    asked = [each for each in sources if each.urls]
    pages = {each.name: MILESTONE_SECONDS if each.form is Form.MILESTONES else PAGE_SECONDS for each in asked}
    contracts = [each for each in sources if each.contract[0] in settings.subject_nodes]
    chains = [each.id for each in history.subjects if each.id in settings.subject_nodes and has_own_clock(each)]
    return (
        *(task(name, every) for name, every in pages.items()),
        *(task(each.name, _CONTRACT_SECONDS[each.form]) for each in contracts),
        *(_search(subject, settings) for subject in chains),
    )


def _search(subject: str, settings: Settings) -> Task:
    """That a chain's headers are searched for gaps."""

    def run(now: int) -> None:
        chain = chain_of(settings.subject_nodes, subject)
        ask_headers(subject, chain, archive_of(settings), now - SEARCH_BACK_SECONDS, None, now)

    return Task(f"{HEADERS}{subject}", HEADER_SECONDS, run)
