"""What all contract wrappers share: an address on a chain, reads at a block, writes as calls to be sent."""

from typing import Any, ClassVar

from eth_utils.address import is_address, to_checksum_address

from insure.chain.codec import abi
from insure.chain.rpc import Chain
from insure.chain.sender import Call
from insure.errors import InvalidInput
from insure.records.onchain import Address

_SIGNATURE_BYTES = 65


class Contract:
    """One contract; reads take `block` to be answered on that block's state instead of the last one's.

    Reads raise `TransactionFailed` with the contract's reason when it refuses; writes return a `Call` for a `Sender`.
    """

    artifact: ClassVar[str]

    def __init__(self, chain: Chain, address: Address) -> None:
        if not is_address(address):
            raise InvalidInput(f"address of {self.artifact} is {address!r}: must be 0x and 40 hex digits")
        self.chain = chain
        self.address: Address = to_checksum_address(address)

    def _read(self, function: str, *args: Any, block: int | None = None) -> tuple[Any, ...]:
        contract = abi(self.artifact)
        answer = self.chain.call(self.address, contract.encode(function, *args), block)
        return contract.decode(function, answer)

    def _number(self, function: str, *args: Any, block: int | None = None) -> int:
        return int(self._read(function, *args, block=block)[0])

    def _flag(self, function: str, *args: Any, block: int | None = None) -> bool:
        return bool(self._read(function, *args, block=block)[0])

    def _call(self, function: str, *args: Any) -> Call:
        data = abi(self.artifact).encode(function, *args)
        return Call(self.artifact, self.address, function, args, data)


class Token(Contract):
    """An ERC-20 token; amounts in smallest units."""

    def name(self) -> str:
        """The token's name."""
        return str(self._read("name")[0])

    def symbol(self) -> str:
        """The token's symbol."""
        return str(self._read("symbol")[0])

    def decimals(self) -> int:
        """Decimal places of one token."""
        return self._number("decimals")

    def total_supply(self, block: int | None = None) -> int:
        """How much there is."""
        return self._number("totalSupply", block=block)

    def balance_of(self, address: Address, block: int | None = None) -> int:
        """Smallest units held."""
        return self._number("balanceOf", address, block=block)

    def allowance(self, owner: Address, spender: Address, block: int | None = None) -> int:
        """Smallest units that `spender` may take from `owner`."""
        return self._number("allowance", owner, spender, block=block)

    def approve(self, spender: Address, amount: int) -> Call:
        """Lets `spender` take up to `amount`."""
        return self._call("approve", spender, amount)

    def transfer(self, to: Address, amount: int) -> Call:
        """Sends tokens."""
        return self._call("transfer", to, amount)

    def transfer_from(self, owner: Address, to: Address, amount: int) -> Call:
        """Sends tokens of an owner who approved the caller."""
        return self._call("transferFrom", owner, to, amount)


class Asset(Token):
    """The ERC-20 token that premiums and claims are paid in; `mint` exists on the test asset only."""

    artifact = "TestAsset"

    def mint(self, to: Address, amount: int) -> Call:
        """Makes test money, by anyone for anyone."""
        return self._call("mint", to, amount)

    def permit_nonce(self, owner: Address) -> int:
        """The nonce of the owner's next permit (ERC-2612)."""
        return self._number("nonces", owner)

    def permit(self, owner: Address, spender: Address, amount: int, deadline: int, signature: str) -> Call:
        """Lets `spender` take up to `amount` by the owner's signature (65 bytes as 0x hex); anyone may bring it."""
        raw = bytes.fromhex(signature.removeprefix("0x"))
        if len(raw) != _SIGNATURE_BYTES:
            raise InvalidInput(f"signature has {len(raw)} bytes: must be {_SIGNATURE_BYTES}, r, s and v")
        return self._call("permit", owner, spender, amount, deadline, raw[64], raw[:32], raw[32:64])
