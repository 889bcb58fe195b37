"""Every function of every contract can be called from Python by a typed method, or it is said why not."""

import ast
import inspect
import textwrap

import pytest

from insure.chain import contracts, factory, timelock
from insure.chain.artifacts import artifact, names
from insure.chain.contract import Contract

CLASSES: dict[str, type[Contract]] = {
    each.artifact: each
    for module in (contracts, factory, timelock)
    for each in vars(module).values()
    if isinstance(each, type) and issubclass(each, Contract) and hasattr(each, "artifact")
}
CALLS = {"_read", "_number", "_flag", "_call", "_text", "_address"}

WITHOUT_METHOD: dict[str, dict[str, str]] = {
    "any": {
        "supportsInterface": "ERC-165 is asked by contracts",
        "eip712Domain": "insure.chain.typed_data builds what is signed, and a test compares the digests",
        "renounceOwnership": "an installation without an owner could stop no sales",
    },
    "CoverPool": {
        "sell": "only the policy book may",
        "pay": "only the policy book may",
        "unlock": "only the policy book may",
        "refund": "only the policy book may",
        "share": "the share token is the pool itself",
        "previewRedeem": "refuses always: redemption is by request and batch",
        "previewWithdraw": "refuses always: redemption is by request and batch",
    },
    "Timelock": {
        "schedule": "an operation of one call is scheduled as a batch of one",
        "execute": "an operation of one call is executed as a batch of one",
        "hashOperation": "an operation of one call has the id of a batch of one",
        "isOperation": "the state says it",
        "isOperationPending": "the state says it",
        "isOperationReady": "the state says it",
        "isOperationDone": "the state says it",
        "getRoleAdmin": "the administrator of every role is the timelock",
        "renounceRole": "roles are taken by operations, which are announced",
        "onERC721Received": "called by tokens",
        "onERC1155Received": "called by tokens",
        "onERC1155BatchReceived": "called by tokens",
    },
}
"""Besides constants, whose names are in capitals."""


def functions(name: str) -> set[str]:
    return {entry["name"] for entry in artifact(name).abi if entry["type"] == "function"}


def wrapped(kind: type[Contract]) -> set[str]:
    """The functions that a class's methods name when they read or write."""
    found = set()
    for each in kind.__mro__:
        if each is object:
            continue
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(each)))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CALLS:
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    found.add(first.value)
    return found


def excused(name: str) -> set[str]:
    return WITHOUT_METHOD["any"].keys() | WITHOUT_METHOD.get(name, {}).keys()


@pytest.mark.parametrize("name", [each for each in names() if not artifact(each).library])
def test_every_function_of_a_contract_has_a_typed_method(name: str) -> None:
    missing = {each for each in functions(name) - wrapped(CLASSES[name]) - excused(name) if not each.isupper()}
    assert missing == set()


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_no_method_names_a_function_that_is_gone(name: str) -> None:
    assert wrapped(CLASSES[name]) - functions(name) == set()


def test_nothing_is_excused_that_has_a_method_or_is_gone() -> None:
    for name in set(WITHOUT_METHOD) - {"any"}:
        assert WITHOUT_METHOD[name].keys() - functions(name) == set()
        assert WITHOUT_METHOD[name].keys() & wrapped(CLASSES[name]) == set()
    every = set().union(*(functions(name) for name in CLASSES))
    assert WITHOUT_METHOD["any"].keys() - every == set()
