"""Keys that change while an installation runs: taken up when they can do their work, and not before."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from eth_account import Account
from eth_utils.address import to_checksum_address

from insure.chain.contracts import PolicyBook
from insure.chain.embedded import EmbeddedChain, serve
from insure.errors import InsureError, InvalidInput, KeyInUse, NotConfigured
from insure.installation import Installation, from_settings
from insure.key_change import KeyChange
from insure.key_lease import KeyLease
from insure.records.views import QuoteRequest
from insure.settings import Settings
from tests.local_installation import TERM, TERMS, Local, install
from tests.screen_engine import ARBITRUM, USD
from tests.sold_cover import sell

pytestmark = pytest.mark.network

UNDERWRITER, RELAYER, OLD, NEW = 1, 2, 6, 7


def hex_key(chain: EmbeddedChain, index: int) -> str:
    return "0x" + bytes(chain.accounts[index].key).hex()


class Running:
    """An installation that runs with a keeper, a relayer, observers and an underwriter, and what its files say."""

    def __init__(self, local: Local, settings: Settings) -> None:
        self.local, self.settings = local, settings
        self.installation: Installation = from_settings(settings, clock=local.now)
        self.change = KeyChange(self.installation, settings, lambda: self.settings)

    def write(self, **keys: object) -> None:
        self.settings = replace(self.settings, **keys)  # type: ignore[arg-type]

    def look(self) -> None:
        self.change.run(self.local.now())

    def refused(self, kind: type[InsureError], told: str) -> None:
        with pytest.raises(kind, match=told):
            self.look()

    def address(self, index: int) -> str:
        return str(self.local.chain.accounts[index].address)

    def senders(self) -> dict[str, str]:
        return {each.role: each.address for each in self.installation.engine.health().senders}

    def poke(self) -> str:
        """Has the keeper send something; returns who sent it."""
        self.installation.watcher.run()
        (receipt,) = self.installation.payouts.poke(self.local.now())
        sent = self.local.chain.request("eth_getTransactionByHash", receipt.tx_hash)
        return to_checksum_address(sent["from"])

    def underwriter(self) -> str:
        self.installation.watcher.run()
        request = QuoteRequest(ARBITRUM, self.address(3), TERMS, TERM)
        return self.installation.engine.quote(request).signed.underwriter


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    local = sell(install()).local
    (tmp_path / "deployment.json").write_text(local.deployment.to_json())
    with ExitStack() as stack:
        node = stack.enter_context(serve(local.chain))
        settings = Settings(
            rpc_url=node.url,
            deployment=tmp_path / "deployment.json",
            database_url=f"sqlite:///{tmp_path}/mirror.sqlite",
            confirmations=0,
            keeper_key=hex_key(local.chain, OLD),
            relayer_key=hex_key(local.chain, RELAYER),
            underwriter_key=hex_key(local.chain, UNDERWRITER),
            observer_keys=tuple("0x" + bytes(each.key).hex() for each in local.observers),
            subject_nodes={ARBITRUM: (node.url,)},
        )
        made = Running(local, settings)
        stack.callback(made.installation.close)
        yield made


def test_while_nothing_changes_nothing_is_done(running: Running) -> None:
    before = running.installation.sender("keeper")
    running.look()
    assert running.installation.sender("keeper") is before


def test_a_new_keeper_sends_and_carries_from_then_on_and_the_old_ones_lease_is_free(running: Running) -> None:
    old = running.installation.sender("keeper")
    assert old is not None
    old.guard()
    running.write(keeper_key=hex_key(running.local.chain, NEW))
    running.look()
    running.local.raise_alarm()
    assert running.poke() == running.address(NEW)
    assert running.senders() == {"keeper": running.address(NEW), "relayer": running.address(RELAYER)}
    assert running.installation.tower is not None
    assert running.installation.tower.sender.address == running.address(NEW)
    KeyLease(running.installation.store, old.address, 31_337, "another process")()


def test_a_keeper_that_another_process_uses_waits_and_is_taken_up_when_it_is_free(running: Running) -> None:
    other = KeyLease(running.installation.store, running.address(NEW), 31_337, "another process")
    other()
    running.write(keeper_key=hex_key(running.local.chain, NEW))
    running.refused(KeyInUse, "is used by another process")
    assert running.senders()["keeper"] == running.address(OLD)
    other.give_up()
    running.look()
    assert running.senders()["keeper"] == running.address(NEW)


def test_a_keeper_that_can_pay_for_nothing_or_is_the_relayer_is_not_taken_up(running: Running) -> None:
    running.write(keeper_key="0x" + bytes(Account.create().key).hex())
    running.refused(InvalidInput, r"keeper_key: 0x\w+ has nothing for gas: send it some first")
    running.write(keeper_key=running.settings.relayer_key)
    running.refused(InvalidInput, "give each a key of its own")
    assert running.senders()["keeper"] == running.address(OLD)


@pytest.mark.parametrize("role", ["keeper", "underwriter"])
def test_a_key_that_is_gone_or_none_stays_what_it_was_and_is_not_shown(running: Running, role: str) -> None:
    running.write(**{f"{role}_key": ""})
    running.refused(NotConfigured, f"{role}_key is gone")
    running.write(**{f"{role}_key": "0xhalf"})
    with pytest.raises(InvalidInput, match=f"{role}_key is no private key") as caught:
        running.look()
    assert "half" not in str(caught.value)
    assert running.senders()["keeper"] == running.address(OLD)
    assert running.underwriter() == running.address(UNDERWRITER)


def test_the_same_key_written_in_another_way_is_no_change(running: Running) -> None:
    before = running.installation.sender("keeper")
    assert before is not None
    before.guard()
    running.write(keeper_key=running.settings.keeper_key.removeprefix("0x").upper())
    running.look()
    assert running.installation.sender("keeper") is before


def test_a_new_underwriter_signs_once_the_policy_book_knows_it(running: Running) -> None:
    running.write(underwriter_key=hex_key(running.local.chain, NEW))
    running.refused(InvalidInput, f"underwriter_key: {running.address(NEW)} may sell nothing")
    assert running.underwriter() == running.address(UNDERWRITER)
    book = PolicyBook(running.local.chain, running.local.deployment.policy_book)
    running.local.owner.send(book.set_underwriter(running.address(NEW), 10**6 * USD))
    running.look()
    assert running.underwriter() == running.address(NEW)


def test_one_that_cannot_be_taken_up_does_not_keep_another_waiting(running: Running) -> None:
    running.write(underwriter_key=hex_key(running.local.chain, NEW), keeper_key=hex_key(running.local.chain, 8))
    running.refused(InvalidInput, "may sell nothing")
    assert running.senders()["keeper"] == running.address(8)
    running.write(keeper_key="0xhalf", underwriter_key=hex_key(running.local.chain, UNDERWRITER))
    running.refused(InvalidInput, "keeper_key is no private key")
    assert running.underwriter() == running.address(UNDERWRITER)


@pytest.mark.parametrize("keys", [{"relayer_key": "0x1"}, {"observer_keys": ()}])
def test_keys_that_are_a_paths_are_left_to_the_next_start_and_that_is_said(
    running: Running, keys: dict[str, object]
) -> None:
    running.write(**keys)
    running.refused(InvalidInput, f"{next(iter(keys))} has changed: it is a path's")
    assert running.senders()["relayer"] == running.address(RELAYER)


def test_an_installation_that_was_dry_sends_once_it_has_a_key(running: Running) -> None:
    settings = replace(running.settings, keeper_key="", observer_keys=(), relayer_key="")
    dry = Running(running.local, settings)
    assert dry.senders() == {}
    dry.write(keeper_key=hex_key(running.local.chain, NEW))
    dry.look()
    assert dry.senders() == {"keeper": running.address(NEW)}
    dry.installation.close()
    KeyLease(running.installation.store, running.address(NEW), 31_337, "another process")()
