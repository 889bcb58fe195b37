"""The one object that every surface calls: a thin face over the services of one installation."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from insure.chain.contracts import CoverPool, PolicyBook
from insure.chain.rpc import Chain
from insure.dataset import Dataset, experience_frames
from insure.desk import Desk
from insure.evidence import Evidence
from insure.exposure import pool_view, scenario_exposures, snapshot, subject_exposures
from insure.look_back import read_look_back
from insure.quoting import expected_payouts, price_view, treated_price
from insure.records.deployment import Deployment
from insure.records.history import DAY_SECONDS, subject_key
from insure.records.onchain import MERGE_GAP_SECONDS, Address, Policy, Terms
from insure.records.views import (
    ClaimView,
    Health,
    IncidentView,
    IssuedQuote,
    JobView,
    LedgerEntry,
    LookBack,
    PolicyView,
    PoolView,
    PriceView,
    QuoteRequest,
    SenderView,
    StakerView,
    SubjectState,
    SubjectView,
    TreatedPrice,
    WatchView,
)
from insure.store import Store
from insure.tail_file import read_tail
from insure.universe import unsearched_years
from insure.watcher import Watcher
from pricing_models.model import Model, fit
from pricing_models.observation import STANDARD_TRIGGER, Trigger
from pricing_models.premium import Loadings, require_term
from pricing_models.pricing import Enquiry
from pricing_models.surface import added_capital
from pricing_models.treatments import merged_at, price_all, treated_models


def fit_model(history: Dataset, as_of: int) -> Model:
    """The models fitted to what was known when the day of `as_of` (UTC seconds) began: the same all day long, so that
    whoever has the data and the code can make a quote's model again."""
    as_of -= as_of % DAY_SECONDS
    subjects, outages = experience_frames(history, as_of)
    return fit(subjects, outages, as_of, overrides=history.overrides)


def price_cover(
    history: Dataset,
    subject: str,
    terms: Terms,
    term_seconds: int,
    now: int,
    model: Model | None = None,
    trigger: Trigger = STANDARD_TRIGGER,
    tail: Path | None = None,
) -> PriceView:
    """The price of cover without any chain: no listing's floor, the usual loadings; `model` if it is fitted already.
    `tail` is the run of a pool's book (`tail_file`), which must be of the same model and recent, for the
    marginal capital.

    Raises `UnknownSubject` naming the nearest ones, `InvalidInput` or `InvalidTerms` naming the field.
    """
    subject_id = history.chain(subject).id
    model = model or fit_model(history, now)
    require_term(term_seconds)
    need, words = None, "marginal capital: not known, no run of a pool's book is named"
    if tail is not None:
        run = read_tail(tail, model, history)
        run.require_recent(now)
        need, words = added_capital(run.stored, subject_id, terms, term_seconds), run.words(now)
    premium = model.price(subject_id, terms, term_seconds, Loadings(), marginal_capital=need, trigger=trigger)
    premium = replace(premium, rests_on=(*premium.rests_on, words))
    return price_view(subject_id, terms, term_seconds, premium, model)


def price_treatments(
    history: Dataset, model: Model, subject: str, terms: Terms, term_seconds: int, trigger: Trigger = STANDARD_TRIGGER
) -> list[TreatedPrice]:
    """The price under every reading of what the history leaves open, cheapest first; raises as `price_cover`."""
    subject_id = history.chain(subject).id
    as_of = int(model.experience.as_of)
    unsearched = unsearched_years(history.universe, history.subjects, as_of)
    frames = experience_frames(history, as_of)
    models = treated_models(model, *frames, unsearched)
    incidents = merged_at(model, *frames, MERGE_GAP_SECONDS)
    found = price_all(models, Enquiry(subject_id, terms, term_seconds, trigger=trigger), Loadings(), [incidents])
    return [treated_price(each, model.settings.merge_gap_seconds) for each in found]


class Engine:
    """One installation: history and model, its contracts on one host chain, their mirror, and the desk."""

    def __init__(
        self,
        history: Dataset,
        chain: Chain,
        deployment: Deployment,
        store: Store,
        desk: Desk,
        watcher: Watcher,
        clock: Callable[[], int],
        stakers: Sequence[Address] = (),
    ) -> None:
        self._history = history
        self._chain = chain
        self._deployment = deployment
        self._store = store
        self._desk = desk
        self._watcher = watcher
        self._clock = clock
        self._stakers = tuple(stakers)
        self._names = {subject.id: subject.name for subject in history.subjects}
        self._kinds = {subject.id: subject.kind for subject in history.subjects}
        self._summary = desk.model.summary()
        self._pool = CoverPool(chain, deployment.cover_pool)
        self._policy_book = PolicyBook(chain, deployment.policy_book)
        self._evidence = Evidence(chain, deployment, store, self._names)
        self.job_status: Callable[[], Sequence[JobView]] = tuple
        self.head_source: Callable[[], str] = str
        self.senders: Mapping[str, Address] = {}
        """How the jobs fare, and where new heads are known from; whoever runs them says so here."""

    @property
    def deployment(self) -> Deployment:
        """Addresses, chain and asset of this installation."""
        return self._deployment

    def now(self) -> int:
        """The engine's clock, UTC seconds; simulated in a demo."""
        return self._clock()

    # ------------------------------------------------------------- selling

    def subjects(self) -> list[SubjectView]:
        """All subjects that can be priced: those on sale first, then by name."""
        listed = {trigger.subject_id: trigger for trigger in self._deployment.triggers}
        views = []
        for key, row in self._summary.to_dict("index").items():
            subject_id = str(key)
            view = SubjectView(
                subject_id=subject_id,
                name=self._names[subject_id],
                kind=self._kinds[subject_id],
                halts=int(row["halts"]),
                exposure_years=float(row["exposure_years"]),
                rate_mean=float(row["rate_mean"]),
                rate_low=float(row["rate_low"]),
                rate_high=float(row["rate_high"]),
                median_seconds=float(row["median_seconds"]),
                p95_seconds=float(row["p95_seconds"]),
                state=SubjectState.UNLISTED,
            )
            if subject_id in listed:
                trigger = listed[subject_id]
                view = replace(
                    view,
                    state=self._evidence.state(trigger),
                    trigger_id=trigger.trigger_id,
                    listing=self._policy_book.listing(trigger.trigger_id),
                    exposed=self._pool.exposure_of("0x" + subject_key(subject_id).hex()),
                )
            views.append(view)
        return sorted(views, key=lambda view: (view.state is SubjectState.UNLISTED, view.name.lower()))

    def price(self, subject_id: str, terms: Terms, term_seconds: int) -> PriceView:
        """The price of cover, without an offer; raises `InvalidInput` (`UnknownSubject` among it)."""
        return self._desk.price(self._history.chain(subject_id).id, terms, term_seconds, self.now())

    def quote(self, request: QuoteRequest) -> IssuedQuote:
        """A signed offer; raises `InvalidInput` naming the field, `Refused` with the reason, `NotConfigured`."""
        subject_id = self._history.chain(request.subject_id).id
        return self._desk.quote(replace(request, subject_id=subject_id), self.now())

    @property
    def model_version(self) -> str:
        """The version of the fit that prices come from."""
        return self._desk.model.version

    def look_back(self) -> LookBack | None:
        """The last look back, None if there was none; raises `InvalidInput` when its file is none."""
        return read_look_back()

    # ------------------------------------------------------------- policies and incidents

    def policy(self, policy_id: int) -> PolicyView | None:
        """A policy with its claims, None if there is none of that number."""
        policy = self._store.policy(policy_id)
        return None if policy is None else self._policy_view(policy)

    def policies(self) -> list[PolicyView]:
        """All policies, newest first."""
        return [self._policy_view(each) for each in sorted(self._store.policies(), key=lambda p: -p.policy_id)]

    def watches(self) -> list[WatchView]:
        """What the paths of every listed trigger show now, incident or not."""
        return self._evidence.watches()

    def incidents(self) -> list[IncidentView]:
        """All incidents, newest first."""
        return self._evidence.incidents()

    def _policy_view(self, policy: Policy) -> PolicyView:
        subject_id = self._subject_of()[policy.trigger_id]
        payments = self._store.payments(policy_id=policy.policy_id)
        claims = tuple(
            ClaimView(
                policy_id=claim.policy_id,
                trigger_id=claim.trigger_id,
                sequence=claim.sequence,
                subject_id=subject_id,
                owed=claim.owed,
                paid=claim.paid,
                debt=claim.debt,
                payments=tuple(each for each in payments if each.sequence == claim.sequence),
            )
            for claim in self._store.claims(policy.policy_id)
        )
        return PolicyView(policy, subject_id, claims)

    def _subject_of(self) -> dict[str, str]:
        return {trigger.trigger_id: trigger.subject_id for trigger in self._store.triggers()}

    # ------------------------------------------------------------- the pool

    def pool(self) -> PoolView:
        """The pool now, with its history."""
        solvency = self._pool.solvency()
        policies = self._store.policies()
        known = [trigger for trigger in self._store.triggers() if trigger.listing is not None]
        lines = subject_exposures(
            policies,
            self._subject_of(),
            self._names,
            {trigger.trigger_id: self._pool.reserve_of(trigger.trigger_id) for trigger in known},
            {trigger.trigger_id: trigger.listing.cap for trigger in known if trigger.listing is not None},
        )
        bought = [(each.policy_id, each.breakdown) for each in self._store.quotes() if each.policy_id is not None]
        return pool_view(
            self.now(),
            solvency,
            policies,
            self._store.claims(),
            lines,
            scenario_exposures(self._deployment.scenarios, lines, solvency),
            expected=expected_payouts(bought),
            asset_decimals=self._deployment.asset_decimals,
            share_decimals=self._pool.decimals(),
            price_reliable=self._pool.price_reliable(),
            history=self._store.snapshots(),
            stakers=[self._staker(address) for address in self._stakers],
        )

    def take_snapshot(self, now: int) -> None:
        """Keeps the pool as it is now as one point of its history."""
        decimals = self._deployment.asset_decimals
        self._store.record_snapshot(snapshot(self._pool.solvency(), now, decimals, self._pool.decimals()))

    def _staker(self, address: Address) -> StakerView:
        shares = self._pool.balance_of(address)
        return StakerView(address, shares, self._pool.convert_to_assets(shares))

    # ------------------------------------------------------------- operation

    def ledger(self) -> list[LedgerEntry]:
        """Every mirrored event of the contracts, newest first."""
        return self._store.ledger()[::-1]

    def health(self) -> Health:
        """How far the mirror is and how the jobs fare."""
        cursor, head = self._store.cursor(), self._chain.head().number
        return Health(
            now=self.now(),
            chain_id=self._chain.chain_id,
            head=head,
            deep=self._watcher.deep(head),
            mirrored_to=-1 if cursor is None else cursor.number,
            jobs=tuple(self.job_status()),
            endpoints=tuple(self._chain.endpoints),
            senders=tuple(
                SenderView(role, address, self._chain.balance(address)) for role, address in self.senders.items()
            ),
            spendings=tuple(self._store.spendings()),
            rollback=self._watcher.rollback,
            heads=self.head_source(),
            private_endpoints=tuple(self._chain.private_endpoints),
        )
