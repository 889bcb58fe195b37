"""Who may be sold what, at which price: checks a request against model, listing and pool, and signs the quote."""

import difflib
import logging
from dataclasses import dataclass, field, replace

from eth_account.signers.local import LocalAccount
from eth_utils.address import is_address, to_checksum_address

from insure.book import book_of_policies
from insure.chain.codec import word
from insure.chain.contracts import Asset, CoverPool, IncidentBook, PolicyBook
from insure.chain.sender import Call
from insure.chain.typed_data import sign
from insure.errors import InvalidInput, NotConfigured, Refused, UnknownSubject
from insure.exposure import available
from insure.quoting import check_listing, make_quote, price_view
from insure.records.deployment import Deployment, ListedTrigger
from insure.records.history import subject_key
from insure.records.mirror import PricedOn
from insure.records.onchain import ZERO_ADDRESS, Address, SignedQuote, Terms
from insure.records.views import IssuedQuote, PreparedTransaction, PriceView, QuoteRequest
from insure.store import Store
from insure.tail_file import KeptTail
from pricing_models import errors as model_errors
from pricing_models.capacity import Utilisation
from pricing_models.marginal import StoredTail
from pricing_models.model import Model
from pricing_models.observation import HEARTBEAT, STANDARD_TRIGGER, WATCHERS, Trigger
from pricing_models.premium import Loadings
from pricing_models.surface import added_capital

_log = logging.getLogger(__name__)

_LONGEST_OFFER_SECONDS = 3_600
QUICK_YEARS = 100_000
"""How many years are simulated again for one price, which anybody may ask for: a million take a large part of a second
of all that the machine can do."""


@dataclass(frozen=True)
class DeskLimits:
    """What the desk allows itself: how long an offer stands, and the largest aggregate limit of one policy.

    `quote_seconds` is at most an hour; `maximum_limit` None leaves it to listing and pool.
    """

    quote_seconds: int = 900
    maximum_limit: int | None = None
    loadings: Loadings = field(default_factory=Loadings)

    def __post_init__(self) -> None:
        if not 0 < self.quote_seconds <= _LONGEST_OFFER_SECONDS:
            raise InvalidInput(f"quote_seconds is {self.quote_seconds}: must be 1 to {_LONGEST_OFFER_SECONDS}")


@dataclass(frozen=True)
class _Asked:
    """Cover that is to be priced, what it is priced on, and in words what that rests on."""

    subject_id: str
    terms: Terms
    term_seconds: int
    on: PricedOn
    words: tuple[str, ...]


class Desk:
    """Prices cover and signs offers; without an account it prices only."""

    def __init__(
        self,
        model: Model,
        incident_book: IncidentBook,
        policy_book: PolicyBook,
        pool: CoverPool,
        deployment: Deployment,
        account: LocalAccount | None,
        store: Store,
        limits: DeskLimits | None = None,
        tail: KeptTail | None = None,
    ) -> None:
        self.model = model
        self._incidents = incident_book
        self._policies = policy_book
        self._pool = pool
        self._deployment = deployment
        self._account = account
        self._store = store
        self._limits = limits or DeskLimits()
        self.tail = tail
        if tail is not None:
            tail.read_ahead(model)

    def sign_with(self, account: LocalAccount) -> None:
        """Has another underwriter sign from the next quote on."""
        self._account = account

    def price(self, subject_id: str, terms: Terms, term_seconds: int, now: int) -> PriceView:
        """The price at `now` (UTC seconds) of cover on any subject of the model; a listed one is held to its floor and
        its tail, is priced on the paths of its trigger, and is charged for the room it takes in the pool, if there is
        that much. The capital is the lock or, where a run of the pool's book says that its tail needs more, that.

        Raises `UnknownSubject` naming the nearest ones, `InvalidInput` when the terms can't be priced.
        """
        return self._view(self._ask(subject_id, terms, term_seconds, now))

    def _ask(self, subject_id: str, terms: Terms, term_seconds: int, now: int) -> "_Asked":
        """What decides the price beside the model, as things stand now."""
        listed = next((t for t in self._deployment.triggers if t.subject_id == subject_id), None)
        floor, tail = 0, self._limits.loadings.tail_seconds
        trigger, room = STANDARD_TRIGGER, None
        if listed:
            floor = self._policies.listing(listed.trigger_id).floor_rate_bps
            _, cooling_off, after, _ = self._incidents.trigger_rules(listed.trigger_id)
            tail = cooling_off + after  # the limit is locked from the sale on, before the term as well as after it
            trigger, room = self._paths(listed), self._room(subject_id, terms.aggregate_limit)
        need, words = self._marginal(subject_id, terms, term_seconds, now)
        on = PricedOn(trigger, replace(self._limits.loadings, tail_seconds=tail), room, need, floor)
        return _Asked(subject_id, terms, term_seconds, on, (*_surroundings(listed, trigger, room), words))

    def _view(self, asked: "_Asked") -> PriceView:
        """The price of what is asked, the model's errors as those of the engine."""
        subject_id, terms, term_seconds, on = asked.subject_id, asked.terms, asked.term_seconds, asked.on
        try:
            premium = self.model.price(
                subject_id, terms, term_seconds, on.loadings, None, on.marginal_capital, on.trigger, on.utilisation
            )
        except model_errors.UnknownSubject as error:
            raise self._unknown(subject_id) from error
        except model_errors.InvalidTerms as error:
            raise InvalidInput(str(error)) from error
        except model_errors.ModelError as error:
            raise InvalidInput(f"terms can't be priced on {subject_id}: {error}") from error
        premium = replace(premium, rests_on=(*premium.rests_on, *asked.words))
        return price_view(subject_id, terms, term_seconds, premium, self.model, on.floor_rate_bps)

    def _marginal(self, subject_id: str, terms: Terms, term_seconds: int, now: int) -> tuple[float | None, str]:
        """What the pool's tail needs for the policy, None where no run of its book tells, and in words which run told,
        or why none did: the lock is then all that is charged for, and no tail needs more than it."""
        if self.tail is None:
            return None, "marginal capital: not known, no run of the pool's book is kept"
        try:
            tail = self.tail.of(self.model, now)
            need = added_capital(tail.stored, subject_id, terms, term_seconds, QUICK_YEARS)
        except InvalidInput as error:  # for the operator to mend
            _log.warning("marginal capital is not known: %s", error)
            return None, f"marginal capital: not known: {error}"
        except model_errors.ModelError as error:
            return None, f"marginal capital: not known: {error}"
        return need, tail.words(now) + self._not_in(tail.stored, now)

    def _not_in(self, stored: StoredTail, now: int) -> str:
        """How many of the policies in force the run knows nothing of, in words; nothing where it knows all."""
        named = {cover.id for cover in stored.book.covers}
        in_force = book_of_policies(self._store.policies(), self._store.triggers(), now)
        lacking = sum(cover.id not in named for cover in in_force)
        return f", without {lacking} of the {len(in_force)} policies in force" if lacking else ""

    def _paths(self, listed: ListedTrigger) -> Trigger:
        """The trigger as the basis-risk model sees it: a path of each family, by its kind."""
        rule = self._incidents.trigger(listed.trigger_id)
        heartbeats = set(self._deployment.heartbeat_paths.values())
        families = dict(zip(self._incidents.families(listed.trigger_id), rule.paths, strict=True))
        kinds = (HEARTBEAT if path.path in heartbeats else WATCHERS for path in families.values())
        return replace(STANDARD_TRIGGER, paths=tuple(kinds), quorum=rule.quorum)

    def _room(self, subject_id: str, limit: int) -> Utilisation | None:
        """Where the subject's fullest scenario stands in the pool, None where the limit does not fit."""
        exposed, capacity = self._exposed(subject_id)
        return Utilisation(exposed, capacity) if 0 < exposed + limit <= capacity else None

    def quote(self, request: QuoteRequest, now: int) -> IssuedQuote:
        """A signed offer that stands for `quote_seconds`; cover starts when both it and the cooling-off are over.

        Raises `InvalidInput` naming the field, `Refused` when the trigger is not quiet, sales are stopped, the pool
        can't carry it or it would cost no less than it can ever pay, `NotConfigured` without a key.
        """
        account = self._signer()
        request = _checked(request)
        trigger = self._listed(request.subject_id)
        _, cooling_off, tail, challenge = self._incidents.trigger_rules(trigger.trigger_id)
        self._require_sale(request, trigger, challenge, tail, account.address)
        asked = self._ask(request.subject_id, request.terms, request.term_seconds, now)
        price = self._view(asked)
        if price.warnings:
            raise Refused(f"no such cover is sold: {'; '.join(price.warnings)}")
        deadline = now + self._limits.quote_seconds
        quote = make_quote(
            request,
            price,
            pool=self._deployment.cover_pool,
            asset=self._deployment.asset,
            trigger_id=trigger.trigger_id,
            start=deadline + cooling_off,
            nonce=self._store.last_nonce(account.address) + 1,  # becomes part of the policy's id
            deadline=deadline,
        )
        signed = SignedQuote(quote, account.address, sign(self._policies.quote_typed_data(quote), account))
        self._store.record_quote(signed, {part.name: part.amount for part in price.components}, now, asked.on)
        return self._issued(signed, price)

    def _signer(self) -> LocalAccount:
        if self._account is None:
            raise NotConfigured("no quote can be signed: INSURE_UNDERWRITER_KEY is not set")
        return self._account

    def _listed(self, subject_id: str) -> ListedTrigger:
        """The subject's trigger; raises `UnknownSubject` when nobody knows it, `InvalidInput` when it is not listed."""
        try:
            return self._deployment.trigger_for(subject_id)
        except InvalidInput:
            if self.model.kind(subject_id) is None:
                raise self._unknown(subject_id) from None
            raise

    def _require_sale(
        self, request: QuoteRequest, trigger: ListedTrigger, challenge: int, tail: int, underwriter: Address
    ) -> None:
        """Raises unless listing, paths and pool would let the sale pass now."""
        listing = self._policies.listing(trigger.trigger_id)
        if not listing.open:
            raise Refused(f"sales on {request.subject_id} are stopped")
        if not self._incidents.quiet(trigger.trigger_id):
            raise Refused(
                f"no cover is sold on {request.subject_id} now: a path is alarmed, an incident is not settled, "
                "or too few paths can be read"
            )
        subject = word(subject_key(request.subject_id))
        check_listing(request, listing, challenge, tail, self._pool.exposure_of(subject))
        limit, most = request.terms.aggregate_limit, self._limits.maximum_limit
        if most is not None and limit > most:
            raise InvalidInput(f"terms.aggregate_limit is {limit}: must be at most {most}, the desk's limit per policy")
        cap, sold = self._policies.underwriter_limits(underwriter)
        if limit > cap - sold:
            raise Refused(f"the underwriter may sell a further aggregate limit of {max(0, cap - sold)}, not {limit}")
        free = self._carriable(request.subject_id)
        if limit > free:
            raise Refused(f"the pool can carry a further aggregate limit of {free}, not {limit}")

    def _carriable(self, subject_id: str) -> int:
        """The aggregate limit that the subject's fullest scenario still has room for."""
        exposed, capacity = self._exposed(subject_id)
        return max(0, capacity - exposed)

    def _exposed(self, subject_id: str) -> tuple[int, int]:
        """The limits in the subject's fullest scenario, and what the pool has against them."""
        state = self._pool.solvency()
        exposed = [
            self._pool.scenario_exposure(number)
            for number, members in enumerate(self._deployment.scenarios.values())
            if subject_id in members
        ]
        return max(exposed, default=state.exposed), available(state)

    def _issued(self, signed: SignedQuote, price: PriceView) -> IssuedQuote:
        asset = Asset(self._policies.chain, self._deployment.asset)
        return IssuedQuote(
            signed=signed,
            price=price,
            approval=self._prepared(asset.approve(self._deployment.cover_pool, signed.quote.premium)),
            transaction=self._prepared(self._policies.buy(signed)),
        )

    def _prepared(self, call: Call) -> PreparedTransaction:
        return PreparedTransaction(call.address, "0x" + call.data.hex(), 0, self._deployment.chain_id)

    def _unknown(self, subject_id: str) -> UnknownSubject:
        known = [str(name) for name in self.model.experience.subjects.index]
        near = difflib.get_close_matches(subject_id, known, n=3, cutoff=0.3)
        return UnknownSubject(f"subject_id {subject_id!r} is not in the data; nearest: {', '.join(near) or 'none'}")


def _surroundings(listed: ListedTrigger | None, trigger: Trigger, room: Utilisation | None) -> tuple[str, ...]:
    """In words what basis risk and the charge for the pool's room rest on."""
    if listed is None:
        return ("paths: the usual ones, nothing is listed", "pool's room: not charged, nothing is listed")
    names = ", ".join(path.name for path in trigger.paths)
    paths = f"paths: {trigger.quorum} of {names}"
    if room is None:
        return (paths, "pool's room: not charged, the pool can't carry this limit")
    return (paths, f"pool's room: {room.in_force / room.capacity:.1%} in use before the sale")


def _checked(request: QuoteRequest) -> QuoteRequest:
    """The request with checksummed addresses; raises `InvalidInput` naming a malformed or missing one."""
    for name in ("buyer", "standby"):
        if not is_address(getattr(request, name)):
            raise InvalidInput(f"{name} is {getattr(request, name)!r}: must be an address, 0x and 40 hex digits")
    if int(request.buyer, 16) == 0:
        raise InvalidInput(f"buyer is {ZERO_ADDRESS}: must be who will send the purchase")
    if isinstance(request.term_seconds, bool) or request.term_seconds <= 0:
        raise InvalidInput(f"term_seconds is {request.term_seconds}: must be at least 1")
    return replace(request, buyer=to_checksum_address(request.buyer), standby=to_checksum_address(request.standby))
