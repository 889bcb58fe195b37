"""One observer: looks at an insured chain with its own eyes and signs what it saw with its own key."""

from collections.abc import Callable

from eth_account.signers.local import LocalAccount

from insure.chain.contracts import WatcherPath
from insure.records.history import subject_key
from insure.records.onchain import Address, Observation, SignedObservation
from insure.watchtower.probe import EvmProbe
from insure.watchtower.vigil import NOTHING, Finding, Vigil, VigilRules, advance

SIGNATURE_SECONDS = 3_600
"""How long a signature may be used."""


class Observer:
    """One key that belongs to one watcher path, and the vigil it keeps over one subject."""

    def __init__(
        self,
        account: LocalAccount,
        path: WatcherPath,
        subject_id: str,
        probe: EvmProbe,
        rules: VigilRules | None = None,
    ) -> None:
        self.path = path
        self.subject = "0x" + subject_key(subject_id).hex()
        self.finding: Finding = NOTHING
        self.uneasy_since: int | None = None
        self._account = account
        self._probe = probe
        self._rules = rules or VigilRules()
        self._vigil: Vigil | None = None

    @property
    def address(self) -> Address:
        """The address whose signature the path knows."""
        return str(self._account.address)

    def look(self, now: int) -> Finding:
        """Looks once. A stop that is over stays the finding until the next one, so that its report can't be missed."""
        self._vigil, finding = advance(self._vigil, self._probe.look(), now, self._rules, self._block_time)
        self.uneasy_since = finding.uneasy_since
        if finding.downtime is not None or not self.finding.ended:
            self.finding = finding
        return finding

    def sign(self, now: int) -> SignedObservation | None:
        """The downtime found, signed; None when there is nothing to say."""
        if self.finding.downtime is None:
            return None
        span = self.finding.downtime
        observation = Observation(self.subject, span.start, span.until, self.finding.ended, now + SIGNATURE_SECONDS)
        signature = self._sign(self.path.observation_typed_data(observation))
        return SignedObservation(observation, self.address, signature)

    def sign_alarm(self, now: int) -> tuple[int, int, str] | None:
        """(since, deadline, signature) of the first sign of trouble; None when the chain moves."""
        if self.uneasy_since is None:
            return None
        deadline = now + SIGNATURE_SECONDS
        # the alarm begins when it is raised: a path takes none from the future, and lets old ones lapse
        return now, deadline, self._sign(self.path.alarm_typed_data(self.subject, now, deadline))

    def sign_attendance(self, now: int) -> str:
        """The signature under "present at `now`"."""
        return self._sign(self.path.attendance_typed_data(now))

    def _sign(self, typed_data: dict[str, object]) -> str:
        return "0x" + bytes(self._account.sign_typed_data(full_message=typed_data).signature).hex()

    @property
    def _block_time(self) -> Callable[[int], int | None]:
        return self._probe.block_time
