"""One process at a time sends with a key: a lease in the database, kept up while it is used, soon free after."""

import os
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from insure.errors import KeyInUse
from insure.records.onchain import Address
from insure.store import Store

LEASE_SECONDS = 30
"""How long another process waits after the last use: about as long as a crash costs."""


def this_process() -> str:
    """A name that no other process has, and that tells a person where to look."""
    return f"{socket.gethostname()} process {os.getpid()} ({secrets.token_hex(4)})"


@dataclass
class KeyLease:
    """The right to send with a key on a chain; calling it makes sure of it.

    Raises `KeyInUse` naming who has it, for as long as the lease of that process runs. Leases are in real time, for it
    is processes that they outlive, and all that share a database are taken to have the same clock within seconds.
    """

    store: Store
    address: Address
    chain_id: int
    holder: str = field(default_factory=this_process)
    clock: Callable[[], float] = time.time
    _renew_at: float = field(default=0.0, init=False, repr=False)

    def __call__(self) -> None:
        """Takes the lease or keeps it up."""
        now = self.clock()
        if now < self._renew_at:
            return
        other = self.store.take_lease(self._name, self.holder, int(now), LEASE_SECONDS)
        if other is not None:
            self._renew_at = 0.0
            raise KeyInUse(f"{self.address} is used by {other.holder}: free again in {other.until - int(now)} s")
        self._renew_at = now + LEASE_SECONDS / 3

    def give_up(self) -> None:
        """Lets the next process have it at once."""
        self._renew_at = 0.0
        self.store.end_lease(self._name, self.holder)

    @property
    def _name(self) -> str:
        return f"sender {self.address} on chain {self.chain_id}"
