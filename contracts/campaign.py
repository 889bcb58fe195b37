"""The long invariant campaign, 10,000 sequences of 64 moves, in slices that can be stopped and taken up again.

    python contracts/campaign.py [--runs 10000] [--slice 100] [--workers 2] [--minutes 60]

Each slice is a seed of its own. Which ones passed is kept in cache/campaign.json, together with a hash of the sources:
after a change of the contracts or of the invariants the campaign begins anew.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent
PROGRESS = ROOT / "cache" / "campaign.json"
FORGE = str(ROOT / "toolchain" / "forge")
SOURCES = ("src", "test", "campaign", "foundry.toml", "package-lock.json")


@dataclass(frozen=True)
class Plan:
    """How many sequences in all, how many in a slice, and of how many moves."""

    runs: int
    slice: int
    depth: int

    @property
    def seeds(self) -> range:
        """One for each slice."""
        return range(1, -(-self.runs // self.slice) + 1)

    def key(self, sources: str) -> str:
        """What results are good for: these sources, cut up like this."""
        return f"{sources} {self.slice}x{self.depth}"


def fingerprint(root: Path = ROOT) -> str:
    """Hash of everything that the result depends on."""
    digest = hashlib.sha256()
    for name in SOURCES:
        found = [root / name] if (root / name).is_file() else sorted((root / name).rglob("*.sol"))
        for path in found:
            digest.update(f"{path.relative_to(root)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def passed(key: str, progress: Path = PROGRESS) -> set[int]:
    """The seeds that passed already; none if they passed for anything else."""
    if not progress.is_file():
        return set()
    kept = json.loads(progress.read_text())
    return set(kept["seeds"]) if kept["key"] == key else set()


def keep(key: str, seeds: Iterable[int], progress: Path = PROGRESS) -> None:
    """Writes down what passed, at once or not at all."""
    progress.parent.mkdir(exist_ok=True)
    fresh = progress.with_suffix(".new")
    fresh.write_text(json.dumps({"key": key, "seeds": sorted(seeds)}))
    fresh.replace(progress)


def run(plan: Plan, seed: int) -> tuple[int, str]:
    """One slice; forge's exit code and what it said."""
    environment = {
        **os.environ,
        "FOUNDRY_PROFILE": "campaign",
        "FOUNDRY_INVARIANT_RUNS": str(plan.slice),
        "FOUNDRY_INVARIANT_DEPTH": str(plan.depth),
        "RAYON_NUM_THREADS": "1",
    }
    arguments = ["test", "--match-test", "invariant_AllOfThem", "--fuzz-seed", hex(seed)]
    done = subprocess.run([FORGE, *arguments], env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def campaign(plan: Plan, workers: int, deadline: float) -> int:
    """Runs what is missing until the deadline; 1 as soon as a slice fails."""
    key = plan.key(fingerprint())
    done = passed(key)
    missing = [seed for seed in plan.seeds if seed not in done]
    running: dict[Future[tuple[int, str]], int] = {}
    with ThreadPoolExecutor(workers) as pool:
        while running or (missing and time.monotonic() < deadline):
            while missing and len(running) < workers and time.monotonic() < deadline:
                seed = missing.pop(0)
                running[pool.submit(run, plan, seed)] = seed
            for finished in wait(running, return_when=FIRST_COMPLETED).done:
                seed = running.pop(finished)
                code, said = finished.result()
                if code != 0:
                    print(f"seed {hex(seed)} fails:\n{said}")
                    return 1
                done.add(seed)
                keep(key, done)
                print(f"{len(done) * plan.slice} of {plan.runs} sequences of {plan.depth} moves passed", flush=True)
    if missing:
        print("not all yet: run again to go on")
    return 0


def main() -> int:
    """Compiles once, then runs slices."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--slice", type=int, default=100)
    parser.add_argument("--depth", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no slice after so long")
    options = parser.parse_args()
    subprocess.run([FORGE, "build"], env={**os.environ, "FOUNDRY_PROFILE": "campaign"}, check=True)
    plan = Plan(options.runs, options.slice, options.depth)
    return campaign(plan, options.workers, time.monotonic() + 60 * options.minutes)


if __name__ == "__main__":
    sys.exit(main())
