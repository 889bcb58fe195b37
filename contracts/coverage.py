"""Measures how much of src/ the tests reach and fails below 98% of lines or 95% of branches, listing what they miss."""

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent
LEAST = {"lines": 98.0, "branches": 95.0}


@dataclass
class Reached:
    """Of one source file: by line, and by (line, block, branch), how often it was reached."""

    lines: dict[int, int] = field(default_factory=dict)
    branches: dict[tuple[int, int, int], int] = field(default_factory=dict)

    @property
    def missed(self) -> list[str]:
        """Places that no test reaches."""
        lines = [f"line {line}" for line, times in self.lines.items() if times == 0]
        return lines + [f"a branch of line {line}" for (line, _, _), times in self.branches.items() if times == 0]


def read_lcov(text: str) -> dict[str, Reached]:
    """What an lcov report tells about each file of src/."""
    files: dict[str, Reached] = {}
    current = Reached()
    for row in text.splitlines():
        name, _, value = row.partition(":")
        if name == "SF":
            current = Reached()
            if value.startswith("src/"):
                files[value] = current
        elif name == "DA":
            line, times = value.split(",")[:2]
            current.lines[int(line)] = int(times)
        elif name == "BRDA":
            line, block, branch, times = value.split(",")
            current.branches[int(line), int(block), int(branch)] = 0 if times == "-" else int(times)
    return files


def shares(files: dict[str, Reached]) -> dict[str, float]:
    """Percent of all lines and of all branches that are reached."""
    lines = [times for each in files.values() for times in each.lines.values()]
    branches = [times for each in files.values() for times in each.branches.values()]
    return {
        name: 100.0 * sum(times > 0 for times in counts) / len(counts)
        for name, counts in (("lines", lines), ("branches", branches))
    }


def run_coverage(folder: Path) -> str:
    """The lcov report of the unit tests: the invariant runs reach nothing else and take most of the time."""
    report = folder / "lcov.info"
    environment = {
        **os.environ,
        "FOUNDRY_FUZZ_RUNS": "32",
        "FOUNDRY_OUT": str(folder / "out"),
        "FOUNDRY_CACHE_PATH": str(folder / "cache"),
    }
    forge = [str(ROOT / "toolchain" / "forge"), "coverage", "--report", "lcov", "--report-file", str(report)]
    done = subprocess.run(
        [*forge, "--no-match-path", "test/invariant/*"], env=environment, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise RuntimeError(f"forge coverage failed:\n{done.stdout}\n{done.stderr}")
    return report.read_text()


def main() -> int:
    """Prints the shares and what is missed; 1 if a share is too small."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lcov", type=Path, help="read this report instead of running the tests")
    given = parser.parse_args().lcov
    with tempfile.TemporaryDirectory() as folder:
        files = read_lcov(given.read_text() if given else run_coverage(Path(folder)))
    for name, each in sorted(files.items()):
        for place in each.missed:
            print(f"{name}: {place} is not reached")
    low = False
    for name, share in shares(files).items():
        low = low or share < LEAST[name]
        print(f"{name}: {share:.2f}% reached, {LEAST[name]:.0f}% wanted")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
