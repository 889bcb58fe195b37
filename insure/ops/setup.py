"""What the deployer sets up as the first owner: triggers, scenarios, listings, underwriters; once, however often."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from insure.chain.codec import word
from insure.chain.contracts import CoverPool, IncidentBook, PolicyBook
from insure.chain.ownership import Owned
from insure.chain.sender import Call, Sender
from insure.errors import InvalidInput, TransactionFailed
from insure.ops.plan import DeploymentPlan
from insure.records.deployment import ListedTrigger
from insure.records.history import subject_key
from insure.records.onchain import ZERO_ADDRESS, Address, Bytes32, TriggerPath


@dataclass(frozen=True)
class Setup:
    """The contracts of one installation and the plan they are set up by.

    Each step writes only what is not so yet. Raises `InvalidInput` when something has to be written and the contract
    has another owner by now.
    """

    sender: Sender
    plan: DeploymentPlan
    book: IncidentBook
    policies: PolicyBook
    pool: CoverPool
    court: Address
    """The pool's court, named in triggers that have an arbiter."""
    unit: int
    """Smallest units of one token."""

    @property
    def cap(self) -> int:
        """The plan's cap in smallest units."""
        return self.plan.cap * self.unit

    def triggers(self, paths: Mapping[str, Address]) -> tuple[ListedTrigger, ...]:
        """Creates and lists a trigger for each subject of the plan, on these paths."""
        listing = self.plan.listing if self.plan.listing.cap else replace(self.plan.listing, cap=self.cap)
        created = [self._trigger(subject, paths) for subject in self.plan.subjects]
        for trigger in created:
            if self.policies.listing(trigger.trigger_id) != listing:
                self._own(self.policies, self.policies.list_trigger(trigger.trigger_id, listing))
        return tuple(replace(trigger, listing=listing) for trigger in created)

    def scenarios(self) -> dict[str, list[str]]:
        """Adds the plan's scenarios, and one for each subject that is in none."""
        scenarios = planned_scenarios(self.plan)
        there = self.pool.scenario_count()
        if there > len(scenarios):
            raise InvalidInput(
                f"the pool has {there} scenarios already, the plan {len(scenarios)}: choose another salt"
            )
        for number, (name, members) in enumerate(scenarios.items()):
            if number >= there:
                self._own(self.pool, self.pool.add_scenario(name))
            for subject in members:
                key = word(subject_key(subject))
                if number not in self.pool.scenarios_of(key):
                    self._own(self.pool, self.pool.add_to_scenario(number, key))
        return scenarios

    def underwriters(self) -> dict[Address, int]:
        """Admits the plan's underwriter."""
        underwriter = self.plan.underwriter
        if self.policies.underwriter_limits(underwriter)[0] != self.cap:
            self._own(self.policies, self.policies.set_underwriter(underwriter, self.cap))
        return {underwriter: self.cap}

    def _trigger(self, subject: str, paths: Mapping[str, Address]) -> ListedTrigger:
        silence = self.plan.maximum_silence
        listed = tuple(TriggerPath(address, self.plan.grace, silence) for address in paths.values())
        court = ZERO_ADDRESS if self.plan.rules.arbiter == ZERO_ADDRESS else self.court
        trigger = replace(self.plan.rules, subject_id=subject, paths=listed, court=court)
        trigger_id = self.book.trigger_id(trigger)
        if not self._exists(trigger_id):
            self.sender.send(self.book.create_trigger(trigger))
        return ListedTrigger(trigger_id, subject, dict(paths))

    def _exists(self, trigger_id: Bytes32) -> bool:
        # the book has no question for it, but refuses others about a trigger that it does not know
        try:
            self.book.trigger_rules(trigger_id)
        except TransactionFailed as error:
            if str(error).startswith("UnknownTrigger"):
                return False
            raise
        return True

    def _own(self, contract: Owned, call: Call) -> None:
        """Sends what only the owner may."""
        owner = contract.owner()
        if owner != self.sender.address:
            raise InvalidInput(
                f"{call} of the plan is not done, and {contract.artifact} is owned by {owner} by now: "
                "have it done there, or choose another salt"
            )
        self.sender.send(call)


def hand_over(sender: Sender, owned: Iterable[Owned], to: Address) -> None:
    """Offers what is the sender's still to a new owner."""
    for contract in owned:
        if contract.owner() == sender.address and contract.pending_owner() != to:
            sender.send(contract.transfer_ownership(to))


def planned_scenarios(plan: DeploymentPlan) -> dict[str, list[str]]:
    """The plan's scenarios, and one for each subject that is in none."""
    scenarios = {name: list(members) for name, members in plan.scenarios.items()}
    together = {member for members in scenarios.values() for member in members}
    return scenarios | {f"{subject} alone": [subject] for subject in plan.subjects if subject not in together}
