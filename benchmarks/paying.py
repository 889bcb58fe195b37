"""How soon and how fast an outage is paid, by the keeper as it runs, on an anvil."""

import math
import time
from collections.abc import Sequence

from benchmarks.market import HOUR, Market, market
from insure.chain.sender import Sender
from insure.payouts import Payouts
from insure.records.onchain import Receipt
from insure.store import Store
from insure.watcher import Watcher

BLOCK_GAS = 30_000_000
KEEPER_ACCOUNT = 15
FEW_POLICIES = 24
LOOK_SECONDS = 0.1


class Keeper:
    """A keeper with its own mirror in memory."""

    def __init__(self, opened: Market) -> None:
        chain = opened.chain
        self.market = opened
        self.store = Store().create()
        self.watcher = Watcher(chain, self.store, opened.deployment, 0)
        sender = Sender(chain, chain.accounts[KEEPER_ACCOUNT], journal=self.store)
        self.payouts = Payouts(chain, opened.book, opened.policies, opened.pool, self.store, sender)

    def propose(self) -> int:
        """Proposes the outage of every trigger; returns when the last of them is ready."""
        self.watcher.run()
        self.payouts.propose(self.market.chain.head().timestamp)
        self.watcher.run()
        self.market.now = self.market.chain.head().timestamp
        open_ones = [each for each in self.store.incidents() if not each.final_at]
        return max(self.store.checkpoints(each.trigger_id, each.sequence)[-1].ready_at for each in open_ones)


def claims_of_many(policies: int) -> tuple[float, int, int]:
    """Seconds, gas and transactions until so many policies that one outage hits are paid for it, once confirmed."""
    with market() as opened:
        opened.grow(policies, max(8, policies // 44))
        opened.wait(5 * 24 * HOUR)
        opened.outage(hours=4)
        keeper = Keeper(opened)
        ready = keeper.propose()
        opened.come_back()
        opened.chain.travel(ready)
        opened.chain.request("evm_setBlockGasLimit", hex(BLOCK_GAS))
        began = time.perf_counter()
        receipts: list[Receipt] = keeper.payouts.pay(ready)
        seconds = time.perf_counter() - began
        keeper.watcher.run()
        paid = {each.policy_id for each in keeper.store.payments() if each.paid}
        if len(paid) != policies:
            raise RuntimeError(f"{len(paid)} of {policies} policies were paid")
        return seconds, sum(each.gas_used for each in receipts), len(receipts)


def latencies(incidents: int) -> list[int]:
    """Blocks from the first in which each claim could be made to its own: 0 if it is that block."""
    with market() as opened:
        opened.grow(FEW_POLICIES, 8)
        opened.wait(5 * 24 * HOUR)
        keeper, found = Keeper(opened), []
        for _ in range(incidents):
            opened.outage(hours=3)
            ready = keeper.propose()
            opened.come_back()
            found += _paid_after(opened, keeper, ready)
            opened.wait(6 * HOUR)
            opened.chain.travel(opened.now)
            keeper.watcher.run()
            keeper.payouts.confirm(opened.now)
            opened.wait(30 * HOUR)
            opened.chain.travel(opened.now)
        return found


def _paid_after(opened: Market, keeper: Keeper, ready: int) -> list[int]:
    """Lets a block come every second from before the first trigger is ready on, the keeper looking as it would."""
    chain, known = opened.chain, len(keeper.store.payments())
    chain.travel(ready - 20)
    chain.request("evm_setAutomine", False)
    chain.request("evm_setIntervalMining", 1)
    while chain.head().timestamp < ready + 5:
        keeper.payouts.pay(chain.head().timestamp)
        time.sleep(LOOK_SECONDS)
    chain.request("evm_setIntervalMining", 0)
    chain.request("evm_setAutomine", True)
    opened.now = chain.head().timestamp
    keeper.watcher.run()
    payable = {each.trigger_id: each for each in keeper.store.incidents() if not each.final_at}
    payments = keeper.store.payments()[known:]
    if not payments:
        raise RuntimeError("nothing was paid when it could have been")
    found = []
    for payment in payments:
        incident = payable[payment.trigger_id]
        first = keeper.store.checkpoints(incident.trigger_id, incident.sequence)[-1].ready_at
        found.append(payment.at - first)  # blocks are a second apart
    return found


def quantile(values: Sequence[int], share: float) -> int:
    """The least value that so large a share of them does not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
