"""What README says holds: its commands run, its files are there, its targets exist."""

import ast
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from insure.client import Client

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()


def commands() -> list[str]:
    """Every `insure ...` line that runs without a chain of one's own."""
    lines = re.findall(r"^\s*(?:\$ )?\.venv/bin/(insure [^#\n]*)", README, flags=re.MULTILINE)
    return [line.strip() for line in lines]


def test_it_can_be_read_in_a_minute() -> None:
    assert len(README.splitlines()) < 120


@pytest.mark.parametrize("command", commands())
def test_its_commands_run(command: str, tmp_path: Path) -> None:
    arguments = shlex.split(command)[1:]
    (tmp_path / "results").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", "from insure.cli import main; main()", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,  # what a command writes, it writes there
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_it_names_every_command_line_it_means_to() -> None:
    assert {shlex.split(command)[1] for command in commands()} == {"demo", "subjects", "price", "model"}


@pytest.mark.parametrize("target", sorted(set(re.findall(r"make ([a-z-]+)", README))))
def test_its_targets_exist(target: str) -> None:
    assert re.search(rf"^{target}:", MAKEFILE, flags=re.MULTILINE)


def tree() -> list[Path]:
    """The paths of the tree, each entry beneath the folder it is indented under."""
    start = README.index("## Where things are")
    block = README[start : README.index("##", start + 3)]
    found: list[Path] = []
    folder = ROOT
    for line in block.splitlines():
        entry = re.match(r"( {4,})((?:[\w.]+/? )+) +\S", line)
        if entry is None:
            continue
        inner = len(entry[1]) > 4
        names = entry[2].split()
        if not inner:
            folder = ROOT / names[0] if names[0].endswith("/") else ROOT
        found += [(folder if inner else ROOT) / name for name in names]
    return found


@pytest.mark.parametrize("path", tree(), ids=lambda path: str(path.relative_to(ROOT)))
def test_what_its_tree_shows_is_there(path: Path) -> None:
    assert path.exists() or path.with_suffix("").is_dir()


def test_its_tree_was_read() -> None:
    assert len(tree()) > 20


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", README))
def test_its_links_lead_somewhere(link: str) -> None:
    assert (ROOT / link).is_file()


def test_its_python_is_python_and_calls_what_the_client_has() -> None:
    [block] = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    calls = {
        node.func.attr
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert calls <= set(dir(Client))
    assert calls == {"quote", "buy"}
