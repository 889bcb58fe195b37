"""How fast the mirror catches up, and how soon cover is paid: `python -m benchmarks.watcher [--json] [--save FILE]`.

logs_per_s            logs taken into a new SQLite file from a node that answers from memory, in a process of its own
catch_up_ratio        that time by what bare `eth_getLogs` and ABI decoding of the same logs take; target 1.5 at most
peak_mib              most memory of the process that catches up; `peak_mib_fifth` that with a fifth of the logs
latency_blocks_*      blocks from the first in which cover is payable to that in which it is paid: whole batches, over
                      incidents of eight triggers, on an anvil that mines every second
claims_10000_s        until 10,000 policies that one outage hits are paid, on an anvil with blocks of 30 million gas

Each figure of the first three is a median of several runs, bare and whole in turn.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.market import market
from benchmarks.paying import claims_of_many, latencies, quantile
from benchmarks.provenance import ON_ANVIL, provenance
from insure.chain.codec import abi
from insure.chain.contracts import Decoder
from insure.chain.rpc import Chain
from insure.records.deployment import Deployment
from insure.store import Store
from insure.watcher import Watcher

LOGS = 1_000_000
POLICIES = 10_000
INCIDENTS = 12
RUNS = 3
BARE_BLOCKS = 1_000
"""At once: as many logs as the watcher wants."""


KINDS = {
    "Beat": ("HeartbeatPath", "Beat", 2),
    "SpellReported": ("WatcherPath", "SpellReported", 3),
    "Deposit": ("CoverPool", "Deposit", 3),
    "Mint": ("PolicyBook", "Transfer", 4),
    "Sale": ("PolicyBook", "PolicyBought", 4),
}
"""What a history is made of: contract, event, and how many topics its logs have."""


def record(folder: Path) -> None:
    """Lets a small market live a little and keeps its logs, one of each kind as a template, and its manifest."""
    with market() as opened:
        opened.grow(16, 8)
        opened.come_back()
        chain = opened.chain
        logs = chain.request("eth_getLogs", {"address": list(Decoder(opened.deployment).addresses), "fromBlock": "0x0"})
        templates = {kind: _example(logs, *which) for kind, which in KINDS.items()}
        recorded = {"chain_id": chain.chain_id, "time": opened.now, "logs": logs, "templates": templates}
        (folder / "logs.json").write_text(json.dumps(recorded))
        (folder / "deployment.json").write_text(opened.deployment.to_json())


def _example(logs: list[dict[str, Any]], contract: str, event: str, topics: int) -> dict[str, Any]:
    """The last log of an event; shares and policies have one of the same name, with another number of topics."""
    topic = abi(contract).topic(event)
    return next(log for log in reversed(logs) if log["topics"][0] == topic and len(log["topics"]) == topics)


@contextmanager
def server(folder: Path, logs: int) -> Iterator[str]:
    """The node that answers from memory, at its URL."""
    command = [sys.executable, "-m", "benchmarks.log_server", str(folder / "logs.json"), "--logs", str(logs)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.terminate()


def bare(chain: Chain, deployment: Deployment) -> int:
    """Logs that are asked for and decoded, and not kept."""
    decoder, count = Decoder(deployment), 0
    for first in range(0, chain.head().number + 1, BARE_BLOCKS):
        raw = chain.logs(decoder.addresses, first, min(first + BARE_BLOCKS - 1, chain.head().number))
        count += len([decoder.decode(log) for log in raw])
    return count


def whole(chain: Chain, deployment: Deployment, folder: Path) -> int:
    """The same into a new mirror."""
    store = Store(f"sqlite:///{folder / 'mirror.sqlite'}").create()
    return Watcher(chain, store, deployment, 0).run()


def one(kind: str, url: str, folder: Path) -> dict[str, float]:
    """One measurement, in this process."""
    deployment = Deployment.read(folder / "deployment.json")
    chain = Chain.connect(url, deployment.chain_id)
    with tempfile.TemporaryDirectory() as place:
        began = time.perf_counter()
        logs = bare(chain, deployment) if kind == "bare" else whole(chain, deployment, Path(place))
        seconds = time.perf_counter() - began
    return {"logs": logs, "seconds": seconds, "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def catch_up(logs: int, runs: int) -> dict[str, float]:
    """The first three figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        record(folder)
        with server(folder, logs // 5) as url:
            fifth = _apart("whole", url, folder)
        with server(folder, logs) as url:
            pairs = [(_apart("bare", url, folder), _apart("whole", url, folder)) for _ in range(runs)]
    counts = {each["logs"] for pair in pairs for each in pair}
    if len(counts) != 1:
        raise RuntimeError(f"bare and whole read different numbers of logs: {sorted(counts)}")
    return {
        "logs": counts.pop(),
        "logs_per_s": round(median(each["logs"] / each["seconds"] for _, each in pairs)),
        "bare_logs_per_s": round(median(each["logs"] / each["seconds"] for each, _ in pairs)),
        "catch_up_ratio": round(median(full["seconds"] / plain["seconds"] for plain, full in pairs), 3),
        "peak_mib": round(max(each["mib"] for _, each in pairs)),
        "peak_mib_fifth": round(fifth["mib"]),
    }


def _apart(kind: str, url: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.watcher", "--one", kind, url, str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def paying(policies: int, incidents: int) -> dict[str, float]:
    """The last figures."""
    seconds, gas, transactions = claims_of_many(policies)
    blocks = latencies(incidents)
    return {
        "latency_blocks_p50": quantile(blocks, 0.5),
        "latency_blocks_p99": quantile(blocks, 0.99),
        "latency_samples": len(blocks),
        "claims_10000_s": round(seconds, 1),
        "claims_10000_gas": gas,
        "claims_10000_transactions": transactions,
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--save", type=Path, help="write the figures with date, machine and commit")
    parser.add_argument("--logs", type=int, default=LOGS)
    parser.add_argument("--policies", type=int, default=POLICIES)
    parser.add_argument("--incidents", type=int, default=INCIDENTS)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--one", nargs=3, metavar=("KIND", "URL", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        kind, url, folder = options.one
        print(json.dumps(one(kind, url, Path(folder))))
        return
    figures = catch_up(options.logs, options.runs) | paying(options.policies, options.incidents)
    if options.save:
        about = provenance(" ".join(["python -m benchmarks.watcher", *sys.argv[1:]]), ON_ANVIL)
        options.save.write_text(json.dumps(about | {"figures": figures}, indent=1) + "\n")
    print(json.dumps(figures) if options.json else "\n".join(f"{key:26}{value:>14,}" for key, value in figures.items()))


if __name__ == "__main__":
    main()
