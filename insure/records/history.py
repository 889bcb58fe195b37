"""What is known of the past: insurable subjects, their outages, and the causes they share."""

import re
from dataclasses import dataclass
from enum import StrEnum

from eth_utils.crypto import keccak

from insure.errors import InvalidInput

_CAIP2 = re.compile(r"[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}")
_SERVICE = re.compile(r"svc:[a-z0-9-]+")
_EVM = re.compile(r"eip155:(0|[1-9][0-9]*)")

HOUR_SECONDS = 3_600
DAY_SECONDS = 86_400


class SubjectKind(StrEnum):
    """What a subject is."""

    L1 = "l1"  # a chain with its own consensus, sidechains included
    APPCHAIN = "appchain"  # such a chain run for one application or inside a hub
    L2 = "l2"
    L3 = "l3"
    BRIDGE = "bridge"
    DATA_LAYER = "data_layer"
    INFRASTRUCTURE = "infrastructure"  # RPC providers and oracles
    STACK = "stack"  # shared software, contracts or provers
    OPERATOR = "operator"  # a party that runs or upgrades several chains
    CLOUD = "cloud"

    @property
    def is_chain(self) -> bool:
        """Whether subjects of this kind make blocks, so that a halt has a meaning."""
        return self in _CHAINS


_CHAINS = frozenset({SubjectKind.L1, SubjectKind.APPCHAIN, SubjectKind.L2, SubjectKind.L3, SubjectKind.DATA_LAYER})


class Observation(StrEnum):
    """How a subject was watched, best first; without watching, absence of outages means nothing."""

    SYSTEMATIC = "systematic"
    STATUS_PAGE = "status_page"
    PRESS = "press"
    NONE = "none"


class Inclusion(StrEnum):
    """Why a subject is in the data: the first two are rules that know nothing of halts."""

    MARKET_CAP_RANK = "market_cap_rank"
    L2BEAT_LISTING = "l2beat_listing"
    OUTAGE = "outage"  # because it halted: its quiet years are no evidence
    DEPENDENCY = "dependency"  # because others depend on it
    LISTED = "listed"  # by hand, for no halt of its own

    @property
    def is_of_universe(self) -> bool:
        """Whether it makes a member of the frequency universe."""
        return self in (Inclusion.MARKET_CAP_RANK, Inclusion.L2BEAT_LISTING)


class Precision(StrEnum):
    """How exactly an instant is known."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


class Stopped(StrEnum):
    """What stopped in an outage."""

    BLOCK_PRODUCTION = "block_production"
    DELIBERATE = "deliberate"  # blocks, by somebody's decision
    DEGRADED_THROUGHPUT = "degraded_throughput"
    FINALITY = "finality"
    BATCH_POSTING = "batch_posting"
    BRIDGE = "bridge"
    RPC_OR_FRONTEND = "rpc_or_frontend"


class Severity(StrEnum):
    """How bad an outage was."""

    FULL_HALT = "full_halt"
    DEGRADED = "degraded"
    FINALITY_LOSS = "finality_loss"
    BRIDGE_OR_RPC_ONLY = "bridge_or_rpc_only"
    PLANNED = "planned"


class Peril(StrEnum):
    """What caused an outage."""

    CLIENT_BUG = "client_bug"
    CONSENSUS_BUG = "consensus_bug"
    SEQUENCER_BUG = "sequencer_bug"
    UPGRADE_FAILURE = "upgrade_failure"
    EXPLOIT_RESPONSE = "exploit_response"
    RESOURCE_EXHAUSTION_SPAM = "resource_exhaustion_spam"
    GOVERNANCE_HALT = "governance_halt"
    VALIDATOR_INFRA = "validator_infra"
    CLOUD_OR_HARDWARE = "cloud_or_hardware"
    L1_DEPENDENCY = "l1_dependency"
    BATCHER_OR_POSTING = "batcher_or_posting"
    PROVER = "prover"
    OTHER = "other"


class Ended(StrEnum):
    """How an outage ended."""

    RESUMED = "resumed"
    PERMANENT = "permanent"
    UNKNOWN = "unknown"


class Confidence(StrEnum):
    """How far a row can be trusted."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Relation(StrEnum):
    """How a subject depends on a cause."""

    SETTLEMENT = "settlement"  # posts to this chain
    SECURITY = "security"  # blocks need this chain
    DATA_LAYER = "data_layer"
    STACK = "stack"
    OPERATOR = "operator"
    CLOUD = "cloud"


class Basis(StrEnum):
    """Where a pass-through probability comes from."""

    MEASURED = "measured"
    JUDGEMENT = "judgement"


@dataclass(frozen=True)
class Subject:
    """A chain or service; times are UTC seconds, `end` and `observed_to` the second after the last day.

    `observed_from` and `observed_to` bracket the time for which its outages are counted; without the latter,
    to this day.
    """

    id: str
    slug: str
    name: str
    aliases: tuple[str, ...]
    kind: SubjectKind
    stack: str
    launch: int | None
    launch_source: str
    end: int | None
    observed_from: int | None
    observed_to: int | None
    observation: Observation
    well_observed: bool
    in_frequency_universe: bool
    inclusion_reason: Inclusion
    operator_controlled: bool
    block_time_seconds: float | None
    settles_on: str | None
    notes: str


@dataclass(frozen=True)
class Outage:
    """One spell of trouble of one subject; outages of one cause share `event_id`.

    `start` and `end` are UTC seconds as good as their precision (a day: its first second). Durations are
    seconds: equal bounds are exact, two Nones unknown, a lower bound alone means "at least".
    """

    id: str
    event_id: str
    subject: str
    what_stopped: Stopped
    start: int
    start_precision: Precision
    end: int | None
    end_precision: Precision | None
    ended: Ended
    duration_low_seconds: int | None
    duration_high_seconds: int | None
    severity: Severity
    peril: Peril
    usable: bool
    unusable_reason: str
    root_cause: str
    sources: tuple[str, ...]
    confidence: Confidence
    notes: str

    @property
    def start_interval(self) -> tuple[int, int]:
        """The seconds within which it began."""
        return interval(self.start, self.start_precision)

    @property
    def end_interval(self) -> tuple[int, int] | None:
        """The seconds within which it ended, if the end is known."""
        if self.end is None or self.end_precision is None:
            return None
        return interval(self.end, self.end_precision)


@dataclass(frozen=True)
class Dependency:
    """That a halt of `cause` can stop `subject`, with what probability: low, base, high."""

    subject: str
    cause: str
    relation: Relation
    basis: Basis
    pass_through_low: float
    pass_through_base: float
    pass_through_high: float
    note: str
    source: str


def interval(instant: int, precision: Precision) -> tuple[int, int]:
    """Return the seconds that a stamp stands for: a day is all of it, a clock time rounds both ways."""
    if precision is Precision.DAY:
        return instant, instant + DAY_SECONDS
    half = 30 if precision is Precision.MINUTE else HOUR_SECONDS // 2
    return instant - half, instant + half


def parse_subject_id(text: str) -> str:
    """Return `text` if it is a CAIP-2 chain id or `svc:<slug>`; raise `InvalidInput` otherwise.

    A chain has one id only, so an eip155 reference is decimal without leading zeros.
    """
    namespace = text.partition(":")[0]
    if namespace == "svc":
        right, rule = _SERVICE, "svc: and a slug of a-z, 0-9 and -"
    elif namespace == "eip155":
        right, rule = _EVM, "eip155: and a decimal chain id without leading zeros"
    else:
        right, rule = _CAIP2, "namespace:reference as CAIP-2 has it, such as eip155:42161, or svc:<slug>"
    if not right.fullmatch(text) or (namespace != "svc" and not _CAIP2.fullmatch(text)):
        raise InvalidInput(f"subject id {text!r} must be {rule}")
    return text


def subject_key(subject_id: str) -> bytes:
    """The 32 bytes by which contracts know a subject: keccak256 of its id in UTF-8."""
    return keccak(text=parse_subject_id(subject_id))
