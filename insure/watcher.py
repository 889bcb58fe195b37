"""Logs into the mirror: from where it stands to the last block that is deep enough, and back after a reorganisation."""

import logging

from insure.chain.contracts import Decoder
from insure.chain.node_errors import allowed_blocks
from insure.chain.rpc import Chain
from insure.errors import ChainError, InvalidInput, RateLimited, Unreachable, WrongChain
from insure.records.deployment import Deployment
from insure.records.onchain import FINALIZED, Confirmations, Head, Log
from insure.records.views import Rollback
from insure.store import Store

_log = logging.getLogger(__name__)

FIRST_RANGE = 1_000
LONGEST_RANGE = 20_000
MOST_LOGS = 10_000
"""As many as are wanted at once: memory stays the same however many there are."""
RANGES_BEFORE_MORE = 32
"""Ranges that are taken in before an endpoint that refused a longer one is asked for twice as much."""


class Watcher:
    """The only one that writes chain facts, and only from blocks that are deep enough: `confirmations` behind the head,
    or final.

    Raises `WrongChain` if the chain is not the deployment's, `InvalidInput` for a negative number of confirmations or
    a store that mirrors another installation.
    """

    def __init__(self, chain: Chain, store: Store, deployment: Deployment, confirmations: Confirmations) -> None:
        if chain.chain_id != deployment.chain_id:
            raise WrongChain(f"the deployment is on chain {deployment.chain_id}, the endpoint serves {chain.chain_id}")
        if confirmations != FINALIZED and confirmations < 0:
            raise InvalidInput(f"confirmations is {confirmations}: must be at least 0, or {FINALIZED}")
        self.chain = chain
        self._store = store
        self._first = deployment.block
        self.confirmations = confirmations
        self._decoder = Decoder(deployment)
        self._blocks = FIRST_RANGE
        self._most = LONGEST_RANGE
        """As many blocks as the endpoint answers for, as far as is known."""
        self._taken = 0
        """Ranges taken in since it last refused one."""
        self.rollback: Rollback | None = None
        """The last time that the chain left behind what was believed."""
        self._anew = False
        """Whether the mirror is being read anew because a log contradicted it."""
        store.bind(deployment.installation, self._decoder.addresses)

    def run(self, until: int | None = None) -> int:
        """Takes in what is new and deep enough, up to block `until` if given; returns how many logs were new.

        Raises `Unreachable` when no endpoint answers, `ChainError` when what it answers can't be read; what was taken
        in before stays, and the next run goes on from there. If a log contradicts the mirror, the endpoint has missed
        one (a backend that lagged): the mirror is read anew once, and only if that fails too is it an error.
        """
        target = self.deep(self.chain.head().number)
        target = target if until is None else min(target, until)
        new = 0
        while True:
            cursor = self._store.cursor()
            if cursor is not None and target >= cursor.number:
                cursor = self._on_branch(cursor)
            start = self._first if cursor is None else cursor.number + 1
            if start > target:
                self._anew = False
                return new
            new += self._take(cursor, start, target)

    def deep(self, head: int) -> int:
        """Number of the last block that is deep enough below `head`; negative before there is one."""
        return self.chain.deep(head, self.confirmations)

    def _on_branch(self, cursor: Head) -> Head | None:
        """The cursor, or, if the chain has left its block behind, where the mirror was rolled back to."""
        if self._same(cursor):
            return cursor
        known = [block for block in self._store.blocks() if block.number < cursor.number]
        ancestor = next((block for block in known if self._same(block)), None)
        depth = "to its beginning" if ancestor is None else f"to block {ancestor.number}"
        _log.warning("block %d is no longer %s: rolling the mirror back %s", cursor.number, cursor.hash, depth)
        if not self._store.roll_back(cursor, ancestor):
            return self._store.cursor()  # another process was faster
        at = self.chain.head().timestamp
        self.rollback = Rollback(at, cursor.number, -1 if ancestor is None else ancestor.number)
        return ancestor

    def _same(self, block: Head) -> bool:
        return self.chain.block(block.number).hash == block.hash

    def _take(self, cursor: Head | None, start: int, target: int) -> int:
        """Takes in one range; one that the endpoint finds too large is cut to what it allows, or halved, one that it
        likes is doubled."""
        until = min(target, start + self._blocks - 1)
        end = self.chain.block(until)
        try:
            raw = self.chain.logs(self._decoder.addresses, start, until)
        except RateLimited:
            raise
        except Unreachable:
            self._blocks = max(1, self._blocks // 2)
            raise
        except ChainError as error:
            if until == start:
                raise
            asked = until - start + 1
            self._blocks = self._most = allowed_blocks(str(error), asked) or asked // 2
            self._taken = 0
            _log.info("logs of blocks %d to %d: %s; next %d at once", start, until, error, self._blocks)
            return 0
        if not self._same(end) or not (cursor is None or self._same(cursor)):
            _log.info("the chain turned round while logs of blocks %d to %d were read", start, until)
            return 0  # the next round looks for the common block
        new = self._advance(cursor, end, [self._decoder.decode(log) for log in raw])
        self._taken += 1
        if self._taken % RANGES_BEFORE_MORE == 0:
            self._most = min(LONGEST_RANGE, self._most * 2)
        wanted = 2 * self._blocks if len(raw) * 2 <= MOST_LOGS else self._blocks * MOST_LOGS // len(raw)
        self._blocks = max(1, min(self._most, wanted))
        return new

    def _advance(self, cursor: Head | None, end: Head, logs: list[Log]) -> int:
        try:
            return self._store.advance(cursor, end, logs) or 0
        except ChainError as error:
            if self._anew:
                raise
            self._anew = True
            _log.warning("reading the mirror anew: %s", error)
            self._store.roll_back(cursor, None)
            return 0
