"""A whole installation put on a chain: complete, at foreseeable addresses, found again, handed over."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from insure.chain.anvil import AnvilChain, AnvilProcess
from insure.chain.codec import abi
from insure.chain.contracts import CoverPool, IncidentBook, PolicyBook
from insure.chain.embedded import EmbeddedChain, development_account, serve
from insure.chain.rpc import Chain
from insure.chain.sender import Call, Sender
from insure.chain.timelock import Role, Timelock
from insure.errors import InvalidInput, NotConfigured, TransactionFailed, Unreachable
from insure.ops import deploy as module
from insure.ops.check import check
from insure.ops.deploy import DeploymentPlan, TimelockPlan, deploy, deploy_plan, rehearse
from insure.records.deployment import Deployment
from insure.records.history import subject_key
from insure.records.onchain import Receipt, Trigger
from insure.settings import Settings

START = 1_702_600_000
ADDRESSES = [str(development_account(index).address) for index in range(16)]
PLAN = DeploymentPlan(
    subject_id="eip155:42161",
    watcher_teams={"east": ADDRESSES[4:7], "west": ADDRESSES[7:10]},
    watcher_threshold=2,
    relayer=ADDRESSES[1],
    control_id="eip155:10",
    underwriter=ADDRESSES[2],
)
LOCKED = replace(PLAN, timelock=TimelockPlan([ADDRESSES[11]], cancellers=[ADDRESSES[12]]))


def deployed(plan: DeploymentPlan) -> tuple[EmbeddedChain, Deployment]:
    chain = EmbeddedChain(31_337, START)
    return chain, deploy(chain, Sender(chain, chain.accounts[0]), plan)


def address_at(chain: Chain, contract: str, address: str, function: str) -> str:
    answer = chain.call(address, abi(contract).encode(function))
    return str(abi(contract).decode(function, answer)[0])


def assert_whole(chain: Chain, deployment: Deployment, owner: str) -> None:
    """Whether the installation is whole: its parts know each other, and its trigger can be sold."""
    for contract, function, expected in (
        ("PolicyBook", "pool", deployment.cover_pool),
        ("PolicyBook", "incidentBook", deployment.incident_book),
        ("PolicyBook", "owner", owner),
        ("CoverPool", "policyBook", deployment.policy_book),
        ("CoverPool", "incidentBook", deployment.incident_book),
        ("CoverPool", "asset", deployment.asset),
        ("CoverPool", "owner", owner),
    ):
        address = deployment.policy_book if contract == "PolicyBook" else deployment.cover_pool
        assert address_at(chain, contract, address, function) == expected.lower(), (contract, function)
    for listed in deployment.triggers:
        assert IncidentBook(chain, deployment.incident_book).quiet(listed.trigger_id)
        assert PolicyBook(chain, deployment.policy_book).listing(listed.trigger_id).open


def test_an_installation_is_whole_and_its_trigger_listed() -> None:
    chain, deployment = deployed(PLAN)
    assert_whole(chain, deployment, str(chain.accounts[0].address))
    assert deployment.chain_id == 31_337
    assert (deployment.asset_symbol, deployment.asset_decimals) == ("USDT", 6)
    assert list(deployment.watcher_paths) == ["east", "west"]
    assert list(deployment.triggers[0].paths) == ["east", "west", "heartbeat"]
    assert PolicyBook(chain, deployment.policy_book).underwriter_limits(PLAN.underwriter) == (10**13, 0)


def test_the_timelock_owns_it_and_who_deployed_has_no_power_left() -> None:
    chain, deployment = deployed(LOCKED)
    assert deployment.timelock is not None
    assert_whole(chain, deployment, deployment.timelock)
    for contract in (PolicyBook(chain, deployment.policy_book), CoverPool(chain, deployment.cover_pool)):
        assert contract.pending_owner() is None
    lock = Timelock(chain, deployment.timelock)
    assert lock.minimum_delay() == 172_800
    assert not any(lock.has_role(role, ADDRESSES[0]) for role in Role)
    policies = PolicyBook(chain, deployment.policy_book)
    with pytest.raises(TransactionFailed, match=r"OwnableUnauthorizedAccount: .* is not the owner"):
        Sender(chain, chain.accounts[0]).send(policies.stop_sales(deployment.triggers[0].trigger_id))


def test_its_manifest_survives_being_written_and_read(tmp_path: Path) -> None:
    _, deployment = deployed(LOCKED)
    (tmp_path / "deployment.json").write_text(deployment.to_json())
    assert Deployment.read(tmp_path / "deployment.json") == deployment


def test_several_subjects_share_paths_and_have_triggers_of_their_own() -> None:
    chain, deployment = deployed(replace(PLAN, further_subjects=["eip155:8453"]))
    assert_whole(chain, deployment, str(chain.accounts[0].address))
    assert [each.subject_id for each in deployment.triggers] == ["eip155:42161", "eip155:8453"]
    assert deployment.triggers[0].paths == deployment.triggers[1].paths
    assert deployment.triggers[0].trigger_id != deployment.triggers[1].trigger_id


def test_a_subject_in_no_scenario_gets_one_for_itself() -> None:
    plan = replace(PLAN, further_subjects=["eip155:8453"], scenarios={"rollups": ["eip155:42161"]})
    chain, deployment = deployed(plan)
    assert deployment.scenarios == {"rollups": ["eip155:42161"], "eip155:8453 alone": ["eip155:8453"]}
    pool = CoverPool(chain, deployment.cover_pool)
    assert pool.scenario_count() == 2
    for number, subject in enumerate(plan.subjects):
        assert pool.scenarios_of("0x" + subject_key(subject).hex()) == {number}


def test_the_rules_of_the_plan_are_the_triggers_rules() -> None:
    rules = Trigger("", (), quorum=2, challenge_period=3_600, guardian=ADDRESSES[3])
    chain, deployment = deployed(replace(PLAN, rules=rules))
    trigger = IncidentBook(chain, deployment.incident_book).trigger(deployment.triggers[0].trigger_id)
    assert (trigger.challenge_period, trigger.guardian) == (3_600, ADDRESSES[3])
    assert trigger.subject_id == PLAN.subject_id


def test_an_asset_that_is_there_is_used() -> None:
    chain = EmbeddedChain(31_337, START)
    sender = Sender(chain, chain.accounts[0])
    asset, _ = sender.create("TestAsset", abi("TestAsset").creation("Dollar", "DAI", 18))
    deployment = deploy(chain, sender, replace(PLAN, asset=asset))
    assert (deployment.asset, deployment.asset_symbol, deployment.asset_decimals) == (asset, "DAI", 18)
    listing = PolicyBook(chain, deployment.policy_book).listing(deployment.triggers[0].trigger_id)
    assert listing.cap == PLAN.cap * 10**18


def test_an_asset_that_is_not_there_is_refused_before_anything_is_created() -> None:
    chain = EmbeddedChain(31_337, START)
    with pytest.raises(InvalidInput, match=f"asset {ADDRESSES[9]} is no contract on chain 31337"):
        deploy(chain, Sender(chain, chain.accounts[0]), replace(PLAN, asset=ADDRESSES[9]))
    assert chain.head().number == 0


def test_who_deploys_may_not_be_left_a_role() -> None:
    chain = EmbeddedChain(31_337, START)
    for lock in (TimelockPlan([ADDRESSES[0]]), TimelockPlan([ADDRESSES[11]], cancellers=[ADDRESSES[0].lower()])):
        with pytest.raises(InvalidInput, match="must be left without any role"):
            deploy(chain, Sender(chain, chain.accounts[0]), replace(PLAN, timelock=lock))
    assert chain.head().number == 0


# ------------------------------------------------------------- the same place again


def test_the_same_key_and_salt_give_the_same_addresses_on_every_chain() -> None:
    _, first = deployed(LOCKED)
    other = EmbeddedChain(8_453, START + 999)
    other.mine(3)
    Sender(other, other.accounts[0]).transfer(ADDRESSES[1], 1)  # the nonce does not matter
    second = deploy(other, Sender(other, other.accounts[0]), LOCKED)
    assert {name: each.address for name, each in first.contracts.items()} == {
        name: each.address for name, each in second.contracts.items()
    }
    assert (first.deployer, first.timelock) == (second.deployer, second.timelock)
    assert first.triggers[0].trigger_id == second.triggers[0].trigger_id
    assert (first.chain_id, second.chain_id) == (31_337, 8_453)


def test_another_key_or_another_salt_gives_other_addresses() -> None:
    chain, first = deployed(PLAN)
    again = deploy(chain, Sender(chain, chain.accounts[0]), replace(PLAN, salt="another"))
    theirs = deploy(chain, Sender(chain, chain.accounts[13]), PLAN)
    books = [each.policy_book for each in (first, again, theirs)]
    assert len(set(books)) == 3
    assert first.deployer == again.deployer == theirs.deployer


def test_a_second_run_finds_what_is_there_and_sends_nothing() -> None:
    chain, first = deployed(LOCKED)
    head = chain.head()
    assert deploy(chain, Sender(chain, chain.accounts[0]), LOCKED) == first
    assert chain.head() == head


class BrokenOff(Exception):
    pass


class BreakingSender(Sender):
    """Breaks off when it has sent so many transactions."""

    left = 0

    def send(self, call: Call) -> Receipt:
        if not self.left:
            raise BrokenOff(str(call))
        self.left -= 1
        return super().send(call)


def test_a_run_that_broke_off_anywhere_is_gone_on_with_to_the_same_end() -> None:
    _, whole = deployed(LOCKED)
    chain = EmbeddedChain(31_337, START)
    sender = BreakingSender(chain, chain.accounts[0])
    broken = 0
    while True:
        sender.left = 1
        try:
            found = deploy(chain, sender, LOCKED)
        except BrokenOff:
            broken += 1
            continue
        break
    assert broken > 10
    assert found == whole
    assert all(each.ok for each in check(chain, found))


def test_what_was_made_from_another_plan_is_refused_with_what_to_do() -> None:
    chain, _ = deployed(PLAN)
    head = chain.head()
    with pytest.raises(InvalidInput, match=r"CoverPool is at 0x.* already, made from other code or arguments .*salt"):
        deploy(chain, Sender(chain, chain.accounts[0]), replace(PLAN, cooldown=86_400))
    assert chain.head() == head


def test_what_would_have_to_be_set_up_after_the_hand_over_is_refused_with_the_owner() -> None:
    chain, first = deployed(LOCKED)
    head = chain.head()
    with pytest.raises(InvalidInput, match=rf"PolicyBook\.list of the plan is not done.*owned by {first.timelock}"):
        deploy(chain, Sender(chain, chain.accounts[0]), replace(LOCKED, cap=5))
    assert chain.head() == head


def test_an_installation_without_timelock_can_be_given_one_later() -> None:
    chain, first = deployed(PLAN)
    second = deploy(chain, Sender(chain, chain.accounts[0]), LOCKED)
    assert second.policy_book == first.policy_book
    assert second.timelock is not None
    assert_whole(chain, second, second.timelock)


# ------------------------------------------------------------- rehearsal


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"cooldown": 91 * 86_400}, "creation of CoverPool: .*InvalidSetup: .*cooldown"),
        ({"beat_period": 0}, "creation of HeartbeatPath: .*period not in"),
        ({"rules": Trigger("", (), challenge_period=1)}, "InvalidTrigger: .*challengePeriod"),
        ({"rules": Trigger("", (), quorum=1)}, "InvalidTrigger: .*quorum"),
        ({"subject_id": "eip155:31337"}, "HostIsNoSubject"),
        ({"scenarios": {str(n): ["eip155:42161"] for n in range(33)}}, "InvalidScenario|TooMany"),
    ],
)
def test_what_the_contracts_would_refuse_is_told_before_anything_is_sent(change: dict[str, object], told: str) -> None:
    chain = EmbeddedChain(31_337, START)
    with pytest.raises(InvalidInput, match=f"plan: the contracts refuse it; nothing was sent: .*({told})"):
        rehearse(Sender(chain, chain.accounts[0]), replace(PLAN, **change))  # type: ignore[arg-type]
    assert chain.head().number == 0


def test_a_rehearsal_of_a_good_plan_sends_nothing_either() -> None:
    chain = EmbeddedChain(31_337, START)
    rehearse(Sender(chain, chain.accounts[0]), LOCKED)
    assert chain.head().number == 0


def test_without_a_key_nothing_is_deployed() -> None:
    with pytest.raises(NotConfigured, match="INSURE_DEPLOYER_KEY is not set"):
        deploy_plan(Settings(), PLAN)


@pytest.mark.parametrize(
    ("first", "before", "fresh", "right"),
    [(12, 10, True, 12), (3, 200, True, 200), (12, 50, False, 12), (None, 7, True, 7), (90, 50, False, 50)],
)
def test_logs_are_read_from_where_the_first_contract_was_created(
    first: int | None, before: int, fresh: bool, right: int
) -> None:
    """Also on a chain that shows contracts the count of the chain below."""

    class Found:
        first_block = first

    Found.fresh = fresh  # type: ignore[attr-defined]
    assert module._first_block(Found(), before) == right  # type: ignore[arg-type]


# ------------------------------------------------------------- a real node


@pytest.fixture
def node() -> Iterator[AnvilChain]:
    with AnvilProcess(chain_id=31_337, genesis_time=START) as process:
        yield AnvilChain(process.url)


@pytest.mark.network
@pytest.mark.anvil
def test_on_a_real_node_it_is_whole_at_the_same_addresses_and_passes_the_check(node: AnvilChain) -> None:
    sender = Sender(node, node.accounts[0])
    found = deploy(node, sender, LOCKED)
    _, embedded = deployed(LOCKED)
    assert {name: each.address for name, each in found.contracts.items()} == {
        name: each.address for name, each in embedded.contracts.items()
    }
    assert [each for each in check(node, found) if not each.ok] == []
    assert deploy(node, sender, LOCKED) == found


@pytest.mark.network
def test_a_node_that_does_not_answer_is_said() -> None:
    with pytest.raises(Unreachable, match="does not answer"):
        deploy_plan(Settings(rpc_url="http://127.0.0.1:9", deployer_key="0x" + "11" * 32), PLAN)


@pytest.mark.network
def test_a_deployment_is_published_by_the_private_endpoints_alone() -> None:
    chain = EmbeddedChain(31_337, START)
    key = "0x" + bytes(chain.accounts[0].key).hex()
    with serve(chain) as served:
        settings = Settings(rpc_url=served.url, private_rpc_url="http://127.0.0.1:9", deployer_key=key)
        with pytest.raises(Unreachable, match="it was published nowhere else"):
            deploy_plan(settings, PLAN)
    assert chain.head().number == 0
