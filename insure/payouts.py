"""Keeps incidents and payments going: looks at the contracts, decides, simulates, sends.

Never marks anything paid: what was paid is known when the watcher has read it in the logs. So a crash, a double run or
a second keeper does no harm.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

from insure import claims, decisions
from insure.chain.contracts import CoverPool, Disputes, IncidentBook, PolicyBook, WatcherPath
from insure.chain.rpc import Chain
from insure.chain.sender import MOST_IN_TURN, Call, Sender
from insure.decisions import Evidence, Poked, Proposal, Rules, Standing
from insure.errors import ChainError, FeeTooHigh, KeyInUse, TransactionFailed, Unreachable, WrongChain
from insure.records.onchain import Bytes32, Claim, Head, Incident, Member, Policy, Receipt
from insure.store import Store

_log = logging.getLogger(__name__)


CONFIRM_GAS, SPAN_GAS = 400_000, 40_000
"""What a confirmation may use that can't be simulated yet, and as much more for each span: twice what is measured."""
BATCH_GAS, CLAIM_GAS = 450_000, 200_000
"""The same of a batch of claims: the pool keeps back what a transfer may need. What is skipped is claimed by itself."""
SPACING_BLOCKS, SPACING_SECONDS = 8, 600
"""How many intervals between blocks are looked at, and how long the shortest of them is believed."""


@dataclass(frozen=True)
class _Plan:
    """Calls with the gas that they may use."""

    confirm: tuple[Call, int]
    claims: list[tuple[Call, int]]


class Payouts:
    """One keeper; without a sender it is dry: it decides and logs, and sends nothing.

    Every method takes now (UTC seconds), decides by the earlier of that and the time of the chain's last block, and
    returns the receipts of what it sent. What a contract refuses, or a node fails on, is left out and the rest is done;
    then it raises `TransactionFailed` (`ChainError` if not all were contracts' refusals) naming each. `Unreachable`,
    `WrongChain`, `KeyInUse` and `FeeTooHigh` end a method at once. All may be run again at any time.
    """

    def __init__(
        self,
        chain: Chain,
        book: IncidentBook,
        policies: PolicyBook,
        pool: CoverPool,
        store: Store,
        sender: Sender | None = None,
        court: Disputes | None = None,
        least_interim: int = 0,
    ) -> None:
        self._chain = chain
        self._book = book
        self._policies = policies
        self._pool = pool
        self._store = store
        self._sender = sender
        self._court = court
        self._least_interim = least_interim
        self._rules: dict[Bytes32, Rules] = {}
        self._poked: dict[Bytes32, Poked] = {}
        self._tried: dict[Bytes32, tuple[int, int]] = {}
        """The last incident and checkpoint of a trigger that were sent ahead."""
        self._spacing, self._spacing_until = 0, 0

    def send_with(self, sender: Sender) -> None:
        """Has another key send from now on; not while a method runs."""
        self._sender = sender

    def run(self, now: int) -> list[Receipt]:
        """Everything once, in the order in which one thing makes the next possible."""
        steps = (self.poke, self.propose, self.pay, self.confirm, self.claim, self.settle)
        return _each(partial(step, now) for step in steps)

    def poke(self, now: int) -> list[Receipt]:
        """Has the pool latch or release its reserve where alarms or incidents have changed."""
        return self._for_listed(self._poke, now)

    def propose(self, now: int) -> list[Receipt]:
        """Proposes what the paths hold and is not proposed yet."""
        return self._for_listed(self._propose, now)

    def confirm(self, now: int) -> list[Receipt]:
        """Confirms checkpoints that are ready, and ends incidents that are over."""
        return self._for_listed(self._confirm, now)

    def pay(self, now: int) -> list[Receipt]:
        """Has what can be confirmed in the next block confirmed, and what follows from it claimed in that same block.

        Only where cover is due, and from checkpoints that the mirror has: deep ones. Each is tried like this once; what
        then fails (the block came too early, the gas fell short) is left to `confirm` and `claim`.
        """
        at = max(self._next_block(self._chain.head()), now)
        listed = [trigger.trigger_id for trigger in self._store.triggers() if trigger.listing is not None]
        plans = [plan for trigger_id in listed for plan in self._plan(trigger_id, at)]
        return self._send_ahead(plans)

    def claim(self, now: int) -> list[Receipt]:
        """Claims all that confirmed incidents owe policies, and has debts of the pool paid as far as it can."""
        batches = decisions.claim(self._claimable())
        calls = (partial(self._claim_batch, batch.items) for batch in batches)
        solvency = self._pool.solvency()
        debts = self._debts() if solvency.debts else []
        payments = decisions.pay_debts(debts, solvency)
        return _each((*calls, *(partial(self._pay_debt, each.policy_id) for each in payments)))

    def settle(self, now: int) -> list[Receipt]:
        """Accrues premium, settles matured redemptions, releases the collateral of ended policies and the bonds of
        disputes on which the arbiter was silent."""
        return _each(
            (
                partial(self._accrue, self._time(now)),
                self._settle_batch,
                partial(self._for_listed, self._release, now),
                partial(self._for_listed, self._conclude, now),
            )
        )

    def retire(self, now: int) -> list[Receipt]:
        """Has the book note paths that are dead, clear the notes of those that are back, and retire the dead."""
        return self._for_listed(self._retire, now)

    # ------------------------------------------------------------------ one trigger

    def _poke(self, trigger_id: Bytes32, now: int) -> list[Receipt]:
        standing = Standing(
            trigger_id=trigger_id,
            unsettled=self._book.unsettled(trigger_id),
            incidents=self._book.incident_count(trigger_id),
            alarmed=self._book.alarms(trigger_id)[0],
            reserve=self._pool.reserve_of(trigger_id),
            locked=self._pool.limits_of(trigger_id)[1],
        )
        if not decisions.poke(standing, self._poked.get(trigger_id), now):
            return []
        receipts = self._send(self._pool.poke(trigger_id))
        self._poked[trigger_id] = Poked(now, standing.cause)
        return receipts

    def _propose(self, trigger_id: Bytes32, now: int) -> list[Receipt]:
        if decisions.propose(self._evidence(trigger_id), now):
            return self._send(self._book.propose(trigger_id))
        return []

    def _confirm(self, trigger_id: Bytes32, now: int) -> list[Receipt]:
        evidence = self._evidence(trigger_id)
        if decisions.finalise(evidence, now):  # which confirms what is left by itself
            return self._send(self._book.finalise(trigger_id))
        ready = decisions.confirm(evidence, now)
        return _each(partial(self._send, self._book.confirm(trigger_id, each.checkpoint)) for each in ready)

    def _plan(self, trigger_id: Bytes32, at: int) -> Iterator[_Plan]:
        """What to send ahead of a block at `at`, for a checkpoint that was not tried yet."""
        known = self._store.incidents(trigger_id)
        if not known or not decisions.may_confirm(known, self._store.checkpoints(trigger_id, known[-1].sequence), at):
            return
        evidence = self._evidence(trigger_id)
        for wanted in decisions.confirm(evidence, at):
            incident = decisions.confirmed(evidence, wanted.checkpoint)
            which = (incident.sequence, wanted.checkpoint)
            incidents = [*(each for each in known if each.sequence != incident.sequence), incident]
            due = self._due(incidents, self._store.policies(trigger_id))
            if which <= self._tried.get(trigger_id, (-1, -1)) or not due:
                continue
            self._tried[trigger_id] = which
            spans = len(evidence.swept) + len(incident.spans)
            yield _Plan(
                (self._book.confirm(trigger_id, wanted.checkpoint), CONFIRM_GAS + SPAN_GAS * spans),
                [
                    (self._claims(batch.items), BATCH_GAS + CLAIM_GAS * len(batch.items))
                    for batch in decisions.claim(due)
                ],
            )

    def _send_ahead(self, plans: Sequence[_Plan]) -> list[Receipt]:
        """Confirmations first: with one block's worth of calls, nobody's claim waits for another trigger's."""
        waiting = [(plan, plan.confirm) for plan in plans] + [(plan, claim) for plan in plans for claim in plan.claims]
        receipts: list[Receipt] = []
        if self._sender is None:
            for _, (call, _) in waiting:
                self._send(call)
            return []
        while waiting:
            turn = waiting[:MOST_IN_TURN]
            done = self._sender.send_in_turn([call for _, call in turn])
            failed = []
            for (plan, (call, _)), receipt in zip(turn, done, strict=True):
                _log.info(
                    "%s%s ahead, %s: %s", call, call.args, "done" if receipt.succeeded else "failed", receipt.tx_hash
                )
                if call == plan.confirm[0] and not receipt.succeeded:
                    failed.append(plan)
            # what is not confirmed can't be claimed: nobody pays for trying
            waiting = [each for each in waiting[MOST_IN_TURN:] if each[0] not in failed]
            receipts += [receipt for receipt in done if receipt.succeeded]
        return receipts

    def _next_block(self, head: Head) -> int:
        """The earliest time that the next block can have, by the shortest of the last intervals."""
        if head.timestamp >= self._spacing_until:
            blocks = [self._chain.block(n) for n in range(max(0, head.number - SPACING_BLOCKS), head.number + 1)]
            gaps = (after.timestamp - before.timestamp for before, after in pairwise(blocks))
            self._spacing = min(gaps, default=0)
            self._spacing_until = head.timestamp + SPACING_SECONDS
        return head.timestamp + self._spacing

    def _release(self, trigger_id: Bytes32, now: int) -> list[Receipt]:
        policies = [policy for policy in self._store.policies(trigger_id) if not policy.released]
        tail = self._rules_of(trigger_id).tail
        ended = [policy for policy in policies if now > policy.end + tail]
        # the mirror may be behind: what was released meanwhile is not released again
        ended = [policy for policy in ended if not self._policies.policy(policy.policy_id).released]
        if not ended:
            return []
        wanted = decisions.release(ended, self._evidence(trigger_id), self._newest_incidents(trigger_id, now), now)
        return _each(partial(self._send, self._policies.release(each.policy_id)) for each in wanted)

    def _conclude(self, trigger_id: Bytes32, now: int) -> list[Receipt]:
        # asked by trigger: one that names another court than the pool's own has no case here
        if self._court is None or not decisions.conclude(trigger_id, self._court.case_of(trigger_id), now):
            return []
        return self._send(self._court.conclude(trigger_id))

    def _retire(self, trigger_id: Bytes32, now: int) -> list[Receipt]:
        subject = self._book.trigger_rules(trigger_id)[0]
        members = self._book.members(trigger_id)
        heard = [self._heard(member, subject) for member in members]
        wanted = decisions.retire(trigger_id, members, heard, now)
        return _each(partial(self._send, self._book.retire(trigger_id, each.index)) for each in wanted)

    def _heard(self, member: Member, subject: Bytes32) -> int | None:
        """When a path was last heard of; None if it doesn't answer what every path must."""
        path = WatcherPath(self._chain, member.path)  # what is asked here every path has
        try:
            path.alarmed(subject)
            path.spell_count(subject)
            heard = path.last_heard(subject)
        except (Unreachable, WrongChain, KeyInUse):
            raise
        except ChainError:
            return None
        return heard if heard <= self._chain.head().timestamp else None

    # ------------------------------------------------------------------ the pool

    def _accrue(self, now: int) -> list[Receipt]:
        if decisions.accrue(self._pool.solvency(), self._pool.accrued_up_to(), now):
            return self._send(self._pool.accrue())
        return []

    def _settle_batch(self) -> list[Receipt]:
        if decisions.settle(self._pool.solvency()):
            return self._send(self._pool.settle(self._insured()))
        return []

    def _pay_debt(self, policy_id: int) -> list[Receipt]:
        return self._send(self._pool.pay_debt(policy_id, self._insured()))

    def _insured(self) -> list[Bytes32]:
        """The triggers with limits in force, ascending: from the pool itself, which takes no others for them."""
        listed = [trigger.trigger_id for trigger in self._store.triggers() if trigger.listing is not None]
        insured = [trigger_id for trigger_id in listed if self._pool.limits_of(trigger_id)[0]]
        return sorted(insured, key=lambda trigger_id: int(trigger_id, 16))

    # ------------------------------------------------------------------ state

    def _time(self, now: int) -> int:
        """What contracts will take for now at least: they are simulated at the last block."""
        return min(now, self._chain.head().timestamp)

    def _rules_of(self, trigger_id: Bytes32) -> Rules:
        known = self._rules.get(trigger_id)
        if known is None:
            trigger = self._book.trigger(trigger_id)
            grace = max(path.grace for path in trigger.paths)
            known = Rules(trigger.merge_gap, grace, trigger.checkpoint_step, trigger.tail)
            self._rules[trigger_id] = known
        return known

    def _evidence(self, trigger_id: Bytes32) -> Evidence:
        """From the book itself: the mirror lags, and what was just proposed would be proposed again."""
        swept, growing = self._book.sweep(trigger_id)
        evidence = Evidence(trigger_id, self._rules_of(trigger_id), tuple(swept), growing)
        count = self._book.incident_count(trigger_id)
        if count == 0:
            return evidence
        incident = self._book.incident(trigger_id, count - 1)
        if incident.final_at:
            return evidence
        dispute = self._book.dispute_of(trigger_id)
        return replace(
            evidence,
            incident=incident,
            proposals=self._proposals(incident),
            confirmed=tuple(self._book.confirmed_spans(trigger_id, count - 1)),
            disputed_from=dispute.start if dispute.is_open(self._chain.head().timestamp) else None,
            last_covered=self._book.checkpoint(trigger_id, count - 1, incident.checkpoints - 1).covered_seconds,
        )

    def _newest_incidents(self, trigger_id: Bytes32, now: int) -> list[Incident]:
        """In order, back to the last one that is settled and covers anything."""
        found: list[Incident] = []
        for sequence in reversed(range(self._book.incident_count(trigger_id))):
            found.append(self._book.incident(trigger_id, sequence))
            if found[-1].covered_seconds and decisions.settled(found[-1], now):
                break
        return found[::-1]

    def _proposals(self, incident: Incident) -> tuple[Proposal, ...]:
        """Those that the mirror has, and the last one in any case, without its spans if the mirror hasn't got it."""
        key = (incident.trigger_id, incident.sequence)
        pairs = zip(self._store.checkpoints(*key), self._store.proposed_spans(*key), strict=False)
        known = tuple(Proposal(checkpoint, spans) for checkpoint, spans in pairs)
        if len(known) >= incident.checkpoints:
            return known[: incident.checkpoints]
        return (*known, Proposal(self._book.checkpoint(*key, incident.checkpoints - 1)))

    def _claimable(self) -> list[Claim]:
        """What the mirror says is due, as far as the policy book agrees that it was not claimed meanwhile."""
        return [
            claim
            for claim in map(self._owed_now, self._due(self._store.incidents(), self._store.policies()))
            if claim.owed > claim.paid + claim.debt
        ]

    def _due(self, incidents: Sequence[Incident], policies: Sequence[Policy]) -> list[Claim]:
        """What these policies would be owed for these incidents beyond what was claimed, as far as it is worthwhile."""
        failovers = {(each.policy_id, each.sequence): each.activated_at for each in self._store.failovers()}
        due = claims.due_all(policies, incidents, failovers, self._store.claims())
        going_on = {each.trigger_id: each.sequence for each in incidents if not each.final_at}
        interim = {(each.policy_id, going_on[each.trigger_id]) for each in policies if each.trigger_id in going_on}
        return decisions.worthwhile(due, interim, self._least_interim)

    def _owed_now(self, claim: Claim) -> Claim:
        return self._policies.owed_for(claim.policy_id, claim.sequence)

    def _debts(self) -> Iterator[tuple[int, int]]:
        """Debts by policy, those whose last claim is oldest first."""
        owing = sorted(
            (claim for claim in self._store.claims() if claim.debt), key=lambda claim: (claim.last_at, claim.policy_id)
        )
        for policy_id in dict.fromkeys(claim.policy_id for claim in owing):
            yield policy_id, self._pool.debt_of(policy_id)

    # ------------------------------------------------------------------ sending

    def _for_listed(self, step: Callable[[Bytes32, int], list[Receipt]], now: int) -> list[Receipt]:
        at = self._time(now)
        listed = [trigger.trigger_id for trigger in self._store.triggers() if trigger.listing is not None]
        return _each(partial(step, trigger_id, at) for trigger_id in listed)

    def _claim_batch(self, items: Sequence[tuple[int, int]]) -> list[Receipt]:
        """One transaction for many; whatever it skipped (a gas estimate can fall short there) is claimed by itself."""
        receipts = self._send(self._claims(items))
        if not receipts or len(items) == 1:
            return receipts
        still = [self._policies.owed_for(*item) for item in items]
        skipped = [claim for claim in still if claim.owed > claim.paid + claim.debt]
        return receipts + _each(
            partial(self._send, self._policies.claim(each.policy_id, each.sequence)) for each in skipped
        )

    def _claims(self, items: Sequence[tuple[int, int]]) -> Call:
        return self._policies.claim(*items[0]) if len(items) == 1 else self._policies.claim_many(items)

    def _send(self, call: Call) -> list[Receipt]:
        if self._sender is None:
            _log.info("dry, no keeper key: would send %s%s", call, call.args)
            return []
        receipt = self._sender.send(call)
        _log.info("%s%s in %s, gas %d", call, call.args, receipt.tx_hash, receipt.gas_used)
        return [receipt]


def _each(steps: Iterable[Callable[[], list[Receipt]]]) -> list[Receipt]:
    """Does all steps; what contracts refuse or the node fails on is raised together at the end."""
    receipts: list[Receipt] = []
    refusals: list[ChainError] = []
    for step in steps:
        try:
            receipts += step()
        except (Unreachable, WrongChain, KeyInUse, FeeTooHigh):
            raise
        except ChainError as refusal:
            refusals.append(refusal)
    if not refusals:
        return receipts
    by_contracts = all(isinstance(refusal, TransactionFailed) for refusal in refusals)
    raise (TransactionFailed if by_contracts else ChainError)("; ".join(map(str, refusals)))
