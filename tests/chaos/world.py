"""The people and the weather of a chaotic run: what is bought, staked, reported and broken, one act at a time."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from insure.chain.anvil import AnvilChain, AnvilProcess
from insure.chain.sender import Sender
from insure.errors import ChainError
from insure.payouts import Payouts
from insure.records.deployment import Deployment
from insure.records.onchain import Semantics, Terms
from tests.chaos.victim import CONFIRMATIONS
from tests.keeper_story import DAY, GENESIS, RATE, WAITING, Story, installed

CHAIN_ID = 31_337
SUBJECTS = ("eip155:7", "eip155:9", "eip155:10")
KEEPER = 12
LONGEST_STEP = 1_200


@cache
def _state() -> tuple[str, str]:
    """A chain with an installation, as anvil writes it, and the manifest: made once a process."""
    with AnvilProcess(CHAIN_ID, GENESIS) as node:
        chain = AnvilChain(node.url)
        manifest = installed(10**12, *SUBJECTS[1:], on=chain).deployment.to_json()
        return chain.request("anvil_dumpState"), manifest


def _installed(chain: AnvilChain) -> Story:
    state, manifest = _state()
    chain.request("anvil_loadState", state)
    chain.travel(chain.head().timestamp + 1)  # the node's clock is no part of it
    return Story(chain, Deployment.from_json(manifest))


class World:
    """An installation on an anvil whose blocks come one by one, and everybody but its keeper."""

    def __init__(self, chain: AnvilChain, seed: int) -> None:
        self.random = random.Random(seed)
        self.chain = chain
        self.story = _installed(chain)
        self.down: dict[str, int] = {}
        self.keeper = chain.accounts[KEEPER]
        self.first_block = chain.head().number
        self.first_balance = chain.balance(self.keeper.address)
        for subject in SUBJECTS:
            self.story.sell(self.terms(), subject)
        chain.travel(self.story.now + DAY + 120)
        chain.request("evm_setAutomine", False)
        self.acts: list[Callable[[], str]] = [
            *[self.buy] * 2,
            self.deposit,
            self.request_redeem,
            self.redeem,
            self.transfer,
            self.cancel,
            self.renew,
            *[self.report] * 8,
        ]

    # ------------------------------------------------------------- time

    def block(self, seconds: int | None = None) -> int:
        """One block, so many seconds after the last; returns its time."""
        at = self.chain.head().timestamp + (seconds or self.random.choice((1, 12, 60, 300, LONGEST_STEP)))
        self.chain.request("evm_setNextBlockTimestamp", at)
        self.chain.mine()
        return at

    def waiting(self) -> bool:
        """Whether transactions wait for a block."""
        return int(self.chain.request("txpool_status")["pending"], 16) > 0

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """What people send is mined as it comes, and so is what waits."""
        self.chain.request("evm_setAutomine", True)
        try:
            yield
        finally:
            self.chain.request("evm_setAutomine", False)

    # ------------------------------------------------------------- business

    def act(self) -> str:
        """Somebody does something, or is refused; returns what."""
        with self.at_once():
            try:
                return self.random.choice(self.acts)()
            except ChainError as refused:
                return f"refused: {refused}"[:100]

    def terms(self) -> Terms:
        rate = RATE * self.random.randint(1, 5)
        semantics = self.random.choice((Semantics.RETENTION, Semantics.QUALIFYING))
        return Terms(WAITING, semantics, rate, 0, 20_000 * rate, self.random.choice((20_000, 40_000)) * rate)

    def buy(self) -> str:
        subject = self.random.choice(SUBJECTS)
        return f"policy {self.story.sell(self.terms(), subject)} on {subject}"

    def deposit(self) -> str:
        amount = self.random.randint(10**6, 10**11)
        staker = self.story.staker
        self.story.fund(staker, amount)
        staker.send(self.story.pool.deposit(amount, staker.address))
        return f"deposit of {amount}"

    def request_redeem(self) -> str:
        staker = self.story.staker
        shares = self.story.pool.balance_of(staker.address) // self.random.randint(4, 40)
        staker.send(self.story.pool.request_redeem(shares, staker.address, staker.address))
        return f"redemption of {shares} requested"

    def redeem(self) -> str:
        staker = self.story.staker
        shares = self.story.pool.max_redeem(staker.address)
        staker.send(self.story.pool.redeem(shares, staker.address, staker.address))
        return f"{shares} redeemed"

    def _owned(self) -> int:
        return self.random.randint(1, self.story.nonces)

    def transfer(self) -> str:
        policy, buyer = self._owned(), self.story.buyer
        buyer.send(self.story.policies.transfer(buyer.address, self.chain.accounts[14].address, policy))
        return f"policy {policy} given away"

    def cancel(self) -> str:
        policy = self._owned()
        self.story.buyer.send(self.story.policies.cancel(policy))
        return f"policy {policy} cancelled"

    def renew(self) -> str:
        before = self.story.policies.policy(self._owned())
        subject = next(
            each.subject_id for each in self.story.deployment.triggers if each.trigger_id == before.trigger_id
        )
        return f"policy {before.policy_id} renewed as {self.story.sell(self.terms(), subject, before)}"

    # ------------------------------------------------------------- outages

    def report(self) -> str:
        """A subject goes down, is still down, or is back, as both teams of observers see it."""
        subject, now = self.random.choice(SUBJECTS), self.chain.head().timestamp
        start = self.down.get(subject)
        if start is None:
            self.down[subject] = now
            return f"{subject} goes down"
        over = self.random.random() < 0.3 and now > start + WAITING
        self.story.report(start, now, ended=over, subject=subject)
        if over:
            del self.down[subject]
        return f"{subject} {'was' if over else 'is'} down from {start} to {now}"

    def all_back(self) -> None:
        """Whoever is down is seen to be back."""
        with self.at_once():
            for subject, start in sorted(self.down.items()):
                self.story.report(start, self.chain.head().timestamp, ended=True, subject=subject)
        self.down = {}

    # ------------------------------------------------------------- breakage on the chain

    def reorganise(self) -> str:
        """Up to the depth that the mirror waits for, or one deeper."""
        depth, at = self.random.randint(1, CONFIRMATIONS + 1), self.chain.head().timestamp
        self.chain.request("anvil_reorg", depth, [])
        # anvil's new blocks come a second apart: the next one is as late as the branch that is gone
        self.chain.travel(at + 1)
        return f"reorganisation of {depth}"

    def drop(self) -> str:
        """The node forgets what waits."""
        self.chain.request("anvil_dropAllTransactions")
        return "waiting transactions dropped"

    def surge(self) -> str:
        """Gas costs so much more for a block that what waits is stuck."""
        fee = int(self.chain.request("eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16)
        self.chain.request("anvil_setNextBlockBaseFeePerGas", hex(fee * 20))
        self.block(12)
        self.chain.request("anvil_setNextBlockBaseFeePerGas", hex(fee))
        return "fee surge"

    def rival(self) -> str:
        """A stranger claims, confirms and settles what he can."""
        with self.at_once():
            stranger = Sender(self.chain, self.chain.accounts[13])
            story = self.story
            story.watcher.run()
            payouts = Payouts(self.chain, story.book, story.policies, story.pool, story.store, stranger)
            try:
                sent = payouts.run(self.chain.head().timestamp)
            except ChainError as error:
                return f"a stranger fails: {error}"[:100]
        return f"a stranger sends {len(sent)}"

    def skip(self) -> str:
        """A day passes at once."""
        self.block(self.random.choice((DAY // 4, DAY)))
        return "a day passes"
