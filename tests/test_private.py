"""Private endpoints in front of a real chain: the public ones never see a transaction, whatever the private ones do."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from insure.chain.embedded import EmbeddedChain
from insure.chain.rpc import Chain
from insure.chain.sender import Sender
from insure.errors import ChainError, InvalidInput, RateLimited, Unreachable, WrongChain
from tests.scripted_node import ScriptedNode
from tests.test_endpoints import CHAIN_ID, GENESIS, TROUBLES, Front, error, status

pytestmark = pytest.mark.network

SEND = "eth_sendRawTransaction"


class Town:
    """A chain with a public front and some private ones."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.chain = EmbeddedChain(CHAIN_ID, GENESIS)
        self.chain.mine(5)
        self.public = Front(self.chain)
        self.hidden = [Front(self.chain), Front(self.chain)]
        self.url = self.serve(self.public)

    def serve(self, front: Front) -> str:
        return self._stack.enter_context(ScriptedNode(front.answer)).url

    def connect(self, count: int = 1) -> Chain:
        private = ", ".join(self.serve(front) for front in self.hidden[:count])
        return Chain.connect(self.url, CHAIN_ID, private)

    def sender(self, chain: Chain, **patience: Any) -> Sender:
        return Sender(chain, self.chain.accounts[0], **{"patience_seconds": 5.0, **patience})

    @property
    def someone(self) -> str:
        return self.chain.accounts[1].address


@pytest.fixture
def town() -> Iterator[Town]:
    with ExitStack() as stack:
        made = Town(stack)
        yield made
        assert SEND not in made.public.asked, "the promise, whatever the test was about"


def test_transactions_go_to_the_private_one_and_all_that_is_read_to_the_public_one(town: Town) -> None:
    receipt = town.sender(town.connect()).transfer(town.someone, 1)
    assert receipt.block_number == town.chain.head().number
    assert town.hidden[0].asked.count(SEND) == 1
    assert set(town.hidden[0].asked) == {"eth_chainId", SEND}
    assert {"eth_estimateGas", "eth_getTransactionReceipt"} <= set(town.public.asked)


def test_what_is_sent_through_web3_is_private_too(town: Town) -> None:
    chain = town.connect()
    signed = town.chain.accounts[0].sign_transaction(
        {"chainId": CHAIN_ID, "nonce": 0, "gas": 21_000, "gasPrice": 10**10, "to": town.someone, "value": 1}
    )
    chain.web3.eth.send_raw_transaction(signed.raw_transaction)
    assert SEND in town.hidden[0].asked


def test_each_goes_to_all_that_are_well(town: Town) -> None:
    sender = town.sender(town.connect(2))
    sender.transfer(town.someone, 1)
    assert [front.asked.count(SEND) for front in town.hidden] == [1, 1]
    town.hidden[0].trouble = status(500)
    sender.transfer(town.someone, 1)
    assert town.hidden[1].asked.count(SEND) == 2


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_when_it_does_not_answer_that_is_said_and_reading_goes_on(town: Town, trouble: Any) -> None:
    chain = town.connect()
    town.hidden[0].trouble = trouble
    with pytest.raises(Unreachable, match="it was published nowhere else"):
        town.sender(chain).transfer(town.someone, 1)
    assert chain.head() == town.chain.head()
    town.hidden[0].trouble = lambda question: None
    town.sender(chain).transfer(town.someone, 1)


def test_one_that_is_asked_too_often_is_told_apart(town: Town) -> None:
    chain = town.connect()
    town.hidden[0].trouble = status(429)
    with pytest.raises(RateLimited, match="it was published nowhere else"):
        town.sender(chain).transfer(town.someone, 1)


def test_what_it_does_not_include_in_time_is_offered_again_for_more_by_itself_alone(town: Town) -> None:
    chain = town.connect()
    offered: list[str] = []

    def forgetful(question: dict[str, Any]) -> tuple[int, bytes] | None:
        """Takes a transaction and does nothing with it, twice."""
        if question["method"] != SEND:
            return None
        offered.append(question["params"][0])
        return None if len(offered) > 2 else (200, b'{"jsonrpc": "2.0", "id": 1, "result": "0x00"}')

    town.hidden[0].trouble = forgetful
    town.sender(chain, patience_seconds=0.01).transfer(town.someone, 1)
    assert len(set(offered)) == len(offered) == 3


def test_its_refusal_is_an_answer(town: Town) -> None:
    chain = town.connect()
    town.hidden[0].trouble = lambda q: (
        error(-32_000, "transaction type not supported")(q) if q["method"] == SEND else None
    )
    with pytest.raises(ChainError, match="transaction type not supported") as caught:
        town.sender(chain).transfer(town.someone, 1)
    assert not isinstance(caught.value, Unreachable)


# Which chain it serves


def test_one_of_another_chain_is_refused_at_once(town: Town) -> None:
    town.hidden[0].chain = EmbeddedChain(902, GENESIS)
    with pytest.raises(WrongChain, match="902, expected chain 901"):
        town.connect()


def test_one_of_another_chain_among_others_is_given_nothing(town: Town) -> None:
    town.hidden[0].chain = EmbeddedChain(902, GENESIS)
    chain = town.connect(2)
    town.sender(chain).transfer(town.someone, 1)
    assert [front.asked.count(SEND) for front in town.hidden] == [0, 1]
    assert [each.used for each in chain.private_endpoints] == [False, True]


def test_one_that_becomes_another_chains_is_given_nothing_once_it_has_failed(town: Town) -> None:
    chain = town.connect()
    town.hidden[0].trouble = status(500)
    with pytest.raises(Unreachable):
        chain.probe_private_endpoints()
    town.hidden[0].trouble = lambda question: None
    town.hidden[0].chain = EmbeddedChain(902, GENESIS)
    with pytest.raises(WrongChain):
        town.sender(chain).transfer(town.someone, 1)
    assert SEND not in town.hidden[0].asked


def test_one_that_does_not_say_which_chain_it_serves_is_used(town: Town) -> None:
    unknown = error(-32_601, "rpc method is not whitelisted")
    town.hidden[0].trouble = lambda question: unknown(question) if question["method"] == "eth_chainId" else None
    chain = town.connect()
    town.sender(chain).transfer(town.someone, 1)
    assert [each.used for each in chain.private_endpoints] == [True]


# How it fares


def test_one_without_a_head_is_well_beside_public_ones_that_have_one(town: Town) -> None:
    chain = town.connect()
    chain.head()
    (view,) = chain.private_endpoints
    assert (view.host, view.head, view.used) == ("127.0.0.1", -1, True)
    assert len(chain.endpoints) == 1 and chain.endpoints[0].used
    assert Chain.connect(town.url).private_endpoints == ()


def test_one_that_is_out_at_the_start_is_told_and_used_when_it_is_back(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    town.hidden[0].trouble = status(503)
    with caplog.at_level(logging.WARNING):
        chain = town.connect()
    assert "private endpoints: eth_chainId: 127.0.0.1 does not answer" in caplog.text
    assert [each.used for each in chain.private_endpoints] == [False]
    with pytest.raises(Unreachable, match="transactions wait"):
        chain.probe_private_endpoints()
    town.hidden[0].trouble = lambda question: None
    chain.probe_private_endpoints()
    assert [(each.used, each.failures) for each in chain.private_endpoints] == [(True, 0)]
    town.sender(chain).transfer(town.someone, 1)


def test_one_of_several_that_is_out_is_shown_and_is_no_failure(town: Town) -> None:
    chain = town.connect(2)
    town.hidden[1].trouble = status(503)
    chain.probe_private_endpoints()
    assert [each.used for each in chain.private_endpoints] == [True, False]


def test_an_address_that_is_none_is_refused_without_its_secrets(town: Town) -> None:
    told = "private_rpc_url 'wss://relay.example' must begin with http:// or https:// and name a host"
    with pytest.raises(InvalidInput, match=told) as caught:
        Chain.connect(town.url, CHAIN_ID, f"{town.url} wss://relay.example/s3cret")
    assert "s3cret" not in str(caught.value)


def test_no_error_tells_its_path(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    chain = Chain.connect(town.url, CHAIN_ID, "http://127.0.0.1:9/s3cret")
    with pytest.raises(Unreachable) as caught:
        town.sender(chain).transfer(town.someone, 1)
    assert "s3cret" not in str(caught.value) + caplog.text
    assert [each.host for each in chain.private_endpoints] == ["127.0.0.1"]
