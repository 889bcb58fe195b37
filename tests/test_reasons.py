from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from insure.chain import reasons
from insure.chain.artifacts import artifact, names
from insure.chain.library_errors import LIBRARY_SENTENCES
from insure.chain.reasons import explain

SAMPLES: dict[str, Any] = {
    "string": "premium",
    "address": "0x" + "ab" * 20,
    "bytes32": b"\x11" * 32,
    "bool": True,
    "bytes": b"\x01",
}


def errors() -> dict[str, list[dict[str, Any]]]:
    found = {}
    for contract in names():
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


def name_of(signature: str) -> str:
    return signature[: signature.index("(")]


def test_every_error_of_every_artifact_has_a_sentence_of_its_own() -> None:
    sentences = reasons._SENTENCES.keys() | LIBRARY_SENTENCES.keys()
    assert {name_of(signature) for signature in errors()} - sentences == set()


def test_no_sentence_is_left_over_from_an_error_that_is_gone() -> None:
    known = {name_of(signature) for signature in errors()}
    assert reasons._SENTENCES.keys() - known == set()
    assert LIBRARY_SENTENCES.keys() - known == set()
    assert reasons._SENTENCES.keys() & LIBRARY_SENTENCES.keys() == set()


@pytest.mark.parametrize("contract", names())
def test_every_sentence_tells_values_that_its_error_has(contract: str) -> None:
    """Contracts may share an error's name and give its values other names."""
    for entry in artifact(contract).abi:
        if entry["type"] == "error":
            template = {**reasons._SENTENCES, **LIBRARY_SENTENCES}[entry["name"]]
            given = {each["name"] for each in entry["inputs"]} | {str(i) for i in range(len(entry["inputs"]))}
            assert {field for field, _ in reasons._FIELD.findall(template)} <= given, entry["name"]


def test_a_timelocks_errors_name_roles_and_states() -> None:
    account, role = "0x" + "ab" * 20, keccak(text="PROPOSER_ROLE")
    told = explain(data_of("AccessControlUnauthorizedAccount(address,bytes32)", account, role))
    assert told == f"AccessControlUnauthorizedAccount: {account} is no proposer of the timelock"
    told = explain(data_of("AccessControlUnauthorizedAccount(address,bytes32)", account, bytes(32)))
    assert told.endswith("is no administrator of the timelock")
    states = (1 << 1 | 1 << 2).to_bytes(32)
    told = explain(data_of("TimelockUnexpectedOperationState(bytes32,bytes32)", b"\x11" * 32, states))
    assert told == f"TimelockUnexpectedOperationState: operation 0x{'11' * 32} is not waiting or ready"


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
    told = explain(b"\xde\xad\xbe\xef" + bytes(32))
    assert "not ours" in told
    assert "deadbeef" not in told


def test_an_error_whose_values_are_cut_off_is_still_named() -> None:
    assert explain(data_of("NotReady(uint64)", 1)[:20]).startswith("NotReady: ")


@given(st.binary(max_size=200), st.sampled_from(sorted(errors())))
def test_whatever_a_contract_returns_there_is_a_sentence(tail: bytes, signature: str) -> None:
    assert explain(tail)
    assert explain(keccak(text=signature)[:4] + tail)
