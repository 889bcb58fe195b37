"""data/sources.csv: which source tells of which subject, and how each form of source is asked and read."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from insure.errors import DatasetError
from insure.ingest import betterstack, feed, instatus, statuspage
from insure.ingest.incidents import Incident, Reading
from insure.records.cells import Row, read_rows

FILE = "sources.csv"
HEADER = "form,address,subject,components,evidence"


class Form(StrEnum):
    """What a source is made with, which says how it is asked and read."""

    STATUSPAGE = "statuspage"
    ROOTLY = "rootly"
    FEED = "feed"
    INSTATUS = "instatus"
    BETTERSTACK = "betterstack"
    L2BEAT = "l2beat"
    MILESTONES = "milestones"
    UPTIME_FEED = "uptime_feed"
    BATCHES = "batches"
    UNKNOWN = "unknown"  # a page that nobody has looked into: it is not asked


_OF_L2BEAT = frozenset({Form.L2BEAT, Form.MILESTONES})
_OF_CONTRACTS = frozenset({Form.UPTIME_FEED, Form.BATCHES})
_CONTRACT = {
    Form.UPTIME_FEED: (re.compile(r"0x[0-9a-fA-F]{40}"), "a contract's address, 0x and 40 hex digits"),
    Form.BATCHES: (
        re.compile(r"eip155:[1-9][0-9]*:0x[0-9a-fA-F]{40}"),
        "a contract's chain and address, such as eip155:1: and 0x and 40 hex digits",
    ),
}


@dataclass(frozen=True)
class _Maker:
    paths: tuple[str, ...]
    read: Callable[[bytes, int], Reading]
    lists_active: bool = False
    lists_history: bool = False


_MAKERS = {
    Form.STATUSPAGE: _Maker(
        ("/api/v2/incidents.json", "/api/v2/scheduled-maintenances.json"), statuspage.read_incidents, lists_history=True
    ),
    Form.ROOTLY: _Maker(("/api/v1/incidents.json",), statuspage.read_incidents, lists_active=True),
    Form.FEED: _Maker(("/history.atom",), feed.read_incidents, lists_history=True),
    Form.INSTATUS: _Maker(("/summary.json",), instatus.read_incidents, lists_active=True),
    Form.BETTERSTACK: _Maker(("/index.json",), betterstack.read_incidents),
}


@dataclass(frozen=True)
class Source:
    """A page or feed that tells of a subject; of one that tells of several there is one for each.

    `address` is a page's root, of L2BEAT that of its liveness answer or of a project's file, of an uptime feed its
    contract's address on the subject's own chain, of batches that of the subject's `SystemConfig` with the chain it
    lies on (CAIP-10: `eip155:1:0x...`). With `components` only what concerns one of them concerns the subject; for
    L2BEAT it is the project's name. `evidence` is where the relation is from.
    """

    form: Form
    address: str
    subject: str
    components: tuple[str, ...]
    evidence: str

    @property
    def name(self) -> str:
        """By which reports name it: the page's host, L2BEAT's project, or the subject and the contract (feeds of
        several chains share an address)."""
        if self.form in _OF_CONTRACTS:
            return f"{self.form}:{self.subject}/{self.address.lower()}"
        if self.form is Form.MILESTONES:
            return f"{self.form}:{self.project}"
        return f"{self.form}:{urlsplit(self.address).netloc.lower()}"

    @property
    def project(self) -> str:
        """The name that L2BEAT has for the subject; empty for other sources."""
        return self.components[0] if self.form in _OF_L2BEAT and self.components else ""

    @property
    def contract(self) -> tuple[str, str]:
        """The chain and the address of the contract that is asked; both empty for other sources."""
        if self.form is Form.UPTIME_FEED:
            return self.subject, self.address
        chain, _, address = self.address.rpartition(":")
        return (chain, address) if self.form is Form.BATCHES else ("", "")

    @property
    def urls(self) -> tuple[str, ...]:
        """What is asked over HTTP; nothing of other sources."""
        if self.form in _OF_L2BEAT:
            return (self.address,)
        maker = _MAKERS.get(self.form)
        return () if maker is None else tuple(self.address.rstrip("/") + path for path in maker.paths)

    @property
    def lists_active(self) -> bool:
        """Whether the page tells only of what lasts, so that an incident's end is that it is told no more."""
        maker = _MAKERS.get(self.form)
        return maker is not None and maker.lists_active

    @property
    def lists_history(self) -> bool:
        """Whether the page tells of what is over too, so that it does not fall silent."""
        maker = _MAKERS.get(self.form)
        return maker is not None and maker.lists_history

    def read(self, payload: bytes, now: int) -> Reading:
        """The incidents in an answer of the page; raises `InvalidInput` for what is none."""
        return _MAKERS[self.form].read(payload, now)

    def concerns(self, incident: Incident) -> bool:
        """Whether an incident of the page is the subject's."""
        wanted = {each.lower() for each in self.components}
        return not wanted or any(each.lower() in wanted for each in incident.components)


def parse_sources(content: bytes, subjects: Iterable[str]) -> tuple[Source, ...]:
    """The rows of data/sources.csv; raises `DatasetError` with every problem as file:line:column: what is wrong."""
    problems: list[str] = []
    known = set(subjects)
    seen: dict[tuple[str, str], int] = {}
    sources: list[Source] = []
    for row in read_rows(FILE, HEADER, content, problems):
        source = _source(row)
        if source.subject not in known and not row.failed:
            row.fail("subject", f"{source.subject!r} is not an id in subjects.csv")
        if seen.setdefault((source.name, source.subject), row.line) != row.line:
            row.fail(
                "address",
                f"{source.name} tells of {source.subject} already in line {seen[source.name, source.subject]}",
            )
        sources.append(source)
    if problems:
        raise DatasetError("\n".join(problems))
    return tuple(sources)


def _source(row: Row) -> Source:
    form = row.choice("form", Form)
    address = row.text("address")
    if form in _OF_CONTRACTS:
        shape, right = _CONTRACT[form]
        if not shape.fullmatch(address):
            row.fail("address", f"{address!r} must be {right}")
    elif urlsplit(address).scheme != "https" or not urlsplit(address).hostname:
        row.fail("address", f"{address!r} must begin with https:// and name a host")
    components = row.items("components")
    if form in _OF_L2BEAT and len(components) != 1:
        row.fail("components", f"{row.cells['components']!r} must name the one project of L2BEAT's")
    return Source(form, address, row.subject_id("subject") or "", components, row.text("evidence"))
