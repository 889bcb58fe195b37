"""Why a contract refused, as a sentence: custom errors of our contracts, `require` texts and panics."""

import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak

from insure.chain.artifacts import artifact, names
from insure.chain.library_errors import LIBRARY_SENTENCES

_log = logging.getLogger(__name__)

_PANICS = {
    0x01: "an assertion failed",
    0x11: "an amount overflowed",
    0x12: "division by zero",
    0x21: "a value is not of its enumeration",
    0x31: "pop from an empty array",
    0x32: "an index is out of range",
    0x41: "too much memory was asked for",
}

# What errors of ours mean; where none is given the error's name and values speak. Fields are the error's own.
_SENTENCES = {
    "AlarmFromFuture": "an alarm since {since:time} is from the future: now {current:time}",
    "AlreadyInScenario": "subject {subject} is in scenario {scenario} already",
    "AlreadyReleased": "policy {policyId} is released already",
    "AlreadyDelayed": "the incident was delayed already, until {delayedUntil:time}",
    "AlreadyDefended": "{defender} defends the sweep already",
    "BadAttendance": "an attendance of {presentAt:time} must be after the last one, {last:time}, and by {current:time}",
    "BadInterval": "the interval {from:time} to {until:time} must end after it begins and by now, {current:time}",
    "BadSignature": "the signature is not that of {signer}",
    "BadWindowSignature": "the window is not signed by the trigger's calendar signer {signer}",
    "BatchNotMature": "redemption batch {batch} matures at {maturesAt:time}",
    "CalendarExhausted": "{announced} seconds would be announced within a year, at most {maximum} may be",
    "CapExceeded": "the cap {cap} would be exceeded: {wanted}, at most {maximum}",
    "CatchUpNeeded": "premium is accrued only up to {accruedUpTo:time}: call accrue first",
    "CheckpointTooSmall": "the sweep shows {covered} covered seconds, a further checkpoint needs {needed}",
    "CoverOver": "policy {policyId} ended at {end:time} already",
    "CreationFailed": "the creation gave no reason: it ran out of gas, or its code is empty or too large",
    "DebtsStand": "debts of {debts} stand: deposits wait",
    "DelayNotAhead": "a delay until {requested:time} is not ahead of now, {current:time}",
    "DelayTooLong": "a delay until {requested:time} is too long: at most until {maximum:time}",
    "DisputeOpen": "a dispute is open until {lapsesAt:time}",
    "DisputeOutOfRange": "a dispute from {from:time} must begin at {earliest:time} or later, and by {current:time}",
    "EtherNotTaken": "{value} wei were sent along: no ether is taken",
    "EvidencePending": "the paths of trigger {triggerId} still show downtime that may be owed for",
    "Expired": "the signature was good until {deadline:time}",
    "FeeOnTransfer": "the asset takes a fee on transfer: {received} of {expected} arrived",
    "HostIsNoSubject": "the chain the contracts live on can't be insured: {subjectId}",
    "Insolvent": "the pool can't carry it: scenario {scenario} would expose {exposed}, {available} are available",
    "InvalidListing": "the listing's field {field} is out of bounds",
    "InvalidReceiver": "the pool pays nothing to itself, {receiver}",
    "InvalidObservers": "observers are invalid: {reason}",
    "InvalidSetup": "the contract can't be created like that: {0}",
    "InvalidSubject": "{subjectId!r} is no canonical subject id",
    "InvalidTrigger": "the trigger's field {field} is out of bounds",
    "Late": "a beat of {sentAt:time} came too late: now {current:time}, at most {latency} seconds after it was sent",
    "Lapsed": "the dispute lapsed at {lapsesAt:time}",
    "LengthMismatch": "two lists belong together, one has {0} items and the other {1}",
    "MixedSubjects": "observations are of different subjects: {expected} and {given}",
    "NoCalendar": "trigger {triggerId} has no calendar signer",
    "NoCredit": "{holder} has no credit here",
    "NoDispute": "trigger {triggerId} has no open dispute",
    "NoIntersection": "the observations have no time in common: {from:time} to {until:time}",
    "NoOpenDispute": "trigger {triggerId} has no open dispute",
    "NoOpenIncident": "trigger {triggerId} has no open incident",
    "NoScenario": "subject {subject} is in no scenario yet",
    "NonceUsed": "nonce {nonce} of underwriter {underwriter} is used",
    "NotArbiter": "{caller} is not the trigger's arbiter",
    "NotCourt": "{caller} is not the trigger's court",
    "NotCovered": "policy {policyId} covers {start:time} to {end:time}, the outage began at {incidentFrom:time}",
    "NotEnoughFamilies": "the paths make {families} independent families, {needed} are needed",
    "NotEnoughGas": "{left} gas is left, {needed} are needed so that every call gets its part",
    "NotGuardian": "{caller} is not the trigger's guardian",
    "NotHolder": "policy {policyId} is not {caller}'s, nor is {caller} approved for it",
    "NotLapsed": "the dispute lapses at {lapsesAt:time}",
    "NotListed": "trigger {triggerId} is not listed",
    "NotObserver": "{signer} is no observer of this path",
    "NotOver": "the incident can't be over before {overAt:time}",
    "NotOwnerOrOperator": "{caller} is neither owner nor operator",
    "NotPolicyBook": "only the policy book may do this, not {caller}",
    "NotQuiet": "trigger {triggerId} is not quiet: a path is alarmed, an incident unsettled, or too few paths are live",
    "NotReady": "it can't be confirmed before {readyAt:time}",
    "NotReleasable": "policy {policyId} can't be released before {releasableAt:time}",
    "NotRenewable": "policy {policyId} was cancelled, or is continued by another already",
    "NotRelayer": "{caller} is not the path's relayer",
    "NotStandby": "{caller} is not the policy's standby address",
    "NotUnderwriter": "{signer} is no underwriter",
    "NothingClaimable": "{controller} has nothing to redeem yet",
    "NothingNew": "the observations end at {until:time}, the path attests up to {attested:time} already",
    "NothingToFund": "beats of this path are not paid for: money would be stuck there",
    "NothingToPropose": "the paths of trigger {triggerId} show nothing to propose",
    "NothingToSettle": "of {pending} shares waiting none can be paid: all shares are worth {net}, {room} may leave",
    "OutOfOrder": "a beat of {sentAt:time} is not after the last one of {last:time}",
    "OwedAlready": "policy {policyId} is owed {owed} already, or may be: it can't be cancelled any more",
    "PathIsAlive": "path {index} was heard of: it counts as silent from {silentAt:time} on",
    "PathIsRetired": "path {index} is retired already",
    "PathNoted": "path {index} is noted, and can be retired after {retirableAt:time} if it isn't heard of until then",
    "PriceTooLow": "the {shares} shares are nearly worthless, {assets} in all: deposits wait",
    "ProposalMissing": "the sweep shows {covered} covered seconds, {proposed} are proposed: propose first",
    "QuoteOutOfBounds": "the quote's {field} is {value}, its bound is {bound}",
    "ReserveStands": "a reserve of {reserve} stands: deposits wait",
    "SaltUsed": "{creator} has created {deployed} with this salt already",
    "SalesClosed": "new cover on trigger {triggerId} is not sold now",
    "SignersNotAscending": "signers must be in ascending order: {signer} is not",
    "SynchronousRedemptionUnavailable": "shares are redeemed by request and batch only",
    "TooFewObservations": "{given} observations, {needed} are needed",
    "TooFewSignatures": "{given} signatures, {needed} are needed",
    "TooMany": "{items} items, at most {maximum}",
    "TooManyRequests": "{controller} has {maximum} redemption requests outstanding, no more are taken",
    "TooManyRounds": "the incident was disputed {maximum} times already",
    "TooManyScenarios": "there are {maximum} scenarios already",
    "TooManyWindows": "{maximum} windows begin within a year already",
    "TriggerExists": "trigger {triggerId} exists already",
    "TriggerUnsettled": "trigger {triggerId} has an incident of the policy's time that is not settled",
    "TriggersMissing": "the triggers named lock {given} of {needed}: name all with limits in force",
    "TriggersNotAscending": "triggers must be named once, in ascending order: {triggerId} is not",
    "UnknownCheckpoint": "checkpoint {checkpoint} does not exist",
    "UnknownIncident": "trigger {triggerId} has no incident {sequence}",
    "UnknownPath": "the trigger has no path {index}",
    "UnknownPolicy": "policy {policyId} does not exist",
    "UnknownScenario": "scenario {scenario} does not exist",
    "UnknownSubject": "subject {subject} is not on this path",
    "UnknownTrigger": "trigger {triggerId} does not exist",
    "WindowOutOfRange": "a window from {from:time} must begin between {earliest:time} and {latest:time}",
    "WindowTooShort": "a window from {from:time} to {until:time} must last at least {minimum} seconds",
    "WrongQuote": "the quote's {field} is not that of this contract or caller",
    "ZeroAmount": "the amount is zero",
}

_FIELD = re.compile(r"\{(\w+)(!r|:\w+)?\}")
"""A value of the error by its name, or by its position where contracts give it other names."""

_ROLES = {keccak(text=f"{name}_ROLE"): name.lower() for name in ("PROPOSER", "EXECUTOR", "CANCELLER")}
_STATES = ("unset", "waiting", "ready", "done")
"""Of a timelock's operation, by the number of their bits."""


def explain(data: bytes | str) -> str:
    """The sentence for a call's revert data, `Name: what is wrong, with the values`."""
    raw = bytes.fromhex(data.removeprefix("0x")) if isinstance(data, str) else data
    if len(raw) < 4:
        return "the contract refused without giving a reason"
    known = _known().get(raw[:4])
    if known is None:
        _log.info("an error that is not known: %s", raw.hex())
        return "the contract refused with an error that is not ours"
    name, inputs = known
    try:
        values = decode([each["type"] for each in inputs], raw[4:])
    except DecodingError:
        return f"{name}: its values can't be read"
    return _sentence(name, {each["name"]: value for each, value in zip(inputs, values, strict=True)})


def _sentence(name: str, values: Mapping[str, Any]) -> str:
    if name == "Error":
        return str(values["reason"])
    if name == "Panic":
        code = values["code"]
        return f"Panic: {_PANICS.get(code, f'code {code}')}"
    template = _SENTENCES.get(name) or LIBRARY_SENTENCES.get(name)
    known = {**values, **{str(position): value for position, value in enumerate(values.values())}}
    if template is None or any(field not in known for field, _ in _FIELD.findall(template)):
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).lower()
        told = ", ".join(f"{field} {_plain(value)}" for field, value in values.items())
        return f"{name}: {words}" + (f" ({told})" if told else "")
    return f"{name}: " + _FIELD.sub(lambda match: _show(known[match[1]], match[2]), template)


def _show(value: Any, how: str | None) -> str:
    match how:
        case ":time":
            return _instant(value)
        case ":role":
            return _ROLES.get(value, _plain(value) if any(value) else "administrator")
        case ":states":
            bits = int.from_bytes(value)
            return " or ".join(state for number, state in enumerate(_STATES) if bits >> number & 1)
        case "!r":
            return repr(value)
    return _plain(value)


def _instant(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return f"{seconds} s"  # no calendar reaches so far


def _plain(value: Any) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)


@cache
def _known() -> dict[bytes, tuple[str, list[dict[str, Any]]]]:
    """Selector -> name and inputs of every error of our contracts."""
    listed: list[tuple[str, list[dict[str, Any]]]] = [
        ("Error", [{"name": "reason", "type": "string"}]),
        ("Panic", [{"name": "code", "type": "uint256"}]),
    ]
    for contract in names():
        for entry in artifact(contract).abi:
            if entry["type"] == "error":
                listed.append((entry["name"], entry["inputs"]))
    return {_selector(name, inputs): (name, inputs) for name, inputs in listed}


def _selector(name: str, inputs: list[dict[str, Any]]) -> bytes:
    return keccak(text=f"{name}({','.join(each['type'] for each in inputs)})")[:4]
