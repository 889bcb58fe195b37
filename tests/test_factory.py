"""The deterministic deployment proxy and the factory: there, made where they are not, and never another's."""

from collections.abc import Iterator
from typing import Any

import pytest
from eth_account import Account
from eth_utils.crypto import keccak

from insure.chain import factory
from insure.chain.anvil import AnvilChain, AnvilProcess
from insure.chain.artifacts import artifact
from insure.chain.codec import abi, word
from insure.chain.embedded import EmbeddedChain
from insure.chain.factory import PROXY, PROXY_CODE, PROXY_COST, PROXY_SIGNER, deployer_address, ensure_deployer
from insure.chain.sender import Sender
from insure.errors import ChainError, TransactionFailed

SALT = "0x" + "5a" * 32


@pytest.fixture
def chain() -> EmbeddedChain:
    return EmbeddedChain(901, 1_702_600_000)


@pytest.fixture
def sender(chain: EmbeddedChain) -> Sender:
    return Sender(chain, chain.accounts[0])


def asset_code(symbol: str = "A") -> bytes:
    return abi("TestAsset").creation("A", symbol, 6)


def test_the_keyless_transaction_is_its_signers() -> None:
    assert Account.recover_transaction(factory.PROXY_TRANSACTION) == PROXY_SIGNER
    assert keccak(factory.PROXY_TRANSACTION).hex() == "eddf9e61fb9d8f5111840daef55e5fde0041f5702856532cdbb5a02998033d26"


def test_a_chain_that_has_neither_gets_both_where_they_always_are(chain: EmbeddedChain, sender: Sender) -> None:
    assert chain.code(PROXY) == b""
    deployer = ensure_deployer(sender)
    assert chain.code(PROXY) == PROXY_CODE
    assert deployer.address == deployer_address()
    assert chain.code(deployer.address) == artifact("Deployer").runtime_code({})


def test_what_is_there_is_taken_as_it_is(chain: EmbeddedChain, sender: Sender) -> None:
    ensure_deployer(sender)
    head = chain.head()
    ensure_deployer(Sender(chain, chain.accounts[1]))
    assert chain.head() == head


def test_only_what_the_signer_lacks_is_paid(chain: EmbeddedChain, sender: Sender) -> None:
    sender.transfer(PROXY_SIGNER, PROXY_COST - 5)
    height = chain.head().number
    ensure_deployer(sender)
    assert chain.head().number == height + 3  # the rest, the proxy, the factory


def test_other_code_in_the_proxys_place_is_refused(
    chain: EmbeddedChain, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = chain.code
    monkeypatch.setattr(chain, "code", lambda address: b"\x60\x00" if address == PROXY else code(address))
    with pytest.raises(ChainError, match=f"chain 901 has other code at {PROXY} than the deterministic"):
        ensure_deployer(sender)


def test_a_chain_that_does_not_take_the_keyless_transaction_is_said(
    chain: EmbeddedChain, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = chain.request

    def protected(method: str, *params: Any) -> Any:
        if method == "eth_sendRawTransaction" and params[0] == "0x" + factory.PROXY_TRANSACTION.hex():
            raise ChainError("eth_sendRawTransaction: only replay-protected (EIP-155) transactions allowed over RPC")
        return request(method, *params)

    monkeypatch.setattr(chain, "request", protected)
    with pytest.raises(ChainError, match=r"the transaction that creates the .* proxy is not taken: .*EIP-155"):
        ensure_deployer(sender)


def test_the_place_is_foreseen_and_the_creation_recorded(chain: EmbeddedChain, sender: Sender) -> None:
    deployer = ensure_deployer(sender)
    place = deployer.address_of(sender.address, SALT)
    assert deployer.creation_of(place) is None
    receipt = sender.send(deployer.deploy(SALT, asset_code()))
    found = deployer.creation_of(place)
    assert found is not None
    assert (found.code_hash, found.block) == (word(keccak(asset_code())), receipt.block_number)
    assert artifact("TestAsset").is_code(chain.code(place))


def test_a_salt_is_each_senders_own_and_used_once(chain: EmbeddedChain, sender: Sender) -> None:
    deployer, other = ensure_deployer(sender), Sender(chain, chain.accounts[1])
    other.send(deployer.deploy(SALT, asset_code("theirs")))
    sender.send(deployer.deploy(SALT, asset_code("ours")))
    place = deployer.address_of(sender.address, SALT)
    told = f"SaltUsed: {sender.address} has created {place} with this salt already".lower()
    with pytest.raises(TransactionFailed, match=f"(?i){told}"):
        sender.send(deployer.deploy(SALT, asset_code("again")))


def test_a_creation_that_fails_is_told_with_the_constructors_reason(sender: Sender) -> None:
    deployer = ensure_deployer(sender)
    with pytest.raises(TransactionFailed, match=r"InvalidObservers: .*threshold"):
        sender.send(deployer.deploy(SALT, abi("WatcherPath").creation([sender.address], 2)))
    with pytest.raises(TransactionFailed, match=r"CreationFailed: the creation gave no reason"):
        sender.send(deployer.deploy(SALT, b""))


def test_code_of_which_nothing_comes_is_told(sender: Sender) -> None:
    factory.ensure_proxy(sender)
    with pytest.raises(TransactionFailed, match="creation of nothing"):
        factory.ensure_by_content(sender, "nothing", b"\xfe")


@pytest.fixture
def node() -> Iterator[AnvilChain]:
    with AnvilProcess(chain_id=902, genesis_time=1_702_600_000) as process:
        yield AnvilChain(process.url)


@pytest.mark.network
@pytest.mark.anvil
def test_on_a_real_node_without_the_proxy_both_come_to_the_same_places(node: AnvilChain) -> None:
    node.request("anvil_setCode", PROXY, "0x")  # anvil comes with it
    assert node.code(PROXY) == b""
    deployer = ensure_deployer(Sender(node, node.accounts[0]))
    assert node.code(PROXY) == PROXY_CODE
    assert deployer.address == deployer_address()
