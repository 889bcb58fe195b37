"""The engine as a process that may be killed at any moment, and that kills itself at a chosen one."""

import functools
import os
import resource
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from insure import key_lease
from insure.chain import endpoint, endpoints, sender
from insure.chain.contracts import CoverPool, IncidentBook, PolicyBook
from insure.chain.rpc import Chain
from insure.chain.sender import Sender
from insure.installation import keeper_jobs
from insure.jobs import JobBoard
from insure.key_lease import KeyLease
from insure.payouts import Payouts
from insure.records.deployment import Deployment
from insure.store import Store, database, projection
from insure.watcher import Watcher

CONFIRMATIONS = 2
LEASE_SECONDS = 2
SMALL_FILE = 4_096
"""Bytes that a file may have where the disk is full: less than any database of ours."""

CRASHES: dict[str, tuple[Any, str, bool]] = {
    "before signing": (Store, "record_signed", False),
    "between signing and sending": (Store, "record_signed", True),
    "between sending and noting": (Sender, "_push", True),
    "before a receipt is noted": (Store, "record_fate", False),
    "after a receipt was noted": (Store, "record_fate", True),
    "before the mirror takes a range": (Store, "advance", False),
    "inside the mirror's transaction": (projection, "apply", True),
    "after the mirror took a range": (Store, "advance", True),
    "before the mirror is rolled back": (Store, "roll_back", False),
    "after the mirror was rolled back": (Store, "roll_back", True),
}
"""Where a process may end: the function, and whether just after it."""


@dataclass(frozen=True)
class Orders:
    """What a process is started with."""

    urls: str
    deployment: str
    database_url: str
    key: bytes
    fee_cap: int | None = None
    crash: str = ""
    crash_after: int = 0
    """At which call of the place it ends, from 1."""
    full_disk_after: float = 0.0
    """Seconds after which files can't grow any more, for as long again; 0 for never."""


def serve(orders: Orders, clock: Any, rounds: Any) -> None:
    """Runs the keeper's jobs round after round until it is killed; `clock` and `rounds` are shared numbers."""
    hasten()
    if orders.crash:
        _end_at(*CRASHES[orders.crash], orders.crash_after)
    if orders.full_disk_after:
        threading.Thread(target=_fill_the_disk, args=[orders.full_disk_after], daemon=True).start()
    account: LocalAccount = Account.from_key(orders.key)
    while True:
        try:
            _work(orders, account, clock, rounds)
        except Exception as error:  # a start that fails is tried again, as a service manager would
            print(f"start fails: {type(error).__name__}: {error}", flush=True)
            time.sleep(0.1)


def hasten() -> None:
    """Waits that are meant for real nodes and people, shortened in this process."""
    endpoint.TIMEOUT_SECONDS = 0.5
    endpoints.FIRST_REST, endpoints.LONGEST_REST = 0.02, 0.2
    sender._POLL_SECONDS = 0.05
    key_lease.LEASE_SECONDS = LEASE_SECONDS
    database._BUSY_SECONDS = 1


def keeper(
    chain: Chain,
    deployment: Deployment,
    store: Store,
    account: LocalAccount,
    *,
    fee_cap: int | None = None,
    patience_seconds: float = 60.0,
) -> tuple[Payouts, KeyLease]:
    """The payouts of a keeper whose key is leased and whose transactions are in the journal."""
    lease = KeyLease(store, account.address, chain.chain_id)
    hand = Sender(
        chain, account, patience_seconds=patience_seconds, replacements=2, fee_cap=fee_cap, guard=lease, journal=store
    )
    book, policies = IncidentBook(chain, deployment.incident_book), PolicyBook(chain, deployment.policy_book)
    return Payouts(chain, book, policies, CoverPool(chain, deployment.cover_pool), store, hand), lease


def _work(orders: Orders, account: LocalAccount, clock: Any, rounds: Any) -> None:
    deployment = Deployment.from_json(orders.deployment)
    chain = Chain.connect(orders.urls, deployment.chain_id)
    store = Store(orders.database_url).create()
    watcher = Watcher(chain, store, deployment, CONFIRMATIONS)
    payouts, _ = keeper(chain, deployment, store, account, fee_cap=orders.fee_cap, patience_seconds=0.5)
    board = JobBoard(keeper_jobs(payouts, watcher, store), lambda: int(clock.value), store)
    board.start()
    while True:
        try:
            board.run_round()
        except TimeoutError as late:
            print(late, flush=True)
        with rounds.get_lock():
            rounds.value += 1


def _end_at(owner: Any, name: str, after: bool, count: int) -> None:
    real: Callable[..., Any] = getattr(owner, name)
    calls = 0

    @functools.wraps(real)
    def ending(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == count and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = real(*args, **kwargs)
        if calls == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    setattr(owner, name, ending)


def _fill_the_disk(seconds: float) -> None:
    """No file can grow for a while: writes end with EFBIG, and SQLite says that the disk is full or failing."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    time.sleep(seconds)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL_FILE, usual[1]))
    time.sleep(seconds)
    resource.setrlimit(resource.RLIMIT_FSIZE, usual)
