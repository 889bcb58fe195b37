"""`python -m tests.chaos`: the campaign over seeds, in several processes, which goes on where it was stopped."""

import argparse
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tests.chaos.worker import Databases, Result, Worker, play

FOLDER = Path(".chaos")
RECORD = FOLDER / "seeds.jsonl"


def main() -> int:
    """Ends with 1 if any seed failed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--runs", type=int, default=200, help="how many seeds, those of earlier campaigns apart")
    several = 2 * (os.cpu_count() or 1)  # a run waits half of its time
    arguments.add_argument("--workers", type=int, default=several)
    arguments.add_argument("--seed", type=int, help="replay this one, and tell all that was done")
    chosen = arguments.parse_args()
    if chosen.seed is not None:
        with Databases() as databases:
            result = play(chosen.seed, databases)
        print("\n".join([*result.told, *(result.wrong or ["nothing is wrong"])]))
        return 1 if result.wrong else 0
    return campaign(chosen.runs, chosen.workers)


def campaign(runs: int, workers: int) -> int:
    """So many seeds after those on record; each is noted when it is over, and what a failing one told is kept."""
    FOLDER.mkdir(exist_ok=True)
    known = [json.loads(line) for line in RECORD.read_text().splitlines()] if RECORD.exists() else []
    first = 1 + max((each["seed"] for each in known), default=0)
    began = time.monotonic()
    idle: SimpleQueue[Worker] = SimpleQueue()
    for number in range(workers):
        idle.put(Worker(FOLDER / f"worker-{number}.log"))

    def run(seed: int) -> bool:
        worker = idle.get()
        result = worker.play(seed)
        _note(seed, result)
        idle.put(worker)
        return not result.wrong

    with ThreadPoolExecutor(workers) as pool:
        seeds = range(first, first + runs)
        failed = [seed for seed, well in zip(seeds, pool.map(run, seeds), strict=True) if not well]
    for _ in range(workers):
        idle.get().end()
    seconds = time.monotonic() - began
    print(f"{runs} runs from seed {first} on in {seconds:.0f} s, {len(failed)} failed: {failed or 'none'}")
    return 1 if failed else 0


def _note(seed: int, result: Result) -> None:
    what = next((line for line in result.told if " policies, " in line), "")
    if result.wrong:
        (FOLDER / f"failed-{seed}.log").write_text("\n".join([*result.told, *result.wrong]))
        what = f"FAILED: see {FOLDER}/failed-{seed}.log"
    with RECORD.open("a") as record:
        record.write(json.dumps({"seed": seed, "ok": not result.wrong, "what": what}) + "\n")
    print(f"seed {seed}: {what}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
