"""Contracts with an owner who hands over in two steps."""

from eth_utils.address import to_checksum_address

from insure.chain.contract import Contract
from insure.chain.sender import Call
from insure.records.onchain import ZERO_ADDRESS, Address


class Owned(Contract):
    """A contract whose powers are one owner's, until another accepts them."""

    def owner(self, block: int | None = None) -> Address:
        """Who may do what only the owner may."""
        return to_checksum_address(self._read("owner", block=block)[0])

    def pending_owner(self, block: int | None = None) -> Address | None:
        """To whom ownership is offered, None if to nobody."""
        offered = to_checksum_address(self._read("pendingOwner", block=block)[0])
        return None if offered == ZERO_ADDRESS else offered

    def transfer_ownership(self, to: Address) -> Call:
        """Offers ownership; only the owner may, and nothing changes until it is accepted."""
        return self._call("transferOwnership", to)

    def accept_ownership(self) -> Call:
        """Takes over; only whom it was offered to may."""
        return self._call("acceptOwnership")
