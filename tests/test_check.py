"""The check of an installation: everything right, each thing wrong by its name, and never anything but sentences."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from insure.chain.codec import abi
from insure.chain.contracts import CoverPool, PolicyBook
from insure.chain.embedded import EmbeddedChain
from insure.chain.rpc import Chain
from insure.chain.sender import Sender
from insure.chain.timelock import Operation, Role, Timelock
from insure.errors import ChainError, Unreachable
from insure.ops import checking
from insure.ops.check import Check, check
from insure.ops.deploy import deploy
from insure.records.deployment import Deployment
from tests.test_deploy import ADDRESSES, LOCKED, PLAN, START, deployed

SELECTOR = re.compile(r"0x[0-9a-fA-F]{8}\b")


@pytest.fixture(scope="module")
def resting() -> tuple[EmbeddedChain, Deployment]:
    """An installation that tests only read."""
    return deployed(replace(LOCKED, further_subjects=["eip155:8453"], scenarios={"rollups": ["eip155:42161"]}))


def wrong(chain: Chain, deployment: Deployment) -> dict[str, Check]:
    found = check(chain, deployment)
    for each in found:
        assert not SELECTOR.search(each.found + each.right), each
        assert each.found and each.right, each
    return {each.name: each for each in found if not each.ok}


def changed(deployment: Deployment, change: Callable[[dict[str, Any]], object]) -> Deployment:
    """The manifest with something else in its file."""
    values = json.loads(deployment.to_json())
    change(values)
    return Deployment.from_json(json.dumps(values))


def test_what_was_deployed_is_right_in_every_respect(resting: tuple[EmbeddedChain, Deployment]) -> None:
    chain, deployment = resting
    assert wrong(chain, deployment) == {}
    names = [each.name for each in check(chain, deployment)]
    assert len(names) == len(set(names))
    for name in deployment.contracts:
        assert f"{name}: code" in names
        assert f"{name}: the factory's record of it" in names


def test_on_another_chain_only_that_is_said(resting: tuple[EmbeddedChain, Deployment]) -> None:
    _, deployment = resting
    assert check(EmbeddedChain(5, START), deployment) == [Check("chain id", False, "5", "31337")]


def test_on_a_chain_without_the_contracts_each_is_missed(resting: tuple[EmbeddedChain, Deployment]) -> None:
    found = wrong(EmbeddedChain(31_337, START), resting[1])
    assert found["PolicyBook: code"].found.startswith("no contract at 0x")
    assert "factory: code" in found
    assert "can't be read" in found["powers: owner of CoverPool"].found


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (lambda m: m["contracts"]["CoverPool"]["arguments"].update(cooldown_=5), {"CoverPool: cooldown"}),
        (lambda m: m["contracts"]["CoverPool"]["arguments"].update(cooldown_="soon"), {"CoverPool: cooldown"}),
        (lambda m: m["contracts"]["CoverPool"]["arguments"].pop("cooldown_"), {"CoverPool: made from"}),
        (
            lambda m: m["contracts"]["WatcherPath east"]["arguments"].update(observers_=7),
            {"WatcherPath east: observers"},
        ),
        (lambda m: m["contracts"]["PolicyBook"].update(code_hash="0x" + "11" * 32), {"PolicyBook: code hash"}),
        (lambda m: m["contracts"]["PolicyBook"].update(salt="0x" + "11" * 32), {"PolicyBook: address by creator"}),
        (lambda m: m["contracts"]["PolicyBook"].update(creation_hash="0x" + "1" * 64), {"the factory's record"}),
        (lambda m: m["contracts"]["PolicyBook"].update(artifact="Nothing"), {"PolicyBook: code"}),
        (lambda m: m["contracts"]["PolicyBook"]["libraries"].update(L=ADDRESSES[3]), {"PolicyBook: library L"}),
        (lambda m: m.update(contracts={}), {"manifest: cover_pool", "timelock: address"}),
        (lambda m: m.update(cover_pool=m["policy_book"]), {"manifest: cover_pool", "wiring: pool of PolicyBook"}),
        (lambda m: m.update(asset_decimals=18), {"asset: decimals"}),
        (lambda m: m.update(asset_symbol="DAI"), {"asset: symbol"}),
        (lambda m: m.update(timelock=ADDRESSES[3]), {"powers: owner of PolicyBook", "timelock: address"}),
        (lambda m: m.update(timelock=None), {"powers: owner of PolicyBook", "powers: owner of CoverPool"}),
        (lambda m: m.update(deployer=ADDRESSES[3]), {"factory: address", "factory: code"}),
        (lambda m: m.update(creator=ADDRESSES[3]), {"IncidentBook: address by creator and salt"}),
        (lambda m: m["contracts"]["Timelock"]["arguments"].update(minimumDelay=1), {"timelock: minimum delay"}),
        (lambda m: m["contracts"]["Timelock"]["arguments"].update(proposers=[]), {"timelock: every proposer"}),
        (lambda m: m["contracts"]["Timelock"]["arguments"].update(proposers=7), {"timelock: every proposer"}),
        (lambda m: m["triggers"][0].update(subject_id="eip155:8453"), {"trigger on eip155:8453: subject"}),
        (
            lambda m: m["triggers"][0].update(trigger_id="0x" + "11" * 32),
            {"content hash", "triggers: every one listed"},
        ),
        (lambda m: m["triggers"][0]["paths"].pop("east"), {"trigger on eip155:42161: paths"}),
        (lambda m: m["triggers"][0]["listing"].update(floor_rate_bps=1), {"trigger on eip155:42161: listing"}),
        (lambda m: m["triggers"][0].update(listing=None), {"trigger on eip155:42161: listing"}),
        (lambda m: m["triggers"].pop(), {"triggers: every one listed"}),
        (lambda m: m.update(scenarios={}), {"scenarios: how many", "scenarios: their names"}),
        (lambda m: m["scenarios"].update(rollups=["eip155:8453"]), {"scenario rollups: its subjects"}),
        (lambda m: m["scenarios"].update(rollups=["base"]), {"scenario rollups: its subjects"}),
        (lambda m: m["underwriters"].update({ADDRESSES[2]: "5"}), {f"underwriter {ADDRESSES[2]}: cap"}),
        (lambda m: m.update(underwriters={}), {"underwriters: every one"}),
    ],
)
def test_what_the_manifest_says_and_the_chain_does_not_is_found(
    resting: tuple[EmbeddedChain, Deployment], change: Callable[[dict[str, Any]], object], names: set[str]
) -> None:
    chain, deployment = resting
    found = wrong(chain, changed(deployment, change))
    for name in names:
        assert any(name in each for each in found), (name, list(found))


def test_a_contract_of_ours_in_the_wrong_place_is_named(resting: tuple[EmbeddedChain, Deployment]) -> None:
    chain, deployment = resting
    path = deployment.watcher_paths["east"]
    found = wrong(chain, changed(deployment, lambda m: m["contracts"]["PolicyBook"].update(address=path)))
    assert found["PolicyBook: code"].found == f"a WatcherPath at {path}"


def test_a_foreign_contract_is_named_and_so_is_an_answer_that_is_none() -> None:
    chain, deployment = deployed(PLAN)
    # returns 0x60 and nothing else to whatever it is asked: no ABI of ours
    foreign, _ = Sender(chain, chain.accounts[0]).create(
        "foreign", bytes.fromhex("6002600c60003960026000f3") + b"\x00\x00"
    )
    found = wrong(chain, changed(deployment, lambda m: m.update(incident_book=foreign)))
    told = found[f"trigger on {PLAN.subject_id}: content hash"].found
    assert told == "IncidentBook.getTrigger answered 0 bytes that can't be read"
    found = wrong(chain, changed(deployment, lambda m: m["contracts"]["IncidentBook"].update(address=foreign)))
    assert found["IncidentBook: code"].found.startswith("a contract that is not of these artifacts, 2 bytes, at 0x")


def test_without_a_timelock_the_deployers_power_is_a_failure() -> None:
    chain, deployment = deployed(PLAN)
    found = wrong(chain, deployment)
    assert found.keys() == {"powers: owner of PolicyBook", "powers: owner of CoverPool"}
    assert found["powers: owner of PolicyBook"] == Check(
        "powers: owner of PolicyBook", False, ADDRESSES[0], "a timelock"
    )


def governed_change(chain: EmbeddedChain, deployment: Deployment) -> None:
    """What the owner may do afterwards, each of which the manifest does not know."""
    assert deployment.timelock is not None
    lock = Timelock(chain, deployment.timelock)
    policies, pool = PolicyBook(chain, deployment.policy_book), CoverPool(chain, deployment.cover_pool)
    operation = Operation(
        (
            policies.set_underwriter(ADDRESSES[14], 10**9),
            pool.add_scenario("a cloud"),
            policies.stop_sales(deployment.triggers[0].trigger_id),
            policies.transfer_ownership(ADDRESSES[14]),
            lock.grant_role(Role.PROPOSER, ADDRESSES[14]),
            lock.revoke_role(Role.CANCELLER, ADDRESSES[12]),
        )
    )
    Sender(chain, chain.accounts[11]).send(lock.schedule(operation))
    chain.travel(chain.head().timestamp + 172_800)
    Sender(chain, chain.accounts[14]).send(lock.execute(operation))


def test_what_the_owner_changed_since_is_found() -> None:
    chain, deployment = deployed(LOCKED)
    governed_change(chain, deployment)
    found = wrong(chain, deployment)
    assert found.keys() == {
        "powers: pending owner of PolicyBook",
        "timelock: every proposer",
        "timelock: every canceller",
        f"trigger on {PLAN.subject_id}: listing",
        "scenarios: how many",
        "scenarios: their names",
        "underwriters: every one",
    }
    assert ADDRESSES[14] in found["timelock: every proposer"].found


def test_what_a_deployer_slipped_in_before_handing_over_is_found() -> None:
    chain, deployment = deployed(PLAN)
    owner = Sender(chain, chain.accounts[0])
    owner.send(PolicyBook(chain, deployment.policy_book).set_underwriter(ADDRESSES[14], 10**12))
    found = wrong(chain, deploy(chain, owner, LOCKED))
    assert found.keys() == {"underwriters: every one"}
    assert ADDRESSES[14] in found["underwriters: every one"].found


def test_a_node_that_answers_nothing_more_makes_failures_and_no_crash(
    resting: tuple[EmbeddedChain, Deployment], monkeypatch: pytest.MonkeyPatch
) -> None:
    chain, deployment = resting

    def dead(method: str, *params: object) -> object:
        raise Unreachable(f"{method}: it does not answer")

    monkeypatch.setattr(chain, "request", dead)
    found = wrong(chain, deployment)
    assert "does not answer" in found["CoverPool: code"].found
    assert "does not answer" in found["underwriters: every one"].found


class Short:
    """A node that looks through so many blocks at once, and no more."""

    def __init__(self, most: int) -> None:
        self.most, self.asked = most, 0

    def logs(self, addresses: list[str], since: int, until: int, topics: list[str]) -> list[int]:
        self.asked += 1
        if until - since + 1 > self.most:
            raise ChainError("query exceeds max block range")
        return list(range(since, until + 1))


@pytest.fixture
def contract() -> Iterator[Any]:
    class Of:
        address = "0x"
        chain = Short(3_000)

    yield Of()


def test_a_long_range_is_read_in_parts_that_the_node_takes(contract: Any) -> None:
    assert checking._logs(contract, 5, 10_004, []) == list(range(5, 10_005))  # type: ignore[comparison-overlap]


def test_a_node_that_takes_no_range_of_use_is_said(contract: Any) -> None:
    contract.chain.most = 10
    with pytest.raises(ChainError, match="exceeds max block range"):
        checking._logs(contract, 5, 10_004, [])
    assert contract.chain.asked < 10


def test_views_that_tell_of_a_constructors_argument_are_compared() -> None:
    assert {"pool", "owner"} <= abi("PolicyBook").views
    assert {"threshold", "observers"} <= abi("WatcherPath").views
