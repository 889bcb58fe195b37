"""Several endpoints of one chain as one: whichever is well answers; heads and logs are what two of three agree on.

An endpoint that fails rests, longer each time, and is asked for its chain again before it is trusted again. One that is
behind the agreed head, or asked too often, is passed over while others are not.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic, sleep
from typing import Any

from web3.providers import BaseProvider
from web3.types import RPCEndpoint, RPCResponse

from insure.chain.endpoint import Endpoint
from insure.errors import ChainError, RateLimited, Unreachable, WrongChain
from insure.records.views import EndpointView

_log = logging.getLogger(__name__)

ROUNDS = 3
"""How often all are tried before nobody answers."""
FIRST_REST, LONGEST_REST = 0.5, 60.0
"""Seconds that an endpoint rests after failing, doubled each time."""
_AGREE = 2
"""Endpoints of three or more that must have the same block for it to be the head, and tell the same logs."""


@dataclass
class State:
    """What is known of an endpoint."""

    endpoint: Endpoint
    known: bool = False
    """Whether it was seen to serve the right chain since it last failed."""
    failures: int = 0
    """In a row."""
    rests_until: float = 0.0
    latency: float = 0.0
    """Seconds, a moving average."""
    head: int = -1
    wrong: bool = False


@dataclass
class Endpoints(BaseProvider):
    """A provider over `urls`, all of chain `chain_id` (None: of the chain that the first one to answer serves)."""

    urls: Sequence[str]
    chain_id: int | None = None
    clock: Callable[[], float] = monotonic
    pause: Callable[[float], None] = sleep
    _states: list[State] = field(init=False, repr=False)
    _agreed: int = field(default=-1, init=False, repr=False)
    _first: int = field(default=0, init=False, repr=False)
    """Place of the endpoint that is asked first: the same one as long as it is well, for two may differ by a block."""
    _lock: Lock = field(default_factory=Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        super().__init__()
        self._states = [State(Endpoint(url)) for url in self.urls]

    @property
    def name(self) -> str:
        """What an error calls them."""
        return self._states[0].endpoint.host if len(self._states) == 1 else f"any of {len(self._states)} endpoints"

    def health(self) -> list[EndpointView]:
        """How each of them fares."""
        now = self.clock()
        return [
            EndpointView(each.endpoint.host, each.head, each.failures, each.latency, self._is_well(each, now))
            for each in self._states
        ]

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """The first good answer.

        Raises `Unreachable` when nobody answers or too few agree, `RateLimited` when that is because some are asked too
        often, `WrongChain` when all that answer serve another chain.
        """
        if method == "eth_sendRawTransaction":
            answer = self._publish(params)
        elif method == "eth_getBlockByNumber" and len(self._states) > 1 and params[0] == "latest":
            answer = self._agreed_head(params)
        elif method == "eth_getLogs" and len(self._states) > _AGREE:
            answer = self._agreed_logs(params)
        else:
            answer = self._any(method, params)
        return answer  # type: ignore[return-value]  # whatever a node answers; `Chain` reads it with care

    # ------------------------------------------------------------- one of them

    def _any(self, method: str, params: Any) -> dict[str, Any]:
        failure: ChainError = WrongChain(f"{self.name}: none serves chain {self.chain_id}")
        for attempt in range(ROUNDS):
            if attempt:
                self.pause(FIRST_REST / 4 * 2**attempt)
            for place in self._order():
                try:
                    answer = self._ask(self._states[place], method, params)
                except (Unreachable, WrongChain) as error:
                    failure = error
                    continue
                self._first = place
                return answer
            if isinstance(failure, WrongChain):
                break
        raise failure

    def _order(self) -> Iterator[int]:
        """Who is asked after whom: the first while it is well, then others that are, then those that are not."""
        now = self.clock()

        def rank(place: int) -> tuple[bool, bool, float, float]:
            state = self._states[place]
            well = self._is_well(state, now)
            return (not well, place != self._first, 0.0 if well else state.rests_until, state.latency)

        return iter(
            sorted((k for k, each in enumerate(self._states) if not each.wrong or self._rested(each)), key=rank)
        )

    def _is_well(self, state: State, now: float) -> bool:
        return not state.wrong and now >= state.rests_until and state.head >= min(self._agreed, self._best())

    def _best(self) -> int:
        return max(each.head for each in self._states)

    def _rested(self, state: State) -> bool:
        return self.clock() >= state.rests_until

    def _ask(self, state: State, method: str, params: Any) -> dict[str, Any]:
        try:
            if not state.known:
                self._check_chain(state)
            began = self.clock()
            answer = state.endpoint.ask(method, params)
        except (Unreachable, WrongChain) as error:
            self._rest(state, error)
            raise
        with self._lock:
            state.latency += (self.clock() - began - state.latency) / 8
            state.failures, state.rests_until = 0, 0.0
        return answer

    def _check_chain(self, state: State) -> None:
        answer = state.endpoint.ask("eth_chainId", [])
        try:
            served = int(answer["result"], 16)
        except (KeyError, TypeError, ValueError):
            raise Unreachable(f"eth_chainId: {state.endpoint.host} does not answer as a node does") from None
        with self._lock:
            if self.chain_id is None:
                self.chain_id = served
            state.wrong = served != self.chain_id
            state.known = not state.wrong
        if state.wrong:
            raise WrongChain(f"{state.endpoint.host} serves chain {served}, expected chain {self.chain_id}")

    def _rest(self, state: State, error: ChainError) -> None:
        with self._lock:
            seconds = min(FIRST_REST * 2**state.failures, LONGEST_REST)
            state.failures += 1
            state.known = False
            state.rests_until = self.clock() + (LONGEST_REST if isinstance(error, WrongChain) else seconds)
        if len(self._states) > 1:
            _log.warning("%s; it rests for %.1f s", error, state.rests_until - self.clock())

    # ------------------------------------------------------------- all of them

    def _publish(self, params: Any) -> dict[str, Any]:
        """Hands a transaction to all that are well: who has taken it is told, though others refuse it."""
        answers: list[dict[str, Any]] = []
        for place in self._order():
            if answers and not self._is_well(self._states[place], self.clock()):
                continue
            try:
                answers.append(self._ask(self._states[place], "eth_sendRawTransaction", params))
            except (Unreachable, WrongChain):
                continue
        if not answers:
            return self._any("eth_sendRawTransaction", params)
        return next((each for each in answers if each.get("error") is None), answers[0])

    def _agreed_head(self, params: Any) -> dict[str, Any]:
        """The highest block that enough endpoints have: two if there are three or more, else one."""
        heads: dict[int, tuple[int, dict[str, Any]]] = {}
        failure: ChainError | None = None
        for place in list(self._order()):
            try:
                answer = self._ask(self._states[place], "eth_getBlockByNumber", params)
                number = int(answer["result"]["number"], 16)
            except (Unreachable, WrongChain) as error:
                failure = error
                continue
            except (KeyError, TypeError, ValueError):
                failure = Unreachable(f"the head of {self._states[place].endpoint.host} can't be read")
                self._rest(self._states[place], failure)
                continue
            heads[place], self._states[place].head = (number, answer), number
        needed = _AGREE if len(self._states) > _AGREE else 1
        if len(heads) < needed:
            if failure is not None and not heads:
                raise failure
            raise Unreachable(
                f"{len(heads)} of {len(self._states)} endpoints answer: the head needs {needed} that agree"
            )
        numbers = sorted((each for each, _ in heads.values()), reverse=True)[needed - 1 :]
        for number in numbers:
            agreeing = self._agreeing(heads, number)
            if len(agreeing) >= needed:
                return self._take(agreeing, number)
        raise Unreachable(f"the endpoints do not agree on block {numbers[0]} or those below")

    def _agreed_logs(self, params: Any) -> dict[str, Any]:
        """What two endpoints tell alike: nothing else gives away one that leaves out logs, or makes some up.

        Where no two do, the error of one, if there is any: it may be that the range is too large. Raises `RateLimited`
        where one that is asked too often might have settled it, `Unreachable` where too few answer or agree.
        """
        told: dict[int, list[Any]] = {}
        refusal: dict[str, Any] | None = None
        failure: ChainError | None = None
        for place in list(self._order()):
            state = self._states[place]
            try:
                answer = self._ask(state, "eth_getLogs", params)
                if answer.get("error") is not None:
                    refusal = refusal or answer
                    continue
                logs = _comparable(answer["result"])
            except (Unreachable, WrongChain) as error:
                failure = failure if isinstance(failure, RateLimited) else error
                continue
            except (KeyError, TypeError, ValueError, AttributeError):
                unread = Unreachable(f"the logs of {state.endpoint.host} can't be read")
                self._rest(state, unread)
                failure = failure if isinstance(failure, RateLimited) else unread
                continue
            if logs in told.values():
                self._outvote((place for place, other in told.items() if other != logs), "tells other logs")
                return answer
            told[place] = logs
        if refusal is not None:
            return refusal
        if failure is not None and (not told or isinstance(failure, RateLimited)):
            raise failure
        raise Unreachable(f"logs: {len(told)} of {len(self._states)} endpoints answer, and no {_AGREE} of them agree")

    def _agreeing(self, heads: dict[int, tuple[int, dict[str, Any]]], number: int) -> list[tuple[int, dict[str, Any]]]:
        """Who has the block of that number that most have, and what they say of it; the others rest."""
        blocks: dict[str, list[tuple[int, dict[str, Any]]]] = {}
        for place, (head, answer) in heads.items():
            if head < number:
                continue
            try:
                if head > number:
                    answer = self._ask(self._states[place], "eth_getBlockByNumber", [hex(number), False])
                blocks.setdefault(str(answer["result"]["hash"]), []).append((place, answer))
            except (Unreachable, WrongChain, KeyError, TypeError):
                continue
        most = max(blocks.values(), key=len, default=[])
        others = (place for group in blocks.values() if len(group) < len(most) for place, _ in group)
        self._outvote(others, f"has another block {number}")
        return most

    def _outvote(self, places: Iterable[int], why: str) -> None:
        for place in places:
            state = self._states[place]
            self._rest(state, Unreachable(f"{state.endpoint.host} {why} than the others"))

    def _take(self, agreeing: list[tuple[int, dict[str, Any]]], number: int) -> dict[str, Any]:
        self._agreed = number
        if self._first not in {place for place, _ in agreeing}:
            self._first = agreeing[0][0]
        return agreeing[0][1]


def _comparable(logs: list[dict[str, Any]]) -> list[Any]:
    """Logs by what makes them what they are, in the chain's order: nodes write the rest as they like."""
    return sorted(
        (
            int(log["blockNumber"], 16),
            int(log["logIndex"], 16),
            log["blockHash"].lower(),
            log["transactionHash"].lower(),
            log["address"].lower(),
            [topic.lower() for topic in log["topics"]],
            log["data"].lower(),
        )
        for log in logs
    )
