"""Policies that are bought by signature, renewed and cancelled, on the compiled contracts."""

import base64
import json
from dataclasses import replace

import pytest
from eth_abi.abi import encode
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from insure.chain.sender import Sender
from insure.chain.typed_data import TypedData, sign
from insure.errors import TransactionFailed
from insure.records.onchain import Permit, Span
from tests.test_contracts import BUYER, KEEPER, UNIT, Market, open_market

DAY = 86_400


@pytest.fixture
def market() -> Market:
    return open_market()


def test_anyone_buys_for_a_buyer_who_has_signed_the_quote_too(market: Market) -> None:
    signed = market.signed(market.quote())
    acceptance = sign(market.policies.quote_typed_data(signed.quote), market.chain.accounts[BUYER])
    market.send(KEEPER, market.policies.buy_for(signed, acceptance))
    assert market.policies.owner_of(signed.quote.nonce) == signed.quote.buyer


def test_a_signature_of_somebody_else_is_no_acceptance(market: Market) -> None:
    signed = market.signed(market.quote())
    with pytest.raises(
        TransactionFailed, match=f"BadSignature: the signature is not that of {signed.quote.buyer.lower()}"
    ):
        market.send(KEEPER, market.policies.buy_for(signed, signed.signature))


def test_the_assets_permit_does_for_an_allowance(market: Market) -> None:
    signed = market.signed(market.quote())
    market.send(BUYER, market.asset.approve(market.pool.address, 0))
    deadline = market.chain.head().timestamp + 3_600
    permit = Permit(False, signed.quote.premium, deadline, sign(permit_message(market, deadline), buyer(market)))
    market.send(BUYER, market.policies.buy_with_permit(signed, permit))
    assert market.policies.policy(signed.quote.nonce).holder == signed.quote.buyer


def buyer(market: Market) -> LocalAccount:
    return market.chain.accounts[BUYER]


def permit_message(market: Market, deadline: int) -> TypedData:
    fields = ["owner address", "spender address", "value uint256", "nonce uint256", "deadline uint256"]
    domain = ["name string", "version string", "chainId uint256", "verifyingContract address"]
    return {
        "types": {
            "EIP712Domain": [dict(zip(("name", "type"), each.split(), strict=True)) for each in domain],
            "Permit": [dict(zip(("name", "type"), each.split(), strict=True)) for each in fields],
        },
        "primaryType": "Permit",
        "domain": {
            "name": "Test USDT",
            "version": "1",
            "chainId": market.chain.chain_id,
            "verifyingContract": market.asset.address,
        },
        "message": {
            "owner": buyer(market).address,
            "spender": market.pool.address,
            "value": market.quote().premium,
            "nonce": 0,
            "deadline": deadline,
        },
    }


def test_a_holder_ends_a_policy_for_its_unearned_premium_less_a_tenth(market: Market) -> None:
    policy_id = market.sell()
    before = market.asset.balance_of(buyer(market).address)
    fingerprint = market.policies.state_fingerprint(policy_id)
    with pytest.raises(TransactionFailed, match=f"NotHolder: policy {policy_id} is not 0x"):
        market.send(KEEPER, market.policies.cancel(policy_id))

    market.send(BUYER, market.policies.cancel(policy_id))
    assert market.asset.balance_of(buyer(market).address) - before == 2_500 * UNIT * 9 // 10
    policy = market.policies.policy(policy_id)
    assert (policy.cancelled, policy.end) == (True, market.chain.head().timestamp)
    assert market.policies.state_fingerprint(policy_id) != fingerprint
    assert market.pool.premiums() == (2_500 * UNIT // 10, 2_500 * UNIT // 10)


def test_an_ordered_renewal_is_bought_by_anyone_when_the_first_policy_ends(market: Market) -> None:
    policy_id = market.sell()
    first = market.policies.policy(policy_id)
    market.chain.travel(first.end - DAY)
    while market.pool.accrued_up_to() < market.chain.head().timestamp - 60:
        market.send(KEEPER, market.pool.accrue())
    quote = replace(market.quote(), start=first.end, end=first.end + 30 * DAY, renews=policy_id, nonce=2)
    signed = market.signed(quote)
    market.send(BUYER, market.policies.order_renewal(signed))
    digest = bytes.fromhex(market.policies.quote_digest(quote)[2:])
    order = keccak(encode(["bytes32", "address"], [digest, signed.underwriter])).hex()
    assert market.policies.renewal_ordered(policy_id) == f"0x{order}"
    market.fund(BUYER, quote.premium)

    Sender(market.chain, market.chain.accounts[KEEPER]).send(market.policies.buy(signed))
    assert market.policies.policy(policy_id).renewed
    assert market.policies.policy(2).start == first.end


def test_excluded_windows_are_part_of_the_policy(market: Market) -> None:
    quote = market.quote()
    windows = (Span(quote.start, quote.start + DAY), Span(quote.start + 2 * DAY, quote.start + 3 * DAY))
    market.send(BUYER, market.policies.buy(market.signed(replace(quote, exclusions=windows))))
    assert market.policies.policy(quote.nonce).exclusions == windows


def test_a_wallet_is_told_what_the_policy_is(market: Market) -> None:
    policy_id = market.sell()
    head, body = market.policies.token_uri(policy_id).split(",", 1)
    assert head == "data:application/json;base64"
    metadata = json.loads(base64.b64decode(body))
    assert metadata["name"] == f"Downtime cover {policy_id} of eip155:42161"
    traits = {each["trait_type"]: each["value"] for each in metadata["attributes"]}
    assert traits["Incident limit"] == "50000 USDT"
    assert traits["Waiting period, seconds"] == 1_200
    assert traits["Fingerprint"] == market.policies.state_fingerprint(policy_id)
    assert base64.b64decode(metadata["image"].split(",", 1)[1]).startswith(b"<svg")
    assert market.policies.descriptor() == market.deployment.contracts["PolicyDescriptor"].address
