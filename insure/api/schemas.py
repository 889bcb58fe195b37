"""The JSON of the API: the views field by field, money as strings of whole smallest units, times in UTC seconds."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from insure.errors import InvalidInput
from insure.records.history import SubjectKind
from insure.records.onchain import ZERO_ADDRESS, PathKind, Semantics, Terms
from insure.records.views import QuoteRequest, SubjectState
from pricing_models.errors import InvalidTerms


def _whole_units(value: object) -> int:
    """An int, or a string of digits: floats lose units and booleans are no money."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    raise ValueError("must be a whole number of smallest units, as a string of digits or an integer")


Amount = Annotated[
    int,
    BeforeValidator(_whole_units, json_schema_input_type=str | int),
    PlainSerializer(str, return_type=str),
]
"""Money or a number beyond 2^53: an int here, a string of digits in JSON."""
Seconds = Annotated[int, Field(strict=True, ge=0)]
KindName = Annotated[str, BeforeValidator(lambda kind: PathKind(kind).name.lower())]


class Answer(BaseModel):
    """Read from a view of the same field names."""

    model_config = ConfigDict(from_attributes=True, extra="ignore", protected_namespaces=())


class TermsBody(Answer):
    """What cover pays."""

    model_config = ConfigDict(from_attributes=True, extra="forbid")
    waiting_seconds: Seconds
    semantics: Semantics
    rate_per_second: Amount
    failover_benefit: Amount = 0
    incident_limit: Amount
    aggregate_limit: Amount


class QuoteBody(BaseModel):
    """A request for a signed quote."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "subject_id": "eip155:42161",
                "buyer": "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
                "term_seconds": 7776000,
                "terms": {
                    "waiting_seconds": 3600,
                    "semantics": "retention",
                    "rate_per_second": "1000000",
                    "failover_benefit": "0",
                    "incident_limit": "50000000000",
                    "aggregate_limit": "100000000000",
                },
            }
        },
    )
    subject_id: str
    buyer: str
    terms: TermsBody
    term_seconds: Seconds
    standby: str = ZERO_ADDRESS

    def to_request(self) -> QuoteRequest:
        """The request as the desk takes it; raises `InvalidInput` naming a term that can't be."""
        fields: dict[str, Any] = {name: getattr(self.terms, name) for name in TermsBody.model_fields}
        try:
            terms = Terms(**fields)
        except InvalidTerms as error:
            raise InvalidInput(f"terms.{error}") from error
        return QuoteRequest(self.subject_id, self.buyer, terms, self.term_seconds, self.standby)


class ListingBody(Answer):
    """Within which bounds cover is sold."""

    floor_rate_bps: int
    minimum_waiting: int
    minimum_seconds_to_limit: int
    minimum_term: int
    maximum_term: int
    cap: Amount
    open: bool


class SubjectBody(Answer):
    """A subject: history, model, state of sales."""

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
    trigger_id: str | None
    listing: ListingBody | None
    exposed: Amount


class ComponentBody(Answer):
    """One line of a premium."""

    name: str
    label: str
    amount: Amount
    judgement: bool


class CapitalBody(Answer):
    """What the cost of capital is charged on: the larger of the pool's lock and of what its tail needs, if known."""

    lock: Amount
    marginal: Amount | None
    counts: str


class PriceBody(Answer):
    """A premium and its parts."""

    subject_id: str
    terms: TermsBody
    term_seconds: int
    premium: Amount
    components: list[ComponentBody]
    capital: CapitalBody
    rate_bps: int
    premium_low: Amount
    premium_high: Amount
    most_payable: Amount
    warnings: list[str]
    model_version: str


class SpanBody(Answer):
    """A confirmed stretch of downtime."""

    start: int
    until: int


class QuoteFields(Answer):
    """The quote as signed."""

    pool: str
    asset: str
    buyer: str
    trigger_id: str
    terms: TermsBody
    start: int
    end: int
    standby: str
    premium: Amount
    model_version: str
    nonce: Amount
    deadline: int
    exclusions: list[SpanBody]
    renews: Amount


class SignedQuoteBody(Answer):
    """The quote and its EIP-712 signature."""

    quote: QuoteFields
    underwriter: str
    signature: str


class TransactionBody(Answer):
    """A transaction for the buyer to sign."""

    to: str
    data: str
    value: Amount
    chain_id: int


class IssuedQuoteBody(Answer):
    """A signed quote, its price, and the two transactions in the order in which to send them."""

    signed: SignedQuoteBody
    price: PriceBody
    approval: TransactionBody
    transaction: TransactionBody


class PaymentBody(Answer):
    """One payment."""

    at: int
    policy_id: int
    trigger_id: str
    sequence: int
    to: str
    paid: Amount
    debt: Amount
    tx_hash: str


class ClaimBody(Answer):
    """What a policy is owed for one incident."""

    policy_id: int
    trigger_id: str
    sequence: int
    subject_id: str
    owed: Amount
    paid: Amount
    debt: Amount
    payments: list[PaymentBody]


class PolicyFields(Answer):
    """A policy as the contract holds it."""

    policy_id: int
    holder: str
    trigger_id: str
    terms: TermsBody
    start: int
    end: int
    standby: str
    premium: Amount
    owed: Amount
    paid: Amount
    released: bool


class PolicyBody(Answer):
    """A policy with its claims."""

    policy: PolicyFields
    subject_id: str
    claims: list[ClaimBody]


class SpellBody(Answer):
    """What one path attests."""

    index: int
    start: int
    until: int
    open: bool


class PathBody(Answer):
    """A path of a trigger and its spells."""

    path: str
    name: str
    kind: KindName
    family: int
    grace: int
    alarmed: bool
    spells: list[SpellBody]


class CheckpointBody(Answer):
    """A proposed state of an incident."""

    index: int
    proposed_at: int
    covered_seconds: int
    ready_at: int


class IncidentFields(Answer):
    """An incident as the contract holds it."""

    trigger_id: str
    sequence: int
    start: int
    until: int
    covered_seconds: int
    proposed_at: int
    final_at: int
    delayed_until: int
    checkpoints: int


class IncidentBody(Answer):
    """An incident with its evidence and payments."""

    incident: IncidentFields
    subject_id: str
    subject_name: str
    quorum: int
    paths: list[PathBody]
    spans: list[SpanBody]
    checkpoints: list[CheckpointBody]
    payments: list[PaymentBody]
    ended_at: int | None
    paid: Amount
    paid_while_down: Amount


class SolvencyBody(Answer):
    """The pool's money."""

    assets: Amount
    unearned: Amount
    debts: Amount
    claimable: Amount
    reserve: Amount
    matured_exits: Amount
    exposed: Amount
    free: Amount
    supply: Amount


class SubjectExposureBody(Answer):
    """Limits in force on one subject."""

    subject_id: str
    name: str
    policies: int
    exposed: Amount
    reserve: Amount
    cap: Amount


class ScenarioBody(Answer):
    """Limits that one cause can call at once."""

    name: str
    subjects: list[str]
    exposed: Amount
    available: Amount


class PoolBody(Answer):
    """The pool now."""

    at: int
    solvency: SolvencyBody
    share_price_e18: Amount
    share_decimals: int
    price_reliable: bool
    utilisation_bps: int | None
    premium_yield_bps: int | None
    priced_loss_bps: int | None
    premium_written: Amount
    premium_earned: Amount
    claims_owed: Amount
    claims_paid: Amount
    policies_in_force: int
    subjects: list[SubjectExposureBody]
    scenarios: list[ScenarioBody]


class JobBody(Answer):
    """How a job fares."""

    name: str
    every_seconds: float
    runs: int
    failures: int
    last_at: int | None
    last_error: str
    last_seconds: float


class EndpointBody(Answer):
    """How an endpoint of the host chain fares."""

    host: str
    head: int
    failures: int
    latency: float
    used: bool


class SenderBody(Answer):
    """A key that sends transactions, with what it has left for gas (wei)."""

    role: str
    address: str
    balance: Amount


class HealthBody(Answer):
    """How far the mirror is, how the jobs and the endpoints fare, and what the keys have left."""

    ok: bool
    ready: bool
    now: int
    chain_id: int
    head: int
    deep: int
    mirrored_to: int
    jobs: list[JobBody]
    endpoints: list[EndpointBody]
    senders: list[SenderBody]
    heads: str
    private_endpoints: list[EndpointBody]


class Fault(BaseModel):
    """What was wrong; `field` names the input at fault where there is one."""

    message: str
    field: str | None = None


class ErrorBody(BaseModel):
    """The body of every error."""

    error: Fault
