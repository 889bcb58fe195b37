"""The import direction that holds the parts together."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

PURE = {
    "insure.records",
    "insure.errors",
    "insure.quoting",
    "insure.claims",
    "insure.exposure",
    "insure.decisions",
}
"""Modules that take values and return values; `pricing_models` is pure as a whole."""

EFFECTS = (
    "sqlmodel",
    "sqlalchemy",
    "web3",
    "websockets",
    "httpx",
    "fastapi",
    "uvicorn",
    "apscheduler",
    "dash",
    "socket",
    "os",
    "time",
)

LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"records", "errors", "files"}),
    frozenset({"quoting", "claims", "exposure", "decisions", "settings"}),
    frozenset(
        {"store", "migrations", "dataset", "universe", "overrides", "floors", "fits", "look_back", "chain", "client"}
    ),
    frozenset(
        {
            "book",
            "tail_file",
            "trigger_file",
            "ingest",
            "watcher",
            "key_lease",
            "rebuild",
            "payouts",
            "watchtower",
            "simulation",
            "pool_report",
            "desk",
            "evidence",
            "ops",
        }
    ),
    frozenset({"engine"}),
    frozenset(
        {
            "record_counts",
            "alerts",
            "logs",
            "demo",
            "installation",
            "jobs",
            "run_times",
            "key_change",
            "api",
            "terminal",
            "model_tables",
            "cover_options",
            "pool_tables",
            "price_tables",
            "portfolio_cli",
        }
    ),
    frozenset({"cli", "model_cli", "outages_cli", "review_cli"}),
)
"""Of `insure`, lowest first: a module imports from its own layer or a lower one."""

MAY_START_THE_DASHBOARD = {"cli", "demo"}


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def part(name: str) -> str:
    pieces = name.split(".")
    return pieces[1] if len(pieces) > 1 else ""


def layer(name: str) -> int:
    return next(i for i, names in enumerate(LAYERS) if name in names)


@pytest.mark.parametrize("path", sources("pricing_models"), ids=module_of)
def test_the_models_import_nothing_of_ours_and_have_no_effects(path: Path) -> None:
    for name in imports_of(path):
        assert not name.startswith(("insure", "dashboard")), f"{module_of(path)} imports {name}"
        assert name.split(".")[0] not in EFFECTS, f"{module_of(path)} imports {name}"


@pytest.mark.parametrize("path", sources("insure"), ids=module_of)
def test_a_module_of_insure_imports_only_from_its_own_layer_or_lower(path: Path) -> None:
    own = part(module_of(path))
    if not own:
        return
    for name in imports_of(path):
        if name.startswith("dashboard"):
            assert own in MAY_START_THE_DASHBOARD, f"{module_of(path)} imports {name}"
        elif name.startswith("insure.") and part(name) != own:
            assert layer(part(name)) <= layer(own), f"{module_of(path)} imports {name}"


@pytest.mark.parametrize("path", sources("insure"), ids=module_of)
def test_pure_modules_import_no_effects(path: Path) -> None:
    if ".".join(module_of(path).split(".")[:2]) not in PURE:
        return
    for name in imports_of(path):
        assert name.split(".")[0] not in EFFECTS, f"{module_of(path)} imports {name}"


@pytest.mark.parametrize("path", sources("insure"), ids=module_of)
def test_only_settings_reads_the_environment(path: Path) -> None:
    if module_of(path) == "insure.settings":
        return
    assert "os.environ" not in path.read_text(), module_of(path)
    assert "getenv" not in path.read_text(), module_of(path)


@pytest.mark.parametrize("path", sources("insure") + sources("dashboard"), ids=module_of)
def test_only_the_chain_package_imports_web3(path: Path) -> None:
    if module_of(path).startswith("insure.chain"):
        return
    assert not any(name.split(".")[0] == "web3" for name in imports_of(path)), module_of(path)
