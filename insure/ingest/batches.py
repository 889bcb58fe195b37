"""When an OP-stack chain posted to the chain it settles on: its own headers are back-filled and tell nothing of a stop.

Who posts is in its `SystemConfig` there; when that account sent something is in the account's nonces, which only a node
with all past states (an archive node) tells. Whatever else the batcher sends counts as posting, so that a silence is
certain and a stop may be missed.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from insure.chain.rpc import Chain
from insure.errors import ChainError, InvalidInput, SourceError, TransactionFailed, Unreachable
from insure.ingest.archive import Archive
from insure.ingest.header_search import block_at
from insure.ingest.headers import chance_wait
from insure.ingest.silences import Silence, Silences, encode, find_silences
from insure.ingest.sources import Form, Source
from insure.records.history import HOUR_SECONDS
from insure.records.onchain import Address

SHORTEST_SECONDS = HOUR_SECONDS
"""No shorter silence is told of, unless asked for."""
WINDOW_SECONDS = 12 * HOUR_SECONDS
"""The stack's sequencing window, 3,600 blocks of Ethereum: what is not posted within it is made up without the
sequencer, so that a silence as long as that is told of at any pace."""
DEPTH_BLOCKS = 64
"""So far behind its head the parent chain is looked at: two epochs, which is final on Ethereum."""
_BATCHER = keccak(text="batcherHash()")[:4]
_EMBEDDED = bytes(12)
"""Version 0, and padding, before the batcher's address."""


def ask_batches(
    name: str,
    sources: Sequence[Source],
    connect: Callable[[str], Chain],
    archive: Archive,
    since: int,
    at_least: int | None,
    now: int,
) -> tuple[Silence, ...]:
    """Silences of at least `at_least` seconds of a chain's batcher that lasted or began since `since`; the archive gets
    them too.

    By default of `SHORTEST_SECONDS`, or of `chance_wait` where that is longer, but of `WINDOW_SECONDS` at most.
    `connect` gives the chain of an id. Raises `InvalidInput` if the parent chain has no blocks since, `SourceError` if
    the batcher has never sent anything, `Unreachable` or `ChainError` as the chain does.
    """
    source = next((each for each in sources if each.name == name and each.form is Form.BATCHES), None)
    if source is None:
        raise InvalidInput(f"source {name!r} tells of no batches")
    parent, config = source.contract
    chain = connect(parent)

    @cache
    def time_of(number: int) -> int:
        return chain.block(number).timestamp

    last = chain.head().number - DEPTH_BLOCKS
    first = block_at(time_of, last, since) if last > 0 else 0
    if first >= last:
        raise InvalidInput(f"chain {parent} has no two blocks since {since} that are {DEPTH_BLOCKS} blocks deep")
    found = _silences(chain, config, time_of, first, last, at_least)
    if found is None:
        raise SourceError(f"{name}: the batcher that {config} names has never sent anything")
    body = encode(Silences(time_of(last), found))
    archive.keep(body, name, f"{source.address}#{first}-{last}", now)
    return found


def _silences(
    chain: Chain, config: Address, time_of: Callable[[int], int], first: int, last: int, at_least: int | None
) -> tuple[Silence, ...] | None:
    """Silences of all batchers together that were named when one began or ended; None if they never sent anything.

    What an account sent before any batcher was named is no posting, and begins no silence.
    """
    named = {_batcher(chain, config, block) for block in (first, last)}
    if None in named and _batcher(chain, config, last) is None:
        raise ChainError(f"{config} has no batcherHash at block {last}: must be a SystemConfig")
    while True:
        sent_of = _counter(chain, named)
        if sent_of(last) == 0:
            return None
        least = _least(sent_of(last) - sent_of(first), time_of(last) - time_of(first)) if at_least is None else at_least
        found = find_silences(sent_of, time_of, first, last, least)
        begun = {each: _batcher(chain, config, each.after_block) for each in found}
        if named.issuperset(begun.values()):
            return tuple(each for each, batcher in begun.items() if batcher is not None)
        named |= set(begun.values())  # an earlier batcher may have posted when its successor was silent


def _counter(chain: Chain, accounts: set[Address | None]) -> Callable[[int], int]:
    """How many transactions accounts have sent up to a block."""

    @cache
    def sent_of(block: int) -> int:
        with _past_states(chain):
            return sum(chain.nonce_at(account, block) for account in accounts if account is not None)

    return sent_of


def _batcher(chain: Chain, config: Address, block: int) -> Address | None:
    """The account that a chain's batches are taken from, as of a block; None before there was one."""
    with _past_states(chain):
        answer = chain.call(config, _BATCHER, block)
    try:
        (word,) = decode(["bytes32"], answer)
    except DecodingError:
        return None
    if word[:12] != _EMBEDDED:
        raise ChainError(f"{config} has batcherHash 0x{word.hex()} at block {block}: must hold an address")
    return to_checksum_address(word[12:]) if any(word) else None


@contextmanager
def _past_states(chain: Chain) -> Iterator[None]:
    """While a node is asked for what was long ago: one that can't tell is the wrong one."""
    try:
        yield
    except (Unreachable, TransactionFailed):
        raise
    except ChainError as error:
        raise ChainError(f"{error}: the node of chain {chain.chain_id} must be an archive node") from None


def _least(posts: int, seconds: int) -> int:
    if not posts:
        return SHORTEST_SECONDS
    return min(max(SHORTEST_SECONDS, chance_wait(seconds / posts, posts)), WINDOW_SECONDS)
