"""What a surface may ask of the engine: the API and the dashboard are built against this protocol alone."""

from collections.abc import Sequence
from typing import Protocol

from insure.records.deployment import Deployment
from insure.records.onchain import Terms
from insure.records.views import (
    Health,
    IncidentView,
    IssuedQuote,
    LedgerEntry,
    LookBack,
    PolicyView,
    PoolView,
    PriceView,
    QuoteRequest,
    SubjectView,
    WatchView,
)


class EngineFace(Protocol):
    """The engine as its surfaces see it; every method may be called from any thread.

    All of them raise `Unreachable` when the host chain has to be asked and does not answer.
    """

    @property
    def deployment(self) -> Deployment:
        """Addresses, chain and asset (symbol and decimals) of this installation."""
        ...

    def now(self) -> int:
        """The engine's clock, UTC seconds; simulated in a demo."""
        ...

    def subjects(self) -> Sequence[SubjectView]:
        """All subjects that can be priced: those on sale first, then by name."""
        ...

    def price(self, subject_id: str, terms: Terms, term_seconds: int) -> PriceView:
        """The price of cover, without an offer; raises `InvalidInput` (`UnknownSubject` among it)."""
        ...

    def quote(self, request: QuoteRequest) -> IssuedQuote:
        """A signed offer.

        Raises `InvalidInput` naming the field, `Refused` with the desk's reason, `NotConfigured` if it has no key.
        """
        ...

    @property
    def model_version(self) -> str:
        """The version of the fit that prices come from."""
        ...

    def look_back(self) -> LookBack | None:
        """The last look back, None if there was none; raises `InvalidInput` when its file is none."""
        ...

    def policy(self, policy_id: int) -> PolicyView | None:
        """A policy, None if there is none of that number."""
        ...

    def policies(self) -> Sequence[PolicyView]:
        """All policies, newest first."""
        ...

    def watches(self) -> Sequence[WatchView]:
        """What the paths of every listed trigger show now, incident or not."""
        ...

    def incidents(self) -> Sequence[IncidentView]:
        """All incidents, newest first; an alarm without a proposal is none yet."""
        ...

    def pool(self) -> PoolView:
        """The pool now, with its history."""
        ...

    def ledger(self) -> Sequence[LedgerEntry]:
        """Every mirrored event of the contracts, newest first."""
        ...

    def health(self) -> Health:
        """How far the mirror is and how the jobs fare."""
        ...
