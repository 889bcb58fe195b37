"""One finding of a check: what was looked at, what is there, and what would be right."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from insure.chain.codec import abi
from insure.chain.contract import Contract
from insure.chain.rpc import RawLog
from insure.errors import ChainError, InvalidInput, Unreachable

_LEAST_BLOCKS = 1_000
"""How small a range of blocks a node must be able to look through at once."""


@dataclass(frozen=True)
class Check:
    """Something that is as it should be, or is not."""

    name: str
    ok: bool
    found: str
    right: str


def compared(name: str, right: object, find: Callable[..., object], *args: object) -> Check:
    """What `find(*args)` finds against what would be right.

    A chain that gives no answer, or another than our contracts give, is a failure.
    """
    try:
        found = find(*args)
    except (ChainError, InvalidInput) as error:
        return failed(name, error, right)
    return Check(name, found == right, _shown(found), _shown(right))


def failed(name: str, error: Exception, right: object) -> Check:
    """A finding that could not be made."""
    return Check(name, False, str(error) or type(error).__name__, _shown(right))


def history(contract: Contract, since: int, *events: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a contract logged of these events since a block, in order: for what it keeps no list of.

    Raises `ChainError` when the node does not serve its logs.
    """
    known = abi(contract.artifact)
    topics = [known.topic(each) for each in events]
    for log in _logs(contract, since, contract.chain.head().number, topics):
        yield known.event(log)


def _logs(contract: Contract, since: int, until: int, topics: list[str]) -> list[RawLog]:
    """The logs of a range; in halves where the node finds it too long."""
    try:
        return contract.chain.logs([contract.address], since, until, topics)
    except Unreachable:
        raise
    except ChainError:
        if until - since < _LEAST_BLOCKS:
            raise
    middle = (since + until) // 2
    return [*_logs(contract, since, middle, topics), *_logs(contract, middle + 1, until, topics)]


def _shown(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(map(_shown, value)) or "none"
    return str(value)
