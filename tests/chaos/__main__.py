"""`python -m tests.chaos`: the campaign over seeds, in several processes, which goes on where it was stopped."""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

from tests.chaos.run import run
from tests.postgres import binaries, postgres

RECORD = Path(".chaos/seeds.jsonl")
LONGEST_RUN = 300
"""Seconds after which a run is a failure of its own."""


def main() -> int:
    """Ends with 1 if any seed failed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--runs", type=int, default=200, help="how many seeds, those of earlier campaigns apart")
    arguments.add_argument("--workers", type=int, default=2)
    arguments.add_argument("--seed", type=int, help="replay this one, and tell all that was done")
    chosen = arguments.parse_args()
    if chosen.seed is not None:
        return replay(chosen.seed)
    RECORD.parent.mkdir(exist_ok=True)
    known = [json.loads(line) for line in RECORD.read_text().splitlines()] if RECORD.exists() else []
    first = 1 + max((each["seed"] for each in known), default=0)
    began = time.monotonic()
    with ThreadPoolExecutor(chosen.workers) as pool:
        failed = [seed for seed, ok in pool.map(_in_a_process, range(first, first + chosen.runs)) if not ok]
    seconds = time.monotonic() - began
    print(f"{chosen.runs} runs from seed {first} on in {seconds:.0f} s, {len(failed)} failed: {failed or 'none'}")
    return 1 if failed else 0


def replay(seed: int) -> int:
    """One seed, on the database that its number stands for; prints what was done and what is wrong."""
    on_postgres = seed % 2 == 0 and binaries() is not None
    with tempfile.TemporaryDirectory() as folder, postgres() if on_postgres else nullcontext() as server:
        url = f"sqlite:///{folder}/chaos.sqlite" if server is None else server.database(empty=True)
        try:
            wrong, told = run(seed, url)
        except Exception:  # whatever ends a run is what the campaign looks for
            wrong, told = [traceback.format_exc()], []
    print("\n".join(told))
    print("\n".join(wrong) or "nothing is wrong")
    return 1 if wrong else 0


def _in_a_process(seed: int) -> tuple[int, bool]:
    """A seed in a process of its own, noted when it is over."""
    command = [sys.executable, "-m", "tests.chaos", "--seed", str(seed)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_RUN, check=False)
        ok, output = done.returncode == 0, done.stdout + done.stderr
    except subprocess.TimeoutExpired as late:
        ok, output = False, f"not done after {LONGEST_RUN} s\n{late.stdout!r}"
    if not ok:
        (RECORD.parent / f"failed-{seed}.log").write_text(output)
    what = next((line for line in output.splitlines() if " policies, " in line), "")
    with RECORD.open("a") as record:
        record.write(json.dumps({"seed": seed, "ok": ok, "what": what}) + "\n")
    print(f"seed {seed}: {what}" if ok else f"seed {seed} FAILED: see {RECORD.parent}/failed-{seed}.log", flush=True)
    return seed, ok


if __name__ == "__main__":
    sys.exit(main())
