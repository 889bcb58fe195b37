"""Runs slither over src/ and fails on every finding that findings.toml does not explain."""

import json
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent


def place(element: dict[str, Any]) -> str:
    """`Contract.function` or `Contract.variable` of what slither points at."""
    names: list[str] = []
    while element:
        kind, parent = element["type"], element.get("type_specific_fields", {}).get("parent") or {}
        local = kind == "variable" and parent.get("type") == "function"
        if kind != "node" and not local:
            names.insert(0, element["name"])
        element = parent
    return ".".join(names)


def findings(report: dict[str, Any]) -> dict[tuple[str, str], str]:
    """By detector and place: what slither says of it."""
    found = report["results"].get("detectors", [])
    return {(each["check"], place(each["elements"][0])): each["description"].strip() for each in found}


def unexplained(found: dict[tuple[str, str], str], reasons: dict[str, dict[str, str]]) -> list[str]:
    """The descriptions of what no reason is given for."""
    return [
        f"[{check}] {where}: {text}"
        for (check, where), text in sorted(found.items())
        if not {"*", where} & set(reasons.get(check, {}))
    ]


def outdated(found: dict[tuple[str, str], str], reasons: dict[str, dict[str, str]]) -> list[str]:
    """Reasons for what slither no longer finds."""
    checks = {check for check, _ in found}
    return [
        f"[{check}] {where}"
        for check, places in reasons.items()
        for where in places
        if (check, where) not in found and not (where == "*" and check in checks)
    ]


def run_slither(slither: str, folder: Path) -> dict[str, Any]:
    """Slither's report on a fresh, unoptimised build; raises `RuntimeError` with its output if it has none."""
    report = folder / "report.json"
    environment = {
        **os.environ,
        "PATH": f"{ROOT / 'toolchain'}{os.pathsep}{Path(slither).parent}{os.pathsep}{os.environ['PATH']}",
        "FOUNDRY_OPTIMIZER": "false",
        "FOUNDRY_OUT": str(folder / "out"),
        "FOUNDRY_CACHE_PATH": str(folder / "cache"),
    }
    arguments = ["--foundry-out-directory", str(folder / "out"), "--filter-paths", "node_modules|test/"]
    done = subprocess.run(
        [slither, ".", *arguments, "--json", str(report)], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    if not report.is_file():
        raise RuntimeError(f"slither gave no report:\n{done.stdout}\n{done.stderr}")
    told: dict[str, Any] = json.loads(report.read_text())
    if not told["success"]:
        raise RuntimeError(f"slither failed: {told['error']}")
    return told


def main() -> int:
    """Prints what is not explained; 1 if there is anything. The argument is slither's executable."""
    reasons = tomllib.loads((ROOT / "findings.toml").read_text())
    with tempfile.TemporaryDirectory() as folder:
        found = findings(run_slither(str(Path(sys.argv[1]).absolute()), Path(folder)))
    new = unexplained(found, reasons)
    print("\n".join(new or [f"slither: {len(found)} findings, all explained in findings.toml"]))
    for each in outdated(found, reasons):
        print(f"no longer found, take it out of findings.toml: {each}")
    return 1 if new else 0


if __name__ == "__main__":
    sys.exit(main())
