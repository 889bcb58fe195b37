"""What docs/operations.md and its examples name is there: settings, metrics, commands, runbooks, files."""

import re
from dataclasses import fields
from pathlib import Path
from unittest.mock import MagicMock

import pytest
import typer.main

from insure.alerts import AlertKind
from insure.cli import app
from insure.installation import Installation, jobs_aside
from insure.key_change import KeyChange
from insure.settings import Settings
from tests.test_alerts import SECRET
from tests.test_metrics import told

DOCS = Path(__file__).resolve().parent.parent / "docs"
FILES = ("operations.md", "examples/insure.service", "examples/Containerfile", "examples/alerts.yml")
PAGE = (DOCS / "operations.md").read_text(encoding="utf-8")


def text(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FILES)
def test_its_settings_are_settings(name: str) -> None:
    known = {f"INSURE_{field.name.upper()}" for field in fields(Settings)}
    named = set(re.findall(r"\bINSURE_[A-Z_]+[A-Z]", text(name)))
    assert {setting.removesuffix("_FILE") for setting in named} <= known


@pytest.mark.parametrize("name", FILES)
def test_its_metrics_are_exposed(name: str) -> None:
    exposed = {metric for metric, *_ in told()}
    assert set(re.findall(r"\binsure_[a-z_]+[a-z]", text(name))) <= exposed


def test_its_commands_exist() -> None:
    commands = typer.main.get_command(app)
    for words in re.findall(r"`insure ([a-z ]+?)(?: [A-Z-].*?)?`", PAGE):
        found = commands
        for word in words.split():
            found = found.commands[word]  # type: ignore[attr-defined]  # a KeyError names the command


def test_its_jobs_are_those_that_run_and_as_often() -> None:
    nobody = MagicMock()  # jobs are looked at, not run
    installation = Installation(nobody, nobody, nobody, nobody, nobody, tower=nobody, relays=(nobody,))
    aside = jobs_aside(Settings(alert_url="https://alerts.example", alert_secret=SECRET), nobody, nobody)
    jobs = [*installation.timetable(), KeyChange(installation, Settings(), Settings).job, *aside]
    rows = re.findall(r"^\| `([a-z ]+)` \| (\d+) s(, every head)? \|", PAGE, re.MULTILINE)
    assert [(name, int(every), bool(head)) for name, every, head in rows] == [
        (job.name, job.every_seconds, job.on_head) for job in jobs
    ]


def test_every_alert_names_a_runbook_of_the_page() -> None:
    runbooks = set(re.findall(r"^### (.+)$", PAGE, re.MULTILINE))
    named = re.findall(r"\{runbook: (.+?)\}", text("examples/alerts.yml"))
    assert len(named) == text("examples/alerts.yml").count("- alert:")
    assert set(named) == runbooks - {"A dead path, or beats that nobody pays for"}, "each but one has a rule"


def test_its_kinds_of_alert_are_those_that_there_are() -> None:
    (kinds,) = re.findall(r"Kinds: (.+?)\.\n", PAGE)
    assert set(re.findall(r"`(\w+)`", kinds)) == set(AlertKind)


@pytest.mark.parametrize("link", re.findall(r"\]\((?!https)([^)]+)\)", PAGE))
def test_its_links_lead_somewhere(link: str) -> None:
    assert (DOCS / link).is_file()


def test_the_unit_starts_what_there_is_and_stops_it_gracefully() -> None:
    unit = text("examples/insure.service")
    assert re.search(r"^ExecStart=\S+/insure run$", unit, re.MULTILINE)
    assert "KillSignal=SIGTERM" in unit
