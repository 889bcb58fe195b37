"""What an uptime feed's aggregators told by events, `AnswerUpdated`, laid beside the rounds that they hold."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from eth_abi.abi import decode as decode_abi
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak

from insure.chain.rpc import Chain, RawLog
from insure.errors import ChainError, InvalidInput, Unreachable
from insure.ingest.incidents import decode as decode_json
from insure.ingest.uptime_feed import PHASE_BITS, Round
from insure.records.onchain import Address

ANSWER_UPDATED = "0x" + keccak(text="AnswerUpdated(int256,uint256,uint256)").hex()
"""Its arguments are the answer, the round's number within its aggregator, both indexed, and when the round began."""
WIDEST_BLOCKS = 160_000
"""Logs of so many blocks are asked for at once, of fewer where a node refuses."""
MOST_REQUESTS = 200
"""So often are logs asked for in one run; the next run goes on from there."""
LATE_SECONDS = 120
"""By so much may an event tell a later time than its round: some aggregators put there when it was transmitted."""


@dataclass(frozen=True)
class Passage:
    """The logs of one of a feed's aggregators in the blocks `first` to `last`, both included."""

    phase: int
    aggregator: Address
    first: int
    last: int
    logs: tuple[RawLog, ...]


def read_passage(chain: Chain, aggregator: tuple[int, Address], first: int, last: int) -> Passage:
    """The events of an aggregator (phase, address) from block `first` on, to `last` or as far as `MOST_REQUESTS` reach.

    A node that refuses a range is asked for half of it. If it refuses a single block, or nothing answers any more, the
    passage ends there; raises `ChainError` or `Unreachable` if that is the first.
    """
    phase, address = aggregator
    logs: list[RawLog] = []
    begin, width = first, WIDEST_BLOCKS
    for _ in range(MOST_REQUESTS):
        end = min(begin + width - 1, last)
        try:
            logs += chain.logs([address], begin, end, [ANSWER_UPDATED])
        except ChainError as error:
            if not isinstance(error, Unreachable) and begin < end:
                width = (end - begin + 1) // 2
                continue
            if begin == first:
                raise
            break  # what was read so far is kept, and the next run tells whether it was a passing fault
        begin = end + 1
        if begin > last:
            break
    return Passage(phase, address, first, begin - 1, tuple(logs))


def encode(passage: Passage) -> bytes:
    """A passage as it is archived: its logs as the chain has them. Without any it is the same for all blocks."""
    logs = [
        [each.address, list(each.topics), each.data.hex(), each.block_number, each.tx_hash] for each in passage.logs
    ]
    return json.dumps({"phase": passage.phase, "aggregator": passage.aggregator, "logs": logs}).encode()


def is_passage(payload: bytes) -> bool:
    """Whether an archived answer of a feed holds events, not rounds."""
    return payload.startswith(b"{")


def decode(payload: bytes) -> tuple[Round, ...]:
    """The rounds that archived events tell of, under the ids that the feed gives them; raises `InvalidInput`."""
    answer = decode_json(payload)
    try:
        phase, aggregator = int(answer["phase"]), answer["aggregator"].lower()
        return tuple(_round(log, phase, aggregator) for log in answer["logs"])
    except (KeyError, TypeError, ValueError, AttributeError, DecodingError) as error:
        raise InvalidInput(f"answer is no passage of events ({type(error).__name__}: {error})") from None


def _round(log: list[Any], phase: int, aggregator: str) -> Round:
    address, topics, data, block, _ = log
    if address.lower() != aggregator or len(topics) != 3 or topics[0] != ANSWER_UPDATED:
        raise ValueError(f"log of {address} in block {block} is no AnswerUpdated of {aggregator}")
    (answer,) = decode_abi(["int256"], bytes.fromhex(topics[1][2:]))
    (started_at,) = decode_abi(["uint256"], bytes.fromhex(data))
    number = int(topics[2], 16)
    if number >> PHASE_BITS:
        raise ValueError(f"log in block {block} is of round {number}, which no aggregator has")
    return Round((phase << PHASE_BITS) + number, answer, started_at)


def filled(rounds: Iterable[Round], events: Iterable[Round]) -> tuple[Round, ...]:
    """The rounds, and where there are none of an id those that events tell of; oldest first."""
    return tuple(sorted(({each.id: each for each in events} | {each.id: each for each in rounds}).values()))


def differences(rounds: Iterable[Round], events: Iterable[Round]) -> tuple[str, ...]:
    """A line for each round of which the aggregator's state and its events do not say the same.

    Rounds older than those that a feed still has, and those younger than the last event, are told by one of the two
    alone.
    """
    held = {each.id: each for each in rounds}
    lines: list[str] = []
    for phase, group in groupby(sorted(set(events)), lambda each: each.phase):
        own = list(group)
        kept = [number for number in held if number >> PHASE_BITS == phase]
        for event in own:
            said = held.get(event.id)
            if said is None and kept and event.id > min(kept):
                lines.append(f"round {event.id} has an event, and the feed does not have it")
            elif said is not None and not _agree(said, event):
                lines.append(f"round {said.id} is {_text(said)}, and its event says {_text(event)}")
        told = {each.id for each in own}
        silent = sorted(number for number in kept if min(told) < number < max(told) and number not in told)
        lines += [f"round {number} has no event" for number in silent]
    return tuple(lines)


def _agree(said: Round, event: Round) -> bool:
    return said.answer == event.answer and 0 <= event.started_at - said.started_at <= LATE_SECONDS


def _text(each: Round) -> str:
    return f"{each.answer} since {each.started_at}"
