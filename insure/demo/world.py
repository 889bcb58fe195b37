"""The chains of the demo and their common clock: the host, a subject that really halts, and a control that lives on."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Protocol

from eth_account.signers.local import LocalAccount

from insure.chain.embedded import EmbeddedChain, serve
from insure.chain.rpc import Chain

HOST_CHAIN_ID = 31_337
STEP_SECONDS = 300
"""How far simulated time moves at once around a halt: the period of a beat."""

_FINE_SECONDS = 3 * 3_600
_COARSE_STEPS = 24


class DrivenChain(Protocol):
    """A chain whose clock and mining are in our hands."""

    accounts: list[LocalAccount]

    @property
    def halted(self) -> bool:
        """Whether it produces no blocks."""
        ...

    def travel(self, timestamp: int) -> None:
        """Moves the clock forward to a UTC time and, unless halted, mines a block there."""
        ...

    def halt(self) -> None:
        """Stops block production."""
        ...

    def resume(self) -> None:
        """Produces blocks again."""
        ...


class World:
    """Three chains that share one simulated clock; the subjects' nodes answer JSON-RPC on loopback."""

    def __init__(
        self, host: Chain, driven_host: DrivenChain, genesis_time: int, subject_id: int, control_id: int
    ) -> None:
        self.host = host
        self.accounts = driven_host.accounts
        self._driven_host = driven_host
        self._subject = EmbeddedChain(subject_id, genesis_time)
        self._control = EmbeddedChain(control_id, genesis_time)
        self._resources = ExitStack()
        self.subject_url = self._resources.enter_context(serve(self._subject)).url
        self.control_url = self._resources.enter_context(serve(self._control)).url
        self._now = genesis_time

    def now(self) -> int:
        """Simulated UTC seconds: what the host's last block says, if that is later than the clock."""
        return max(self._now, self.host.head().timestamp)

    def advance(self, to: int) -> None:
        """Moves all clocks to `to`; chains that are not halted make a block there."""
        self._now = max(self._now, to)
        for chain in (self._driven_host, self._subject, self._control):
            chain.travel(to)

    def halt_subject(self) -> None:
        """Switches the subject's mining off."""
        self._subject.halt()

    def resume_subject(self) -> None:
        """Switches the subject's mining on again; its first block follows at once."""
        self._subject.resume()

    def __enter__(self) -> "World":
        return self

    def __exit__(self, *_: object) -> None:
        """Takes the nodes down."""
        self._resources.close()


def moments(start: int, end: int) -> Iterator[int]:
    """The times from after `start` up to `end` at which the world stops for a round of jobs.

    Every five minutes for three hours; of a longer stretch the rest in two dozen coarser steps.
    """
    fine_until = min(end, start + _FINE_SECONDS)
    now = start
    while now + STEP_SECONDS < fine_until:
        now += STEP_SECONDS
        yield now
    coarse = max(STEP_SECONDS, (end - now) // _COARSE_STEPS)
    while now + coarse < end:
        now += coarse
        yield now
    yield end


def evm_id(subject_id: str, otherwise: int) -> int:
    """The chain id under which a subject's stand-in runs: its own where it is an EVM chain."""
    namespace, _, reference = subject_id.partition(":")
    return int(reference) if namespace == "eip155" else otherwise


def distinct(candidates: Sequence[str], not_this: str) -> str:
    """The first of the candidates that is another one."""
    return next(each for each in candidates if each != not_this)
