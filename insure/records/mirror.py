"""What the mirror keeps beyond the contracts' nouns: claims by incident, listed triggers, reports, our own doings."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from insure.records.onchain import Address, Bytes32, Claim, Listing, Receipt, SignedQuote
from pricing_models.capacity import Utilisation
from pricing_models.observation import Trigger
from pricing_models.premium import Loadings


@dataclass(frozen=True)
class IncidentClaim(Claim):
    """A claim with the trigger whose incident it is for; `debt` is what the pool still has to pay of it."""

    trigger_id: Bytes32
    last_at: int


@dataclass(frozen=True)
class KnownTrigger:
    """A trigger as its logs show it; `listing` is None until it is listed."""

    trigger_id: Bytes32
    subject_id: str
    subject_key: Bytes32
    quorum: int
    families: int
    created_at: int
    listing: Listing | None


@dataclass(frozen=True)
class Failover:
    """A failover of a policy's application to its standby chain, proven at `activated_at`."""

    policy_id: int
    sequence: int
    activated_at: int


@dataclass(frozen=True)
class SpellReport:
    """What a watcher path attested at `at`: its spell `index` of a subject, so far."""

    at: int
    path: Address
    subject_key: Bytes32
    index: int
    start: int
    until: int
    open: bool
    tx_hash: str


@dataclass(frozen=True)
class AlarmReport:
    """One observer's first sign of trouble, counted until `alarmed_until`."""

    at: int
    path: Address
    subject_key: Bytes32
    observer: Address
    alarmed_until: int
    tx_hash: str


@dataclass(frozen=True)
class Beat:
    """A counted heartbeat of a subject: sent at `sent_at`, on the host chain at `at`."""

    at: int
    path: Address
    subject_key: Bytes32
    sent_at: int
    tx_hash: str


class Fate(StrEnum):
    """What has become of a transaction of ours; all but the last two may still change."""

    WAITING = "waiting"
    DROPPED = "dropped"
    """The node does not know it any more; it may still be mined."""
    MINED = "mined"
    FINAL = "final"
    """Mined as deep as the mirror waits for, whether it succeeded or not."""
    REPLACED = "replaced"
    """Another transaction has used its nonce, as deep as that."""


SETTLED = frozenset({Fate.FINAL, Fate.REPLACED})
"""What does not change any more."""


@dataclass(frozen=True)
class SentTransaction:
    """A transaction that was signed at `signed_at`, the time of the chain's last block; `kind` is the function called.

    `value` is what of the chain's own coin went with it. The receipt is None until it is mined.
    """

    tx_hash: str
    kind: str
    sender: Address
    nonce: int
    value: int
    signed_at: int
    fate: Fate = Fate.WAITING
    receipt: Receipt | None = None


@dataclass(frozen=True)
class Spending:
    """What the final transactions of one sender and kind have cost: `fees` for gas and `value` sent along, wei."""

    sender: Address
    kind: str
    transactions: int
    failures: int
    gas_used: int
    fees: int
    value: int


@dataclass(frozen=True)
class PricedOn:
    """What a quote was priced on beside its terms: paths, loadings, where the pool stood, and the yearly floor that the
    listing held it to; with the model version that it carries, its premium can be worked out again."""

    trigger: Trigger
    loadings: Loadings
    utilisation: Utilisation | None
    marginal_capital: float | None
    floor_rate_bps: int


@dataclass(frozen=True)
class RecordedQuote:
    """A quote that was issued at `at`, how its premium came about, and the policy it was bought as, if it was;
    `priced_on` is None of quotes from before it was kept."""

    signed: SignedQuote
    breakdown: Mapping[str, object]
    at: int
    policy_id: int | None
    priced_on: PricedOn | None = None


@dataclass(frozen=True)
class LeaseRecord:
    """Who has a right that one process at a time has, and until when (UTC seconds)."""

    name: str
    holder: str
    until: int


@dataclass(frozen=True)
class JobRecord:
    """How often a job ran and failed over all starts; `last_error` is empty when its last run was good."""

    name: str
    runs: int
    failures: int
    last_at: int
    last_error: str
