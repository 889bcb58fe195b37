"""The log: text or JSON, from the level that is asked for, and no address that a library calls."""

import json
import logging

import pytest

from insure.logs import configure
from insure.settings import Settings


@pytest.fixture(autouse=True)
def as_before() -> object:
    """Gives the root logger back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def test_json_is_an_object_a_line_with_the_failure_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Settings(log_format="json"))
    try:
        raise ValueError("no endpoint")
    except ValueError:
        logging.getLogger("insure.jobs").exception("job %s failed", "claim")
    (line,) = capsys.readouterr().err.splitlines()
    told = json.loads(line)
    assert (told["level"], told["logger"], told["message"]) == ("ERROR", "insure.jobs", "job claim failed")
    assert "ValueError: no endpoint" in told["exc_info"]
    assert told["time"].startswith("20")


def test_text_is_for_a_person(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Settings())
    logging.getLogger("insure.jobs").warning("late")
    assert capsys.readouterr().err.endswith(" WARNING insure.jobs: late\n")


def test_less_than_the_level_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Settings(log_level="error"))
    logging.getLogger("insure").warning("late")
    assert capsys.readouterr().err == ""
    configure(Settings(log_level="info"))
    logging.getLogger("insure").info("fine")
    assert "fine" in capsys.readouterr().err


def test_libraries_do_not_tell_the_addresses_they_call(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Settings(log_level="debug"))
    logging.getLogger("httpx").info("HTTP Request: GET https://node.example/v2/secret-key")
    logging.getLogger("websockets.client").debug("> GET /v2/secret-key HTTP/1.1")
    logging.getLogger("urllib3.connectionpool").debug("https://node.example:443 POST /v2/secret-key")
    assert "secret" not in capsys.readouterr().err
