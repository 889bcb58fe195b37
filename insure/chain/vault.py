"""The pool as a vault: ERC-4626 deposits, and the taking out of what redemption (ERC-7540) has settled."""

from eth_utils.address import to_checksum_address

from insure.chain.contract import Token
from insure.chain.sender import Call
from insure.records.onchain import Address


class Vault(Token):
    """Shares for assets; amounts in smallest units of the one or the other. As a token it is its shares."""

    def asset(self) -> Address:
        """The token that is paid in."""
        return to_checksum_address(self._read("asset")[0])

    def total_assets(self, block: int | None = None) -> int:
        """The stakers' money, smallest units."""
        return self._number("totalAssets", block=block)

    def convert_to_assets(self, shares: int, block: int | None = None) -> int:
        """What shares are worth, rounded down."""
        return self._number("convertToAssets", shares, block=block)

    def convert_to_shares(self, assets: int, block: int | None = None) -> int:
        """How many shares a deposit buys, rounded down."""
        return self._number("convertToShares", assets, block=block)

    def max_deposit(self, receiver: Address, block: int | None = None) -> int:
        """The largest deposit taken now; 0 while a reserve stands or premium is not accrued."""
        return self._number("maxDeposit", receiver, block=block)

    def max_mint(self, receiver: Address, block: int | None = None) -> int:
        """Most shares given out now."""
        return self._number("maxMint", receiver, block=block)

    def max_withdraw(self, controller: Address, block: int | None = None) -> int:
        """What can be taken out now, smallest units."""
        return self._number("maxWithdraw", controller, block=block)

    def max_redeem(self, controller: Address, block: int | None = None) -> int:
        """Shares whose redemption is settled and can be taken out."""
        return self._number("maxRedeem", controller, block=block)

    def preview_deposit(self, assets: int, block: int | None = None) -> int:
        """Shares that a deposit buys now, rounded down."""
        return self._number("previewDeposit", assets, block=block)

    def preview_mint(self, shares: int, block: int | None = None) -> int:
        """What shares cost now, rounded up."""
        return self._number("previewMint", shares, block=block)

    def deposit(self, assets: int, receiver: Address) -> Call:
        """Puts money in for shares."""
        return self._call("deposit", assets, receiver)

    def mint(self, shares: int, receiver: Address) -> Call:
        """Puts in what so many shares cost."""
        return self._call("mint", shares, receiver)

    def withdraw(self, assets: int, receiver: Address, controller: Address) -> Call:
        """Takes out an amount of what settled shares are worth."""
        return self._call("withdraw", assets, receiver, controller)

    def redeem(self, shares: int, receiver: Address, controller: Address) -> Call:
        """Takes out what settled shares are worth."""
        return self._call("redeem", shares, receiver, controller)

    def is_operator(self, controller: Address, operator: Address, block: int | None = None) -> bool:
        """Whether an operator may act for a controller."""
        return self._flag("isOperator", controller, operator, block=block)

    def set_operator(self, operator: Address, approved: bool) -> Call:
        """Lets an operator act for the caller, or no longer."""
        return self._call("setOperator", operator, approved)
