"""What underwriters and observers sign: EIP-712 messages, field for field those of the contracts."""

from typing import Any

from eth_account.signers.local import LocalAccount

from insure.records.onchain import Address, Bytes32, Observation, Quote, Semantics, Span, Terms

TypedData = dict[str, Any]
"""A whole EIP-712 message: types, primary type, domain and message."""

_DOMAIN = [
    {"name": "name", "type": "string"},
    {"name": "version", "type": "string"},
    {"name": "chainId", "type": "uint256"},
    {"name": "verifyingContract", "type": "address"},
]
_TERMS = "uint32 waiting,uint8 semantics,uint64 rate,uint96 failoverBenefit,uint96 incidentLimit,uint96 aggregateLimit"
_QUOTE = (
    "address pool,address asset,address buyer,bytes32 triggerId,Terms terms,uint64 start,uint64 end,Span[] exclusions,"
    "address standby,uint96 premium,bytes32 modelVersion,uint256 renews,uint256 nonce,uint64 deadline"
)
_SPAN = "uint64 from,uint64 until"
_OBSERVATION = "bytes32 subject,uint64 from,uint64 until,bool ended,uint64 deadline"
_ALARM = "bytes32 subject,uint64 since,uint64 deadline"
_ATTENDANCE = "uint64 presentAt"
_WINDOW = "bytes32 triggerId,uint64 from,uint64 until"

SEMANTICS = (Semantics.RETENTION, Semantics.QUALIFYING)
"""In the order of the contract's numbers."""


def sign(data: TypedData, account: LocalAccount) -> str:
    """The account's signature, 0x and 130 hex digits."""
    return "0x" + bytes(account.sign_typed_data(full_message=data).signature).hex()


def quote_values(quote: Quote) -> tuple[Any, ...]:
    """A quote's values in the contract's order."""
    return (
        quote.pool,
        quote.asset,
        quote.buyer,
        quote.trigger_id,
        terms_values(quote.terms),
        quote.start,
        quote.end,
        [(span.start, span.until) for span in quote.exclusions],
        quote.standby,
        quote.premium,
        quote.model_version,
        quote.renews,
        quote.nonce,
        quote.deadline,
    )


def terms_values(terms: Terms) -> tuple[int, ...]:
    """Terms in the contract's order."""
    return (
        terms.waiting_seconds,
        SEMANTICS.index(terms.semantics),
        terms.rate_per_second,
        terms.failover_benefit,
        terms.incident_limit,
        terms.aggregate_limit,
    )


def observation_values(observation: Observation) -> tuple[Any, ...]:
    """An observation's values in the contract's order."""
    return (
        observation.subject,
        observation.start,
        observation.until,
        observation.ended,
        observation.deadline,
    )


def quote_message(quote: Quote, chain_id: int, policy_book: Address) -> TypedData:
    """What an underwriter signs."""
    nested = {
        "terms": _named(_TERMS, terms_values(quote.terms)),
        "exclusions": [_named(_SPAN, (span.start, span.until)) for span in quote.exclusions],
    }
    message = _named(_QUOTE, quote_values(quote)) | nested
    types = {"Quote": _fields(_QUOTE), "Span": _fields(_SPAN), "Terms": _fields(_TERMS)}
    return _whole("PolicyBook", chain_id, policy_book, types, "Quote", message)


def observation_message(observation: Observation, chain_id: int, path: Address) -> TypedData:
    """What an observer signs about a stop."""
    message = _named(_OBSERVATION, observation_values(observation))
    types = {"Observation": _fields(_OBSERVATION)}
    return _whole("WatcherPath", chain_id, path, types, "Observation", message)


def alarm_message(subject: Bytes32, since: int, deadline: int, chain_id: int, path: Address) -> TypedData:
    """What an observer signs at the first sign of trouble."""
    message = _named(_ALARM, (subject, since, deadline))
    return _whole("WatcherPath", chain_id, path, {"Alarm": _fields(_ALARM)}, "Alarm", message)


def attendance_message(present_at: int, chain_id: int, path: Address) -> TypedData:
    """What an observer signs when there is nothing to report: present at that time, UTC seconds."""
    message = _named(_ATTENDANCE, (present_at,))
    return _whole("WatcherPath", chain_id, path, {"Attendance": _fields(_ATTENDANCE)}, "Attendance", message)


def window_message(trigger_id: Bytes32, window: Span, chain_id: int, incident_book: Address) -> TypedData:
    """What a trigger's calendar signer signs to announce a stop."""
    message = _named(_WINDOW, (trigger_id, window.start, window.until))
    return _whole("IncidentBook", chain_id, incident_book, {"Window": _fields(_WINDOW)}, "Window", message)


def _fields(listed: str) -> list[dict[str, str]]:
    pairs = (each.split(" ") for each in listed.split(","))
    return [{"name": name, "type": kind} for kind, name in pairs]


def _named(listed: str, values: tuple[Any, ...]) -> dict[str, Any]:
    return {field["name"]: value for field, value in zip(_fields(listed), values, strict=True)}


def _whole(
    contract: str,
    chain_id: int,
    address: Address,
    types: dict[str, list[dict[str, str]]],
    primary: str,
    message: dict[str, Any],
) -> TypedData:
    return {
        "types": {"EIP712Domain": _DOMAIN, **types},
        "primaryType": primary,
        "domain": {
            "name": contract,
            "version": "1",
            "chainId": chain_id,
            "verifyingContract": address,
        },
        "message": message,
    }
