import logging
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Timer
from time import sleep
from typing import Any

import pytest
from eth_account import Account
from web3.providers import BaseProvider
from web3.types import RPCEndpoint, RPCResponse

from insure.chain.codec import abi
from insure.chain.contracts import Asset
from insure.chain.embedded import EmbeddedChain
from insure.chain.rpc import Chain
from insure.chain.sender import Call, Sender
from insure.errors import ChainError, TransactionFailed, Unreachable

START = 1_702_600_000


class BeforeLondon(BaseProvider):
    """The embedded chain as a node of a chain without EIP-1559 shows it."""

    def __init__(self, chain: EmbeddedChain) -> None:
        super().__init__()
        self._chain = chain

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        assert method != "eth_maxPriorityFeePerGas"
        answer = self._chain.node.answer({"id": 1, "method": method, "params": params})
        if method == "eth_getBlockByNumber":
            answer["result"] = {key: value for key, value in answer["result"].items() if key != "baseFeePerGas"}
        return answer  # type: ignore[no-any-return]


@pytest.fixture
def chain() -> EmbeddedChain:
    return EmbeddedChain(901, START)


@pytest.fixture
def sender(chain: EmbeddedChain) -> Sender:
    return Sender(chain, chain.accounts[0], patience_seconds=5)


@pytest.fixture
def asset(chain: EmbeddedChain, sender: Sender) -> Asset:
    return Asset(chain, sender.create("TestAsset", abi("TestAsset").creation("A", "A", 6))[0])


def transfer_from(asset: Asset, owner: str, to: str, amount: int) -> Call:
    data = abi("TestAsset").encode("transferFrom", owner, to, amount)
    return Call("TestAsset", asset.address, "transferFrom", (owner, to, amount), data)


def test_a_sent_call_is_mined_and_its_receipt_says_where_and_when(
    chain: EmbeddedChain, sender: Sender, asset: Asset
) -> None:
    chain.travel(START + 1_000)
    receipt = sender.send(asset.mint(sender.address, 5))
    head = chain.head()
    assert (receipt.block_number, receipt.timestamp) == (head.number, head.timestamp)
    assert 21_000 < receipt.gas_used < 100_000
    assert asset.balance_of(sender.address) == 5


def test_a_refused_call_is_never_sent_and_the_reason_is_a_sentence(
    chain: EmbeddedChain, sender: Sender, asset: Asset
) -> None:
    head = chain.head()
    for attempt in (sender.send, sender.simulate):
        with pytest.raises(TransactionFailed, match=r"TestAsset\.transfer was refused: .* holds 0, 5 are needed"):
            attempt(asset.transfer(asset.address, 5))
    assert chain.head() == head
    sender.send(asset.mint(sender.address, 5))
    assert asset.balance_of(sender.address) == 5


def test_a_simulation_changes_nothing(chain: EmbeddedChain, sender: Sender, asset: Asset) -> None:
    head = chain.head()
    sender.simulate(asset.mint(sender.address, 5))
    assert chain.head() == head


def test_threads_that_share_a_sender_do_not_collide(chain: EmbeddedChain, sender: Sender, asset: Asset) -> None:
    with ThreadPoolExecutor(4) as pool:
        receipts = list(pool.map(lambda _: sender.send(asset.mint(sender.address, 1)), range(10)))
    assert len({receipt.tx_hash for receipt in receipts}) == 10
    assert asset.balance_of(sender.address) == 10


def test_a_stuck_transaction_is_replaced_for_a_higher_fee_and_done_once(
    chain: EmbeddedChain, asset: Asset, caplog: pytest.LogCaptureFixture
) -> None:
    sender = Sender(chain, chain.accounts[0], patience_seconds=0.1, replacements=40)
    chain.halt()
    timer = Timer(0.5, chain.resume)
    timer.start()
    with caplog.at_level(logging.WARNING):
        receipt = sender.send(asset.mint(sender.address, 5))
    timer.join()
    assert "is not mined yet" in caplog.text
    base_fee = int(chain.request("eth_getBlockByNumber", "0x1", False)["baseFeePerGas"], 16)
    paid_at_most = int(chain.request("eth_getTransactionByHash", receipt.tx_hash)["maxFeePerGas"], 16)
    assert paid_at_most > 2 * base_fee + 10**9
    assert asset.balance_of(sender.address) == 5


def test_a_transaction_that_is_never_mined_is_given_up_with_its_hashes(chain: EmbeddedChain, asset: Asset) -> None:
    sender = Sender(chain, chain.accounts[0], patience_seconds=0.05, replacements=2)
    chain.halt()
    with pytest.raises(Unreachable, match="not mined in time") as caught:
        sender.send(asset.mint(sender.address, 5))
    assert str(caught.value).count("0x") == 3

    chain.resume()
    assert asset.balance_of(sender.address) == 5
    sender.send(asset.mint(sender.address, 1))
    assert asset.balance_of(sender.address) == 6


def offers(chain: EmbeddedChain, seen: list[tuple[int, int]], sender: Sender) -> Chain:
    """The chain through a node that notes nonce and highest fee of what it takes from the sender."""

    class Noting(BaseProvider):
        def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
            answer: RPCResponse = chain.node.answer({"id": 1, "method": method, "params": params})
            if method == "eth_sendRawTransaction" and "result" in answer:
                sent = chain.request("eth_getTransactionByHash", answer["result"])
                seen.append((int(sent["nonce"], 16), int(sent["maxFeePerGas"], 16)))
            return answer

    sender.chain = Chain(Noting(), chain.chain_id)
    return sender.chain


@pytest.mark.parametrize("restarted", [False, True])
def test_what_was_given_up_is_outbid_by_what_is_sent_next_and_nothing_queues(
    chain: EmbeddedChain, asset: Asset, restarted: bool
) -> None:
    seen: list[tuple[int, int]] = []
    sender = Sender(chain, chain.accounts[0], patience_seconds=0.02, replacements=1)
    offers(chain, seen, sender)
    chain.halt()
    for amount in (1, 2, 3):
        if restarted:
            sender = Sender(sender.chain, chain.accounts[0], patience_seconds=0.02, replacements=1)
        with pytest.raises(Unreachable, match="not mined in time"):
            sender.send(asset.mint(sender.address, amount))
    assert len(seen) == 6
    assert {nonce for nonce, _ in seen} == {1}
    fees = [fee for _, fee in seen]
    assert all(after * 100 >= before * 110 for before, after in pairwise(fees))
    chain.resume()
    assert asset.balance_of(sender.address) == 3
    sender.send(asset.mint(sender.address, 10))
    assert asset.balance_of(sender.address) == 13
    assert seen[-1][0] == 2 and seen[-1][1] <= fees[0]


def test_however_long_a_transaction_is_stuck_the_fee_stays_below_its_ceiling(
    chain: EmbeddedChain, asset: Asset
) -> None:
    seen: list[tuple[int, int]] = []
    sender = Sender(chain, chain.accounts[0], patience_seconds=0, replacements=5)
    offers(chain, seen, sender)
    chain.halt()
    for _ in range(6):
        with pytest.raises(Unreachable, match="not mined in time"):
            sender.send(asset.mint(sender.address, 1))
    fees = [fee for _, fee in seen]
    assert 5 * fees[0] < max(fees) <= 10 * fees[0]
    chain.resume()
    sender.send(asset.mint(sender.address, 1))
    assert asset.balance_of(sender.address) == 2


def test_a_transaction_whose_nonce_another_one_took_is_told_at_once(chain: EmbeddedChain, asset: Asset) -> None:
    patient, rival = (Sender(chain, chain.accounts[0], patience_seconds=each, replacements=3) for each in (0.5, 0.02))
    chain.halt()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(patient.send, asset.mint(asset.address, 1))
        while chain.nonce(patient.address) == 1:
            sleep(0.01)
        with pytest.raises(Unreachable):
            rival.send(asset.mint(asset.address, 2))
        chain.resume()
        error = future.exception()
    assert isinstance(error, ChainError) and not isinstance(error, Unreachable)
    assert "nonce 1 was used by another transaction" in str(error)
    assert asset.balance_of(asset.address) == 2


def test_a_transaction_that_fails_only_when_mined_is_told_with_its_reason(
    chain: EmbeddedChain, sender: Sender, asset: Asset
) -> None:
    rivals = [Sender(chain, account, patience_seconds=20) for account in chain.accounts[1:3]]
    sender.send(asset.mint(sender.address, 10))
    for rival in rivals:
        sender.send(asset.approve(rival.address, 10))
    chain.halt()
    with ThreadPoolExecutor(2) as pool:
        calls = [(rival, transfer_from(asset, sender.address, rival.address, 10)) for rival in rivals]
        futures = [pool.submit(rival.send, call) for rival, call in calls]
        while any(chain.nonce(rival.address) == 0 for rival in rivals):
            sleep(0.01)
        chain.resume()
        failures = [str(future.exception()) for future in futures if future.exception() is not None]
    assert len(failures) == 1
    assert "TestAsset.transferFrom reverted when mined: ERC20InsufficientBalance" in failures[0]
    assert sorted(asset.balance_of(rival.address) for rival in rivals) == [0, 10]


def test_it_goes_on_after_its_blocks_were_rolled_back(chain: EmbeddedChain, sender: Sender, asset: Asset) -> None:
    sender.send(asset.mint(sender.address, 1))
    sender.send(asset.mint(sender.address, 2))
    chain.roll_back(1)
    sender.send(asset.mint(sender.address, 4))
    assert asset.balance_of(sender.address) == 5


def test_on_a_chain_without_eip1559_it_pays_the_old_way(chain: EmbeddedChain, asset: Asset) -> None:
    old = Chain(BeforeLondon(chain), 901)
    receipt = Sender(old, chain.accounts[3]).send(Asset(old, asset.address).mint(asset.address, 1))
    assert chain.request("eth_getTransactionByHash", receipt.tx_hash)["type"] == "0x0"


def test_coin_is_sent(chain: EmbeddedChain, sender: Sender) -> None:
    there = Account.from_key(b"\x09" * 32).address
    sender.transfer(there, 12_345)
    assert chain.balance(there) == 12_345


def test_what_another_signed_is_published_and_told_if_it_is_not_taken(chain: EmbeddedChain, sender: Sender) -> None:
    other = chain.accounts[5]
    there = Account.from_key(b"\x09" * 32).address
    fields = {"to": there, "value": 7, "gas": 21_000, "gasPrice": 10**11, "nonce": 0, "chainId": chain.chain_id}
    raw = bytes(other.sign_transaction(fields).raw_transaction)
    receipt = sender.relay("a gift", raw)
    assert chain.balance(there) == 7
    assert receipt.gas_used == 21_000
    with pytest.raises(ChainError, match=r"a gift is not taken: .*nonce"):
        sender.relay("a gift", raw)


def test_a_constructor_that_refuses_is_told_with_its_reason(chain: EmbeddedChain, sender: Sender) -> None:
    with pytest.raises(TransactionFailed, match=r"creation of WatcherPath was refused: InvalidObservers: .*threshold"):
        sender.create("WatcherPath", abi("WatcherPath").creation([sender.address], 2))


def test_a_key_without_money_is_told_so(chain: EmbeddedChain, asset: Asset) -> None:
    stranger = Sender(chain, Account.from_key(b"\x07" * 32))
    with pytest.raises(ChainError, match="cannot afford"):
        stranger.send(asset.mint(stranger.address, 1))
