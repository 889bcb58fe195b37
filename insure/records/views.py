"""What every surface shows: the engine's answers as frozen values, the same for screen, API and command line.

Money is an integer of the asset's smallest unit, time is UTC seconds, rates are basis points; the frequencies
and durations of the models stay floats.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from insure.records.history import SubjectKind
from insure.records.mirror import Spending
from insure.records.onchain import (
    ZERO_ADDRESS,
    Address,
    Bytes32,
    Checkpoint,
    Incident,
    Listing,
    PathKind,
    Policy,
    SignedQuote,
    Solvency,
    Span,
    Spell,
    Terms,
)
from pricing_models.overrides import Override
from pricing_models.payoff import most_payable

ONE_E18 = 10**18


class SubjectState(StrEnum):
    """Whether cover on a subject may be sold now, and if not, why."""

    QUIET = "quiet"  # cover is sold
    ALARMED = "alarmed"  # a path shows a first sign of trouble, or too few families are live
    INCIDENT = "incident"  # an incident is open or not settled yet
    CLOSED = "closed"  # listed, but sales are stopped
    UNLISTED = "unlisted"  # priced, but nobody has listed a trigger for it


@dataclass(frozen=True)
class SubjectView:
    """A subject as an underwriter sees it: its history, the model's opinion, and whether cover is sold.

    `rate_*` are halts per year (posterior mean and 90% interval), `median_seconds` and `p95_seconds` how long its
    next halt lasts. `exposed` is the sum of remaining limits in force on it.
    """

    subject_id: str
    name: str
    kind: SubjectKind
    halts: int
    exposure_years: float
    rate_mean: float
    rate_low: float
    rate_high: float
    median_seconds: float
    p95_seconds: float
    state: SubjectState
    trigger_id: Bytes32 | None = None
    listing: Listing | None = None
    exposed: int = 0


@dataclass(frozen=True)
class PriceComponent:
    """One line of a premium's breakdown, rounded up; `judgement` says that no data support it."""

    name: str
    label: str
    amount: int
    judgement: bool = False


@dataclass(frozen=True)
class LossView:
    """What a policy pays over its term: `exceedance[i]` is the probability of more than `amounts[i]`.

    `amounts` rise from zero to the aggregate limit. `mean`, `sd` and the quantiles are rounded up.
    """

    amounts: tuple[int, ...]
    exceedance: tuple[float, ...]
    mean: int
    sd: int
    quantile_95: int
    quantile_99: int
    probability_of_any: float
    probability_of_exhaustion: float


@dataclass(frozen=True)
class JudgedPart:
    """A component that rests on judgement, at the low, the base and the high end of it."""

    name: str
    low: int
    base: int
    high: int


@dataclass(frozen=True)
class RateView:
    """Halts a year over the term: mean, 90% interval, and the weight of the subject's own history (credibility)."""

    mean: float
    low: float
    high: float
    credibility: float


@dataclass(frozen=True)
class CapitalView:
    """What the cost of capital is charged on: the larger of the pool's `lock` for the policy and of `marginal`, what
    its tail needs for it; None where no run of the pool's book told."""

    lock: int
    marginal: int | None = None

    @property
    def counts(self) -> str:
        """Which of the two is charged for."""
        return "marginal" if self.marginal is not None and self.marginal > self.lock else "lock"


@dataclass(frozen=True)
class PriceView:
    """A premium and how it comes about: the components add up to `premium` exactly.

    `rate_bps` is the premium in basis points of the aggregate limit per year; `premium_low` and `premium_high` the
    premium with every judgement at its low and its high end; `expected_low` and `expected_high` the 90% interval of the
    expected payout over the posterior of rate and lengths. All are rounded up. The expected payout is `loss.mean`: the
    components up to failovers are what the outages would be paid, `basis_risk` what the trigger adds to that or, where
    it is negative, leaves unpaid. `rate` is the halts a year that the price rests on. `judged` has what rests on
    judgement and `judgement_share` its part of the premium; `rests_on` says in words what rate, lengths and charges
    rest on.
    `principles` has the premium if another principle stood in the place of the cost of capital. `unpaid` is the part of
    what the outages would be paid that the trigger misses (low, base, high): the buyer's own risk, and not charged.
    `capital` is what its cost is charged on. `most_payable` is the most that such a policy can ever be owed; `warnings`
    says in words what nobody should buy or sell unawares. `override` is what an underwriter put in the place of the
    fitted rate, with the reason.
    """

    subject_id: str
    terms: Terms
    term_seconds: int
    premium: int
    components: tuple[PriceComponent, ...]
    rate_bps: int
    premium_low: int
    premium_high: int
    expected_low: int | None
    expected_high: int | None
    model_version: str
    loss: LossView
    capital: CapitalView
    judged: tuple[JudgedPart, ...] = ()
    judgement_share: float = 0.0
    rests_on: tuple[str, ...] = ()
    principles: tuple[tuple[str, int], ...] = ()
    unpaid: tuple[float, float, float] | None = None
    rate: RateView | None = None
    override: Override | None = None

    @property
    def most_payable(self) -> int:
        """The most that the policy can be owed over its term."""
        return most_payable(self.terms, self.term_seconds)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What speaks against any such sale; nothing as a rule."""
        if self.premium < self.most_payable:
            return ()
        return (f"premium is {self.premium}: not below {self.most_payable}, the most that this cover can ever pay",)


@dataclass(frozen=True)
class TreatedPrice:
    """A premium under one reading of the history: whose quiet time counts (`exposure`), and how long the halts without
    a known end lasted (`ends`), and within how many seconds reports are one halt. `base` marks the reading that is
    sold. Amounts are rounded up."""

    exposure: str
    ends: str
    premium: int
    expected_payout: int
    base: bool
    merge_gap_seconds: int


@dataclass(frozen=True)
class QuoteRequest:
    """What a buyer asks of the desk; `standby` may prove a failover, the zero address if nobody may."""

    subject_id: str
    buyer: Address
    terms: Terms
    term_seconds: int
    standby: Address = ZERO_ADDRESS


@dataclass(frozen=True)
class PreparedTransaction:
    """A transaction ready to be signed by its sender; `value` in wei of the host chain's coin."""

    to: Address
    data: str
    value: int
    chain_id: int


@dataclass(frozen=True)
class IssuedQuote:
    """A signed offer, how its premium came about, and the buyer's two transactions.

    `approval` lets the pool take the premium, `transaction` takes up the offer; in this order.
    """

    signed: SignedQuote
    price: PriceView
    approval: PreparedTransaction
    transaction: PreparedTransaction


@dataclass(frozen=True)
class PaymentView:
    """One payment on a policy for one incident: sent, and what was recorded as debt for want of assets."""

    at: int
    policy_id: int
    trigger_id: Bytes32
    sequence: int
    to: Address
    paid: int
    debt: int
    tx_hash: str


@dataclass(frozen=True)
class ClaimView:
    """What a policy is owed for one incident as confirmed so far, what was paid of it, and when."""

    policy_id: int
    trigger_id: Bytes32
    sequence: int
    subject_id: str
    owed: int
    paid: int
    debt: int
    payments: tuple[PaymentView, ...] = ()


@dataclass(frozen=True)
class PolicyView:
    """A policy with its subject and its claims."""

    policy: Policy
    subject_id: str
    claims: tuple[ClaimView, ...] = ()


@dataclass(frozen=True)
class PathView:
    """What one path of a trigger attests; paths with one `family` number share a party."""

    path: Address
    name: str
    kind: PathKind
    family: int
    grace: int
    alarmed: bool
    spells: tuple[Spell, ...] = ()


@dataclass(frozen=True)
class WatchView:
    """A listed trigger as its paths see its subject now, incident or not.

    `silent` names the paths that are noted as silent or broken, or retired; `funded_until` is until when the evidence
    that must keep coming is paid for (UTC seconds), None where nobody needs to pay.
    """

    trigger_id: Bytes32
    subject_id: str
    subject_name: str
    quorum: int
    state: SubjectState
    paths: tuple[PathView, ...]
    silent: tuple[str, ...] = ()
    funded_until: int | None = None


@dataclass(frozen=True)
class IncidentView:
    """An incident with its evidence and its payments.

    `ended_at` is the second from which the quorum attests no more downtime, None while it still does.
    """

    incident: Incident
    subject_id: str
    subject_name: str
    quorum: int
    paths: tuple[PathView, ...]
    spans: tuple[Span, ...]
    checkpoints: tuple[Checkpoint, ...]
    payments: tuple[PaymentView, ...]
    ended_at: int | None

    @property
    def paid(self) -> int:
        """Sent for this incident, over all policies."""
        return sum(payment.paid for payment in self.payments)

    @property
    def paid_while_down(self) -> int:
        """Of it, what was sent before the subject came back."""
        return sum(payment.paid for payment in self.payments if self.was_down_at(payment.at))

    def was_down_at(self, at: int) -> bool:
        """Whether the downtime had not ended by `at`."""
        return self.ended_at is None or at < self.ended_at


@dataclass(frozen=True)
class SubjectExposure:
    """Remaining limits in force on one subject, and what is held in reserve as it is alarmed or unsettled."""

    subject_id: str
    name: str
    policies: int
    exposed: int
    reserve: int
    cap: int


@dataclass(frozen=True)
class ScenarioExposure:
    """Remaining limits that one cause can call at once; `available` is what the pool has against them."""

    name: str
    subjects: tuple[str, ...]
    exposed: int
    available: int


@dataclass(frozen=True)
class PoolSnapshot:
    """The pool at one moment; `share_price_e18` is one share's value in assets, times 1e18, rounded down."""

    at: int
    assets: int
    reserve: int
    exposed: int
    share_price_e18: int


@dataclass(frozen=True)
class StakerView:
    """A staker's shares and what they are worth now, rounded down."""

    staker: Address
    shares: int
    value: int


@dataclass(frozen=True)
class PoolView:
    """The stakers' pool now and over time.

    * `utilisation_bps`: the largest scenario over what the pool has against it (rounded up; None if it has nothing).
    * `premium_yield_bps`: what the premium in force earns in a year on the stakers' assets, before losses (rounded
      down; None while the pool is empty).
    * `priced_loss_bps`: the part of it that the models expect to be paid out (rounded up; None where the quote of a
      policy in force is not known).
    """

    at: int
    solvency: Solvency
    share_price_e18: int
    share_decimals: int
    price_reliable: bool
    utilisation_bps: int | None
    premium_yield_bps: int | None
    priced_loss_bps: int | None
    premium_written: int
    premium_earned: int
    claims_owed: int
    claims_paid: int
    policies_in_force: int
    subjects: tuple[SubjectExposure, ...]
    scenarios: tuple[ScenarioExposure, ...]
    history: tuple[PoolSnapshot, ...] = ()
    stakers: tuple[StakerView, ...] = ()


@dataclass(frozen=True)
class LedgerEntry:
    """One event of our contracts; `details` are its arguments, `gas_used` that of its transaction."""

    at: int
    what: str
    contract: str
    tx_hash: str
    gas_used: int | None
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class JobView:
    """How a scheduled job fares; `last_error` is empty when its last run was good."""

    name: str
    every_seconds: float
    runs: int
    failures: int
    last_at: int | None
    last_error: str
    last_seconds: float = 0.0
    """How long the last run took."""


@dataclass(frozen=True)
class EndpointView:
    """How an endpoint of the host chain fares: last head, failures in a row, average seconds of an answer, whether it
    is well enough to be used now."""

    host: str
    head: int
    failures: int
    latency: float
    used: bool


@dataclass(frozen=True)
class SenderView:
    """A key of this process that sends transactions: what for, its address, and what it has left for gas (wei)."""

    role: str
    address: Address
    balance: int


READY_LAG = 256
"""Blocks deep enough that the mirror may lack for what it shows to be of use."""


@dataclass(frozen=True)
class Rollback:
    """That the mirror went back: the chain had left `block`, which was deep enough to be believed, behind.

    `ancestor` is the block it went back to, -1 for its beginning; `at` the time of the chain's last block then.
    """

    at: int
    block: int
    ancestor: int


@dataclass(frozen=True)
class Health:
    """Whether the engine works: the host's head, how far the mirror is, the jobs, the endpoints, what sends and
    what that has cost."""

    now: int
    chain_id: int
    head: int
    deep: int
    """The last block that is deep enough to be believed, negative before there is one."""
    mirrored_to: int
    """The last block that the mirror has taken in, -1 before the first."""
    jobs: tuple[JobView, ...]
    endpoints: tuple[EndpointView, ...] = ()
    senders: tuple[SenderView, ...] = ()
    spendings: tuple[Spending, ...] = ()
    rollback: Rollback | None = None
    """The last one since the start."""
    heads: str = ""
    """Where new heads are known from: `websocket`, `polling`, or nothing where jobs run by their intervals alone."""
    private_endpoints: tuple[EndpointView, ...] = ()
    """Those that transactions are published by alone; none has a head."""

    @property
    def lag(self) -> int:
        """How many blocks are deep enough and not in the mirror."""
        return max(0, self.deep - self.mirrored_to)

    @property
    def ready(self) -> bool:
        """Whether the mirror has nearly all that is deep enough."""
        return self.mirrored_to >= 0 and self.lag <= READY_LAG

    @property
    def ok(self) -> bool:
        """Whether every job's last run was good."""
        return all(not job.last_error for job in self.jobs)


@dataclass(frozen=True)
class ModelScore:
    """A frequency model looking a year ahead: nats won over the baseline with the 90% interval over chains, the gap to
    the best with its s.e., CRPS, share of outcomes inside the central 90%, halts expected and seen."""

    name: str
    parameters: int
    gain: float
    gain_low: float
    gain_high: float
    behind_best: float
    behind_best_se: float
    crps: float
    coverage_90: float
    expected: float
    observed: int


@dataclass(frozen=True)
class LengthScore:
    """A law of the lengths of halts looking a year ahead: nats won over one law for all with the 90% interval over
    chains, the gap to the best with its s.e., the shares of `halts` inside their central 50%, 80% and 90%, and what one
    was expected to be paid over what it was, with its 90% interval."""

    name: str
    parameters: int
    halts: int
    gain: float
    gain_low: float
    gain_high: float
    behind_best: float
    behind_best_se: float
    coverage: tuple[float, float, float]
    expected_over_paid: float
    expected_over_paid_low: float
    expected_over_paid_high: float


@dataclass(frozen=True)
class Spread:
    """Halts expected and seen in a fifth of the subjects."""

    expected: float
    observed: int


@dataclass(frozen=True)
class BookYear:
    """A year of the synthetic book in whole asset units; `paid_*` by what the unknown ends of halts allow."""

    year: str
    policies: int
    halts: int
    expected: float
    premium: float
    paid_low: float
    paid_base: float
    paid_high: float


@dataclass(frozen=True)
class LookBack:
    """Whether forecasts and prices would have been right in the past, and in words what speaks `against` them.

    `simulated` has, by fit and figure, the p-value that the fits find what simulated histories were made from.
    `lengths` are none in a look back of an earlier program, which did not score them.
    """

    as_of: str
    model_version: str
    baseline: str
    shipped: str
    is_simplest: bool
    models: tuple[ModelScore, ...]
    pit: tuple[float, ...]
    pit_p_value: float
    simulated: Mapping[str, float]
    spread: tuple[Spread, ...]
    book: tuple[BookYear, ...]
    against: tuple[str, ...]
    lengths: tuple[LengthScore, ...] = ()
    lengths_shipped: str = ""
