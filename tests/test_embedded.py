import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.request import Request, urlopen

import httpx
import pytest

from insure.chain.codec import abi
from insure.chain.contracts import Asset
from insure.chain.embedded import EmbeddedChain, ServedChain, serve
from insure.chain.rpc import Chain
from insure.chain.sender import Sender
from insure.errors import ChainError, InvalidInput
from insure.records.onchain import Address

DECEMBER_2023 = 1_702_600_000
RETURN_CHAIN_ID = "0x4660005260206000f3"
RETURN_TIME = "0x4260005260206000f3"


@pytest.fixture
def chain() -> EmbeddedChain:
    return EmbeddedChain(901, DECEMBER_2023)


@pytest.fixture
def asset(chain: EmbeddedChain) -> Asset:
    address, _ = Sender(chain, chain.accounts[0]).create("TestAsset", abi("TestAsset").creation("A", "A", 6))
    return Asset(chain, address)


@pytest.fixture
def served(chain: EmbeddedChain) -> Iterator[ServedChain]:
    with serve(chain) as node:
        yield node


def raw_mint(
    chain: EmbeddedChain, asset: Asset, nonce: int = 0, amount: int = 1, fee: int = 10**10, **fields: int
) -> str:
    """A signed transaction by the second account that mints to it."""
    account = chain.accounts[1]
    transaction = {
        "chainId": chain.chain_id,
        "nonce": nonce,
        "gas": 100_000,
        "value": 0,
        "type": 2,
        "maxFeePerGas": fee,
        "maxPriorityFeePerGas": 10**9,
        "to": asset.address,
        "data": asset.mint(account.address, amount).data,
    } | fields
    return "0x" + bytes(account.sign_transaction(transaction).raw_transaction).hex()


def holder(chain: EmbeddedChain) -> Address:
    return str(chain.accounts[1].address)


def test_contracts_and_clients_see_the_chosen_chain_id(chain: EmbeddedChain) -> None:
    assert chain.chain_id == 901
    assert chain.web3.eth.chain_id == 901
    assert int(chain.request("eth_call", {"data": RETURN_CHAIN_ID}, "latest"), 16) == 901


def test_the_clock_begins_at_the_chosen_time_and_contracts_see_it_move(chain: EmbeddedChain) -> None:
    assert chain.head().timestamp == DECEMBER_2023
    chain.travel(DECEMBER_2023 + 86_400)
    assert chain.head().timestamp == DECEMBER_2023 + 86_400
    assert int(chain.request("eth_call", {"data": RETURN_TIME}, "latest"), 16) == DECEMBER_2023 + 86_400


def test_time_never_moves_back(chain: EmbeddedChain) -> None:
    chain.travel(DECEMBER_2023 + 100)
    before = chain.head()
    chain.travel(DECEMBER_2023 + 50)
    assert chain.head() == before


def test_each_block_is_later_than_the_one_before(chain: EmbeddedChain) -> None:
    chain.mine(3)
    assert [chain.block(number).timestamp - DECEMBER_2023 for number in range(4)] == [0, 1, 2, 3]


def test_its_accounts_are_funded_and_the_same_on_every_chain(chain: EmbeddedChain) -> None:
    other = EmbeddedChain(902, DECEMBER_2023)
    assert [account.address for account in chain.accounts] == [account.address for account in other.accounts]
    assert all(chain.balance(account.address) == 10**24 for account in chain.accounts)


def test_further_addresses_can_be_funded() -> None:
    address = "0x000000000000000000000000000000000000dEaD"
    assert EmbeddedChain(901, DECEMBER_2023, [address]).balance(address) == 10**24


@pytest.mark.parametrize(("chain_id", "time", "field"), [(0, 1, "chain_id"), (1, 0, "genesis_time")])
def test_an_impossible_chain_is_refused(chain_id: int, time: int, field: str) -> None:
    with pytest.raises(InvalidInput, match=field):
        EmbeddedChain(chain_id, time)


def test_each_transaction_is_mined_at_once_in_a_block_of_its_own(chain: EmbeddedChain, asset: Asset) -> None:
    before = chain.head().number
    for nonce in range(3):
        tx_hash = chain.request("eth_sendRawTransaction", raw_mint(chain, asset, nonce))
        receipt = chain.request("eth_getTransactionReceipt", tx_hash)
        assert (int(receipt["blockNumber"], 16), receipt["status"]) == (before + nonce + 1, "0x1")
    assert asset.balance_of(holder(chain)) == 3


def test_a_halted_chain_stands_still_while_its_clock_goes_on(chain: EmbeddedChain, asset: Asset) -> None:
    chain.halt()
    head = chain.head()
    tx_hash = chain.request("eth_sendRawTransaction", raw_mint(chain, asset, 0))
    chain.travel(DECEMBER_2023 + 3_600)
    assert chain.halted
    assert chain.head() == head
    assert chain.request("eth_getTransactionReceipt", tx_hash) is None
    assert chain.request("eth_getTransactionByHash", tx_hash)["blockNumber"] is None
    with pytest.raises(ChainError, match="halted"):
        chain.mine()

    chain.resume()
    assert not chain.halted
    assert chain.head().number == head.number + 1
    assert chain.head().timestamp == DECEMBER_2023 + 3_600
    assert asset.balance_of(holder(chain)) == 1


def test_what_waited_is_mined_in_order_of_nonces_in_one_block(chain: EmbeddedChain, asset: Asset) -> None:
    chain.halt()
    for nonce in (1, 0, 3):
        chain.request("eth_sendRawTransaction", raw_mint(chain, asset, nonce, amount=10**nonce))
    assert chain.nonce(holder(chain)) == 2
    chain.resume()
    assert asset.balance_of(holder(chain)) == 11
    assert len(chain.request("eth_getBlockByNumber", "latest", True)["transactions"]) == 2
    chain.request("eth_sendRawTransaction", raw_mint(chain, asset, 2, amount=100))
    chain.mine()
    assert asset.balance_of(holder(chain)) == 1_111


def test_a_waiting_transaction_is_replaced_only_for_a_higher_fee(chain: EmbeddedChain, asset: Asset) -> None:
    chain.halt()
    chain.request("eth_sendRawTransaction", raw_mint(chain, asset, 0, amount=1))
    with pytest.raises(ChainError, match="underpriced"):
        chain.request("eth_sendRawTransaction", raw_mint(chain, asset, 0, amount=2, fee=10**10 + 1))
    chain.request("eth_sendRawTransaction", raw_mint(chain, asset, 0, amount=2, fee=2 * 10**10))
    chain.resume()
    assert asset.balance_of(holder(chain)) == 2


def test_a_waiting_transaction_that_became_impossible_does_not_stop_the_others(
    chain: EmbeddedChain, asset: Asset
) -> None:
    chain.halt()
    chain.request("eth_sendRawTransaction", raw_mint(chain, asset, 0))
    chain.request("eth_sendRawTransaction", raw_mint(chain, asset, 1, value=10**30))
    chain.resume()
    assert asset.balance_of(holder(chain)) == 1


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"chainId": 5}, "chain 5"),
        ({"nonce": 4}, "nonce"),
        ({"value": 10**30}, "balance"),
        ({"gas": 10**9}, "gas"),
        ({"gas": 21_000}, "gas"),
    ],
)
def test_an_impossible_transaction_is_refused_and_changes_nothing(
    chain: EmbeddedChain, asset: Asset, fields: dict[str, int], reason: str
) -> None:
    head = chain.head()
    with pytest.raises(ChainError, match=reason):
        chain.request("eth_sendRawTransaction", raw_mint(chain, asset, **fields))
    assert chain.head() == head


def test_bytes_that_are_no_transaction_are_refused(chain: EmbeddedChain) -> None:
    for raw in ("0x", "0x02", "0x02c0", "0x5fc0", "0xdeadbeef", "nonsense"):
        with pytest.raises(ChainError):
            chain.request("eth_sendRawTransaction", raw)
    assert chain.head().number == 0


def test_rolled_back_blocks_are_gone_with_all_that_was_in_them(chain: EmbeddedChain, asset: Asset) -> None:
    chain.request("eth_sendRawTransaction", raw_mint(chain, asset, 0))
    kept = chain.head()
    tx_hash = chain.request("eth_sendRawTransaction", raw_mint(chain, asset, 1, amount=5))
    lost = chain.head()

    chain.roll_back(1)
    assert chain.head() == kept
    assert asset.balance_of(holder(chain)) == 1
    assert chain.request("eth_getTransactionReceipt", tx_hash) is None
    assert len(chain.logs([asset.address], 0, lost.number)) == 1

    chain.request("eth_sendRawTransaction", raw_mint(chain, asset, 1, amount=5))
    assert chain.head().number == lost.number
    assert chain.head().hash != lost.hash
    assert asset.balance_of(holder(chain)) == 6


def test_a_chain_rolled_back_to_its_genesis_goes_on_as_itself(chain: EmbeddedChain, asset: Asset) -> None:
    head = chain.head()
    chain.roll_back(head.number)
    assert chain.code(asset.address) == b""
    chain.mine()
    assert chain.head().number == 1
    assert chain.head().timestamp > head.timestamp
    assert int(chain.request("eth_call", {"data": RETURN_CHAIN_ID}, "latest"), 16) == 901


def test_no_more_blocks_can_be_rolled_back_than_there_are(chain: EmbeddedChain) -> None:
    chain.mine(2)
    with pytest.raises(ChainError, match="can't roll back 3"):
        chain.roll_back(3)


def test_logs_come_by_contract_and_by_range_with_both_ends(chain: EmbeddedChain, asset: Asset) -> None:
    for nonce in range(4):
        chain.request("eth_sendRawTransaction", raw_mint(chain, asset, nonce))
    last = chain.head().number
    logs = chain.logs([asset.address], last - 2, last - 1)
    assert [log.block_number for log in logs] == [last - 2, last - 1]
    assert all(log.timestamp == chain.block(log.block_number).timestamp for log in logs)
    assert chain.logs([holder(chain)], 0, last) == []
    assert chain.logs([asset.address], last + 1, last + 9) == []


def test_logs_are_numbered_through_their_block(chain: EmbeddedChain, asset: Asset) -> None:
    chain.halt()
    sent = [chain.request("eth_sendRawTransaction", raw_mint(chain, asset, nonce)) for nonce in range(3)]
    chain.resume()
    logs = chain.logs([asset.address], chain.head().number, chain.head().number)
    assert [(log.tx_hash, log.log_index) for log in logs] == [(tx_hash, index) for index, tx_hash in enumerate(sent)]
    receipts = [chain.request("eth_getTransactionReceipt", tx_hash) for tx_hash in sent]
    assert [receipt["logs"][0]["logIndex"] for receipt in receipts] == ["0x0", "0x1", "0x2"]


def test_logs_can_be_asked_by_the_hash_of_their_block(chain: EmbeddedChain, asset: Asset) -> None:
    for nonce in range(2):
        chain.request("eth_sendRawTransaction", raw_mint(chain, asset, nonce))
    (log,) = chain.request("eth_getLogs", {"blockHash": chain.head().hash})
    assert log["blockHash"] == chain.head().hash


def test_logs_can_be_asked_by_topic(chain: EmbeddedChain, asset: Asset) -> None:
    chain.request("eth_sendRawTransaction", raw_mint(chain, asset, 0))
    transfer = chain.logs([asset.address], 0, chain.head().number)[0].topics[0]
    query = {"fromBlock": "0x0", "toBlock": "latest"}
    assert len(chain.request("eth_getLogs", query | {"topics": [transfer]})) == 1
    assert len(chain.request("eth_getLogs", query | {"topics": [["0x" + "0" * 64, transfer], None]})) == 1
    assert chain.request("eth_getLogs", query | {"topics": ["0x" + "0" * 64]}) == []


def test_the_state_of_an_earlier_block_can_be_read(chain: EmbeddedChain, asset: Asset) -> None:
    before = chain.head().number
    chain.request("eth_sendRawTransaction", raw_mint(chain, asset, 0, amount=7))
    assert asset.balance_of(holder(chain), block=before) == 0
    assert asset.balance_of(holder(chain), block=before + 1) == 7


def test_a_call_keeps_nothing(chain: EmbeddedChain, asset: Asset) -> None:
    chain.call(asset.address, asset.mint(holder(chain), 5).data)
    chain.estimate_gas(holder(chain), asset.address, asset.mint(holder(chain), 5).data)
    assert asset.balance_of(holder(chain)) == 0


def test_a_question_asked_again_after_a_block_is_answered_anew(chain: EmbeddedChain, asset: Asset) -> None:
    for nonce in range(3):
        assert [asset.balance_of(holder(chain)) for _ in range(2)] == [nonce, nonce]
        chain.request("eth_sendRawTransaction", raw_mint(chain, asset, nonce))
    chain.roll_back(2)
    assert asset.balance_of(holder(chain)) == 1


@pytest.mark.network
def test_any_client_can_talk_to_it_over_http(chain: EmbeddedChain, asset: Asset, served: ServedChain) -> None:
    client = Chain.connect(served.url, 901)
    assert client.head() == chain.head()
    assert client.web3.eth.get_block("latest")["number"] == chain.head().number
    sender = Sender(client, chain.accounts[1])
    receipt = sender.send(Asset(client, asset.address).mint(holder(chain), 3))
    assert client.web3.eth.get_transaction_receipt(receipt.tx_hash)["status"] == 1  # type: ignore[arg-type]
    assert client.web3.eth.get_transaction(receipt.tx_hash)["from"] == holder(chain)  # type: ignore[arg-type]
    assert asset.balance_of(holder(chain)) == 3


@pytest.mark.network
def test_a_halted_chain_still_answers(chain: EmbeddedChain, served: ServedChain) -> None:
    client = Chain.connect(served.url)
    chain.halt()
    chain.travel(DECEMBER_2023 + 600)
    assert client.head().timestamp == DECEMBER_2023


@pytest.mark.network
def test_many_threads_can_use_it_at_once(chain: EmbeddedChain, asset: Asset, served: ServedChain) -> None:
    client = Chain.connect(served.url)
    sender = Sender(chain, chain.accounts[1])
    with ThreadPoolExecutor(4) as pool:
        sent = [pool.submit(sender.send, asset.mint(holder(chain), 1)) for _ in range(12)]
        seen = [pool.submit(client.logs, [asset.address], 0, 1_000) for _ in range(12)]
        assert len({each.result().block_number for each in sent}) == 12
        assert all(len(each.result()) <= 12 for each in seen)
    assert asset.balance_of(holder(chain)) == 12


def post(url: str, body: bytes) -> object:
    with urlopen(Request(url, body)) as answer:
        return json.loads(answer.read())


@pytest.mark.network
def test_what_is_no_request_gets_an_error_and_not_a_broken_connection(served: ServedChain) -> None:
    for body in (b"", b"{", b"7", b'{"method": 1}'):
        answer = post(served.url, body)
        assert isinstance(answer, dict)
        assert answer["error"]["code"] == -32600


@pytest.mark.network
def test_a_batch_is_answered_in_order(served: ServedChain) -> None:
    batch = [
        {"id": 1, "method": "eth_chainId", "params": []},
        {"id": 2, "method": "eth_nothing"},
        {"id": 3, "method": "eth_getBalance", "params": ["0x12", "latest", "surplus"]},
        {"id": 4, "method": "eth_getBalance", "params": 7},
    ]
    first, second, third, fourth = post(served.url, json.dumps(batch).encode())  # type: ignore[misc]
    assert (first["id"], first["result"]) == (1, "0x385")
    assert (second["id"], second["error"]["code"]) == (2, -32601)
    assert (third["id"], third["error"]["code"]) == (3, -32602)
    assert (fourth["id"], fourth["error"]["code"]) == (4, -32602)


@pytest.mark.network
def test_a_closed_node_answers_no_more_on_a_connection_that_was_kept_open() -> None:
    request = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
    served = serve(EmbeddedChain(7, 1_700_000_000))
    with httpx.Client() as client:
        assert client.post(served.url, json=request).json()["result"] == hex(7)
        served.close()
        with pytest.raises(httpx.TransportError):
            client.post(served.url, json=request)
