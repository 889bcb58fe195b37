"""One observer: what it makes of a real chain's halt, and that its signatures are what the path's contract expects."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from eth_account import Account

from insure.chain.codec import abi
from insure.chain.contracts import WatcherPath
from insure.chain.embedded import EmbeddedChain, serve
from insure.chain.sender import Sender
from insure.errors import TransactionFailed
from insure.records.history import subject_key
from insure.records.onchain import Span, Spell
from insure.watchtower.observer import SIGNATURE_SECONDS, Observer
from insure.watchtower.probe import EvmProbe
from insure.watchtower.vigil import NOTHING
from tests.scripted_node import ScriptedNode, block

GENESIS = 1_795_000_000
SUBJECT = "eip155:42161"
KEY = "0x" + subject_key(SUBJECT).hex()
ACCOUNT = Account.from_key("0x" + "51" * 32)

pytestmark = pytest.mark.network


class Scene:
    """A host with a path that one observer's word is enough for, and a subject behind a node."""

    def __init__(self, url: str, host: EmbeddedChain, subject: EmbeddedChain, path: WatcherPath) -> None:
        self.host, self.subject, self.path, self.url = host, subject, path, url
        self.sender = Sender(host, host.accounts[0])
        self.observer = Observer(ACCOUNT, path, SUBJECT, EvmProbe([url]))

    def at(self, seconds: int) -> int:
        """Moves both chains to that many seconds after the beginning; returns the time."""
        self.host.travel(GENESIS + seconds)
        self.subject.travel(GENESIS + seconds)
        return GENESIS + seconds


@pytest.fixture
def scene() -> Iterator[Scene]:
    host, subject = EmbeddedChain(31_337, GENESIS - 100), EmbeddedChain(42_161, GENESIS)
    address, _ = Sender(host, host.accounts[0]).create("WatcherPath", abi("WatcherPath").creation([ACCOUNT.address], 1))
    with serve(subject) as served:
        yield Scene(served.url, host, subject, WatcherPath(host, address))


def test_of_a_chain_that_moves_an_observer_has_nothing_to_sign(scene: Scene) -> None:
    for seconds in (300, 600, 5_000):
        now = scene.at(seconds)
        assert scene.observer.look(now) == NOTHING
        assert scene.observer.sign(now) is None
        assert scene.observer.sign_alarm(now) is None


def test_a_halt_is_signed_while_it_lasts_and_when_it_is_over(scene: Scene) -> None:
    scene.observer.look(scene.at(300))
    scene.subject.halt()
    now = scene.at(1_500)
    scene.observer.look(now)
    signed = scene.observer.sign(now)
    assert signed is not None
    assert signed.observer == ACCOUNT.address
    seen = signed.observation
    assert (seen.subject, seen.start, seen.until, seen.ended) == (KEY, GENESIS + 301, now, False)
    assert seen.deadline == now + SIGNATURE_SECONDS

    scene.at(2_000)
    scene.subject.resume()
    now = scene.at(2_300)
    scene.observer.look(now)
    signed = scene.observer.sign(now)
    assert signed is not None
    first_new = scene.subject.block(2).timestamp
    assert (signed.observation.start, signed.observation.until) == (GENESIS + 301, first_new)
    assert signed.observation.ended
    assert first_new < now


def test_the_path_takes_what_an_observer_signed(scene: Scene) -> None:
    scene.subject.halt()
    now = scene.at(1_500)
    scene.observer.look(now)
    signed = scene.observer.sign(now)
    assert signed is not None
    scene.sender.send(scene.path.report([signed]))
    assert scene.path.spells(KEY) == [Spell(scene.path.address, 0, GENESIS + 1, now, True)]


def test_the_path_takes_no_observation_that_was_changed_after_it_was_signed(scene: Scene) -> None:
    scene.subject.halt()
    now = scene.at(1_500)
    scene.observer.look(now)
    signed = scene.observer.sign(now)
    assert signed is not None
    longer = replace(signed, observation=replace(signed.observation, start=signed.observation.start - 1))
    with pytest.raises(TransactionFailed, match="NotObserver"):
        scene.sender.send(scene.path.report([longer]))


def test_an_alarm_is_signed_at_the_first_sign_of_trouble_before_there_is_downtime_to_sign(scene: Scene) -> None:
    scene.subject.halt()
    now = scene.at(601)
    scene.observer.look(now)
    alarm = scene.observer.sign_alarm(now)
    assert alarm is not None
    assert alarm[:2] == (now, now + SIGNATURE_SECONDS)
    scene.sender.send(scene.path.raise_alarm(KEY, *alarm))
    assert scene.path.alarmed(KEY)
    assert scene.path.spells(KEY) == []


def test_a_stop_that_is_over_is_signed_until_the_next_one_so_that_its_report_is_not_missed(scene: Scene) -> None:
    scene.subject.halt()
    scene.observer.look(scene.at(1_500))
    scene.subject.resume()
    scene.observer.look(scene.at(1_800))
    ended = scene.observer.finding
    assert ended.ended

    for seconds in (2_100, 2_400):
        now = scene.at(seconds)
        assert scene.observer.look(now) == NOTHING
        assert scene.observer.finding == ended
        assert scene.observer.sign_alarm(now) is None

    scene.subject.halt()
    scene.observer.look(scene.at(2_900))
    assert scene.observer.finding == ended
    now = scene.at(3_600)
    scene.observer.look(now)
    assert scene.observer.finding.downtime == Span(GENESIS + 2_401, now)
    assert not scene.observer.finding.ended


def test_an_observer_whose_node_is_gone_says_nothing_more_of_a_stop_that_goes_on(scene: Scene) -> None:
    node = ScriptedNode(lambda request: (200, block(7, GENESIS)))
    observer = Observer(ACCOUNT, scene.path, SUBJECT, EvmProbe([node.url], timeout=0.5))
    now = scene.at(1_500)
    observer.look(now)
    assert observer.sign(now) is not None
    node.close()
    observer.look(scene.at(1_800))
    assert observer.sign(GENESIS + 1_800) is None
    assert observer.sign_alarm(GENESIS + 1_800) is None
