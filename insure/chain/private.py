"""Endpoints that transactions are published by alone, so that nobody sees them before they are in a block.

What such an endpoint does not take is published nowhere else: it waits, and that is said. Everything is read from the
public ones, which learn what is read and simulated, and never what was signed.
"""

import logging
from dataclasses import dataclass, field
from typing import Any

from web3.types import RPCEndpoint, RPCResponse

from insure.chain.endpoints import Endpoints, State
from insure.errors import ChainError, Unreachable, WrongChain
from insure.records.views import EndpointView

_log = logging.getLogger(__name__)

_SENDING = "eth_send"
"""What the names of all methods that publish begin with."""


@dataclass
class PrivateEndpoints(Endpoints):
    """Endpoints that are only given transactions; all that are well get each, and one that takes it is enough.

    Some don't say which chain they serve: they are believed, for a transaction is good on the chain that it names only.
    """

    def health(self) -> list[EndpointView]:
        """How each of them fares: well unless it failed when it was asked last. None has a head."""
        return [
            EndpointView(each.endpoint.host, -1, each.failures, each.latency, not each.wrong and not each.failures)
            for each in self._states
        ]

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """The answer of one that takes a transaction, else why it is not taken; raises as `Endpoints` does."""
        try:
            return super().make_request(method, params)
        except Unreachable as error:
            raise type(error)(f"{error}; it was published nowhere else") from None

    def probe(self) -> None:
        """Asks each whether it is there; raises `Unreachable` or `WrongChain` if none can be used."""
        failure: ChainError | None = None
        used = 0
        for state in self._states:
            try:
                self._ask(state, "eth_chainId", [])
                used += 1
            except (Unreachable, WrongChain) as error:
                failure = error
        if failure is not None and not used:
            raise type(failure)(f"private endpoints: {failure}: transactions wait") from None

    def _check_chain(self, state: State) -> None:
        if state.endpoint.ask("eth_chainId", []).get("error") is None:
            super()._check_chain(state)
        else:
            state.known = True


@dataclass
class DiscreetEndpoints(Endpoints):
    """Endpoints that are read from, while what sends goes to the private ones alone."""

    private: PrivateEndpoints = field(kw_only=True)

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """The first good answer, of a private endpoint to whatever sends; raises as `Endpoints` does."""
        if method.startswith(_SENDING):
            return self.private.make_request(method, params)
        return super().make_request(method, params)

    def begin(self, chain_id: int) -> None:
        """Holds the private endpoints to that chain; raises `WrongChain` if none serves it.

        One that does not answer now may later, and reading does not wait for it.
        """
        self.private.chain_id = chain_id
        try:
            self.private.probe()
        except Unreachable as error:
            _log.warning("%s", error)
