import re
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from insure.chain import reasons
from insure.chain.artifacts import artifact
from insure.chain.reasons import CONTRACTS, explain

OURS = ("IncidentBook", "PolicyBook", "CoverPool", "WatcherPath", "HeartbeatPath")
BORROWED = re.compile(
    r"ERC\d+|Ownable|Safe|ECDSA|ReentrancyGuard|InvalidShortString|StringTooLong|InvalidAccountNonce|CheckpointUnordered"
)
SHARED = {"InvalidSetup", "LengthMismatch"}
"""Two contracts have it with values of other names: its values must speak for themselves."""
SAMPLES: dict[str, Any] = {
    "string": "premium",
    "address": "0x" + "ab" * 20,
    "bytes32": b"\x11" * 32,
    "bool": True,
    "bytes": b"\x01",
}


def errors() -> dict[str, list[dict[str, Any]]]:
    found = {}
    for contract in CONTRACTS:
        for entry in artifact(contract).abi:
            if entry["type"] == "error":
                found[f"{entry['name']}({','.join(each['type'] for each in entry['inputs'])})"] = entry["inputs"]
    return found


def data_of(signature: str, *values: Any) -> bytes:
    kinds = [kind for kind in signature[signature.index("(") + 1 : -1].split(",") if kind]
    return keccak(text=signature)[:4] + encode(kinds, values)


@pytest.mark.parametrize("signature", sorted(errors()))
def test_every_error_of_our_contracts_becomes_a_sentence_with_its_values(signature: str) -> None:
    values = [SAMPLES.get(each["type"], 200) for each in errors()[signature]]
    data = data_of(signature, *values)
    told = explain(data)
    name = signature[: signature.index("(")]
    assert told.startswith(f"{name}: ")
    assert len(told) > len(name) + 8
    assert data[:4].hex() not in told
    assert "{" not in told
    assert explain("0x" + data.hex()) == told


def test_every_error_that_we_wrote_has_a_sentence_of_its_own() -> None:
    own = {signature[: signature.index("(")] for signature in errors()}
    assert {name for name in own if not BORROWED.match(name)} - set(reasons._SENTENCES) - SHARED == set()


def test_no_sentence_is_left_over_from_an_error_that_is_gone() -> None:
    assert set(reasons._SENTENCES) - {signature[: signature.index("(")] for signature in errors()} == set()


def test_times_are_shown_as_times() -> None:
    told = explain(data_of("NotReady(uint64)", 1_702_600_000))
    assert told == "NotReady: it can't be confirmed before 2023-12-15 00:26:40 UTC"


def test_a_time_beyond_all_calendars_is_shown_as_seconds() -> None:
    assert f"{2**64 - 1} s" in explain(data_of("NotReady(uint64)", 2**64 - 1))


def test_a_require_text_is_told_as_it_is() -> None:
    assert explain(data_of("Error(string)", "too early")) == "too early"


@pytest.mark.parametrize(("code", "words"), [(0x11, "overflowed"), (0x32, "out of range"), (0x77, "code 119")])
def test_a_panic_is_named(code: int, words: str) -> None:
    assert words in explain(data_of("Panic(uint256)", code))


def test_a_refusal_without_reason_says_so() -> None:
    assert "without giving a reason" in explain(b"")


def test_an_error_of_another_contract_says_so() -> None:
    assert "not ours" in explain(b"\xde\xad\xbe\xef" + bytes(32))


def test_an_error_whose_values_are_cut_off_is_still_named() -> None:
    assert explain(data_of("NotReady(uint64)", 1)[:20]).startswith("NotReady: ")


@given(st.binary(max_size=200), st.sampled_from(sorted(errors())))
def test_whatever_a_contract_returns_there_is_a_sentence(tail: bytes, signature: str) -> None:
    assert explain(tail)
    assert explain(keccak(text=signature)[:4] + tail)
