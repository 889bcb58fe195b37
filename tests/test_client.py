"""The SDK against the real API over a real installation, without a socket."""

from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from fastapi.testclient import TestClient

from insure.api import create_api
from insure.chain.embedded import EmbeddedChain
from insure.chain.sender import Sender
from insure.client import Client, OfferedQuote
from insure.errors import InvalidInput, Refused, TransactionFailed, Unreachable
from tests.local_installation import TERM, TERMS, Local, install
from tests.screen_engine import ARBITRUM, NOW, ScreenEngine


@pytest.fixture(scope="module")
def local() -> Local:
    return install()


@pytest.fixture(scope="module")
def client(local: Local) -> Iterator[Client]:
    with (
        TestClient(create_api(local.installation.engine)) as http,
        Client("http://api", transport=http._transport) as sdk,
    ):
        yield sdk


@pytest.fixture
def offer(client: Client, local: Local) -> OfferedQuote:
    return client.quote(ARBITRUM, local.buyer.address, TERMS, TERM)


def test_an_offer_tells_its_price_in_parts(offer: OfferedQuote) -> None:
    assert sum(offer.components.values()) == offer.premium > 0
    assert offer.end - offer.start == TERM


def test_an_offer_is_bought_with_the_buyers_own_key(client: Client, local: Local, offer: OfferedQuote) -> None:
    local.fund(local.buyer, offer.premium)
    before = local.pool.solvency().assets
    purchase = client.buy(offer, local.buyer)
    assert local.pool.solvency().assets - before == offer.premium
    local.installation.watcher.run()
    policy = client.policy(purchase.policy_id)["policy"]
    assert (policy["holder"], policy["premium"]) == (local.buyer.address, str(offer.premium))


def test_a_second_policy_gets_the_next_number(client: Client, local: Local) -> None:
    numbers = []
    for _ in range(2):
        offer = client.quote(ARBITRUM, local.buyer.address, replace(TERMS, aggregate_limit=50_000_000_000), TERM)
        local.fund(local.buyer, offer.premium)
        numbers.append(client.buy(offer, local.buyer).policy_id)
    assert numbers[1] == numbers[0] + 1


def test_a_purchase_without_money_says_why(client: Client, local: Local, offer: OfferedQuote) -> None:
    poor = Sender(local.chain, local.chain.accounts[9])
    offer = client.quote(ARBITRUM, poor.address, TERMS, TERM)
    with pytest.raises(TransactionFailed, match="ERC20InsufficientBalance"):
        client.buy(offer, poor)


def test_an_offer_is_not_bought_by_another_or_on_another_chain(
    client: Client, local: Local, offer: OfferedQuote
) -> None:
    with pytest.raises(InvalidInput, match="buyer is"):
        client.buy(offer, local.owner)
    elsewhere = EmbeddedChain(4_242, NOW)
    with pytest.raises(InvalidInput, match="chain is 4242: must be the offer's, 31337"):
        client.buy(offer, Sender(elsewhere, local.buyer.account))


@pytest.mark.parametrize(
    ("honest", "tampered", "told"),
    [
        (
            '"waiting_seconds":3600',
            '"waiting_seconds":36000',
            r"terms\.waiting_seconds of the offer is 36000: asked was 3600",
        ),
        (str(TERMS.incident_limit), "7", r"terms\.incident_limit of the offer is 7"),
        ('"standby":"0x00', '"standby":"0x11', "standby of the offer is 0x11"),
        ('"end":', '"end":1,"was":', "does not answer as the API does"),
    ],
)
def test_an_offer_for_something_else_than_asked_is_refused(local: Local, honest: str, tampered: str, told: str) -> None:
    api = TestClient(create_api(ScreenEngine()))

    def lying(request: httpx.Request) -> httpx.Response:
        answer = api.post("/v1/quotes", content=request.content, headers={"content-type": "application/json"})
        assert honest in answer.text
        return httpx.Response(answer.status_code, text=answer.text.replace(honest, tampered))

    with (
        Client("http://api", transport=httpx.MockTransport(lying)) as client,
        pytest.raises((Refused, Unreachable), match=told),
    ):
        client.quote(ARBITRUM, local.buyer.address, TERMS, TERM)


def test_transactions_that_the_api_prepares_are_not_what_the_buyer_signs(client: Client, local: Local) -> None:
    offer = client.quote(ARBITRUM, local.buyer.address, replace(TERMS, aggregate_limit=50_000_000_000), TERM)
    offer.answer["approval"]["data"] = offer.answer["transaction"]["data"] = "0xdeadbeef"
    local.fund(local.buyer, offer.premium)
    assert client.buy(offer, local.buyer).policy_id > 0
    allowed = local.asset.allowance(local.buyer.address, local.deployment.cover_pool)
    assert allowed == 0, "the pool was let to take the premium and no more"


def test_with_a_manifest_an_offer_on_other_contracts_is_refused(local: Local) -> None:
    terms = replace(TERMS, aggregate_limit=50_000_000_000)
    with TestClient(create_api(local.installation.engine)) as http:
        Client("http://api", local.deployment, http._transport).quote(ARBITRUM, local.buyer.address, terms, TERM)
        other = replace(local.deployment, cover_pool=local.deployment.asset)
        with pytest.raises(Refused, match="pool of the offer is"):
            Client("http://api", other, http._transport).quote(ARBITRUM, local.buyer.address, terms, TERM)


@pytest.mark.parametrize("text", ["{}", "[]", "null", "no JSON", '{"signed": 5}'])
def test_a_malformed_offer_is_said_to_be_no_answer_of_the_api(local: Local, text: str) -> None:
    with (
        Client("http://api", transport=httpx.MockTransport(lambda _: httpx.Response(200, text=text))) as client,
        pytest.raises(Unreachable, match="does not answer as the API does"),
    ):
        client.quote(ARBITRUM, local.buyer.address, TERMS, TERM)


def test_a_wrong_field_raises_with_the_apis_message(client: Client) -> None:
    with pytest.raises(InvalidInput, match="buyer is 'me': must be an address"):
        client.quote(ARBITRUM, "me", TERMS, TERM)


def test_an_unknown_policy_raises(client: Client) -> None:
    with pytest.raises(InvalidInput, match="policy 99: there is none"):
        client.policy(99)


def test_pool_subjects_and_incidents_are_told(client: Client) -> None:
    assert int(client.pool()["solvency"]["assets"]) >= 300_000_000_000
    assert ARBITRUM in {subject["subject_id"] for subject in client.subjects()}
    assert client.incidents() == []


def test_after_an_alarm_the_desk_makes_no_offer_and_the_contract_takes_no_earlier_one() -> None:
    fresh = install()
    with (
        TestClient(create_api(fresh.installation.engine)) as http,
        Client("http://api", transport=http._transport) as sdk,
    ):
        offer = sdk.quote(ARBITRUM, fresh.buyer.address, TERMS, TERM)
        fresh.fund(fresh.buyer, offer.premium)
        fresh.raise_alarm()
        with pytest.raises(TransactionFailed, match="NotQuiet"):
            sdk.buy(offer, fresh.buyer)
        with pytest.raises(Refused, match="a path is alarmed"):
            sdk.quote(ARBITRUM, fresh.buyer.address, TERMS, TERM)


def test_an_api_that_is_not_there_is_unreachable() -> None:
    def down(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with (
        Client("http://api", transport=httpx.MockTransport(down)) as client,
        pytest.raises(Unreachable, match="does not answer: refused"),
    ):
        client.pool()


def test_an_answer_that_is_not_the_apis_is_unreachable() -> None:
    with (
        Client("http://api", transport=httpx.MockTransport(lambda _: httpx.Response(502, text="proxy"))) as client,
        pytest.raises(Unreachable, match="502"),
    ):
        client.pool()
