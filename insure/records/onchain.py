"""What the contracts know: triggers, quotes, policies, incidents and the pool, as values."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Literal

from pricing_models.payoff import Semantics, Terms

Address = str
"""A checksummed address, 0x and 40 hex digits."""
Bytes32 = str
"""A 32-byte word, 0x and 64 hex digits, lower case."""

ZERO_ADDRESS: Address = "0x0000000000000000000000000000000000000000"


class PathKind(IntEnum):
    """What sort of evidence a path gives; the numbers are the contract's."""

    ABSENCE = 0
    QUORUM = 1
    RECOVERY = 2


@dataclass(frozen=True)
class Head:
    """One block of a chain: number, hash and its timestamp (UTC seconds)."""

    number: int
    hash: str
    timestamp: int


FINALIZED: Final = "finalized"
Confirmations = int | Literal["finalized"]
"""How deep a block must be to be believed: so many blocks behind the head, or final as the chain itself has it."""

MERGE_GAP_SECONDS = 1_800
"""Within which spells are one incident, unless a trigger says otherwise."""
LOW_GAS_WEI = 5 * 10**16
"""A sender with less soon stops."""


@dataclass(frozen=True)
class Receipt:
    """A mined transaction; `fee` is what its gas cost, in the smallest unit of the chain's own coin."""

    tx_hash: str
    block_number: int
    gas_used: int
    timestamp: int
    fee: int = 0
    succeeded: bool = True


@dataclass(frozen=True)
class Log:
    """A decoded event of one of our contracts; (chain, tx_hash, log_index) is its identity."""

    chain_id: int
    address: Address
    contract: str
    event: str
    args: dict[str, object]
    block_number: int
    block_hash: str
    tx_hash: str
    log_index: int
    timestamp: int


@dataclass(frozen=True)
class Span:
    """A stretch of time in UTC seconds: `start` is its first second, `until` the first one after it."""

    start: int
    until: int

    @property
    def seconds(self) -> int:
        """Its length."""
        return self.until - self.start


@dataclass(frozen=True)
class Spell:
    """One continuous interval of downtime that one path attests; `until` is "so far" while it is open."""

    path: Address
    index: int
    start: int
    until: int
    open: bool


@dataclass(frozen=True)
class Observation:
    """What one observer says of a subject (bytes32 key): down in [start, until); `ended` if it came back at `until`."""

    subject: Bytes32
    start: int
    until: int
    ended: bool
    deadline: int


@dataclass(frozen=True)
class SignedObservation:
    """An observation with its observer's EIP-712 signature."""

    observation: Observation
    observer: Address
    signature: str


@dataclass(frozen=True)
class TriggerPath:
    """A path of a trigger: contract, longest lateness of its evidence in seconds, further parties (bytes32).

    Not heard of for longer than `maximum_silence` seconds it may be retired for good.
    """

    path: Address
    grace: int
    maximum_silence: int = 2_592_000
    parties: tuple[Bytes32, ...] = ()


@dataclass(frozen=True)
class Trigger:
    """The immutable rule by which downtime of one subject is established; all times in seconds.

    `court` may dispute what is not confirmed yet and `arbiter` rules on that; `calendar_signer` announces stops, of at
    most `calendar_seconds_per_year`. The zero address stands for nobody.
    """

    subject_id: str
    paths: tuple[TriggerPath, ...]
    quorum: int = 2
    merge_gap: int = MERGE_GAP_SECONDS
    minimum_spell: int = 600
    challenge_period: int = 1_800
    checkpoint_step: int = 600
    cooling_off: int = 86_400
    tail: int = 604_800
    guardian: Address = ZERO_ADDRESS
    court: Address = ZERO_ADDRESS
    arbiter: Address = ZERO_ADDRESS
    calendar_signer: Address = ZERO_ADDRESS
    calendar_seconds_per_year: int = 0


@dataclass(frozen=True)
class Member:
    """A path of a trigger as the incident book keeps it.

    `silent_since` is when it was noted as silent or broken, or retired, UTC seconds; 0 if neither.
    """

    path: Address
    family: int
    absence: bool
    retired: bool
    silent_since: int
    maximum_silence: int


@dataclass(frozen=True)
class SaleRules:
    """What a sale of cover on a trigger must know; times in seconds, `funded_until` in UTC seconds.

    `funded_until` is until when the evidence that must keep coming is paid for, the largest 64-bit number if nobody
    pays. `subject` is the subject's key.
    """

    subject: Bytes32
    cooling_off: int
    tail: int
    challenge_period: int
    incidents: int
    funded_until: int
    quiet: bool


@dataclass(frozen=True)
class Dispute:
    """The dispute of an incident: what is covered from `start` on is held back until `lapses_at`, 0 if none is open."""

    start: int
    lapses_at: int
    rounds: int

    def is_open(self, now: int) -> bool:
        """Whether it holds anything back at that time."""
        return now < self.lapses_at


@dataclass(frozen=True)
class DisputeCase:
    """An open dispute at a pool's court: who posted `bond` (smallest units) on each side; zero address for nobody."""

    disputer: Address
    defender: Address
    sequence: int
    round: int
    lapses_at: int
    bond: int


@dataclass(frozen=True)
class Quote:
    """An offer that an underwriter signs; `premium` in smallest units, times in UTC seconds."""

    pool: Address
    asset: Address
    buyer: Address
    trigger_id: Bytes32
    terms: Terms
    start: int
    end: int
    standby: Address
    premium: int
    model_version: Bytes32
    nonce: int
    """From 1 to 2**40 - 1; with the underwriter's number it is the policy's id."""
    deadline: int
    exclusions: tuple[Span, ...] = ()
    """Windows whose seconds are not covered, at most four, ascending and disjoint."""
    renews: int = 0
    """The policy that this one continues without a gap; 0 if none."""


@dataclass(frozen=True)
class Permit:
    """A buyer's leave to take the premium by signature: of the asset itself (ERC-2612), or of Permit2 (then with
    `expiration` and `nonce`)."""

    permit2: bool
    amount: int
    deadline: int
    signature: str
    expiration: int = 0
    nonce: int = 0


@dataclass(frozen=True)
class SignedQuote:
    """A quote with its underwriter's EIP-712 signature."""

    quote: Quote
    underwriter: Address
    signature: str


@dataclass(frozen=True)
class Listing:
    """Within which bounds cover on a trigger is sold."""

    floor_rate_bps: int
    minimum_waiting: int
    minimum_seconds_to_limit: int
    minimum_term: int
    maximum_term: int
    cap: int
    open: bool = True


@dataclass(frozen=True)
class Policy:
    """A policy and what it has been owed and paid so far, for all incidents together."""

    policy_id: int
    holder: Address
    trigger_id: Bytes32
    terms: Terms
    start: int
    end: int
    standby: Address
    premium: int
    owed: int = 0
    paid: int = 0
    released: bool = False
    cancelled: bool = False
    """Ended early by its holder; `end` is when."""
    renewed: bool = False
    exclusions: tuple[Span, ...] = ()


@dataclass(frozen=True)
class Incident:
    """What k families of one trigger agree on; `start` is 0 until confirmed, `final_at` until its end."""

    trigger_id: Bytes32
    sequence: int
    start: int
    until: int
    covered_seconds: int
    proposed_at: int
    final_at: int
    delayed_until: int
    checkpoints: int
    spans: tuple[Span, ...] = ()
    """The confirmed covered time, oldest first, where it was asked for."""


@dataclass(frozen=True)
class Checkpoint:
    """A proposed state of an incident with its own clock."""

    trigger_id: Bytes32
    sequence: int
    index: int
    proposed_at: int
    covered_seconds: int
    ready_at: int


@dataclass(frozen=True)
class Claim:
    """What one policy is owed for one incident as confirmed so far, and what of it was paid or is debt of the pool."""

    policy_id: int
    sequence: int
    owed: int
    paid: int
    debt: int


@dataclass(frozen=True)
class Solvency:
    """The pool's money at a glance, smallest units; the fields are those of the contract's view."""

    assets: int
    unearned: int
    debts: int
    claimable: int
    reserve: int
    matured_exits: int
    exposed: int
    free: int
    supply: int


__all__ = [
    "LOW_GAS_WEI",
    "ZERO_ADDRESS",
    "Address",
    "Bytes32",
    "Checkpoint",
    "Claim",
    "Dispute",
    "DisputeCase",
    "Head",
    "Incident",
    "Listing",
    "Log",
    "Member",
    "Observation",
    "PathKind",
    "Permit",
    "Policy",
    "Quote",
    "Receipt",
    "SaleRules",
    "Semantics",
    "SignedObservation",
    "SignedQuote",
    "Solvency",
    "Span",
    "Spell",
    "Terms",
    "Trigger",
    "TriggerPath",
]
