"""One process at a time sends with a key: whoever comes second is told who has it, and gets it soon after a crash."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from insure.chain.embedded import EmbeddedChain
from insure.chain.sender import Sender
from insure.errors import FeeTooHigh, KeyInUse
from insure.key_lease import LEASE_SECONDS, KeyLease
from insure.store import Store

KEY = "0x00000000000000000000000000000000000000A1"
OTHER_KEY = "0x00000000000000000000000000000000000000A2"


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    made = Store(database_url).create()
    yield made
    made.close()


def lease(store: Store, holder: str, clock: Clock, key: str = KEY, chain_id: int = 1) -> KeyLease:
    return KeyLease(store, key, chain_id, holder, clock)


def test_the_second_is_told_who_has_it_and_how_long(store: Store, clock: Clock) -> None:
    lease(store, "first", clock)()
    clock.now += 10
    with pytest.raises(KeyInUse, match=rf"{KEY} is used by first: free again in 20 s"):
        lease(store, "second", clock)()


def test_other_keys_and_chains_are_free(store: Store, clock: Clock) -> None:
    lease(store, "first", clock)()
    lease(store, "second", clock, key=OTHER_KEY)()
    lease(store, "second", clock, chain_id=10)()


def test_who_uses_it_keeps_it(store: Store, clock: Clock) -> None:
    first, second = lease(store, "first", clock), lease(store, "second", clock)
    for _ in range(20):
        first()
        with pytest.raises(KeyInUse):
            second()
        clock.now += LEASE_SECONDS / 2


def test_it_is_written_no_more_than_needed(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    take = store.take_lease
    monkeypatch.setattr(store, "take_lease", lambda *asked: written.append(1) or take(*asked))
    first = lease(store, "first", clock)
    for _ in range(100):
        first()
        clock.now += 0.1
    assert len(written) == 1


def test_after_a_crash_it_is_free_again_and_the_dead_one_does_not_get_it_back(store: Store, clock: Clock) -> None:
    first, second = lease(store, "first", clock), lease(store, "second", clock)
    first()
    clock.now += LEASE_SECONDS
    second()
    with pytest.raises(KeyInUse, match="second"):
        first()


def test_one_that_ends_well_leaves_it_at_once_but_only_its_own(store: Store, clock: Clock) -> None:
    first, second = lease(store, "first", clock), lease(store, "second", clock)
    first()
    second.give_up()
    with pytest.raises(KeyInUse):
        second()
    first.give_up()
    second()


def test_of_many_processes_that_start_at_once_exactly_one_gets_it(database_url: str, store: Store) -> None:
    script = (
        "import sys\nfrom insure.errors import KeyInUse\n"
        "from insure.key_lease import KeyLease\nfrom insure.store import Store\n"
        f"lease = KeyLease(Store({database_url!r}), {KEY!r}, 1)\n"
        "sys.stdin.readline()\n"
        "try:\n    lease(); print('mine')\n"
        "except KeyInUse as error: print(error)"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for each in started:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    told = [each.communicate(timeout=60)[0].strip() for each in started]
    assert told.count("mine") == 1
    assert all("is used by" in each for each in told if each != "mine")


def test_a_sender_without_the_lease_signs_nothing(store: Store, clock: Clock) -> None:
    chain = EmbeddedChain(901, 1_702_600_000)
    account, to = chain.accounts[0], chain.accounts[1].address
    first = Sender(chain, account, guard=lease(store, "first", clock, account.address, 901))
    second = Sender(chain, account, guard=lease(store, "second", clock, account.address, 901))
    first.transfer(to, 1)
    with pytest.raises(KeyInUse, match="first"):
        second.transfer(to, 1)
    assert chain.nonce(account.address) == 1
    clock.now += LEASE_SECONDS
    second.transfer(to, 1)


def test_above_the_cap_on_fees_nothing_is_sent_and_both_figures_are_told() -> None:
    chain = EmbeddedChain(901, 1_702_600_000)
    account, to = chain.accounts[0], chain.accounts[1].address
    base = int(chain.request("eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16)
    tip = int(chain.request("eth_maxPriorityFeePerGas"), 16)
    with pytest.raises(FeeTooHigh, match=r"waits: gas costs [\d.]+ gwei, the cap is [\d.]+ gwei"):
        Sender(chain, account, fee_cap=base + tip - 1).transfer(to, 1)
    assert chain.nonce(account.address) == 0
    receipt = Sender(chain, account, fee_cap=base + tip).transfer(to, 1)
    sent = chain.request("eth_getTransactionByHash", receipt.tx_hash)
    assert int(sent["maxFeePerGas"], 16) == base + tip
