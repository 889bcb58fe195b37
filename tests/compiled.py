"""Solidity harnesses for tests: compiled by forge as they are now, deployed on an anvil of their own."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from web3 import HTTPProvider, Web3
from web3.contract import Contract

from insure.chain.anvil import AnvilProcess

CONTRACTS = Path(__file__).resolve().parents[1] / "contracts"


@contextmanager
def deployed_harness(name: str, folder: Path) -> Iterator[Contract]:
    """`contracts/test/harness/<name>.sol`, deployed; `folder` takes the compiler's output."""
    subprocess.run(
        [str(CONTRACTS / "toolchain" / "forge"), "build", f"test/harness/{name}.sol"],
        env={**os.environ, "FOUNDRY_OUT": str(folder / "out"), "FOUNDRY_CACHE_PATH": str(folder / "cache")},
        check=True,
        capture_output=True,
    )
    artifact = json.loads((folder / "out" / f"{name}.sol" / f"{name}.json").read_text())
    with AnvilProcess(chain_id=31_337, genesis_time=1_700_000_000) as node:
        web3 = Web3(HTTPProvider(node.url))
        factory = web3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"]["object"])
        deployment = factory.constructor().transact({"from": web3.eth.accounts[0]})
        address = web3.eth.wait_for_transaction_receipt(deployment)["contractAddress"]
        assert address is not None
        yield factory(address)
