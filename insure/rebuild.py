"""The mirror held against the chain: everything read anew into memory, and compared."""

from collections.abc import Callable
from itertools import zip_longest
from typing import Any

from insure.chain.rpc import Chain
from insure.records.deployment import Deployment
from insure.records.onchain import Confirmations
from insure.store import Store
from insure.watcher import Watcher

_READERS: dict[str, Callable[[Store], list[Any]]] = {
    "logs": Store.logs,
    "triggers": Store.triggers,
    "policies": Store.policies,
    "incidents": Store.incidents,
    "claims": Store.claims,
    "payments": Store.payments,
    "failovers": Store.failovers,
}


def compare(chain: Chain, store: Store, deployment: Deployment) -> list[str]:
    """What differs between the mirror and the chain's logs up to the mirror's last block, a line for each kind.

    Raises `WrongChain` and `Unreachable` as the watcher does.
    """
    cursor = store.cursor()
    if cursor is None:
        return ["the mirror is empty"]
    found = []
    now = chain.block(cursor.number).hash if cursor.number <= chain.head().number else "none"
    if now != cursor.hash:
        found.append(f"block {cursor.number} is {cursor.hash} in the mirror and {now} on the chain")
    fresh = Store().create()
    Watcher(chain, fresh, deployment, 0).run(cursor.number)
    for kind, read in _READERS.items():
        mirrored, right = read(store), read(fresh)
        if mirrored != right:
            found.append(_difference(kind, mirrored, right))
    fresh.close()
    return found


def _difference(kind: str, mirrored: list[Any], right: list[Any]) -> str:
    first = next(k for k, (a, b) in enumerate(zip_longest(mirrored, right)) if a != b)
    return f"{kind}: {len(mirrored)} in the mirror, {len(right)} on the chain, differing from number {first} on"


def reread(chain: Chain, store: Store, deployment: Deployment, confirmations: Confirmations) -> int:
    """Empties the mirror and reads it anew; returns how many logs there are."""
    watcher = Watcher(chain, store, deployment, confirmations)
    store.roll_back(store.cursor(), None)
    return watcher.run()
