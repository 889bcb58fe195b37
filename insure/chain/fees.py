"""What is offered for a unit of gas: at first, and to replace what is stuck."""

from collections.abc import Callable
from dataclasses import dataclass

from insure.chain.rpc import Chain, Json
from insure.errors import FeeTooHigh

_REPLACEMENT_PERCENT = 125


@dataclass(frozen=True)
class Fees:
    """What a unit of gas may cost, wei; `tip` is None on a chain without EIP-1559."""

    most: int
    tip: int | None

    def raised(self) -> "Fees":
        """Enough more for any node to take it as a replacement."""
        tip = None if self.tip is None else self.tip * _REPLACEMENT_PERCENT // 100 + 1
        return Fees(self.most * _REPLACEMENT_PERCENT // 100 + 1, tip)

    def times(self, factor: int) -> "Fees":
        """So many times as much."""
        return Fees(self.most * factor, None if self.tip is None else self.tip * factor)

    def each(self, choose: Callable[[int, int], int], other: "Fees") -> "Fees":
        """What `choose` takes of the two, part by part."""
        tip = self.tip if self.tip is None or other.tip is None else choose(self.tip, other.tip)
        return Fees(choose(self.most, other.most), tip)

    def within(self, cap: int | None) -> "Fees":
        """No part above the cap."""
        return self if cap is None else self.each(min, Fees(cap, cap))

    def fields(self) -> Json:
        """As a transaction has them."""
        if self.tip is None:
            return {"gasPrice": self.most}
        return {"type": 2, "maxFeePerGas": self.most, "maxPriorityFeePerGas": self.tip}


def asked_fees(what: str, chain: Chain, base_fee: int | None, cap: int | None) -> Fees:
    """What is offered at first: twice the last base fee and the tip that the node suggests, within the cap.

    Raises `FeeTooHigh` when even the next block can't be had within the cap.
    """
    if base_fee is None:
        least = int(chain.request("eth_gasPrice"), 16)
        fees = Fees(least, None)
    else:
        tip = int(chain.request("eth_maxPriorityFeePerGas"), 16)
        least, fees = base_fee + tip, Fees(2 * base_fee + tip, tip)
    if cap is not None and least > cap:
        raise FeeTooHigh(f"{what} waits: gas costs {_gwei(least)} gwei, the cap is {_gwei(cap)} gwei")
    return fees.within(cap)


def _gwei(wei: int) -> str:
    return f"{wei / 1e9:.9g}"
