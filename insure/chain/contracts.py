"""The contracts as Python objects: what happened, who is owed what, whose money."""

from collections.abc import Sequence
from typing import Any

from eth_utils.address import to_checksum_address

from insure.chain.codec import Decoder, word
from insure.chain.contract import Asset
from insure.chain.disputes import Disputes
from insure.chain.incident_powers import IncidentPowers
from insure.chain.ownership import Owned
from insure.chain.paths import HeartbeatPath, Path, WatcherPath
from insure.chain.policy_token import PolicyDescriptor, PolicyToken
from insure.chain.sender import Call
from insure.chain.typed_data import SEMANTICS, TypedData, quote_message, quote_values
from insure.chain.vault import Vault
from insure.records.onchain import (
    Address,
    Bytes32,
    Checkpoint,
    Claim,
    Incident,
    Listing,
    Permit,
    Policy,
    Quote,
    SignedQuote,
    Solvency,
    Span,
    Terms,
    Trigger,
    TriggerPath,
)

__all__ = [
    "Asset",
    "CoverPool",
    "Decoder",
    "Disputes",
    "HeartbeatPath",
    "IncidentBook",
    "Path",
    "PolicyBook",
    "PolicyDescriptor",
    "WatcherPath",
]


class IncidentBook(IncidentPowers):
    """What happened: triggers, and the incidents that independent families agree on."""

    artifact = "IncidentBook"

    def trigger(self, trigger_id: Bytes32) -> Trigger:
        """A trigger's content."""
        subject_id, paths, *rules = self._read("getTrigger", trigger_id)[0]
        listed = tuple(
            TriggerPath(to_checksum_address(path), grace, silence, tuple(word(party) for party in parties))
            for path, grace, silence, parties in paths
        )
        *numbers, per_year = rules
        numbers[-4:] = map(to_checksum_address, numbers[-4:])  # guardian, court, arbiter, calendar signer
        rules = [*numbers, per_year]
        return Trigger(subject_id, listed, *rules)

    def trigger_id(self, trigger: Trigger) -> Bytes32:
        """The id that a trigger of this content has."""
        return word(self._read("triggerIdOf", _trigger_values(trigger))[0])

    def trigger_rules(self, trigger_id: Bytes32) -> tuple[Bytes32, int, int, int]:
        """Key of the subject, and cooling-off, tail and challenge period in seconds."""
        subject, cooling_off, tail, challenge = self._read("triggerRules", trigger_id)
        return word(subject), cooling_off, tail, challenge

    def families(self, trigger_id: Bytes32) -> list[int]:
        """The family of each path, in the trigger's order."""
        return list(self._read("familiesOf", trigger_id)[0])

    def incident_id(self, trigger_id: Bytes32, sequence: int) -> Bytes32:
        """The id under which others may refer to an incident."""
        return word(self._read("incidentId", trigger_id, sequence)[0])

    def incident_count(self, trigger_id: Bytes32, block: int | None = None) -> int:
        """How many incidents the trigger has had; the last may be open."""
        return self._number("incidentCount", trigger_id, block=block)

    def incident(self, trigger_id: Bytes32, sequence: int, block: int | None = None) -> Incident:
        """One incident; sequence 0 is the first."""
        values = self._read("incident", trigger_id, sequence, block=block)[0]
        return Incident(trigger_id, sequence, *values)

    def checkpoint(self, trigger_id: Bytes32, sequence: int, index: int, block: int | None = None) -> Checkpoint:
        """A proposed state of an incident."""
        proposed_at, covered, ready_at = self._read("checkpointOf", trigger_id, sequence, index, block=block)[0]
        return Checkpoint(trigger_id, sequence, index, proposed_at, covered, ready_at)

    def confirmed_spans(self, trigger_id: Bytes32, sequence: int, block: int | None = None) -> list[Span]:
        """The confirmed covered time, oldest first."""
        return _spans(self._read("confirmedSpans", trigger_id, sequence, block=block)[0])

    def sweep(self, trigger_id: Bytes32, block: int | None = None) -> tuple[list[Span], bool]:
        """What enough families cover since the last incident, and whether the last span may still grow."""
        spans, still_open = self._read("sweep", trigger_id, block=block)
        return _spans(spans), still_open

    def unsettled(self, trigger_id: Bytes32, block: int | None = None) -> bool:
        """Whether an incident is open, or final only since less than the settlement window."""
        return self._flag("unsettled", trigger_id, block=block)

    def standing(self, trigger_id: Bytes32, block: int | None = None) -> tuple[bool, int]:
        """Whether the trigger is unsettled, and how many incidents it has had."""
        unsettled, incidents = self._read("standing", trigger_id, block=block)
        return unsettled, incidents

    def quiet(self, trigger_id: Bytes32, block: int | None = None) -> bool:
        """Whether cover may be sold now."""
        return self._flag("quiet", trigger_id, block=block)

    def alarms(self, trigger_id: Bytes32, block: int | None = None) -> tuple[int, int]:
        """Bit sets of families: those alarmed, and those of which a path could be read."""
        alarmed, live = self._read("alarms", trigger_id, block=block)
        return alarmed, live

    def create_trigger(self, trigger: Trigger) -> Call:
        """Creates a trigger; anyone may."""
        return self._call("createTrigger", _trigger_values(trigger))

    def propose(self, trigger_id: Bytes32) -> Call:
        """Proposes what the paths hold now; anyone may."""
        return self._call("propose", trigger_id)

    def confirm(self, trigger_id: Bytes32, checkpoint: int) -> Call:
        """Confirms a checkpoint of the open incident as far as a fresh sweep still shows it; anyone may."""
        return self._call("confirm", trigger_id, checkpoint)

    def finalise(self, trigger_id: Bytes32) -> Call:
        """Ends the open incident; anyone may."""
        return self._call("finalise", trigger_id)

    def delay(self, trigger_id: Bytes32, delayed_until: int) -> Call:
        """The guardian's one delay of the open incident."""
        return self._call("delay", trigger_id, delayed_until)


class PolicyBook(Owned, PolicyToken):
    """Who is owed what: policies, sold by signed quote and paid without anyone filing a claim."""

    artifact = "PolicyBook"

    def policy(self, policy_id: int, block: int | None = None) -> Policy:
        """A policy with its holder."""
        trigger_id, terms, start, end, standby, *rest = self._read("policy", policy_id, block=block)[0]
        rest[-1] = tuple(_spans(rest[-1]))
        return Policy(
            policy_id,
            self.owner_of(policy_id, block),
            word(trigger_id),
            _terms(terms),
            start,
            end,
            to_checksum_address(standby),
            *rest,
        )

    def policy_id_of(self, underwriter: Address, nonce: int) -> int:
        """The id of the policy that a quote of this underwriter and nonce makes."""
        return self._number("policyIdOf", underwriter, nonce)

    def renewal_ordered(self, policy_id: int, block: int | None = None) -> Bytes32 | None:
        """The renewal ordered for a policy, None if none: the hash of its quote's digest and its underwriter."""
        order = word(self._read("renewalOrdered", policy_id, block=block)[0])
        return order if int(order, 16) else None

    def state_fingerprint(self, policy_id: int, block: int | None = None) -> Bytes32:
        """What changes with whatever changes a policy's worth (ERC-5646)."""
        return word(self._read("getStateFingerprint", policy_id, block=block)[0])

    def descriptor(self) -> Address:
        """Who writes the policies' metadata."""
        return to_checksum_address(self._read("descriptor")[0])

    def underwriter_of(self, policy_id: int, block: int | None = None) -> Address:
        """Whose signature sold a policy."""
        return to_checksum_address(self._read("underwriterOf", policy_id, block=block)[0])

    def pool(self) -> Address:
        """Whose money pays."""
        return to_checksum_address(self._read("pool")[0])

    def incident_book(self) -> Address:
        """Whose incidents are paid for."""
        return to_checksum_address(self._read("incidentBook")[0])

    def owed_for(self, policy_id: int, sequence: int, block: int | None = None) -> Claim:
        """What a policy is owed for an incident as confirmed so far."""
        return Claim(policy_id, sequence, *self._read("owedFor", policy_id, sequence, block=block))

    def activation_of(self, policy_id: int, sequence: int, block: int | None = None) -> int:
        """When the policy's failover was recorded for an incident, UTC seconds; 0 if it was not."""
        return self._number("activationOf", policy_id, sequence, block=block)

    def listing(self, trigger_id: Bytes32, block: int | None = None) -> Listing:
        """Within which bounds cover on a trigger is sold; all zero and closed if it was never listed."""
        return Listing(*self._read("listing", trigger_id, block=block)[0])

    def underwriter_limits(self, underwriter: Address, block: int | None = None) -> tuple[int, int]:
        """The underwriter's cap, and the aggregate limits in force that its signatures have sold."""
        cap, in_force = self._read("underwriterLimits", underwriter, block=block)
        return cap, in_force

    def quote_digest(self, quote: Quote) -> Bytes32:
        """The contract's own EIP-712 hash of a quote."""
        return word(self._read("quoteDigest", quote_values(quote))[0])

    def quote_typed_data(self, quote: Quote) -> TypedData:
        """What an underwriter signs."""
        return quote_message(quote, self.chain.chain_id, self.address)

    def buy(self, signed: SignedQuote) -> Call:
        """Buys what a quote offers; only its buyer may, having approved the pool for the premium.

        An ordered renewal may be bought by anyone, at the buyer's cost.
        """
        return self._call("buy", quote_values(signed.quote), signed.underwriter, signed.signature)

    def buy_for(self, signed: SignedQuote, acceptance: str) -> Call:
        """Buys for a buyer who has signed the quote too; anyone may, at the buyer's cost."""
        return self._call("buyFor", quote_values(signed.quote), signed.underwriter, signed.signature, acceptance)

    def buy_with_permit(self, signed: SignedQuote, permit: Permit) -> Call:
        """Buys after handing in the buyer's permit for the premium; only the buyer may."""
        given = (permit.permit2, permit.amount, permit.expiration, permit.nonce, permit.deadline, permit.signature)
        return self._call("buyWithPermit", quote_values(signed.quote), signed.underwriter, signed.signature, given)

    def order_renewal(self, signed: SignedQuote) -> Call:
        """Orders a renewal while the trigger is quiet: anyone may buy it then, whatever comes, until the first ends."""
        return self._call("orderRenewal", quote_values(signed.quote), signed.underwriter, signed.signature)

    def cancel(self, policy_id: int) -> Call:
        """Ends a policy now for what of its premium is unearned, less a tenth; only its holder may."""
        return self._call("cancel", policy_id)

    def claim(self, policy_id: int, sequence: int) -> Call:
        """Pays what a policy is owed for an incident; anyone may, twice is harmless."""
        return self._call("claim", policy_id, sequence)

    def claim_many(self, items: Sequence[tuple[int, int]]) -> Call:
        """Pays several (policy, incident sequence) at once; a bad one is skipped."""
        return self._call("claimMany", [policy for policy, _ in items], [sequence for _, sequence in items])

    def activate_failover(self, policy_id: int) -> Call:
        """Records a failover; only the quote's standby address may."""
        return self._call("activateFailover", policy_id)

    def release(self, policy_id: int) -> Call:
        """Frees the collateral of a policy that can't be owed anything more; anyone may."""
        return self._call("release", policy_id)

    def list_trigger(self, trigger_id: Bytes32, listing: Listing) -> Call:
        """Lists a trigger or changes the bounds of new sales; only the owner may."""
        values = (
            listing.floor_rate_bps,
            listing.minimum_waiting,
            listing.minimum_seconds_to_limit,
            listing.minimum_term,
            listing.maximum_term,
            listing.cap,
            listing.open,
        )
        return self._call("list", trigger_id, values)

    def stop_sales(self, trigger_id: Bytes32) -> Call:
        """Stops new sales on a trigger; only the owner may."""
        return self._call("stopSales", trigger_id)

    def set_underwriter(self, underwriter: Address, cap: int) -> Call:
        """Lets an underwriter's signatures sell up to `cap` of aggregate limits; only the owner may."""
        return self._call("setUnderwriter", underwriter, cap)


class CoverPool(Owned, Vault):
    """Whose money: deposits, redemption in batches, premium as it is earned, exposure by scenario."""

    artifact = "CoverPool"

    def solvency(self, block: int | None = None) -> Solvency:
        """The pool's money at a glance."""
        return Solvency(*self._read("solvency", block=block)[0])

    def premiums(self, block: int | None = None) -> tuple[int, int]:
        """Premium written and earned so far, smallest units."""
        written, earned = self._read("premiums", block=block)
        return written, earned

    def accrued_up_to(self, block: int | None = None) -> int:
        """Up to when premium is released to the stakers, UTC seconds."""
        return self._number("accruedUpTo", block=block)

    def permit2(self) -> Address:
        """Permit2, through which payers may give leave; the zero address if it is not used."""
        return to_checksum_address(self._read("permit2")[0])

    def cooldown(self) -> int:
        """Seconds that a redemption batch waits at least."""
        return self._number("cooldown")

    def reserve_of(self, trigger_id: Bytes32, block: int | None = None) -> int:
        """What is latched for a possible loss on a trigger, smallest units."""
        return self._number("reserveOf", trigger_id, block=block)

    def limits_of(self, trigger_id: Bytes32, block: int | None = None) -> tuple[int, int]:
        """Remaining incident limits and aggregate limits of a trigger's policies, smallest units."""
        incident, aggregate = self._read("limitsOf", trigger_id, block=block)
        return incident, aggregate

    def exposure_of(self, subject: Bytes32, block: int | None = None) -> int:
        """Remaining limits on a subject, smallest units."""
        return self._number("exposureOf", subject, block=block)

    def scenario_count(self, block: int | None = None) -> int:
        """How many scenarios there are."""
        return self._number("scenarioCount", block=block)

    def scenario_exposure(self, scenario: int, block: int | None = None) -> int:
        """Remaining limits on a scenario's subjects, smallest units."""
        return self._number("scenarioExposure", scenario, block=block)

    def scenarios_of(self, subject: Bytes32, block: int | None = None) -> frozenset[int]:
        """The numbers of the scenarios that a subject is in."""
        bits = self._number("scenariosOf", subject, block=block)
        return frozenset(number for number in range(bits.bit_length()) if bits >> number & 1)

    def debt_of(self, policy_id: int, block: int | None = None) -> int:
        """What the pool still owes a policy for want of assets."""
        return self._number("debtOf", policy_id, block=block)

    def credit_of(self, address: Address, block: int | None = None) -> int:
        """Payments to an address whose transfer failed, to be withdrawn by it."""
        return self._number("creditOf", address, block=block)

    def price_reliable(self, block: int | None = None) -> bool:
        """Whether the share price is what deposits pay."""
        return self._flag("priceReliable", block=block)

    def policy_book(self) -> Address:
        """Whose policies it pays."""
        return to_checksum_address(self._read("policyBook")[0])

    def incident_book(self) -> Address:
        """Whose incidents it prices."""
        return to_checksum_address(self._read("incidentBook")[0])

    def pending_redeem(self, batch: int, controller: Address, block: int | None = None) -> int:
        """Shares that wait in a batch."""
        return self._number("pendingRedeemRequest", batch, controller, block=block)

    def claimable_redeem(self, batch: int, controller: Address, block: int | None = None) -> int:
        """Shares of a batch that are settled and not taken out yet."""
        return self._number("claimableRedeemRequest", batch, controller, block=block)

    def redeem_batch(self, batch: int, block: int | None = None) -> tuple[int, int, int, int]:
        """Shares requested, shares settled, assets set aside for them, and when the batch matures (UTC seconds)."""
        shares, settled, assets, matures_at = self._read("redeemBatch", batch, block=block)
        return shares, settled, assets, matures_at

    def request_redeem(self, shares: int, controller: Address, owner: Address) -> Call:
        """Queues shares for the batch of today; irrevocable."""
        return self._call("requestRedeem", shares, controller, owner)

    def settle(self, triggers: Sequence[Bytes32]) -> Call:
        """Settles the oldest matured batch; anyone may. `triggers` are all with limits in force, ascending."""
        return self._call("settle", list(triggers))

    def poke(self, trigger_id: Bytes32) -> Call:
        """Latches or releases a trigger's reserve by what the incident book says now; anyone may."""
        return self._call("poke", trigger_id)

    def accrue(self) -> Call:
        """Releases earned premium; anyone may."""
        return self._call("accrue")

    def pay_debt(self, policy_id: int, triggers: Sequence[Bytes32]) -> Call:
        """Pays debt to a policy as far as assets allow; anyone may. `triggers` as for `settle`."""
        return self._call("payDebt", policy_id, list(triggers))

    def withdraw_credit(self, to: Address) -> Call:
        """Takes out the caller's credit."""
        return self._call("withdrawCredit", to)

    def add_scenario(self, name: str) -> Call:
        """Adds a scenario; only the owner may."""
        return self._call("addScenario", name)

    def add_to_scenario(self, scenario: int, subject: Bytes32) -> Call:
        """Puts a subject into a scenario; only the owner may."""
        return self._call("addToScenario", scenario, subject)


def _trigger_values(trigger: Trigger) -> tuple[Any, ...]:
    return (
        trigger.subject_id,
        [(each.path, each.grace, each.maximum_silence, list(each.parties)) for each in trigger.paths],
        trigger.quorum,
        trigger.merge_gap,
        trigger.minimum_spell,
        trigger.challenge_period,
        trigger.checkpoint_step,
        trigger.cooling_off,
        trigger.tail,
        trigger.guardian,
        trigger.court,
        trigger.arbiter,
        trigger.calendar_signer,
        trigger.calendar_seconds_per_year,
    )


def _spans(values: Sequence[tuple[int, int]]) -> list[Span]:
    return [Span(start, until) for start, until in values]


def _terms(values: tuple[int, ...]) -> Terms:
    waiting, semantics, rate, benefit, incident_limit, aggregate_limit = values
    return Terms(waiting, SEMANTICS[semantics], rate, benefit, incident_limit, aggregate_limit)
