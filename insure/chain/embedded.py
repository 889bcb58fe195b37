"""A whole EVM chain in this process: no node, no binary, a clock of its own, and mining that can really stop."""

import json
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak
from web3.providers import BaseProvider
from web3.types import RPCEndpoint, RPCResponse

from insure.chain.evm import Evm
from insure.chain.node import Node
from insure.chain.rpc import Chain
from insure.errors import InvalidInput
from insure.records.onchain import Address

ACCOUNTS = 16
"""How many funded accounts an embedded chain comes with."""

_WEI = 10**24
_LARGEST_CHAIN_ID = 2**63 - 1


def development_account(index: int) -> LocalAccount:
    """The `index`-th funded account: the same on every embedded chain, its key known to everybody."""
    return Account.from_key(keccak(text=f"insure development account {index}"))  # type: ignore[no-any-return]


class EmbeddedChain(Chain):
    """An EVM chain in this process with a chosen id and clock; each transaction is mined at once in a block of its own.

    `genesis_time` (UTC seconds) may lie years back; time moves only with `travel` and by one second a block.
    """

    def __init__(self, chain_id: int, genesis_time: int, funded: Sequence[Address] = ()) -> None:
        if not 0 < chain_id <= _LARGEST_CHAIN_ID:
            raise InvalidInput(f"chain_id {chain_id} must be from 1 to {_LARGEST_CHAIN_ID}")
        if genesis_time < 1:
            raise InvalidInput(f"genesis_time {genesis_time} must be a UTC time in seconds, after 1970")
        self.accounts = [development_account(index) for index in range(ACCOUNTS)]
        addresses = [account.address for account in self.accounts] + list(funded)
        self._evm = Evm(chain_id, genesis_time, {bytes.fromhex(each[2:]): _WEI for each in addresses})
        self.node = Node(self._evm)
        super().__init__(_NodeProvider(self.node), chain_id)

    @property
    def halted(self) -> bool:
        """Whether mining is switched off."""
        return self._evm.halted

    def travel(self, timestamp: int) -> None:
        """Moves the clock forward to a UTC time and mines a block there; a halted chain's clock moves without a block.

        Does nothing if the clock is there already.
        """
        with self.node.lock:
            if timestamp < self._evm.clock:
                return
            self._evm.set_clock(timestamp)
            if not self.halted:
                self.mine()

    def mine(self, blocks: int = 1) -> None:
        """Mines blocks one second apart; raises `ChainError` while halted."""
        with self.node.lock:
            for _ in range(blocks):
                self.node.tester.mine_block()

    def halt(self) -> None:
        """Stops block production: transactions wait, the head stands still, requests are still answered."""
        with self.node.lock:
            self._evm.halted = True

    def resume(self) -> None:
        """Produces blocks again, beginning with what waited."""
        with self.node.lock:
            if self.halted:
                self._evm.halted = False
                self.mine()

    def roll_back(self, blocks: int) -> None:
        """Forgets the last blocks with their transactions, as in a reorganisation.

        Raises `ChainError` if there are not so many.
        """
        with self.node.lock:
            self._evm.roll_back(blocks)


class _NodeProvider(BaseProvider):
    """Hands web3's requests to a node in this process."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self._node = node

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        return self._node.answer({"id": 0, "method": method, "params": params})  # type: ignore[no-any-return]

    def is_connected(self, show_traceback: bool = False) -> bool:
        return True


class ServedChain:
    """An embedded chain answering JSON-RPC over HTTP at `url` until `close`."""

    def __init__(self, node: Node, host: str, port: int) -> None:
        self._handler: type[_Handler] = type("Handler", (_Handler,), {"node": node, "closed": False})
        self._server = ThreadingHTTPServer((host, port), self._handler)
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        self.url = f"http://{host}:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stops answering, on connections kept open too; the chain itself goes on."""
        self._handler.closed = True
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> "ServedChain":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def serve(chain: EmbeddedChain, host: str = "127.0.0.1", port: int = 0) -> ServedChain:
    """Serves the chain to any client as a node would, from a thread; port 0 takes a free one."""
    return ServedChain(chain.node, host, port)


class _Handler(BaseHTTPRequestHandler):
    node: Node
    closed: bool
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        if self.closed:
            self.close_connection = True
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            message = json.loads(body)
        except ValueError:
            message = None
        answer = json.dumps(self.node.answer(message)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged."""
