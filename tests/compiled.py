"""Solidity harnesses for tests: compiled by forge as they are now, deployed on an anvil of their own."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_abi.abi import decode, encode
from eth_utils.abi import collapse_if_tuple, function_abi_to_4byte_selector
from web3 import HTTPProvider, Web3

from insure.chain.anvil import AnvilProcess

CONTRACTS = Path(__file__).resolve().parents[1] / "contracts"
CALL_GAS = 2**40
"""A call of many questions needs more than a block's gas."""


@dataclass(frozen=True)
class Harness:
    """A deployed harness; asked through the bare codec, since web3's own checks cost more than the answers."""

    web3: Web3
    address: str
    functions: dict[str, Any]

    def ask(self, function: str, *args: Any) -> tuple[Any, ...]:
        """What a view returns; raises `Web3Exception` if it reverts."""
        known = self.functions[function]
        inputs = [collapse_if_tuple(each) for each in known["inputs"]]
        outputs = [collapse_if_tuple(each) for each in known["outputs"]]
        data = function_abi_to_4byte_selector(known) + encode(inputs, args)
        answer = self.web3.eth.call({"to": self.address, "data": data, "gas": CALL_GAS})
        return decode(outputs, bytes(answer))


@contextmanager
def deployed_harness(name: str, folder: Path) -> Iterator[Harness]:
    """`contracts/test/harness/<name>.sol`, deployed; `folder` takes the compiler's output."""
    subprocess.run(
        [str(CONTRACTS / "toolchain" / "forge"), "build", f"test/harness/{name}.sol"],
        env={**os.environ, "FOUNDRY_OUT": str(folder / "out"), "FOUNDRY_CACHE_PATH": str(folder / "cache")},
        check=True,
        capture_output=True,
    )
    artifact = json.loads((folder / "out" / f"{name}.sol" / f"{name}.json").read_text())
    with AnvilProcess(chain_id=31_337, genesis_time=1_700_000_000) as node:
        web3 = Web3(HTTPProvider(node.url, request_kwargs={"timeout": 120}))
        factory = web3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"]["object"])
        deployment = factory.constructor().transact({"from": web3.eth.accounts[0]})
        address = web3.eth.wait_for_transaction_receipt(deployment)["contractAddress"]
        assert address is not None
        functions = {each["name"]: each for each in artifact["abi"] if each["type"] == "function"}
        yield Harness(web3, address, functions)
