"""What becomes of the transactions of a key: noted before they are published, followed until nothing can change it.

Nothing is ever published from here again: what is still needed is decided anew from the chain's state, takes the nonce
of what was lost, and so can't be done twice.
"""

import logging
from collections.abc import Iterator
from typing import Protocol

from insure.chain.rpc import Chain, Json, reading
from insure.records.mirror import Fate, SentTransaction
from insure.records.onchain import Address, Receipt

_log = logging.getLogger(__name__)


class Journal(Protocol):
    """Where transactions are noted; whatever it raises keeps them from being published."""

    def record_signed(self, sent: SentTransaction) -> bool:
        """Notes a transaction before it is published; returns whether it was not noted before."""
        ...

    def record_refused(self, tx_hash: str) -> None:
        """Forgets one that no node ever took."""
        ...

    def record_fate(self, tx_hash: str, fate: Fate, receipt: Receipt | None) -> None:
        """Notes what has become of one."""
        ...

    def unsettled(self, sender: Address) -> list[SentTransaction]:
        """Those of a sender whose fate may still change."""
        ...


def find_receipt(chain: Chain, tx_hash: str) -> Json | None:
    """A node's receipt of a transaction if it is mined."""
    found: Json | None = chain.request("eth_getTransactionReceipt", tx_hash)
    return None if found is None or found.get("blockNumber") is None else found


def read_receipt(chain: Chain, found: Json) -> Receipt:
    """A node's receipt as ours; the fee includes what a rollup takes for its data."""
    with reading("eth_getTransactionReceipt"):
        number, gas = int(found["blockNumber"], 16), int(found["gasUsed"], 16)
        fee = gas * int(found.get("effectiveGasPrice") or "0x0", 16) + int(found.get("l1Fee") or "0x0", 16)
        tx_hash, succeeded = str(found["transactionHash"]), int(found["status"], 16) == 1
    return Receipt(tx_hash, number, gas, chain.block(number).timestamp, fee, succeeded)


def follow(chain: Chain, journal: Journal, sender: Address, last_final: int) -> list[SentTransaction]:
    """Looks what has become of the sender's transactions; returns those that were lost to the chain or our node.

    What is mined up to block `last_final` is final, negative while there is no such block. It should be the last that
    the mirror has taken in: a reorganisation that goes deeper than was thought possible is noticed there.
    """
    waiting = journal.unsettled(sender)
    if not waiting:
        return []
    deep = chain.nonce_at(sender, max(0, last_final))
    lost = []
    for sent, fate, receipt in _fates(chain, waiting, last_final, deep):
        if fate is not sent.fate or receipt != sent.receipt:
            journal.record_fate(sent.tx_hash, fate, receipt)
        if fate in (Fate.DROPPED, Fate.REPLACED) and fate is not sent.fate:
            _log.warning("%s with nonce %d is %s: %s", sent.kind, sent.nonce, fate, sent.tx_hash)
            lost.append(sent)
    return lost


def _fates(
    chain: Chain, waiting: list[SentTransaction], last_final: int, deep: int
) -> Iterator[tuple[SentTransaction, Fate, Receipt | None]]:
    """`deep` is how many transactions of the sender are final."""
    for sent in waiting:
        found = find_receipt(chain, sent.tx_hash)
        if found is not None:
            receipt = read_receipt(chain, found)
            yield sent, Fate.FINAL if receipt.block_number <= last_final else Fate.MINED, receipt
        elif sent.nonce < deep:
            # seen twice: a node that lags would deny the receipt too
            yield sent, Fate.REPLACED if sent.fate is Fate.DROPPED else Fate.DROPPED, None
        else:
            known = chain.request("eth_getTransactionByHash", sent.tx_hash) is not None
            yield sent, Fate.WAITING if known else Fate.DROPPED, None
