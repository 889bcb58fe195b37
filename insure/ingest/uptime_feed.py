"""Chainlink's sequencer uptime feeds: a round answers 1 from when the sequencer stood and 0 from when it ran again."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from insure.chain.rpc import Chain
from insure.errors import ChainError, InvalidInput, TransactionFailed
from insure.ingest.beside import FIRST_SECOND
from insure.ingest.reports import Report, on_chain
from insure.records.history import Ended, Stopped
from insure.records.onchain import ZERO_ADDRESS, Address

UP, DOWN = 0, 1
MOST_ROUNDS = 20_000
"""So many are read of one aggregator."""
MOST_PHASES = 64
PHASE_BITS = 64
"""A round's id has the number of its aggregator above so many bits, and its own number below."""
_LATEST = keccak(text="latestRoundData()")[:4]
_ROUND = keccak(text="getRoundData(uint80)")[:4]
_AGGREGATOR = keccak(text="phaseAggregators(uint16)")[:4]
_ANSWER = ("uint80", "int256", "uint256", "uint256", "uint80")


@dataclass(frozen=True, order=True)
class Round:
    """A round of a feed: `started_at` is when the sequencer's state became `answer`, UTC seconds."""

    id: int
    answer: int
    started_at: int

    @property
    def phase(self) -> int:
        """Which of the feed's aggregators it is of, counted from 1; 0 if the feed has one for good."""
        return self.id >> PHASE_BITS


@dataclass(frozen=True)
class Spell:
    """That the sequencer stood from `start` to `end` (UTC seconds).

    Without an end it still stands, unless its aggregator was replaced meanwhile: then it ran again `by` some time.
    """

    start: int
    end: int | None
    by: int | None = None


def read_rounds(chain: Chain, feed: Address, known: Sequence[Round] = ()) -> tuple[Round, ...]:
    """All rounds of a feed, oldest first: those of its present aggregator and of every earlier one that it names, each
    as far back as it goes.

    Of `known` rounds, which were read before, only the last of an aggregator is asked for again, and none of one that
    was replaced before then; if that has changed, its aggregator is read anew. Raises `ChainError` for what answers
    unlike a feed, has more than `MOST_ROUNDS` of one aggregator or more than `MOST_PHASES` aggregators, `Unreachable`
    when nothing does.
    """
    last = _round(chain, feed, _LATEST)
    aggregators = dict(read_aggregators(chain, feed, last.phase - 1)) if last.phase > 1 else {}
    rounds: list[Round] = []
    for phase in range(min(last.phase, 1), last.phase):
        own = [each for each in known if each.phase == phase]
        if own and phase < known[-1].phase:
            rounds += own
        elif phase in aggregators:
            rounds += _of_earlier(chain, aggregators[phase], phase, own)
    own = [each for each in known if each.phase == last.phase]
    return (*rounds, *_of_aggregator(chain, feed, last, own))


def read_aggregators(chain: Chain, feed: Address, phases: int) -> tuple[tuple[int, Address], ...]:
    """The aggregators of a feed's first so many phases, with the phase of each; without phases it is its own.

    One that the feed does not name is left out. Raises as `read_rounds` does.
    """
    if phases > MOST_PHASES:
        raise ChainError(f"feed {feed} has {phases:,} aggregators: at most {MOST_PHASES}")
    if not phases:
        return ((0, feed),)
    found = ((phase, _aggregator(chain, feed, phase)) for phase in range(1, phases + 1))
    return tuple((phase, address) for phase, address in found if address != ZERO_ADDRESS)


def _aggregator(chain: Chain, feed: Address, phase: int) -> Address:
    try:
        (address,) = decode(["address"], chain.call(feed, _AGGREGATOR + encode(["uint16"], [phase])))
    except TransactionFailed:
        return ZERO_ADDRESS
    except DecodingError:
        raise ChainError(f"feed {feed} does not answer as an uptime feed does") from None
    return to_checksum_address(address)


def _of_earlier(chain: Chain, aggregator: Address, phase: int, known: Sequence[Round]) -> Iterator[Round]:
    """Rounds of an aggregator that was replaced, asked for at its own address: it knows nothing of phases."""
    above = phase << PHASE_BITS
    own = [replace(each, id=each.id - above) for each in known]
    try:
        last = _round(chain, aggregator, _LATEST)
    except TransactionFailed:
        return iter(known)  # it is gone, and says so by reverting
    return (replace(each, id=above + each.id) for each in _of_aggregator(chain, aggregator, last, own))


def _of_aggregator(chain: Chain, address: Address, last: Round, known: Sequence[Round]) -> tuple[Round, ...]:
    """Its rounds up to the last, oldest first; those that are known only once if they stand."""
    since = _read_back(chain, address, last, known[-1].id) if known else ()
    if since and since[0] == known[-1]:
        return (*known[:-1], *since)
    return _read_back(chain, address, last, (last.id >> PHASE_BITS << PHASE_BITS) + 1)


def _read_back(chain: Chain, address: Address, last: Round, first: int) -> tuple[Round, ...]:
    if last.id - first >= MOST_ROUNDS:
        raise ChainError(f"feed {address} has {last.id - first + 1:,} rounds to read: at most {MOST_ROUNDS:,}")
    rounds = [last] if last.id >= first else []
    for number in range(last.id - 1, first - 1, -1):
        try:
            rounds.append(_round(chain, address, _ROUND + encode(["uint80"], [number]), number))
        except TransactionFailed:
            break  # feeds forget, and say so by reverting
    return tuple(reversed(rounds))


def _round(chain: Chain, address: Address, data: bytes, wanted: int | None = None) -> Round:
    try:
        number, answer, started_at, _, _ = decode(_ANSWER, chain.call(address, data))
    except DecodingError:
        raise ChainError(f"feed {address} does not answer as an uptime feed does") from None
    if wanted is not None and number != wanted:
        raise ChainError(f"feed {address} answers round {number}: must be {wanted}, which it was asked for")
    return Round(number, answer, started_at)


def read_outages(rounds: Iterable[Round], now: int) -> tuple[Spell, ...]:
    """Spells for which the sequencer stood.

    Rounds may repeat and come in any order. What stood from an aggregator's first round on is left out, because that
    round is when the aggregator began, unless the one before it said so too. Raises `InvalidInput` for answers of the
    last aggregator other than 0 and 1, and for times of its that are out of order or after `now`; `flaws` tells which
    earlier ones are left out for that.
    """
    spells: list[Spell] = []
    lasting: int | None = None
    groups = _by_aggregator(rounds)
    for own in groups:
        try:
            spans = _spans(own, now)
        except InvalidInput:
            if own is groups[-1]:
                raise
            continue
        over = None if lasting is None else _up_after(own, lasting)
        if lasting is not None and over is not None:
            told = own[0].answer == DOWN  # it began while the sequencer stood: its first 0 is the end
            spells.append(Spell(lasting, over) if told else Spell(lasting, None, over))
            lasting = None
        if spans and spans[-1][1] is None:
            begun = spans.pop()[0]
            lasting = begun if lasting is None else lasting
        spells += [Spell(start, end) for start, end in spans]
    spells += [] if lasting is None else [Spell(lasting, None)]
    return tuple(sorted(spells, key=lambda each: (each.start, each.end is None, each.end or each.by or 0)))


def flaws(rounds: Iterable[Round], now: int) -> tuple[str, ...]:
    """A line for each aggregator but the last whose rounds can't be trusted: what it told is nobody's word any more."""
    lines: list[str] = []
    for own in _by_aggregator(rounds)[:-1]:
        try:
            _spans(own, now)
        except InvalidInput as error:
            lines.append(f"aggregator {own[0].phase} is left out: {error}")
    return tuple(lines)


def _by_aggregator(rounds: Iterable[Round]) -> list[list[Round]]:
    return [list(group) for _, group in groupby(sorted(set(rounds)), lambda each: each.phase)]


def _up_after(rounds: Iterable[Round], start: int) -> int | None:
    return next((each.started_at for each in rounds if each.answer == UP and each.started_at > start), None)


def _spans(rounds: Iterable[Round], now: int) -> list[tuple[int, int | None]]:
    """From each 1 to the next 0 of one aggregator's rounds, which are in order."""
    spans: list[tuple[int, int | None]] = []
    before: Round | None = None
    for each in rounds:
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
    return spans


def as_reports(spells: Iterable[Spell], source: str, subject: str, address: str, seen_at: int) -> tuple[Report, ...]:
    """What the feed says of the chain whose sequencer it watches."""
    return tuple(_report(each, source, subject, address, seen_at) for each in spells)


def _report(spell: Spell, source: str, subject: str, address: str, seen_at: int) -> Report:
    text = "the sequencer uptime feed says down"
    span = (spell.start, spell.end)
    told = on_chain(source, str(spell.start), address, seen_at, subject, span, Stopped.BLOCK_PRODUCTION, text)
    if spell.by is None:
        return told
    return replace(told, lasts=False, ended=Ended.RESUMED, low_seconds=1, high_seconds=spell.by - spell.start)
