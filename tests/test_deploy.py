import json
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from eth_account import Account

from insure.chain.codec import abi
from insure.chain.contracts import CoverPool, IncidentBook, PolicyBook
from insure.chain.embedded import EmbeddedChain, development_account
from insure.chain.rpc import Chain
from insure.chain.sender import Sender
from insure.errors import InvalidInput, Unreachable
from insure.ops.deploy import DeploymentPlan, deploy, read_plan
from insure.records.deployment import Deployment
from insure.records.history import subject_key
from insure.records.onchain import ZERO_ADDRESS, Trigger

ADDRESSES = [str(development_account(index).address) for index in range(16)]
PLAN = DeploymentPlan(
    subject_id="eip155:42161",
    watcher_teams={"east": ADDRESSES[4:7], "west": ADDRESSES[7:10]},
    watcher_threshold=2,
    relayer=ADDRESSES[1],
    control_id="eip155:10",
    underwriter=ADDRESSES[2],
)
ANVIL = Path(__file__).resolve().parent.parent / "contracts/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"
ANVIL_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
"""The first key that every anvil node funds."""


def deployed(plan: DeploymentPlan) -> tuple[EmbeddedChain, Deployment]:
    chain = EmbeddedChain(31_337, 1_702_600_000)
    return chain, deploy(chain, Sender(chain, chain.accounts[0]), plan)


def address_at(chain: Chain, contract: str, address: str, function: str) -> str:
    answer = chain.call(address, abi(contract).encode(function))
    return str(abi(contract).decode(function, answer)[0])


def check(chain: Chain, deployment: Deployment, owner: str) -> None:
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
    check(chain, deployment, str(chain.accounts[0].address))
    assert deployment.chain_id == 31_337
    assert (deployment.asset_symbol, deployment.asset_decimals) == ("USDT", 6)
    assert list(deployment.watcher_paths) == ["east", "west"]
    assert list(deployment.triggers[0].paths) == ["east", "west", "heartbeat"]
    assert PolicyBook(chain, deployment.policy_book).underwriter_limits(PLAN.underwriter) == (10**13, 0)


def test_its_manifest_survives_being_written_and_read(tmp_path: Path) -> None:
    _, deployment = deployed(PLAN)
    (tmp_path / "deployment.json").write_text(deployment.to_json())
    assert Deployment.read(tmp_path / "deployment.json") == deployment


def test_several_subjects_share_paths_and_have_triggers_of_their_own() -> None:
    chain, deployment = deployed(replace(PLAN, further_subjects=["eip155:8453"]))
    check(chain, deployment, str(chain.accounts[0].address))
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
        function = abi("CoverPool").encode("scenariosOf", subject_key(subject))
        assert int.from_bytes(chain.call(pool.address, function)) == 1 << number


def test_the_rules_of_the_plan_are_the_triggers_rules() -> None:
    rules = Trigger("", (), quorum=2, challenge_period=3_600, guardian=ADDRESSES[3])
    chain, deployment = deployed(replace(PLAN, rules=rules))
    trigger = IncidentBook(chain, deployment.incident_book).trigger(deployment.triggers[0].trigger_id)
    assert (trigger.challenge_period, trigger.guardian) == (3_600, ADDRESSES[3])
    assert trigger.subject_id == PLAN.subject_id


def test_an_asset_that_is_there_is_used() -> None:
    chain = EmbeddedChain(31_337, 1_702_600_000)
    sender = Sender(chain, chain.accounts[0])
    asset, _ = sender.create("TestAsset", abi("TestAsset").creation("Dollar", "DAI", 18))
    deployment = deploy(chain, sender, replace(PLAN, asset=asset))
    assert (deployment.asset, deployment.asset_symbol, deployment.asset_decimals) == (asset, "DAI", 18)
    listing = PolicyBook(chain, deployment.policy_book).listing(deployment.triggers[0].trigger_id)
    assert listing.cap == PLAN.cap * 10**18


def test_an_asset_that_is_not_there_is_refused_before_anything_is_created() -> None:
    chain = EmbeddedChain(31_337, 1_702_600_000)
    with pytest.raises(InvalidInput, match="asset 0x0000000000000000000000000000000000000000 is no contract"):
        deploy(chain, Sender(chain, chain.accounts[0]), replace(PLAN, asset=ZERO_ADDRESS))
    assert chain.head().number == 0


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"subject_id": "arbitrum"}, "subject id 'arbitrum'"),
        ({"control_id": "eip155:42161"}, "control_id eip155:42161"),
        ({"further_subjects": ["eip155:42161"]}, "further_subjects"),
        ({"watcher_teams": {"east": ADDRESSES[4:7]}}, "watcher_teams has 1 teams: must have 2"),
        ({"watcher_teams": {"east": ADDRESSES[4:7], "west": ADDRESSES[6:9]}}, "share 0x"),
        ({"watcher_teams": {"east": ADDRESSES[4:7], "west": [ADDRESSES[7]] * 2}}, r"watcher_teams\[west\]"),
        ({"watcher_teams": {"east": ADDRESSES[4:7], "heartbeat": ADDRESSES[7:9]}}, "named heartbeat"),
        ({"watcher_threshold": 4}, "watcher_threshold 4"),
        ({"watcher_threshold": 0}, "watcher_threshold 0"),
        ({"relayer": ADDRESSES[5]}, "relayer .* observes for east"),
    ],
)
def test_a_plan_that_contracts_would_refuse_half_way_is_refused_at_once(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        replace(PLAN, **change)


@pytest.fixture
def anvil() -> Iterator[str]:
    if not ANVIL.is_file():
        pytest.skip("anvil is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    node = subprocess.Popen([str(ANVIL), "--port", str(port), "--silent"], stdout=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        node.terminate()
        node.wait(10)


@pytest.mark.network
@pytest.mark.anvil
def test_an_installation_is_whole_on_a_real_node_too(anvil: str) -> None:
    chain = connect_when_up(anvil)
    owner = Account.from_key(ANVIL_KEY)
    check(chain, deploy(chain, Sender(chain, owner), PLAN), str(owner.address))


def connect_when_up(url: str) -> Chain:
    deadline = monotonic() + 20
    while True:
        try:
            return Chain.connect(url)
        except Unreachable:
            if monotonic() > deadline:
                raise
            sleep(0.1)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("7", "must be a JSON object"),
        ("[", "not JSON"),
        ('{"watcher_teams": 5}', "subject_id is missing; .*; watcher_teams: Input should be a valid dictionary"),
        ('{"relayer": 5}', "relayer: Input should be a valid string"),
        ('{"relayers": "0x"}', "relayers is no field of a plan"),
        ('{"rules": {"quorum": "many"}}', "rules.quorum: Input should be a valid integer"),
        ('{"listing": 3}', "listing: "),
    ],
)
def test_a_plan_that_can_not_be_read_names_every_field_at_fault(tmp_path: Path, text: str, told: str) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(text)
    with pytest.raises(InvalidInput, match=told):
        read_plan(plan)


def test_a_plan_file_gives_what_it_says_and_the_usual_for_the_rest(tmp_path: Path) -> None:
    observers = {"a": [f"0x{1:040x}", f"0x{2:040x}"], "b": [f"0x{3:040x}", f"0x{4:040x}"]}
    given = {
        "subject_id": "eip155:42161",
        "control_id": "eip155:10",
        "relayer": f"0x{5:040x}",
        "underwriter": f"0x{6:040x}",
        "watcher_teams": observers,
        "watcher_threshold": 2,
        "rules": {"challenge_period": 3_600},
        "listing": {"floor_rate_bps": 75},
    }
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(given))
    plan = read_plan(path)
    assert dict(plan.watcher_teams) == observers
    assert (plan.rules.challenge_period, plan.rules.merge_gap) == (3_600, 1_800)
    assert (plan.listing.floor_rate_bps, plan.listing.maximum_term) == (75, 366 * 86_400)


def test_a_plan_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="No such file"):
        read_plan(tmp_path / "none.json")
