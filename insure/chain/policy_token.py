"""Policies as ERC-721 tokens: who holds them, and who may pass them on."""

from eth_utils.address import to_checksum_address

from insure.chain.contract import Contract
from insure.chain.sender import Call
from insure.records.onchain import ZERO_ADDRESS, Address


class PolicyToken(Contract):
    """What any wallet can do with a policy."""

    def name(self) -> str:
        """The collection's name."""
        return str(self._read("name")[0])

    def symbol(self) -> str:
        """The collection's symbol."""
        return str(self._read("symbol")[0])

    def token_uri(self, policy_id: int, block: int | None = None) -> str:
        """The policy's metadata, as a URI."""
        return str(self._read("tokenURI", policy_id, block=block)[0])

    def owner_of(self, policy_id: int, block: int | None = None) -> Address:
        """Who holds a policy and is paid by it."""
        return to_checksum_address(self._read("ownerOf", policy_id, block=block)[0])

    def balance_of(self, holder: Address, block: int | None = None) -> int:
        """How many policies somebody holds."""
        return self._number("balanceOf", holder, block=block)

    def approved(self, policy_id: int, block: int | None = None) -> Address | None:
        """Who besides its holder may pass a policy on, None if nobody."""
        allowed = to_checksum_address(self._read("getApproved", policy_id, block=block)[0])
        return None if allowed == ZERO_ADDRESS else allowed

    def is_approved_for_all(self, holder: Address, operator: Address, block: int | None = None) -> bool:
        """Whether an operator may pass on all policies of a holder."""
        return self._flag("isApprovedForAll", holder, operator, block=block)

    def approve(self, to: Address, policy_id: int) -> Call:
        """Lets somebody pass a policy on."""
        return self._call("approve", to, policy_id)

    def approve_all(self, operator: Address, approved: bool) -> Call:
        """Lets an operator pass on all policies of the caller, or no longer."""
        return self._call("setApprovalForAll", operator, approved)

    def transfer(self, holder: Address, to: Address, policy_id: int) -> Call:
        """Passes a policy on; who receives it is paid by it. A contract that can't handle policies is refused."""
        return self._call("safeTransferFrom", holder, to, policy_id)

    def transfer_unchecked(self, holder: Address, to: Address, policy_id: int) -> Call:
        """Passes a policy on, to whatever is there."""
        return self._call("transferFrom", holder, to, policy_id)


class PolicyDescriptor(Contract):
    """What wallets show of a policy."""

    artifact = "PolicyDescriptor"

    def token_uri(self, policy_book: Address, policy_id: int, block: int | None = None) -> str:
        """A policy's metadata, as the data URI that its own contract gives out."""
        return str(self._read("tokenURI", policy_book, policy_id, block=block)[0])
