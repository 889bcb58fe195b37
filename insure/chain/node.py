"""The embedded chain as a node: answers JSON-RPC requests, one at a time, through web3's endpoints for eth-tester."""

from collections.abc import Callable
from threading import RLock
from typing import Any

from eth_tester import EthereumTester
from eth_tester.exceptions import BlockNotFound
from eth_tester.exceptions import ValidationError as InvalidRequest
from eth_utils.exceptions import ValidationError
from web3 import Web3
from web3.exceptions import Web3Exception
from web3.providers.eth_tester import EthereumTesterProvider
from web3.providers.eth_tester.defaults import API_ENDPOINTS
from web3.providers.eth_tester.middleware import ethereum_tester_middleware
from web3.types import RPCEndpoint

from insure.chain.evm import Evm, Reverted
from insure.errors import ChainError

PRIORITY_FEE = 10**9
"""Wei per gas that the node suggests as tip."""

_NULL_ADDRESS = "0x" + "0" * 40
_OF_THE_HEAD = frozenset({"eth_call", "eth_estimateGas", "eth_getBlockByNumber", "eth_getCode", "eth_getBalance"})
"""Requests that have the same answer until there is another head."""

_INVALID = (InvalidRequest, Web3Exception, TypeError, ValueError, LookupError, ArithmeticError, AttributeError)
"""What eth-tester and web3 raise on parameters that they can't read."""


class _Provider(EthereumTesterProvider):
    # without the middleware that looks for an account to send calls that name no sender: there is none here
    _middleware = (ethereum_tester_middleware,)  # type: ignore[assignment]


class Node:
    """A JSON-RPC node over one `Evm`; safe to use from several threads."""

    def __init__(self, evm: Evm) -> None:
        self.evm = evm
        self.lock = RLock()
        self.tester = EthereumTester(evm)
        own: dict[str, Callable[..., Any]] = {
            "chainId": lambda tester, params: evm.chain.chain_id,
            "gasPrice": lambda tester, params: evm.get_base_fee() + PRIORITY_FEE,
            "maxPriorityFeePerGas": lambda tester, params: PRIORITY_FEE,
            "getLogs": lambda tester, params: self._logs(**params[0]),
            "sendRawTransaction": lambda tester, params: self._send(*params),
        }
        net = {"version": lambda tester, params: str(evm.chain.chain_id)}
        # not those that move its clock or roll it back: that is for the chain's owner
        endpoints = {"web3": API_ENDPOINTS["web3"], "net": net, "eth": API_ENDPOINTS["eth"] | own}
        provider = _Provider(self.tester, endpoints)
        plain = Web3(provider, middleware=[])
        self._request = provider.request_func(plain, plain.middleware_onion)
        self._answers: dict[str, Any] = {}
        self._answers_of = b""

    def answer(self, message: Any) -> Any:
        """The answer to one JSON-RPC message or to a batch of them."""
        if isinstance(message, list):
            return [self.answer(each) for each in message]
        if not isinstance(message, dict) or not isinstance(message.get("method"), str):
            return {"jsonrpc": "2.0", "id": None, "error": _error(-32600, "not a JSON-RPC request")}
        with self.lock:
            told = self._result_or_error(message["method"], message.get("params") or [])
        return {"jsonrpc": "2.0", "id": message.get("id")} | told

    def _result_or_error(self, method: str, params: Any) -> dict[str, Any]:
        if not isinstance(params, list | tuple):
            return {"error": _error(-32602, f"{method}: parameters must be a list")}
        if method not in _OF_THE_HEAD or "pending" in params:
            return self._ask(method, params)
        if self._answers_of != self.evm.head_hash:
            self._answers_of, self._answers = self.evm.head_hash, {}
        question = f"{method} {params!r}"
        if question not in self._answers:
            self._answers[question] = self._ask(method, params)
        return self._answers[question]  # type: ignore[no-any-return]

    def _ask(self, method: str, params: Any) -> dict[str, Any]:
        try:
            if method == "eth_call":
                params = _execution(*params, *["latest"][: 2 - len(params)])
            elif method == "eth_estimateGas":
                params = _execution(*params)
            response = self._request(RPCEndpoint(method), params)
        except Reverted as error:
            return {"error": _error(3, str(error)) | {"data": "0x" + error.data.hex()}}
        except (ChainError, ValidationError, BlockNotFound) as error:
            return {"error": _error(-32000, str(error))}
        except _INVALID as error:
            return {"error": _error(-32602, f"{method}: invalid parameters: {error}")}
        if "error" in response:
            return {"error": response["error"]}
        return {"result": _plain(response["result"])}

    def _send(self, raw: str) -> str:
        """Takes a signed transaction and, unless mining is halted, mines it at once."""
        tx_hash = self.evm.send_raw_transaction(bytes.fromhex(raw.removeprefix("0x")))
        if not self.evm.halted:
            self.tester.mine_block()
        return "0x" + tx_hash.hex()

    def _logs(self, **query: Any) -> Any:
        """The logs of one block by its hash or of a range of blocks, which may end beyond the last one."""
        if "blockHash" in query:
            number = self.tester.get_block_by_hash(query.pop("blockHash"))["number"]
            query |= {"from_block": number, "to_block": number}
        if isinstance(query.get("to_block"), int):
            query["to_block"] = min(query["to_block"], self.evm.height)
        found = self.tester.get_logs(**query)
        return [log | {"block_timestamp": self.evm.time_of(log["block_number"]), "removed": False} for log in found]


def _error(code: int, message: str) -> dict[str, Any]:
    return {"code": code, "message": message}


def _execution(message: dict[str, Any], *block: Any) -> list[Any]:
    """The parameters of a call as eth-tester wants them: with a sender, and data under that name."""
    renamed = {"data" if key == "input" else key: value for key, value in message.items() if value is not None}
    return [{"from": _NULL_ADDRESS} | renamed, *block]


def _plain(value: Any, key: str = "") -> Any:
    """A result as JSON-RPC writes it: names in its manner, numbers and bytes in hex, null for no address."""
    if isinstance(value, dict):
        return {_name(each, value): _plain(inner, each) for each, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return f"0x{value:0512x}" if key == "logsBloom" else hex(value)
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return None if key == "to" and value == "" else value


def _name(key: str, among: dict[str, Any]) -> str:
    """The field's name, where web3 leaves eth-tester's: in the transactions inside a block, and in receipts."""
    if key == "data" and "nonce" in among:
        return "input"
    first, *rest = key.split("_")
    return first + "".join(word.capitalize() for word in rest)
