"""Contracts at foreseeable addresses: libraries by their content, everything else by who creates it and a salt."""

from dataclasses import dataclass

from eth_utils.address import to_canonical_address, to_checksum_address
from eth_utils.crypto import keccak

from insure.chain.artifacts import artifact
from insure.chain.codec import word
from insure.chain.contract import Contract
from insure.chain.sender import Call, Sender
from insure.errors import ChainError, TransactionFailed
from insure.records.onchain import Address, Bytes32

PROXY: Address = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
"""The deterministic deployment proxy (github.com/Arachnid/deterministic-deployment-proxy): most chains have it.

It creates what follows the first 32 bytes of its input, which are the salt, by CREATE2.
"""
PROXY_CODE = bytes.fromhex(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f5801515"
    "6039578182fd5b8082525050506014600cf3"
)
PROXY_SIGNER: Address = "0x3fAB184622Dc19b6109349B94811493BF2a45362"
"""Nobody has its key: the signature of its one transaction was chosen, and the sender follows from that."""
PROXY_COST = 10**16
"""Wei: 100,000 gas at 100 gwei."""
PROXY_TRANSACTION = bytes.fromhex(
    "f8a58085174876e800830186a08080b853604580600e600039806000f350fe"
    + PROXY_CODE.hex()
    + "1ba0"
    + "22" * 32
    + "a0"
    + "22" * 32
)
"""Creates the proxy on any chain: of before EIP-155, so it names none."""

_SALT = bytes(32)
"""The salt of what is found by its content alone."""


@dataclass(frozen=True)
class Creation:
    """What a contract was made from: hash of its creation code with arguments, and the block by the chain's count."""

    code_hash: Bytes32
    block: int


class Deployer(Contract):
    """The factory: its contracts' addresses hang on who creates them and on a salt, not on their code."""

    artifact = "Deployer"

    def address_of(self, creator: Address, salt: Bytes32) -> Address:
        """Where a creator's contract with this salt is, or will be."""
        return to_checksum_address(self._read("addressOf", creator, salt)[0])

    def creation_of(self, address: Address) -> Creation | None:
        """What was created there, None if nothing was."""
        code_hash, block = self._read("creationOf", address)
        return Creation(word(code_hash), block) if block else None

    def deploy(self, salt: Bytes32, creation_code: bytes) -> Call:
        """Creates a contract at the sender's address for this salt."""
        return self._call("deploy", salt, creation_code)


def content_address(code: bytes) -> Address:
    """Where the proxy creates this creation code."""
    return to_checksum_address(keccak(b"\xff" + to_canonical_address(PROXY) + _SALT + keccak(code))[12:])


def deployer_address() -> Address:
    """Where the factory is, on every chain that has it."""
    return content_address(artifact(Deployer.artifact).creation_code({}))


def ensure_proxy(sender: Sender) -> None:
    """Creates the proxy where a chain lacks it, with 0.01 of the sender's coin.

    Raises `ChainError` when the chain does not take its transaction, or has other code there.
    """
    chain = sender.chain
    if not chain.code(PROXY):
        lacking = PROXY_COST - chain.balance(PROXY_SIGNER)
        if lacking > 0:
            sender.transfer(PROXY_SIGNER, lacking)
        try:
            sender.relay("the transaction that creates the deterministic deployment proxy", PROXY_TRANSACTION)
        except TransactionFailed as error:
            raise ChainError(
                f"chain {chain.chain_id} can't have the deterministic deployment proxy: {error}"
            ) from error
    if chain.code(PROXY) != PROXY_CODE:
        raise ChainError(f"chain {chain.chain_id} has other code at {PROXY} than the deterministic deployment proxy")


def ensure_deployer(sender: Sender) -> Deployer:
    """The factory, created where a chain lacks it. Raises as `ensure_proxy` and `Sender.send` do."""
    ensure_proxy(sender)
    code = artifact(Deployer.artifact).creation_code({})
    return Deployer(sender.chain, ensure_by_content(sender, Deployer.artifact, code))


def ensure_by_content(sender: Sender, name: str, code: bytes) -> Address:
    """What this creation code makes, created through the proxy where a chain lacks it.

    Raises `TransactionFailed` when nothing comes of the code.
    """
    address = content_address(code)
    if not sender.chain.code(address):
        sender.send(Call(f"creation of {name} through", PROXY, "the proxy", (), _SALT + code))
        if not sender.chain.code(address):
            raise TransactionFailed(f"creation of {name} through the proxy made nothing at {address}")
    return address
