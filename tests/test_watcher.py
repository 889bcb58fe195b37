"""The watcher on a real (embedded) chain: depth, ranges, crashes, and reorganisations."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from insure.chain.contracts import Asset, CoverPool
from insure.chain.embedded import EmbeddedChain
from insure.chain.rpc import Chain, RawLog
from insure.chain.sender import Sender
from insure.errors import ChainError, InvalidInput, RateLimited, Unreachable, WrongChain
from insure.ops.deploy import deploy
from insure.records.deployment import Deployment
from insure.records.onchain import FINALIZED, Confirmations, Head
from insure.records.views import Rollback
from insure.store import Store
from insure.watcher import FIRST_RANGE, Watcher
from tests.keeper_story import plan_of

GENESIS = 1_700_000_000
CONFIRMATIONS = 3


@dataclass
class Host:
    """A chain with an installation, and a staker whose deposits make logs."""

    chain: EmbeddedChain
    deployment: Deployment
    staker: Sender

    def deposit(self, assets: int) -> None:
        pool = CoverPool(self.chain, self.deployment.cover_pool)
        self.staker.send(pool.deposit(assets, self.staker.address))

    def watcher(self, store: Store, depth: Confirmations = CONFIRMATIONS, chain: Chain | None = None) -> Watcher:
        return Watcher(chain or self.chain, store, self.deployment, depth)


@pytest.fixture
def host() -> Host:
    chain = EmbeddedChain(31337, GENESIS)
    deployment = deploy(chain, Sender(chain, chain.accounts[0]), plan_of(chain))
    staker = Sender(chain, chain.accounts[1])
    asset = Asset(chain, deployment.asset)
    staker.send(asset.mint(staker.address, 10**12))
    staker.send(asset.approve(deployment.cover_pool, 10**12))
    return Host(chain, deployment, staker)


@pytest.fixture
def store() -> Iterator[Store]:
    made = Store().create()
    yield made
    made.close()


def deposits(store: Store) -> list[object]:
    return [log.args["assets"] for log in store.logs("Deposit")]


def test_the_first_run_reads_the_installation_from_its_deployment_on(host: Host, store: Store) -> None:
    host.chain.mine(CONFIRMATIONS)
    assert host.watcher(store).run() == len(store.logs()) > 0
    (trigger,) = store.triggers()
    assert (trigger.trigger_id, trigger.subject_id) == (host.deployment.triggers[0].trigger_id, "eip155:7")
    assert trigger.listing is not None and trigger.listing.open


def test_only_blocks_deep_enough_are_read_and_each_log_once(host: Host, store: Store) -> None:
    watcher = host.watcher(store)
    watcher.run()
    host.deposit(5)
    host.chain.mine(CONFIRMATIONS - 1)
    watcher.run()
    assert deposits(store) == []
    host.chain.mine()
    assert watcher.run() > 0
    assert deposits(store) == [5]
    assert watcher.run() == 0
    assert store.cursor() == host.chain.block(host.chain.head().number - CONFIRMATIONS)


class Final(Chain):
    """The host's chain, whose last final block is told from outside: None while there is none."""

    def __init__(self, chain: EmbeddedChain) -> None:
        super().__init__(chain._provider, chain.chain_id)
        self.final: int | None = None

    def request(self, method: str, *params: object) -> object:
        if method == "eth_getBlockByNumber" and params[0] == FINALIZED:
            return None if self.final is None else super().request(method, hex(self.final), False)
        return super().request(method, *params)


def test_where_finality_is_asked_for_only_what_the_chain_has_as_final_is_read(host: Host, store: Store) -> None:
    chain = Final(host.chain)
    watcher = host.watcher(store, FINALIZED, chain)
    with pytest.raises(ChainError, match="has no block finalized"):
        watcher.run()
    assert store.cursor() is None
    chain.final = host.chain.head().number
    host.deposit(1_000)
    watcher.run()
    assert deposits(store) == []
    chain.final = host.chain.head().number
    assert watcher.run() > 0
    assert deposits(store) == [1_000]
    assert store.cursor() == host.chain.block(chain.final)


def test_no_block_is_final_that_the_head_has_not_reached(host: Host) -> None:
    chain = Final(host.chain)
    chain.final = host.chain.head().number
    assert chain.deep(chain.final - 2, FINALIZED) == chain.final - 2


def test_a_log_carries_its_blocks_time_and_hash(host: Host, store: Store) -> None:
    host.chain.travel(GENESIS + 86_400)
    host.deposit(5)
    head = host.chain.head()
    host.watcher(store, depth=0).run()
    (log,) = store.logs("Deposit")
    assert Head(log.block_number, log.block_hash, log.timestamp) == head


def test_a_new_watcher_goes_on_where_the_last_one_stood(host: Host, store: Store) -> None:
    host.watcher(store, depth=0).run()
    before = len(store.logs())
    host.deposit(5)
    assert host.watcher(store, depth=0).run() == len(store.logs()) - before > 0
    assert deposits(store) == [5]


def test_after_a_reorganisation_the_mirror_shows_the_new_branch_only(host: Host, store: Store) -> None:
    watcher = host.watcher(store, depth=0)
    host.deposit(1)
    watcher.run()
    kept = host.chain.head()
    host.deposit(2)
    host.deposit(3)
    watcher.run()
    assert deposits(store) == [1, 2, 3]
    believed = host.chain.head()
    assert watcher.rollback is None
    host.chain.roll_back(2)
    host.deposit(40)
    host.deposit(50)
    host.chain.mine()
    watcher.run()
    assert deposits(store) == [1, 40, 50]
    assert watcher.rollback == Rollback(host.chain.head().timestamp, believed.number, kept.number)
    assert store.cursor() == host.chain.head()
    numbers = {block.number: block.hash for block in store.blocks()}
    assert all(host.chain.block(number).hash == hash_ for number, hash_ in numbers.items())
    assert numbers[kept.number] == kept.hash


def test_while_the_chain_is_shorter_than_the_mirror_nothing_is_thrown_away(host: Host, store: Store) -> None:
    watcher = host.watcher(store, depth=0)
    host.deposit(1)
    watcher.run()
    host.chain.roll_back(1)
    assert watcher.run() == 0
    assert deposits(store) == [1]
    host.chain.mine(2)
    watcher.run()
    assert deposits(store) == []


class Picky(Chain):
    """An endpoint that refuses ranges of more than `most` blocks, or stops answering."""

    def __init__(self, chain: EmbeddedChain, most: int) -> None:
        super().__init__(chain._provider, chain.chain_id)
        self.most = most
        self.refusal = "query returned more than 10000 results"
        self.down: Unreachable | None = None
        self.asked: list[int] = []

    def logs(self, addresses: Sequence[str], from_block: int, to_block: int) -> list[RawLog]:
        if self.down:
            raise self.down
        self.asked.append(to_block - from_block + 1)
        if self.asked[-1] > self.most:
            raise ChainError(f"eth_getLogs: {self.refusal}")
        return super().logs(addresses, from_block, to_block)


def test_a_range_that_is_too_large_is_halved_until_it_is_taken(host: Host, store: Store) -> None:
    host.deposit(5)
    picky = Picky(host.chain, most=3)
    host.watcher(store, depth=0, chain=picky).run()
    assert deposits(store) == [5]
    assert max(picky.asked) > 3 >= min(picky.asked)
    whole = Store().create()
    host.watcher(whole, depth=0).run()
    assert store.logs() == whole.logs()


def test_a_range_that_the_endpoint_names_is_taken_and_hardly_overstepped_again(host: Host, store: Store) -> None:
    host.chain.mine(400)
    picky = Picky(host.chain, most=20)
    picky.refusal = "eth_getLogs is limited to a 20 block range"
    host.watcher(store, depth=0, chain=picky).run()
    assert picky.asked[1] == 20
    assert set(picky.asked[1:-1]) == {20}, "and no more is asked of it for a while"


def test_an_endpoint_that_is_asked_too_often_is_not_asked_for_less(host: Host, store: Store) -> None:
    host.chain.mine(40)
    picky = Picky(host.chain, most=FIRST_RANGE)
    watcher = host.watcher(store, depth=0, chain=picky)
    picky.down = RateLimited("eth_getLogs: the endpoint is asked too often")
    with pytest.raises(RateLimited):
        watcher.run()
    picky.down = None
    watcher.run()
    assert len(picky.asked) == 1


def test_an_endpoint_that_refuses_even_one_block_is_an_error(host: Host, store: Store) -> None:
    with pytest.raises(ChainError, match="more than 10000 results"):
        host.watcher(store, depth=0, chain=Picky(host.chain, most=0)).run()


def test_an_outage_of_the_endpoint_loses_nothing(host: Host, store: Store) -> None:
    picky = Picky(host.chain, most=FIRST_RANGE)
    watcher = host.watcher(store, depth=0, chain=picky)
    picky.down = Unreachable("eth_getLogs: the endpoint does not answer")
    with pytest.raises(Unreachable):
        watcher.run()
    picky.down = None
    host.deposit(5)
    watcher.run()
    assert deposits(store) == [5]


class Turning(Chain):
    """A chain that reorganises itself between two questions: once, while logs are read."""

    def __init__(self, host: Host) -> None:
        super().__init__(host.chain._provider, host.chain.chain_id)
        self.host = host
        self.turned = False

    def logs(self, addresses: Sequence[str], from_block: int, to_block: int) -> list[RawLog]:
        found = super().logs(addresses, from_block, to_block)
        if not self.turned:
            self.turned = True
            self.host.chain.roll_back(1)
            self.host.deposit(40)
        return found


def test_logs_of_a_branch_that_is_left_while_they_are_read_are_not_taken(host: Host, store: Store) -> None:
    host.deposit(5)
    host.watcher(store, depth=0, chain=Turning(host)).run()
    assert deposits(store) == [40]


class Forgetful(Chain):
    """An endpoint whose backend for logs lags: some logs are missing from its first `lapses` answers."""

    def __init__(self, chain: EmbeddedChain, lapses: int) -> None:
        super().__init__(chain._provider, chain.chain_id)
        self.lapses = lapses
        self.asked = 0

    def logs(self, addresses: Sequence[str], from_block: int, to_block: int) -> list[RawLog]:
        found = super().logs(addresses, from_block, to_block)
        self.asked += 1
        return found[3:] if self.asked <= self.lapses else found


def test_a_log_that_was_missed_has_the_mirror_read_anew(host: Host, store: Store) -> None:
    host.deposit(5)
    host.watcher(store, depth=0, chain=Forgetful(host.chain, lapses=1)).run()
    whole = Store().create()
    host.watcher(whole, depth=0).run()
    assert store.logs() == whole.logs()
    assert store.triggers() == whole.triggers() != []


def test_logs_that_still_contradict_each_other_when_read_anew_are_an_error(host: Host, store: Store) -> None:
    chain = Forgetful(host.chain, lapses=10**6)
    watcher = host.watcher(store, depth=0, chain=chain)
    for asked in (2, 3):
        with pytest.raises(ChainError, match="the mirror has not seen"):
            watcher.run()
        assert chain.asked == asked
    chain.lapses = 0
    assert watcher.run() > 0


def test_a_chain_other_than_the_deployments_is_refused(host: Host, store: Store) -> None:
    with pytest.raises(WrongChain, match="deployment is on chain 31337, the endpoint serves 5"):
        host.watcher(store, chain=EmbeddedChain(5, GENESIS))


def test_a_negative_depth_is_refused(host: Host, store: Store) -> None:
    with pytest.raises(InvalidInput, match="confirmations is -1: must be at least 0, or finalized"):
        host.watcher(store, depth=-1)
