"""What must be true after a chaotic run: paid exactly once, the mirror as the chain, the pool as its balance."""

import time
from collections.abc import Iterator
from dataclasses import replace

from insure import claims
from insure.chain.contracts import IncidentBook
from insure.chain.rpc import Chain
from insure.errors import KeyInUse
from insure.installation import keeper_jobs
from insure.key_lease import KeyLease
from insure.rebuild import compare
from insure.records.mirror import Fate
from insure.records.onchain import Incident
from insure.store import Store
from insure.watcher import Watcher
from tests.chaos.victim import CONFIRMATIONS, LEASE_SECONDS, keeper
from tests.chaos.world import World
from tests.keeper_story import CHALLENGE, DAY, GRACE, MERGE_GAP, TAIL

MOST_ROUNDS = 60


def settle(world: World, store: Store) -> None:
    """A sound engine on a sound chain does what is left to do, until nothing is; any failure of a job is raised."""
    world.all_back()
    story, chain = world.story, world.chain
    watcher = Watcher(chain, store, story.deployment, CONFIRMATIONS)
    payouts, lease = keeper(chain, story.deployment, store, world.keeper)
    _await(lease)
    jobs = keeper_jobs(payouts, watcher, store)
    waits = iter((60, CHALLENGE + 60, MERGE_GAP + GRACE + CHALLENGE, DAY + 60, 8 * DAY, TAIL + DAY))
    with world.at_once():
        for _ in range(MOST_ROUNDS):
            sent = len(store.transactions())
            watcher.run()
            for job in jobs:
                job.run(chain.head().timestamp)
            chain.mine(CONFIRMATIONS)
            if len(store.transactions()) == sent:
                wait = next(waits, None)
                if wait is None:
                    return
                chain.travel(chain.head().timestamp + wait)
        raise AssertionError(f"the engine is not done after {MOST_ROUNDS} rounds")


def _await(lease: KeyLease) -> None:
    """Until the lease of the last one that was killed is over."""
    for _ in range(100 * LEASE_SECONDS):
        try:
            lease()
        except KeyInUse:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the lease of a dead process does not end")


def wrongs(world: World, store: Store) -> list[str]:
    """Everything that is not as it must be."""
    return [
        *compare(world.chain, store, world.story.deployment),
        *_payments(world, store),
        *_pool(world),
        *_journal(world, store),
    ]


def summary(store: Store) -> str:
    """How much happened, so that a campaign that proves nothing is seen."""
    sent = store.transactions()
    failed = sum(each.receipt is not None and not each.receipt.succeeded for each in sent)
    return (
        f"{len(store.policies())} policies, {len(store.incidents())} incidents, {len(store.payments())} payments, "
        f"{len(sent)} transactions: {failed} failed, {sum(each.fate is Fate.REPLACED for each in sent)} replaced"
    )


def _payments(world: World, store: Store) -> Iterator[str]:
    """Each policy was paid what its terms give for the confirmed seconds, once."""
    story = world.story
    incidents = list(_incidents(story.book, [each.trigger_id for each in story.deployment.triggers]))
    for known in store.policies():
        policy = story.policies.policy(known.policy_id)
        unclaimed = replace(policy, owed=0, paid=0, released=False)
        ours = [each for each in incidents if each.trigger_id == policy.trigger_id]
        right = sum(claim.owed for claim in claims.due(unclaimed, ours, {}, []))
        moved = sum(each.paid for each in store.payments(policy_id=policy.policy_id))
        if not right == policy.owed == policy.paid == moved:
            yield f"policy {policy.policy_id}: owed {right} by its terms, {policy.owed} by contract, paid {moved}"
    open_ones = [each for each in incidents if not each.final_at]
    if open_ones:
        yield f"{len(open_ones)} incidents are still open: {open_ones[0]}"


def _incidents(book: IncidentBook, triggers: list[str]) -> Iterator[Incident]:
    for trigger_id in triggers:
        for sequence in range(book.incident_count(trigger_id)):
            spans = tuple(book.confirmed_spans(trigger_id, sequence))
            yield replace(book.incident(trigger_id, sequence), spans=spans)


def _pool(world: World) -> Iterator[str]:
    story = world.story
    money, held = story.pool.solvency(), story.asset.balance_of(story.pool.address)
    if money.assets + money.claimable != held:
        yield f"the pool says {money.assets} + {money.claimable} and holds {held}"
    if money.debts or money.reserve:
        yield f"the pool owes {money.debts} and reserves {money.reserve} when all is over"


def _journal(world: World, store: Store) -> Iterator[str]:
    """Every transaction of the keeper is in the journal, with what it cost."""
    chain, keeper_address = world.chain, world.keeper.address
    mined = set(_mined(chain, keeper_address, world.first_block))
    journal = {each.tx_hash: each for each in store.transactions()}
    final = {each.tx_hash for each in journal.values() if each.fate is Fate.FINAL}
    for tx_hash in sorted(mined ^ final):
        yield f"{tx_hash} is {'' if tx_hash in mined else 'not '}mined, in the journal: {journal.get(tx_hash)}"
    if waiting := store.unsettled(keeper_address):
        yield f"{len(waiting)} transactions are unsettled, such as {waiting[0]}"
    spent = sum(each.fees + each.value for each in store.spendings())
    gone = world.first_balance - chain.balance(keeper_address)
    if spent != gone:
        yield f"the journal has {spent} wei spent, the keeper has {gone} less"


def _mined(chain: Chain, sender: str, since: int) -> Iterator[str]:
    for number in range(since, chain.head().number + 1):
        for each in chain.request("eth_getBlockByNumber", hex(number), True)["transactions"]:
            if each["from"].lower() == sender.lower():
                yield each["hash"]
