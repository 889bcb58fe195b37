"""Plans of an installation: what is wrong in one is told with its field, before anything is sent."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from insure.errors import InvalidInput
from insure.ops.plan import TimelockPlan, read_plan
from insure.records.onchain import ZERO_ADDRESS, Trigger
from tests.test_deploy import ADDRESSES, PLAN

GOVERNOR, OTHER = ADDRESSES[11], ADDRESSES[12]


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
        ({"relayer": "0x12"}, "relayer has '0x12': must be an address"),
        ({"relayer": ZERO_ADDRESS}, "relayer has the zero address"),
        ({"relayer": ADDRESSES[1][2:]}, "relayer has .*: must be an address"),
        ({"relayer": ADDRESSES[1].swapcase().replace("X", "x")}, "relayer has .* with a right checksum"),
        ({"underwriter": "nobody"}, "underwriter has 'nobody': must be an address"),
        ({"underwriter": ZERO_ADDRESS}, "underwriter has the zero address"),
        ({"asset": "USDT"}, "asset has 'USDT': must be an address"),
        (
            {"watcher_teams": {"east": [*ADDRESSES[4:6], "me"], "west": ADDRESSES[7:10]}},
            r"watcher_teams\[east\] has 'me'",
        ),
        ({"rules": Trigger("", (), guardian="me")}, r"rules\.guardian has 'me'"),
        ({"salt": ""}, "salt is '': must be 1 to 64 printable ASCII characters"),
        ({"salt": "x" * 65}, "salt is .*: must be 1 to 64"),
        ({"salt": "a\nb"}, "salt is .*printable"),
        ({"salt": "à"}, "salt is .*ASCII"),
        ({"cap": 0}, "cap is 0: must be 1 to 10000000000 whole tokens"),
        ({"cap": 10**10 + 1}, "cap is 10000000001: must be"),
        ({"asset_decimals": 19}, "asset_decimals is 19: must be 0 to 18"),
        ({"asset_symbol": " "}, "asset_symbol is empty"),
        ({"scenarios": {"none": []}}, r"scenarios\[none\] has no subject"),
        ({"scenarios": {"all": ["arbitrum"]}}, "subject id 'arbitrum'"),
    ],
)
def test_a_plan_that_contracts_would_refuse_half_way_is_refused_at_once(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        replace(PLAN, **change)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"proposers": ()}, r"timelock\.proposers is empty"),
        ({"executors": ()}, r"timelock\.executors is empty"),
        ({"minimum_delay": 0}, r"timelock\.minimum_delay is 0: must be 1 to 2592000 seconds \(30 days\)"),
        ({"minimum_delay": 2_592_001}, r"timelock\.minimum_delay is 2592001"),
        ({"proposers": ["me"]}, r"timelock\.proposers has 'me': must be an address"),
        ({"proposers": [ZERO_ADDRESS]}, r"timelock\.proposers has the zero address"),
        ({"cancellers": [ZERO_ADDRESS]}, r"timelock\.cancellers has the zero address"),
        ({"executors": ["anyone"]}, r"timelock\.executors has 'anyone'"),
        ({"proposers": [GOVERNOR, GOVERNOR.lower()]}, r"timelock\.proposers names an address twice"),
    ],
)
def test_a_timelock_that_could_not_be_used_or_undone_is_refused(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        replace(TimelockPlan([GOVERNOR]), **change)


def test_the_usual_timelock_waits_two_days_and_lets_anyone_execute() -> None:
    usual = TimelockPlan([GOVERNOR])
    assert (usual.minimum_delay, usual.executors, usual.cancellers) == (172_800, (ZERO_ADDRESS,), ())


def written(**changes: object) -> dict[str, object]:
    """The plan as a file has it."""
    return json.loads(json.dumps(asdict(replace(PLAN, timelock=TimelockPlan([GOVERNOR]))))) | changes


def test_a_plan_survives_being_written_and_read(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(written()))
    plan = read_plan(path)
    assert json.loads(json.dumps(asdict(plan))) == written()


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
        ('{"subject_id": "eip155:1"}', "timelock is missing"),
        ('{"timelock": null}', "timelock is missing"),
        ('{"timelock": {}}', r"timelock\.proposers is missing"),
        ('{"timelock": {"delay": 5}}', r"timelock\.delay is no field of a timelock"),
        ('{"timelock": {"proposers": 5}}', r"timelock\.proposers: Input should be"),
        ('{"timelock": {"proposers": [], "minimum_delay": 9}}', r"timelock\.proposers is empty"),
        ('{"rules": {"quorums": 2}}', r"rules\.quorums is no field of rules"),
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
        "timelock": {"proposers": [f"0x{7:040x}"], "cancellers": [f"0x{8:040x}"]},
    }
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(given))
    plan = read_plan(path)
    assert dict(plan.watcher_teams) == observers
    assert (plan.rules.challenge_period, plan.rules.merge_gap) == (3_600, 1_800)
    assert (plan.listing.floor_rate_bps, plan.listing.maximum_term) == (75, 366 * 86_400)
    assert plan.timelock == TimelockPlan([f"0x{7:040x}"], cancellers=[f"0x{8:040x}"])
    assert plan.salt == "insure"


def test_a_complaint_of_ours_is_told_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(written(salt="")))
    with pytest.raises(
        InvalidInput, match=r"plan .*plan\.json: salt is '': must be 1 to 64 printable ASCII characters$"
    ):
        read_plan(path)


def test_a_plan_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="No such file"):
        read_plan(tmp_path / "none.json")
