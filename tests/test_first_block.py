"""What is owed is mined in the first block in which it is payable: on a node whose blocks are mined by hand."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from time import sleep

import pytest

from insure.chain.anvil import AnvilChain, AnvilProcess
from insure.payouts import SPACING_BLOCKS
from insure.records.mirror import Fate
from insure.records.onchain import Receipt
from tests.keeper_story import CHALLENGE, DAY, GENESIS, GRACE, MERGE_GAP, RATE, WAITING, Story, installed

pytestmark = [pytest.mark.network, pytest.mark.anvil]

BLOCK = 12
SUBJECTS = [f"eip155:{number}" for number in (7, *range(9, 16))]
HALTS = 13
DOWN = 2 * WAITING


class ByHand:
    """The keeper of a story, at work while blocks come when they are called for."""

    def __init__(self, story: Story, chain: AnvilChain) -> None:
        self.story = story
        self.chain = chain

    @contextmanager
    def blocks(self) -> Iterator[None]:
        self.chain.request("evm_setAutomine", False)
        yield
        self.chain.request("evm_setAutomine", True)

    def waiting(self) -> int:
        status = self.chain.request("txpool_status")
        return int(status["pending"], 16)

    def block(self, at: int) -> None:
        self.chain.request("evm_setNextBlockTimestamp", at)
        self.chain.mine()

    def pay(self, at: int, expected: int) -> list[Receipt]:
        """The keeper pays before the block at `at`, which comes when all `expected` transactions wait for it."""
        with ThreadPoolExecutor(1) as worker:
            paying: Future[list[Receipt]] = worker.submit(self.story.keeper.pay, at - BLOCK + 1)
            while not paying.done() and self.waiting() < expected:
                sleep(0.005)
            self.block(at)
            return paying.result()


@pytest.fixture
def by_hand() -> Iterator[ByHand]:
    with AnvilProcess(31_337, GENESIS) as node:
        chain = AnvilChain(node.url)
        story = installed(10**12, *SUBJECTS[1:], on=chain)
        for subject in SUBJECTS:
            story.sell(subject=subject)
        story.keeper = story.payouts(story.sender(12))
        yield ByHand(story, chain)
        story.store.close()


def propose_all(story: Story, start: int) -> int:
    """All subjects were down for `DOWN` seconds; returns when the first of the proposals is ready."""
    story.chain.travel(start + DOWN)
    for subject in SUBJECTS:
        story.report(start, start + DOWN, ended=True, subject=subject)
    story.watcher.run()
    story.keeper.propose(story.now)
    story.watcher.run()
    ready = [story.store.checkpoints(each.trigger_id, each.sequence)[-1].ready_at for each in story.store.incidents()]
    return max(ready)


def test_a_hundred_incidents_are_confirmed_and_paid_in_the_first_block_that_they_can_be(by_hand: ByHand) -> None:
    story = by_hand.story
    story.chain.travel(story.now + DAY + 600)
    for halt in range(HALTS):
        start = story.now
        ready = propose_all(story, start)
        with by_hand.blocks():
            for before in range(SPACING_BLOCKS + 2, 0, -1):
                by_hand.block(ready - before * BLOCK)
                if before == 2:
                    assert story.keeper.pay(story.now + 1) == [], "nothing is sent that would fail"
            receipts = by_hand.pay(ready, 2 * len(SUBJECTS))
        assert {receipt.timestamp for receipt in receipts} == {ready}
        assert len(receipts) == 2 * len(SUBJECTS)
        story.watcher.run()
        assert [each.paid for each in story.store.claims()] == [RATE * (DOWN - WAITING)] * ((halt + 1) * len(SUBJECTS))
        story.chain.travel(start + DOWN + MERGE_GAP + GRACE + CHALLENGE)
        story.round()
    assert len(story.store.incidents()) == HALTS * len(SUBJECTS) > 100
    assert all(each.receipt and each.receipt.succeeded for each in story.store.transactions())


def test_a_block_that_comes_too_early_costs_a_failed_transaction_and_no_payment(by_hand: ByHand) -> None:
    story = by_hand.story
    story.chain.travel(story.now + DAY + 600)
    ready = propose_all(story, story.now)
    with by_hand.blocks():
        for before in (3, 2, 1):
            by_hand.block(ready - before * BLOCK)
        # a block a second after the last, where none was ever nearer than twelve
        with ThreadPoolExecutor(1) as worker:
            paying = worker.submit(story.keeper.pay, ready)
            while by_hand.waiting() < 2 * len(SUBJECTS):
                sleep(0.005)
            by_hand.block(ready - BLOCK + 1)
            assert paying.result() == []
    failed = [each.kind for each in story.store.transactions() if each.receipt and not each.receipt.succeeded]
    assert sorted(failed) == ["claim"] * len(SUBJECTS) + ["confirm"] * len(SUBJECTS)
    story.chain.travel(ready)
    assert story.keeper.pay(story.now) == [], "each is tried ahead once"
    for _ in range(2):
        story.round()
    assert [each.paid for each in story.store.claims()] == [RATE * (DOWN - WAITING)] * len(SUBJECTS)
    assert all(each.fate is Fate.MINED for each in story.store.transactions())
