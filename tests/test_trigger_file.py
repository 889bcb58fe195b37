"""A trigger written down is the one whose basis risk is priced, and what is wrong with it is said by field."""

import json
from pathlib import Path

import pytest

from insure.errors import InvalidInput
from insure.trigger_file import parse_trigger, read_trigger
from pricing_models.errors import InvalidTerms
from pricing_models.observation import HEARTBEAT, STANDARD_TRIGGER, WATCHERS, Trigger
from pricing_models.premium import Judgement

LIGHT_CLIENT = {
    "name": "light client",
    "start_seconds": [0, 30, 60],
    "end_seconds": 600,
    "miss": [0, 0.01, 0.02],
    "false_alarms": 0,
    "false_seconds": 900,
}


def written(**changes: object) -> str:
    return json.dumps({"quorum": 2, "paths": ["watchers", "watchers", "heartbeat"]} | changes)


def test_usual_kinds_are_known_by_name() -> None:
    assert parse_trigger(written()) == STANDARD_TRIGGER


def test_figures_replace_those_of_the_kind() -> None:
    found = parse_trigger(written(paths=["heartbeat", {"name": "watchers", "miss": 0.5}], common_alarms=[0, 0, 1]))
    assert found.paths[0] == HEARTBEAT
    assert found.paths[1].miss == Judgement(0.5, 0.5, 0.5)
    assert found.paths[1].end_seconds == WATCHERS.end_seconds
    assert found.common_alarms == Judgement(0.0, 0.0, 1.0)


def test_a_path_of_another_kind_says_all_of_itself() -> None:
    found = parse_trigger(written(paths=["watchers", LIGHT_CLIENT]))
    assert isinstance(found, Trigger)
    assert (found.paths[1].name, found.paths[1].start_seconds) == ("light client", Judgement(0.0, 30.0, 60.0))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "^not JSON"),
        ("[]", r"^trigger is \[\]: must be an object"),
        (written(quorums=2), "^trigger has quorums: its fields are quorum, paths"),
        (written(quorum="two"), "^quorum is 'two': must be a whole number"),
        (written(quorum=4), "^quorum is 4: must be from 1 to the number of paths, 3"),
        (written(paths="watchers"), "^paths is 'watchers': must be a list"),
        (written(paths=[]), "^paths are 0: must be 1 to"),
        (written(paths=["oracle"]), r"^paths\[0\] is 'oracle': must be watchers or heartbeat"),
        (written(paths=[{"miss": 1}]), r"^paths\[0\].name is None"),
        (written(paths=[{"name": "x", "miss": 1}]), r"^paths\[0\] lacks start_seconds, end_seconds, false_alarms"),
        (written(paths=[{"name": "watchers", "misses": 1}]), r"^paths\[0\] has misses: its fields are name"),
        (written(paths=[{"name": "watchers", "miss": [0, 1]}]), r"^paths\[0\].miss is \[0, 1\]: must be a number"),
        (
            written(paths=[{"name": "watchers", "miss": [1, 0, 1]}]),
            r"^paths\[0\].miss is \[1, 0, 1\]: must be 0 <= low",
        ),
        (written(paths=[{"name": "watchers", "miss": "nan"}]), r"^paths\[0\].miss is 'nan'"),
        (written(common_seconds=0), "^common_seconds is .* must be positive"),
        (written(common_seconds=1e300), "^common_seconds is .* must be at most 604800"),
        (written(common_alarms=1e308), "^common_alarms is .* must be at most 1000 a year"),
        (written(paths=[{"name": "watchers", "false_alarms": 1e300}]), "^false_alarms of watchers .* at most 1000"),
        (written(paths=[{"name": "watchers", "start_seconds": 1e9}]), "^start_seconds of watchers .* at most 604800"),
        (
            written(paths=[{"name": "watchers", "false_alarms": 900, "false_seconds": 86_400}]),
            "^false_alarms of watchers are .* must be less than all the time",
        ),
        (written().replace("2", "1e999"), "^quorum is inf"),
    ],
)
def test_what_is_wrong_is_said_by_field(text: str, message: str) -> None:
    with pytest.raises((InvalidInput, InvalidTerms), match=message):
        parse_trigger(text)


def test_a_file_is_named_with_what_is_wrong_in_it(tmp_path: Path) -> None:
    (tmp_path / "paths.json").write_text(written(quorum=9))
    with pytest.raises(InvalidInput, match=r"^--trigger .*paths\.json: quorum is 9"):
        read_trigger(tmp_path / "paths.json")
    with pytest.raises(InvalidInput, match="can't be read: No such file"):
        read_trigger(tmp_path / "none.json")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInput, match="is no text"):
        read_trigger(tmp_path / "bytes.json")
