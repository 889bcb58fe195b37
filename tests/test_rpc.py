import traceback
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from web3.providers import BaseProvider
from web3.types import RPCEndpoint, RPCResponse

from insure.chain.anvil import AnvilChain, AnvilProcess
from insure.chain.codec import abi
from insure.chain.contracts import Asset
from insure.chain.embedded import EmbeddedChain, serve
from insure.chain.rpc import Chain
from insure.chain.sender import Sender
from insure.errors import ChainError, InvalidInput, TransactionFailed, Unreachable, WrongChain
from insure.records.onchain import FINALIZED
from tests.scripted_node import ScriptedNode
from tests.through import Through

NOT_READY = "0x" + (keccak(text="NotReady(uint64)")[:4] + encode(["uint64"], [1_702_600_000])).hex()


class Scripted(BaseProvider):
    """A node that answers every request with the same text of an error."""

    def __init__(self, error: Any) -> None:
        super().__init__()
        self._error = error

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        return {"jsonrpc": "2.0", "id": 1, "error": self._error}


class Answering(BaseProvider):
    """A node that answers every request with the same result."""

    def __init__(self, result: Any) -> None:
        super().__init__()
        self._result = result

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        return {"jsonrpc": "2.0", "id": 1, "result": self._result}


class Terse(Through):
    """A node that does not say in its logs when their blocks were."""

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        answer = super().make_request(method, params)
        if method == "eth_getLogs":
            answer["result"] = [
                {key: value for key, value in log.items() if key != "blockTimestamp"} for log in answer["result"]
            ]
        return answer


def minted(chain: EmbeddedChain, times: int) -> Asset:
    sender = Sender(chain, chain.accounts[0])
    address, _ = sender.create("TestAsset", abi("TestAsset").creation("A", "A", 6))
    asset = Asset(chain, address)
    for _ in range(times):
        sender.send(asset.mint(sender.address, 1))
    return asset


@pytest.mark.network
def test_an_endpoint_where_nobody_listens_is_unreachable_and_its_path_stays_secret() -> None:
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1 does not answer") as caught:
        Chain.connect("http://127.0.0.1:9/v3/secret-key")
    assert "secret" not in str(caught.value)


@pytest.mark.network
def test_an_endpoint_that_serves_another_chain_is_refused() -> None:
    with serve(EmbeddedChain(901, 1_702_600_000)) as node, pytest.raises(WrongChain, match=r"901.*expected chain 10"):
        Chain.connect(node.url, 10)


@pytest.mark.network
@pytest.mark.parametrize("body", ["{}", "[]", "null", "5", '{"result": null}', '{"result": 5}', '{"result": "zz"}'])
def test_an_endpoint_that_is_no_node_is_told_so(body: str) -> None:
    with ScriptedNode(lambda _: (200, body.encode())) as node, pytest.raises(ChainError, match="eth_chainId"):
        Chain.connect(node.url)


@pytest.mark.parametrize("result", [None, 5, "zz", [], {}, [5], {"number": "0x1"}])
def test_a_result_of_another_shape_is_told_with_the_request(result: Any) -> None:
    chain, someone = Chain(Answering(result), 1), "0x" + "11" * 20
    for ask in (
        chain.head,
        lambda: chain.nonce(someone),
        lambda: chain.balance(someone),
        lambda: chain.code(someone),
        lambda: chain.call(someone, b""),
        lambda: chain.estimate_gas(someone, None, b""),
    ):
        with pytest.raises(ChainError):
            ask()
    if result != [] and result != {}:
        with pytest.raises(ChainError, match="eth_getLogs"):
            chain.logs([someone], 0, 1)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("wss://user:SECRET@node.example/v3/SECRET?key=SECRET", " 'wss://node.example'"),
        ("user:SECRET@localhost:8545/SECRET", " 'localhost:8545'"),
        ("SECRET", ""),
        ("node.example/v3/SECRET", ""),
        ("http://[::1/SECRET", ""),
        ("http:///SECRET", ""),
        ("http://a%zz/SECRET", " 'http://a%zz'"),
        ("https://node.example:SECRET/", " 'https://node.example'"),
    ],
)
def test_a_wrong_endpoint_is_told_without_its_secrets(url: str, shown: str) -> None:
    with pytest.raises(
        InvalidInput, match=f"endpoint{shown} must begin with http:// or https:// and name a host"
    ) as caught:
        Chain.connect(url)
    assert "SECRET" not in "".join(traceback.format_exception(caught.value))


def test_an_endpoint_must_be_http() -> None:
    with pytest.raises(InvalidInput, match="ftp://there"):
        Chain.connect("ftp://there")


@pytest.mark.network
def test_a_revert_over_http_carries_the_contracts_reason() -> None:
    chain = EmbeddedChain(901, 1_702_600_000)
    asset = minted(chain, 0)
    with serve(chain) as node:
        client = Chain.connect(node.url)
        with pytest.raises(TransactionFailed, match=r"ERC20InsufficientBalance: .* holds 0, 7 are needed"):
            client.call(asset.address, asset.transfer(asset.address, 7).data, sender=chain.accounts[0].address)


@pytest.mark.parametrize(
    "error",
    [
        {"code": 3, "message": "execution reverted", "data": NOT_READY},
        {"code": -32015, "message": "VM error", "data": "Reverted " + NOT_READY},
        {"code": -32000, "message": "reverted", "data": {"data": NOT_READY}},
    ],
)
def test_revert_data_is_found_where_nodes_put_it(error: Any) -> None:
    with pytest.raises(TransactionFailed, match="can't be confirmed before 2023-12-15"):
        Chain(Scripted(error), 1).request("eth_call", {}, "latest")


def test_other_errors_of_a_node_come_as_it_says_them() -> None:
    with pytest.raises(ChainError, match="query returned more than 10000 results") as caught:
        Chain(Scripted({"code": -32005, "message": "query returned more than 10000 results"}), 1).logs([], 0, 1)
    assert not isinstance(caught.value, TransactionFailed | Unreachable)


def test_a_block_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ChainError, match="no block 5"):
        EmbeddedChain(901, 1_702_600_000).block(5)


def test_logs_get_the_times_of_their_blocks_when_the_node_does_not_say() -> None:
    chain = EmbeddedChain(901, 1_702_600_000)
    asset = minted(chain, 3)
    last = chain.head().number
    assert Chain(Terse(chain), 901).logs([asset.address], 0, last) == chain.logs([asset.address], 0, last)


def test_code_and_balance_are_read() -> None:
    chain = EmbeddedChain(901, 1_702_600_000)
    asset = minted(chain, 0)
    assert len(chain.code(asset.address)) > 1_000
    assert chain.code(chain.accounts[0].address) == b""
    assert chain.balance(asset.address) == 0


@pytest.mark.network
@pytest.mark.anvil
def test_a_real_node_tells_which_of_its_blocks_is_final() -> None:
    with AnvilProcess(chain_id=901, genesis_time=1_702_600_000) as process:
        chain = AnvilChain(process.url)
        chain.mine(100)
        head = chain.head().number
        assert chain.deep(head, FINALIZED) == head - 64  # two epochs of 32 slots
        assert chain.deep(head - 80, FINALIZED) == head - 80
