"""A local installation that has sold one policy, and how downtime of its subject is reported."""

from dataclasses import dataclass

from insure.chain.contracts import IncidentBook, PolicyBook, WatcherPath
from insure.chain.sender import Sender
from insure.chain.typed_data import sign
from insure.engine import Engine
from insure.payouts import Payouts
from insure.records.history import subject_key
from insure.records.onchain import Observation, SignedObservation
from insure.records.views import QuoteRequest
from tests.local_installation import TERM, TERMS, Local, keys
from tests.screen_engine import ARBITRUM, HOUR

KEY = "0x" + subject_key(ARBITRUM).hex()


@dataclass
class Sold:
    """An installation that has sold one policy, mirrored."""

    local: Local
    policy_id: int
    premium: int

    @property
    def engine(self) -> Engine:
        return self.local.installation.engine

    @property
    def book(self) -> IncidentBook:
        return IncidentBook(self.local.chain, self.local.deployment.incident_book)

    @property
    def trigger_id(self) -> str:
        return self.local.deployment.trigger_for(ARBITRUM).trigger_id

    @property
    def payouts(self) -> Payouts:
        """The installation's payouts with a keeper's key."""
        chain, store = self.local.chain, self.local.installation.store
        policies = PolicyBook(chain, self.local.deployment.policy_book)
        return Payouts(chain, self.book, policies, self.local.pool, store, Sender(chain, chain.accounts[5]))

    def mirror(self) -> None:
        self.local.installation.watcher.run()

    def report(self, team: str, start: int, until: int, ended: bool) -> None:
        """Two observers of a team say the same of Arbitrum."""
        path = WatcherPath(self.local.chain, self.local.deployment.watcher_paths[team])
        seen = Observation(KEY, start, until, ended, self.local.now() + HOUR)
        message = path.observation_typed_data(seen)
        observers = keys(10 if team == "a" else 20, 3)[:2]
        self.local.owner.send(
            path.report([SignedObservation(seen, each.address, sign(message, each)) for each in observers])
        )


def sell(local: Local) -> Sold:
    engine = local.installation.engine
    issued = engine.quote(QuoteRequest("arbitrum-one", local.buyer.address, TERMS, TERM))
    premium = issued.signed.quote.premium
    local.fund(local.buyer, premium)
    local.buyer.send(local.asset.approve(local.pool.address, premium))
    local.buyer.send(PolicyBook(local.chain, local.deployment.policy_book).buy(issued.signed))
    sold = Sold(local, issued.signed.quote.nonce, premium)
    sold.mirror()
    return sold
