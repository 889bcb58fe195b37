"""An engine in memory behind the surfaces' protocol: real records, real models on the real data, a scripted history.

The story: cover on three chains; Arbitrum had an incident that is final, Base is down now and has been paid in part.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from eth_account import Account

from insure import exposure
from insure.chain.typed_data import quote_message, sign
from insure.dataset import experience_frames, load
from insure.errors import InvalidInput, Refused, UnknownSubject
from insure.look_back import read_look_back
from insure.quoting import make_quote, price_view
from insure.records.deployment import Deployment, ListedTrigger
from insure.records.onchain import (
    Checkpoint,
    Claim,
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
from insure.records.views import (
    ClaimView,
    Health,
    IncidentView,
    IssuedQuote,
    JobView,
    LedgerEntry,
    LookBack,
    PathView,
    PaymentView,
    PolicyView,
    PoolView,
    PreparedTransaction,
    PriceView,
    QuoteRequest,
    StakerView,
    SubjectState,
    SubjectView,
    WatchView,
)
from pricing_models import errors as model_errors
from pricing_models.model import Model, fit

NOW = 1_795_000_000  # 2026-11-18
HOUR, DAY = 3_600, 86_400
USD = 10**6
UNDERWRITER = Account.from_key("0x" + "11" * 32)
BUYER = Account.from_key("0x" + "22" * 32).address
ARBITRUM, BASE, LINEA = "eip155:42161", "eip155:8453", "eip155:59144"
NAMES = {ARBITRUM: "Arbitrum One", BASE: "Base", LINEA: "Linea"}


def word(number: int) -> str:
    return f"0x{number:064x}"


def address(number: int) -> str:
    return str(Account.from_key(word(number)).address)


TRIGGER = {ARBITRUM: word(0xA1), BASE: word(0xB1), LINEA: word(0xC1)}
SUBJECT_OF = {trigger: subject for subject, trigger in TRIGGER.items()}
LISTING = Listing(150, HOUR, HOUR, 7 * DAY, 365 * DAY, 500_000 * USD)
TERMS = Terms(HOUR, "retention", 1_388_888, 5_000 * USD, 50_000 * USD, 100_000 * USD)  # type: ignore[arg-type]
PATHS = (("Watchers A", PathKind.QUORUM), ("Watchers B", PathKind.QUORUM), ("Heartbeat", PathKind.ABSENCE))
DEPLOYMENT = Deployment(
    chain_id=31337,
    block=1,
    asset=address(101),
    asset_symbol="tUSD",
    asset_decimals=6,
    incident_book=address(102),
    policy_book=address(103),
    cover_pool=address(104),
    watcher_paths={"Watchers A": address(105), "Watchers B": address(106)},
    heartbeat_paths={"Heartbeat": address(107)},
    triggers=tuple(
        ListedTrigger(trigger, subject, {name: address(105 + i) for i, (name, _) in enumerate(PATHS)})
        for subject, trigger in TRIGGER.items()
    ),
)
SOLVENCY = Solvency(
    assets=1_004_870_500_000,
    unearned=11_240_250_000,
    debts=0,
    claimable=0,
    reserve=93_611_112_000,
    matured_exits=0,
    exposed=382_222_233_600,
    free=517_796_904_400,
    supply=999_500 * 10**12,
)


@cache
def model() -> Model:
    subjects, outages = experience_frames(load(), NOW)
    return fit(subjects, outages, NOW)


@cache
def known_subjects() -> tuple[SubjectView, ...]:
    named = {subject.id: subject for subject in load().subjects}
    return tuple(
        SubjectView(
            subject_id=str(subject),
            name=named[str(subject)].name,
            kind=named[str(subject)].kind,
            halts=row["halts"],
            exposure_years=row["exposure_years"],
            rate_mean=row["rate_mean"],
            rate_low=row["rate_low"],
            rate_high=row["rate_high"],
            median_seconds=row["median_seconds"],
            p95_seconds=row["p95_seconds"],
            state=SubjectState.UNLISTED,
            trigger_id=TRIGGER.get(str(subject)),
            listing=LISTING if subject in TRIGGER else None,
            exposed=200_000 * USD if subject == ARBITRUM else 0,
        )
        for subject, row in model().summary().to_dict("index").items()
    )


def policy(number: int, subject: str, start: int, premium: int, owed: int = 0, paid: int = 0) -> Policy:
    return Policy(
        policy_id=number,
        holder=BUYER,
        trigger_id=TRIGGER[subject],
        terms=TERMS,
        start=start,
        end=start + 90 * DAY,
        standby=address(109),
        premium=premium,
        owed=owed,
        paid=paid,
    )


POLICIES = (
    policy(1, ARBITRUM, NOW - 60 * DAY, 4_812_345_678, 11_388_881_600, 11_388_881_600),
    policy(2, ARBITRUM, NOW - 10 * DAY, 4_790_000_001),
    policy(3, BASE, NOW - 30 * DAY, 4_655_100_000, 6_388_884_800, 6_388_884_800),
    policy(4, LINEA, NOW + DAY // 2, 4_402_222_222),
)
BEGAN = NOW - 4 * HOUR
PAYMENTS = (
    PaymentView(BEGAN + 2 * HOUR, 3, TRIGGER[BASE], 0, BUYER, 1_388_888_000, 0, word(0xF1)),
    PaymentView(BEGAN + 3 * HOUR + 1_800, 3, TRIGGER[BASE], 0, BUYER, 4_999_996_800, 0, word(0xF2)),
)


def paths(spells: dict[str, tuple[Spell, ...]], alarmed: bool) -> tuple[PathView, ...]:
    return tuple(
        PathView(
            path=address(105 + i),
            name=name,
            kind=kind,
            family=i,
            grace=900,
            alarmed=alarmed and name != "Watchers B",
            spells=spells.get(name, ()),
        )
        for i, (name, kind) in enumerate(PATHS)
    )


def spell(path: int, index: int, start: int, until: int, open: bool = False) -> Spell:
    return Spell(address(105 + path), index, start, until, open)


def running_incident() -> IncidentView:
    """Base, down for four hours: two checkpoints confirmed, a third in its challenge period."""
    trigger = TRIGGER[BASE]
    return IncidentView(
        incident=Incident(trigger, 0, BEGAN, BEGAN + 12_000, 12_000, BEGAN + 900, 0, 0, 4),
        subject_id=BASE,
        subject_name=NAMES[BASE],
        quorum=2,
        paths=paths(
            {
                "Watchers A": (spell(0, 0, BEGAN - 40, NOW - 60, True),),
                "Watchers B": (spell(1, 0, BEGAN, BEGAN + 5_400), spell(1, 1, BEGAN + 6_000, NOW - 120, True)),
                "Heartbeat": (spell(2, 0, BEGAN + 300, NOW - 300, True),),
            },
            True,
        ),
        spans=(Span(BEGAN, BEGAN + 12_000),),
        checkpoints=tuple(
            Checkpoint(trigger, 0, i, BEGAN + at, covered, BEGAN + at + 1_800)
            for i, (at, covered) in enumerate(((900, 860), (5_200, 5_160), (10_000, 9_900), (13_900, 13_800)))
        ),
        payments=PAYMENTS,
        ended_at=None,
    )


def final_incident() -> IncidentView:
    """Arbitrum, forty days ago: over, settled, two spans in one incident."""
    trigger, began = TRIGGER[ARBITRUM], NOW - 40 * DAY
    payments = (
        PaymentView(began + 2 * HOUR, 1, trigger, 0, BUYER, 3_888_886_400, 0, word(0xE1)),
        PaymentView(began + 4 * HOUR, 1, trigger, 0, BUYER, 7_499_995_200, 0, word(0xE2)),
    )
    return IncidentView(
        incident=Incident(trigger, 0, began, began + 12_600, 11_800, began + 900, began + 30_000, 0, 2),
        subject_id=ARBITRUM,
        subject_name=NAMES[ARBITRUM],
        quorum=2,
        paths=paths(
            {
                "Watchers A": (spell(0, 0, began, began + 7_200), spell(0, 1, began + 8_000, began + 12_600)),
                "Heartbeat": (spell(2, 0, began - 200, began + 13_000),),
            },
            False,
        ),
        spans=(Span(began, began + 7_200), Span(began + 8_000, began + 12_600)),
        checkpoints=(
            Checkpoint(trigger, 0, 0, began + 4_000, 3_900, began + 5_800),
            Checkpoint(trigger, 0, 1, began + 12_700, 11_800, began + 14_500),
        ),
        payments=payments,
        ended_at=began + 12_600,
    )


LEDGER = tuple(
    LedgerEntry(NOW - age, what, contract, word(0x1000 + age), gas, details)
    for age, what, contract, gas, details in (
        (1_800, "ClaimPaid", "PolicyBook", 138_211, {"policyId": 3, "owed": 6_388_884_800, "paid": 4_999_996_800}),
        (1_900, "IncidentConfirmed", "IncidentBook", 186_004, {"triggerId": TRIGGER[BASE], "coveredSeconds": 12_000}),
        (7_200, "ClaimPaid", "PolicyBook", 141_950, {"policyId": 3, "owed": 1_388_888_000, "paid": 1_388_888_000}),
        (13_500, "CheckpointProposed", "IncidentBook", 241_733, {"triggerId": TRIGGER[BASE], "checkpoint": 0}),
        (14_000, "ReserveLatched", "CoverPool", 74_120, {"triggerId": TRIGGER[BASE], "amount": 50_000 * USD}),
        (14_200, "AlarmRaised", "WatcherPath", 61_080, {"observer": address(7), "alarmedUntil": NOW - 10_000}),
        (30 * DAY, "PolicyBought", "PolicyBook", 289_410, {"policyId": 3, "buyer": BUYER}),
        (70 * DAY, "Deposit", "CoverPool", 112_804, {"owner": address(8), "assets": 500_000 * USD}),
    )
)


class ScreenEngine:
    """The engine's face over the values above; the desk and the models are the real ones."""

    def __init__(self) -> None:
        self.alarmed = {BASE}
        self.jobs = (JobView("watch", 2.0, 120, 0, NOW - 1, ""), JobView("claim", 5.0, 48, 1, NOW - 3, ""))

    @property
    def deployment(self) -> Deployment:
        return DEPLOYMENT

    def now(self) -> int:
        return NOW

    def subjects(self) -> Sequence[SubjectView]:
        views = [replace(view, state=self._state(view.subject_id)) for view in known_subjects()]
        return sorted(views, key=lambda view: (view.trigger_id is None, view.name))

    def _state(self, subject: str) -> SubjectState:
        if subject not in TRIGGER:
            return SubjectState.UNLISTED
        return SubjectState.INCIDENT if subject in self.alarmed else SubjectState.QUIET

    def price(self, subject_id: str, terms: Terms, term_seconds: int) -> PriceView:
        try:
            premium = model().price(subject_id, terms, term_seconds)
        except model_errors.UnknownSubject as error:
            raise UnknownSubject(f"subject_id {subject_id!r} is not in the data") from error
        except model_errors.InvalidTerms as error:
            raise InvalidInput(str(error)) from error
        return price_view(subject_id, terms, term_seconds, premium, model())

    @property
    def model_version(self) -> str:
        return model().version

    def look_back(self) -> LookBack | None:
        return read_look_back()

    def quote(self, request: QuoteRequest) -> IssuedQuote:
        if request.subject_id in self.alarmed:
            raise Refused(f"no cover is sold on {request.subject_id} now")
        price = self.price(request.subject_id, request.terms, request.term_seconds)
        quote = make_quote(
            request,
            price,
            pool=DEPLOYMENT.cover_pool,
            asset=DEPLOYMENT.asset,
            trigger_id=TRIGGER[request.subject_id],
            start=NOW + DAY + 900,
            nonce=2**39,
            deadline=NOW + 900,
        )
        message = quote_message(quote, DEPLOYMENT.chain_id, DEPLOYMENT.policy_book)
        return IssuedQuote(
            SignedQuote(quote, UNDERWRITER.address, sign(message, UNDERWRITER)),
            price,
            PreparedTransaction(DEPLOYMENT.asset, "0xa1", 0, DEPLOYMENT.chain_id),
            PreparedTransaction(DEPLOYMENT.policy_book, "0xb2", 0, DEPLOYMENT.chain_id),
        )

    def policy(self, policy_id: int) -> PolicyView | None:
        return next((view for view in self.policies() if view.policy.policy_id == policy_id), None)

    def policies(self) -> Sequence[PolicyView]:
        claim = ClaimView(3, TRIGGER[BASE], 0, BASE, 6_388_884_800, 6_388_884_800, 0, PAYMENTS)
        return [
            PolicyView(each, SUBJECT_OF[each.trigger_id], (claim,) if each.policy_id == 3 else ())
            for each in reversed(POLICIES)
        ]

    def watches(self) -> Sequence[WatchView]:
        running = running_incident()
        return [
            WatchView(
                trigger,
                subject,
                NAMES[subject],
                2,
                self._state(subject),
                running.paths if subject == BASE else paths({}, False),
            )
            for subject, trigger in TRIGGER.items()
        ]

    def incidents(self) -> Sequence[IncidentView]:
        return [running_incident(), final_incident()]

    def pool(self) -> PoolView:
        lines = exposure.subject_exposures(
            POLICIES, SUBJECT_OF, NAMES, {TRIGGER[BASE]: SOLVENCY.reserve}, dict.fromkeys(SUBJECT_OF, LISTING.cap)
        )
        stacks = {"OP stack": (BASE,), "Ethereum L1": (ARBITRUM, BASE, LINEA), "Orbit": (ARBITRUM,)}
        earlier = (
            exposure.snapshot(
                replace(SOLVENCY, assets=SOLVENCY.assets - (60 - day) * 40 * USD + (6_388 * USD if day < 59 else 0)),
                NOW - (60 - day) * DAY,
                6,
                12,
            )
            for day in range(61)
        )
        return exposure.pool_view(
            NOW,
            SOLVENCY,
            POLICIES,
            (Claim(1, 0, 11_388_881_600, 11_388_881_600, 0), Claim(3, 0, 6_388_884_800, 6_388_884_800, 0)),
            lines,
            exposure.scenario_exposures(stacks, lines, SOLVENCY),
            expected={1: 700 * USD, 2: 700 * USD, 3: 650 * USD},
            asset_decimals=6,
            share_decimals=12,
            price_reliable=False,
            history=tuple(earlier),
            stakers=[
                StakerView(address(8 + i), part * 10**12, part * 993_128)
                for i, part in enumerate((500_000, 300_000, 199_500))
            ],
        )

    def ledger(self) -> Sequence[LedgerEntry]:
        return LEDGER

    def health(self) -> Health:
        return Health(NOW, DEPLOYMENT.chain_id, 12_345, 12_343, 12_343, self.jobs)
