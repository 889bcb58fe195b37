"""The contracts as Python objects: what happened, who is owed what, whose money."""

from collections.abc import Sequence
from typing import Any

from eth_utils.address import to_checksum_address

from insure.chain.codec import Decoder, word
from insure.chain.contract import Asset
from insure.chain.contract import Contract as _Contract
from insure.chain.paths import HeartbeatPath, Path, WatcherPath
from insure.chain.sender import Call
from insure.chain.typed_data import SEMANTICS, TypedData, quote_message, quote_values
from insure.records.onchain import (
    Address,
    Bytes32,
    Checkpoint,
    Claim,
    Incident,
    Listing,
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
    "HeartbeatPath",
    "IncidentBook",
    "Path",
    "PolicyBook",
    "WatcherPath",
]


class IncidentBook(_Contract):
    """What happened: triggers, and the incidents that independent families agree on."""

    artifact = "IncidentBook"

    def trigger(self, trigger_id: Bytes32) -> Trigger:
        """A trigger's content."""
        subject_id, paths, *rules = self._read("getTrigger", trigger_id)[0]
        listed = tuple(
            TriggerPath(to_checksum_address(path), grace, tuple(word(party) for party in parties))
            for path, grace, parties in paths
        )
        rules[-1] = to_checksum_address(rules[-1])
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


class PolicyBook(_Contract):
    """Who is owed what: policies, sold by signed quote and paid without anyone filing a claim."""

    artifact = "PolicyBook"

    def policy(self, policy_id: int, block: int | None = None) -> Policy:
        """A policy with its holder."""
        trigger_id, terms, start, end, standby, *rest = self._read("policy", policy_id, block=block)[0]
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

    def policy_count(self, block: int | None = None) -> int:
        """How many policies were sold."""
        return self._number("policyCount", block=block)

    def owner_of(self, policy_id: int, block: int | None = None) -> Address:
        """Who holds a policy and is paid by it."""
        return to_checksum_address(self._read("ownerOf", policy_id, block=block)[0])

    def owed_for(self, policy_id: int, sequence: int, block: int | None = None) -> Claim:
        """What a policy is owed for an incident as confirmed so far."""
        return Claim(policy_id, sequence, *self._read("owedFor", policy_id, sequence, block=block))

    def activation_of(self, policy_id: int, sequence: int, block: int | None = None) -> int:
        """When the policy's failover was recorded for an incident, UTC seconds; 0 if it was not."""
        return self._number("activationOf", policy_id, sequence, block=block)

    def listing(self, trigger_id: Bytes32, block: int | None = None) -> Listing:
        """Within which bounds cover on a trigger is sold; all zero and closed if it was never listed."""
        return Listing(*self._read("listing", trigger_id, block=block)[0])

    def in_force(self, trigger_id: Bytes32, block: int | None = None) -> int:
        """Aggregate limits in force on a trigger's subject, over all its triggers, smallest units."""
        return self._number("inForce", trigger_id, block=block)

    def underwriter_limits(self, underwriter: Address, block: int | None = None) -> tuple[int, int]:
        """The underwriter's cap, and the aggregate limits in force that its signatures have sold."""
        cap, in_force = self._read("underwriterLimits", underwriter, block=block)
        return cap, in_force

    def nonce_used(self, underwriter: Address, nonce: int, block: int | None = None) -> bool:
        """Whether a quote with this nonce was bought already."""
        return self._flag("nonceUsed", underwriter, nonce, block=block)

    def quote_digest(self, quote: Quote) -> Bytes32:
        """The contract's own EIP-712 hash of a quote."""
        return word(self._read("quoteDigest", quote_values(quote))[0])

    def quote_typed_data(self, quote: Quote) -> TypedData:
        """What an underwriter signs."""
        return quote_message(quote, self.chain.chain_id, self.address)

    def buy(self, signed: SignedQuote) -> Call:
        """Buys what a quote offers; only its buyer may, having approved the pool for the premium."""
        return self._call("buy", quote_values(signed.quote), signed.underwriter, signed.signature)

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


class CoverPool(_Contract):
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

    def debt_of(self, policy_id: int, block: int | None = None) -> int:
        """What the pool still owes a policy for want of assets."""
        return self._number("debtOf", policy_id, block=block)

    def credit_of(self, address: Address, block: int | None = None) -> int:
        """Payments to an address whose transfer failed, to be withdrawn by it."""
        return self._number("creditOf", address, block=block)

    def price_reliable(self, block: int | None = None) -> bool:
        """Whether the share price is what deposits pay."""
        return self._flag("priceReliable", block=block)

    def decimals(self) -> int:
        """Decimal places of a share."""
        return self._number("decimals")

    def total_assets(self, block: int | None = None) -> int:
        """The stakers' money, smallest units."""
        return self._number("totalAssets", block=block)

    def balance_of(self, address: Address, block: int | None = None) -> int:
        """Shares held."""
        return self._number("balanceOf", address, block=block)

    def convert_to_assets(self, shares: int, block: int | None = None) -> int:
        """What shares are worth, rounded down."""
        return self._number("convertToAssets", shares, block=block)

    def convert_to_shares(self, assets: int, block: int | None = None) -> int:
        """How many shares a deposit buys, rounded down."""
        return self._number("convertToShares", assets, block=block)

    def max_deposit(self, receiver: Address, block: int | None = None) -> int:
        """The largest deposit taken now; 0 while a reserve stands or premium is not accrued."""
        return self._number("maxDeposit", receiver, block=block)

    def max_redeem(self, controller: Address, block: int | None = None) -> int:
        """Shares whose redemption is settled and can be taken out."""
        return self._number("maxRedeem", controller, block=block)

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

    def deposit(self, assets: int, receiver: Address) -> Call:
        """Puts money in for shares."""
        return self._call("deposit", assets, receiver)

    def request_redeem(self, shares: int, controller: Address, owner: Address) -> Call:
        """Queues shares for the batch of today; irrevocable."""
        return self._call("requestRedeem", shares, controller, owner)

    def redeem(self, shares: int, receiver: Address, controller: Address) -> Call:
        """Takes out what settled shares are worth."""
        return self._call("redeem", shares, receiver, controller)

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
        [(each.path, each.grace, list(each.parties)) for each in trigger.paths],
        trigger.quorum,
        trigger.merge_gap,
        trigger.minimum_spell,
        trigger.challenge_period,
        trigger.checkpoint_step,
        trigger.cooling_off,
        trigger.tail,
        trigger.guardian,
    )


def _spans(values: Sequence[tuple[int, int]]) -> list[Span]:
    return [Span(start, until) for start, until in values]


def _terms(values: tuple[int, ...]) -> Terms:
    waiting, semantics, rate, benefit, incident_limit, aggregate_limit = values
    return Terms(waiting, SEMANTICS[semantics], rate, benefit, incident_limit, aggregate_limit)
