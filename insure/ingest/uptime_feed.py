"""Chainlink's sequencer uptime feeds: a round answers 1 from when the sequencer stood and 0 from when it ran again."""

from collections.abc import Iterable
from dataclasses import dataclass

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak

from insure.chain.rpc import Chain
from insure.errors import ChainError, InvalidInput, TransactionFailed
from insure.ingest.beside import FIRST_SECOND
from insure.ingest.reports import Report, on_chain
from insure.records.history import Stopped
from insure.records.onchain import Address

UP, DOWN = 0, 1
MOST_ROUNDS = 20_000
_LATEST = keccak(text="latestRoundData()")[:4]
_ROUND = keccak(text="getRoundData(uint80)")[:4]
_ANSWER = ("uint80", "int256", "uint256", "uint256", "uint80")
_PHASE_BITS = 64


@dataclass(frozen=True, order=True)
class Round:
    """A round of a feed: `started_at` is when the sequencer's state became `answer`, UTC seconds."""

    id: int
    answer: int
    started_at: int


def read_rounds(chain: Chain, feed: Address, after: int = 0) -> tuple[Round, ...]:
    """The feed's rounds above `after`, oldest first, as far back as its present aggregator goes.

    Raises `ChainError` for what answers unlike a feed or has more than `MOST_ROUNDS`, `Unreachable` when nothing does.
    """
    last = _round(chain, feed, _LATEST)
    first = max(after, last.id >> _PHASE_BITS << _PHASE_BITS) + 1
    if last.id - first >= MOST_ROUNDS:
        raise ChainError(f"feed {feed} has {last.id - first + 1:,} rounds to read: at most {MOST_ROUNDS:,}")
    rounds = [last] if last.id >= first else []
    for number in range(last.id - 1, first - 1, -1):
        try:
            rounds.append(_round(chain, feed, _ROUND + encode(["uint80"], [number])))
        except TransactionFailed:
            break  # feeds forget, and say so by reverting
    return tuple(reversed(rounds))


def _round(chain: Chain, feed: Address, data: bytes) -> Round:
    try:
        number, answer, started_at, _, _ = decode(_ANSWER, chain.call(feed, data))
    except DecodingError:
        raise ChainError(f"feed {feed} does not answer as an uptime feed does") from None
    return Round(number, answer, started_at)


def read_outages(rounds: Iterable[Round], now: int) -> tuple[tuple[int, int | None], ...]:
    """Spans (from, until) for which the sequencer stood; `until` is None while it stands.

    Rounds may repeat and come in any order. What stood from the first round on is left out, because that round is when
    the feed began. Raises `InvalidInput` for answers other than 0 and 1, and for times out of order or after `now`.
    """
    spans: list[tuple[int, int | None]] = []
    before: Round | None = None
    for each in sorted(set(rounds)):
        if each.answer not in (UP, DOWN):
            raise InvalidInput(f"round {each.id} answers {each.answer}: must be 0 (up) or 1 (down)")
        if before is not None and each.answer == before.answer and each.id != before.id:
            continue  # the same state, said again
        if not FIRST_SECOND <= each.started_at <= now and not (before is None and each.started_at == 0):
            raise InvalidInput(f"round {each.id} starts at {each.started_at}: must be a time up to now ({now})")
        if before is not None and (each.id == before.id or each.started_at < before.started_at):
            raise InvalidInput(f"round {each.id} starts at {each.started_at}, before round {before.id}")
        if before is not None:
            if each.answer == DOWN:
                spans.append((each.started_at, None))
            elif spans:
                spans[-1] = (spans[-1][0], max(each.started_at, spans[-1][0] + 1))
        before = each
    return tuple(spans)


def as_reports(
    spans: Iterable[tuple[int, int | None]], source: str, subject: str, address: str, seen_at: int
) -> tuple[Report, ...]:
    """What the feed says of the chain whose sequencer it watches."""
    text = "the sequencer uptime feed says down"
    return tuple(
        on_chain(source, str(span[0]), address, seen_at, subject, span, Stopped.BLOCK_PRODUCTION, text)
        for span in spans
    )
