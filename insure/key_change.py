"""Keys that change while the process runs: a new one is taken up between two jobs, once it can do the old one's work.

A new key that can't yet is an error of this job, told like any other, and the old one stays until it can.
"""

import logging
from collections.abc import Callable
from dataclasses import replace

from eth_account.signers.local import LocalAccount

from insure.chain.contracts import PolicyBook
from insure.errors import InsureError, InvalidInput, NotConfigured
from insure.installation import Installation, require_apart, sender_of
from insure.jobs import Job
from insure.ops.keys import account_of
from insure.settings import Settings

_log = logging.getLogger(__name__)

_FIXED = ("relayer_key", "observer_keys")
"""Whose addresses are part of a path's contract: another one is another path, and so another manifest."""


class KeyChange:
    """Looks whether `read` gives other keys than the installation was started with (`settings`).

    Its job must be on the board of those that send, where no two jobs run at once: then no transaction of the old key
    is under way, and what is still in the mempool is followed by its journal like that of any other key.
    """

    def __init__(self, installation: Installation, settings: Settings, read: Callable[[], Settings]) -> None:
        self._installation = installation
        self._used = settings
        self._read = read

    @property
    def job(self) -> Job:
        """The job that looks."""
        return Job("keys", 15, self.run)

    def run(self, now: int) -> None:
        """Takes up what has changed; raises the first reason why something can't be, after all was tried."""
        found = self._read()
        failure: InsureError | None = None
        for name, take in (("keeper_key", self._keeper), ("underwriter_key", self._underwriter)):
            key = getattr(found, name)
            if key == getattr(self._used, name):
                continue
            try:
                account = account_of(name, key)
                if account is None:
                    raise NotConfigured(f"{name} is gone: the one that was read before is used until the next start")
                take(account)
            except InsureError as error:
                failure = failure or error
                continue
            self._used = replace(self._used, **{name: key})
            _log.warning("%s has changed: %s from now on", name, account.address)
        if failure is not None:
            raise failure
        self._require_fixed(found)

    def _keeper(self, account: LocalAccount) -> None:
        installation = self._installation
        chain, before = installation.watcher.chain, installation.sender("keeper")
        if before is not None and before.address == account.address:
            return  # the same key, written in another way
        sender = sender_of(chain, installation.store, self._used, account)
        require_apart(sender, installation.sender("relayer"))
        if chain.balance(sender.address) == 0:
            raise InvalidInput(f"keeper_key: {sender.address} has nothing for gas: send it some first")
        sender.guard()
        installation.keep_with(sender)

    def _underwriter(self, account: LocalAccount) -> None:
        installation = self._installation
        book = PolicyBook(installation.watcher.chain, installation.engine.deployment.policy_book)
        if book.underwriter_limits(account.address)[0] == 0:
            raise InvalidInput(f"underwriter_key: {account.address} may sell nothing: `setUnderwriter` comes first")
        installation.desk.sign_with(account)

    def _require_fixed(self, found: Settings) -> None:
        for name in _FIXED:
            if getattr(found, name) != getattr(self._used, name):
                raise InvalidInput(f"{name} has changed: it is a path's, and is read at the next start")
