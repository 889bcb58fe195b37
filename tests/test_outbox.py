"""What becomes of a key's transactions, on a real (embedded) chain, with a journal on each kind of database."""

from collections.abc import Iterator

import pytest
from eth_account import Account
from web3.types import RPCEndpoint, RPCResponse

from insure.chain.codec import abi
from insure.chain.contracts import Asset
from insure.chain.embedded import EmbeddedChain
from insure.chain.outbox import follow
from insure.chain.rpc import Chain
from insure.chain.sender import Sender
from insure.errors import ChainError, TransactionFailed, Unreachable
from insure.records.mirror import Fate, SentTransaction
from insure.store import Store
from tests.through import Through

START = 1_702_600_000
DEPTH = 2


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = Store(database_url).create()
    yield opened
    opened.close()


@pytest.fixture
def chain() -> EmbeddedChain:
    return EmbeddedChain(901, START)


@pytest.fixture
def sender(chain: EmbeddedChain, store: Store) -> Sender:
    return Sender(chain, chain.accounts[0], patience_seconds=0.05, replacements=1, journal=store)


@pytest.fixture
def asset(chain: EmbeddedChain) -> Asset:
    creation = abi("TestAsset").creation("A", "A", 6)
    return Asset(chain, Sender(chain, chain.accounts[1]).create("TestAsset", creation)[0])


def look(chain: EmbeddedChain, store: Store, sender: Sender, depth: int) -> list[SentTransaction]:
    return follow(chain, store, sender.address, chain.head().number - depth)


def fates(store: Store) -> list[Fate]:
    return [each.fate for each in store.transactions()]


def test_what_is_mined_is_final_when_it_is_deep_and_costs_what_the_chain_took(
    chain: EmbeddedChain, store: Store, sender: Sender, asset: Asset
) -> None:
    before = chain.balance(sender.address)
    receipt = sender.send(asset.mint(sender.address, 5))
    (sent,) = store.transactions()
    assert sent == SentTransaction(receipt.tx_hash, "mint", sender.address, 0, 0, sent.signed_at, Fate.MINED, receipt)
    assert look(chain, store, sender, DEPTH) == []
    assert fates(store) == [Fate.MINED]
    chain.mine(DEPTH)
    look(chain, store, sender, DEPTH)
    assert fates(store) == [Fate.FINAL]
    (spent,) = store.spendings()
    assert (spent.kind, spent.transactions, spent.gas_used) == ("mint", 1, receipt.gas_used)
    assert spent.fees == before - chain.balance(sender.address)


def test_coin_that_is_sent_along_is_counted_too(chain: EmbeddedChain, store: Store, sender: Sender) -> None:
    before = chain.balance(sender.address)
    sender.transfer(chain.accounts[5].address, 12_345)
    look(chain, store, sender, 0)
    (spent,) = store.spendings()
    assert spent.value == 12_345
    assert spent.fees + spent.value == before - chain.balance(sender.address)


def test_of_the_attempts_of_one_nonce_one_is_final_and_the_others_replaced(
    chain: EmbeddedChain, store: Store, sender: Sender, asset: Asset
) -> None:
    chain.halt()
    with pytest.raises(Unreachable, match="not mined in time"):
        sender.send(asset.mint(sender.address, 5))
    look(chain, store, sender, DEPTH)
    assert sorted(fates(store)) == [Fate.DROPPED, Fate.WAITING], "the node has forgotten what was outbid"
    chain.resume()
    look(chain, store, sender, DEPTH)
    assert Fate.REPLACED not in fates(store), "a reorganisation may still bring the other back"
    chain.mine(DEPTH)
    look(chain, store, sender, DEPTH)
    assert sorted(fates(store)) == [Fate.FINAL, Fate.REPLACED]
    assert store.spendings()[0].transactions == 1


def test_a_transaction_that_a_reorganisation_took_waits_again_and_is_counted_once(
    chain: EmbeddedChain, store: Store, sender: Sender, asset: Asset
) -> None:
    sender.send(asset.mint(sender.address, 5))
    chain.roll_back(1)
    (lost,) = look(chain, store, sender, DEPTH)
    assert (lost.nonce, fates(store)) == (0, [Fate.DROPPED])
    assert store.transactions()[0].receipt is None
    sender.send(asset.mint(sender.address, 7))
    chain.mine(DEPTH)
    look(chain, store, sender, DEPTH)
    assert sorted(fates(store)) == [Fate.FINAL, Fate.REPLACED]
    assert asset.balance_of(sender.address) == 7


def test_what_was_final_in_blocks_that_a_deeper_reorganisation_took_is_open_again_and_counted_once(
    chain: EmbeddedChain, store: Store, sender: Sender, asset: Asset
) -> None:
    chain.halt()
    with pytest.raises(Unreachable):
        sender.send(asset.mint(sender.address, 5))
    before = chain.head()
    chain.resume()
    sender.transfer(chain.accounts[5].address, 1)
    for _ in range(2):
        look(chain, store, sender, 0)
    settled = fates(store)
    assert Fate.FINAL in settled and Fate.REPLACED in settled and not set(settled) - {Fate.FINAL, Fate.REPLACED}
    store.bind("here", [])
    store.advance(None, before, [])
    store.advance(before, chain.head(), [])
    assert store.roll_back(chain.head(), before)
    assert set(fates(store)) == {Fate.MINED, Fate.DROPPED}
    assert (store.spendings()[0].transactions, store.spendings()[0].fees, store.spendings()[0].value) == (0, 0, 0)
    look(chain, store, sender, 0)
    assert sorted(fates(store)) == sorted(settled)
    assert store.spendings()[0].transactions == 1


def test_nothing_is_open_again_that_was_final_before(
    chain: EmbeddedChain, store: Store, sender: Sender, asset: Asset
) -> None:
    sender.send(asset.mint(sender.address, 5))
    look(chain, store, sender, 0)
    at, spent = chain.head(), store.spendings()
    chain.mine(1)
    store.bind("here", [])
    store.advance(None, chain.head(), [])
    assert store.roll_back(chain.head(), at)
    assert (fates(store), store.spendings()) == ([Fate.FINAL], spent)


def test_what_reverts_when_mined_has_its_price(
    chain: EmbeddedChain, store: Store, sender: Sender, asset: Asset
) -> None:
    (receipt,) = sender.send_in_turn([(asset.transfer(asset.address, 5), 100_000)])
    assert not receipt.succeeded
    look(chain, store, sender, 0)
    (spent,) = store.spendings()
    assert (spent.transactions, spent.failures) == (1, 1)
    assert spent.fees == receipt.fee > 0


class DeadBefore(Through):
    """A node of whose client the process ends before (or after) it has published anything."""

    def __init__(self, chain: EmbeddedChain, *, after: bool) -> None:
        super().__init__(chain)
        self._after = after

    def make_request(self, method: RPCEndpoint, params: object) -> RPCResponse:
        if method == "eth_sendRawTransaction" and not self._after:
            raise KeyboardInterrupt
        answer = super().make_request(method, params)
        if method == "eth_sendRawTransaction":
            raise KeyboardInterrupt
        return answer


@pytest.mark.parametrize("after", [False, True])
def test_what_was_signed_is_known_though_the_process_ended_before_or_after_it_was_published(
    chain: EmbeddedChain, store: Store, sender: Sender, asset: Asset, after: bool
) -> None:
    sender.chain = Chain(DeadBefore(chain, after=after), chain.chain_id)
    with pytest.raises(KeyboardInterrupt):
        sender.send(asset.mint(sender.address, 5))
    assert fates(store) == [Fate.WAITING]
    look(chain, store, sender, 0)
    assert fates(store) == [Fate.FINAL if after else Fate.DROPPED]
    Sender(chain, chain.accounts[0], journal=store).send(asset.mint(sender.address, 7))
    look(chain, store, sender, 0)
    assert Fate.FINAL in fates(store) and Fate.WAITING not in fates(store)
    assert asset.balance_of(sender.address) == (12 if after else 7)


def test_what_no_node_took_is_not_kept(chain: EmbeddedChain, store: Store, asset: Asset) -> None:
    stranger = Sender(chain, Account.from_key(b"\x07" * 32), journal=store)
    with pytest.raises(ChainError, match="cannot afford"):
        stranger.send_in_turn([(asset.mint(asset.address, 1), 100_000)])
    assert store.transactions() == []


def test_a_journal_that_can_not_be_written_keeps_everything_unpublished(
    chain: EmbeddedChain, store: Store, sender: Sender, asset: Asset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: SentTransaction) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(store, "record_signed", full)
    with pytest.raises(OSError, match="disk full"):
        sender.send(asset.mint(sender.address, 5))
    assert asset.balance_of(sender.address) == 0


def test_calls_in_turn_are_published_before_the_first_is_mined_and_mined_in_order(
    chain: EmbeddedChain, store: Store, sender: Sender, asset: Asset
) -> None:
    calls = [asset.mint(sender.address, 5), asset.transfer(asset.address, 3), asset.transfer(asset.address, 9)]
    receipts = sender.send_in_turn([(call, 100_000) for call in calls])
    assert [each.succeeded for each in receipts] == [True, True, False]
    assert [each.nonce for each in store.transactions()] == [0, 1, 2]
    assert asset.balance_of(asset.address) == 3
    with pytest.raises(TransactionFailed, match="was refused"):
        sender.send(calls[-1])


class MinedMeanwhile(Through):
    """A node without EIP-1559 that mines what waits just before it is offered the same transaction again."""

    _offers = 0

    def make_request(self, method: RPCEndpoint, params: object) -> RPCResponse:
        if method == "eth_sendRawTransaction":
            self._offers += 1
            if self._offers == 2:
                self.chain.resume()
        answer = super().make_request(method, params)
        if method == "eth_getBlockByNumber":
            answer["result"] = {key: value for key, value in answer["result"].items() if key != "baseFeePerGas"}
        return answer


def test_what_was_taken_once_is_not_forgotten_when_it_is_refused_because_it_is_mined(
    chain: EmbeddedChain, store: Store, sender: Sender, asset: Asset
) -> None:
    # at the cap at once, so that every attempt is the same transaction
    sender.fee_cap = int(chain.request("eth_gasPrice"), 16)
    sender.chain = Chain(MinedMeanwhile(chain), chain.chain_id)
    chain.halt()
    receipt = sender.send(asset.mint(sender.address, 5))
    (sent,) = store.transactions()
    assert (sent.fate, sent.receipt) == (Fate.MINED, receipt)


class TakenUnheard(Through):
    """A node whose first answer got lost: asked again, it says that the nonce is used, by that very transaction."""

    def make_request(self, method: RPCEndpoint, params: object) -> RPCResponse:
        answer = super().make_request(method, params)
        if method == "eth_sendRawTransaction":
            del answer["result"]
            answer["error"] = {"code": -32000, "message": "nonce too low"}
        return answer


def test_what_was_taken_by_an_answer_that_got_lost_is_not_forgotten(
    chain: EmbeddedChain, store: Store, sender: Sender, asset: Asset
) -> None:
    sender.chain = Chain(TakenUnheard(chain), chain.chain_id)
    with pytest.raises(ChainError, match="nonce too low"):
        sender.send(asset.mint(sender.address, 5))
    look(chain, store, sender, 0)
    assert fates(store) == [Fate.FINAL]
    assert store.spendings()[0].transactions == 1


class Behind(Through):
    """A node behind which one server lags: it has no receipt the first time."""

    _denied = False

    def make_request(self, method: RPCEndpoint, params: object) -> RPCResponse:
        if method == "eth_getTransactionReceipt" and not self._denied:
            self._denied = True
            return {"jsonrpc": "2.0", "id": 1, "result": None}
        return super().make_request(method, params)


def test_a_receipt_that_is_denied_once_makes_nobody_believe_in_a_replacement(
    chain: EmbeddedChain, store: Store, sender: Sender, asset: Asset
) -> None:
    sender.send(asset.mint(sender.address, 5))
    lagging = Chain(Behind(chain), chain.chain_id)
    follow(lagging, store, sender.address, chain.head().number)
    assert fates(store) == [Fate.DROPPED]
    follow(lagging, store, sender.address, chain.head().number)
    assert fates(store) == [Fate.FINAL]
