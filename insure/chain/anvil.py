"""An anvil node with the embedded chain's controls: a clock that the caller moves, and mining that can stop."""

import socket
import subprocess
import time
from pathlib import Path

from insure.chain.embedded import ACCOUNTS, development_account
from insure.chain.rpc import Chain
from insure.errors import ChainError, InvalidInput, Unreachable

BINARY = Path(__file__).parents[2] / "contracts/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"
"""Where the set-up of the contracts' tools puts it."""

_START_SECONDS = 15.0
_WEI = 10**24


class AnvilChain(Chain):
    """The chain of an anvil that runs already, driven like `EmbeddedChain`; blocks are one second apart.

    Raises `Unreachable` when nothing answers, `InvalidInput` when it is a node whose clock can't be moved.
    """

    def __init__(self, url: str) -> None:
        connected = Chain.connect(url)
        super().__init__(connected._provider, connected.chain_id)
        self.halted = False
        self.accounts = [development_account(index) for index in range(ACCOUNTS)]
        try:
            self.request("anvil_setBlockTimestampInterval", 1)
            for account in self.accounts:
                self.request("anvil_setBalance", account.address, hex(_WEI))
        except Unreachable:
            raise
        except ChainError as error:
            raise InvalidInput(f"the node at {url} is no anvil, and simulated time needs one: {error}") from error

    def travel(self, timestamp: int) -> None:
        """Mines a block at a UTC time, unless the chain is there already or halted."""
        if timestamp > self.head().timestamp and not self.halted:
            self.request("evm_setNextBlockTimestamp", timestamp)
            self.mine()

    def mine(self, blocks: int = 1) -> None:
        """Mines blocks one second apart."""
        for _ in range(blocks):
            self.request("evm_mine")

    def halt(self) -> None:
        """Stops block production: transactions wait, the head stands still, requests are still answered."""
        self.request("evm_setAutomine", False)
        self.halted = True

    def resume(self) -> None:
        """Produces blocks again, beginning with what waited."""
        self.halted = False
        self.request("evm_setAutomine", True)
        self.mine()


class AnvilProcess:
    """A new anvil on loopback with a chosen chain id and clock, at `url` until `close`.

    Raises `Unreachable` when anvil is not installed or does not start.
    """

    def __init__(self, chain_id: int, genesis_time: int, binary: Path = BINARY) -> None:
        if not binary.is_file():
            raise Unreachable(f"anvil is not installed at {binary}: `make contracts` installs it")
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        options = {"--port": port, "--chain-id": chain_id, "--timestamp": genesis_time, "--accounts": 1}
        arguments = [str(each) for option in options.items() for each in option]
        self._process = subprocess.Popen([str(binary), "--silent", *arguments])
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                self.close()
                raise Unreachable(f"anvil did not start at {self.url}")
            time.sleep(0.05)

    def close(self) -> None:
        """Ends the process."""
        self._process.terminate()
        self._process.wait()

    def __enter__(self) -> "AnvilProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answers(self) -> bool:
        try:
            Chain.connect(self.url)
        except Unreachable:
            return False
        return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
