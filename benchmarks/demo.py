"""How long the main job takes, set-up of the environment apart: medians over whole runs of the command."""

import argparse
import json
import platform
import statistics
import subprocess
import sys
from datetime import UTC, datetime

REPLAY = "eip155:42161@2023-12-15"


def seconds_of(arguments: list[str]) -> float:
    """One run of `insure demo` in a process of its own; what it says of itself, in seconds."""
    command = [sys.executable, "-c", "from insure.cli import main; main()", "demo", "--json", *arguments]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    if told["owed"] != told["paid"]:
        raise RuntimeError(f"owed {told['owed']} but paid {told['paid']}")
    return float(told["seconds"])


def main() -> None:
    """Prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="without it too: there is no other output")
    runs = parser.parse_args().runs
    kinds = {"demo_s": [], "replay_s": ["--replay", REPLAY]}
    figures = {name: [seconds_of(arguments) for _ in range(runs)] for name, arguments in kinds.items()}
    summary = {
        name: {"median": statistics.median(each), "min": min(each), "max": max(each)} for name, each in figures.items()
    }
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    print(json.dumps({**summary, "runs": runs, "date": datetime.now(UTC).date().isoformat(), "machine": machine}))


if __name__ == "__main__":
    main()
