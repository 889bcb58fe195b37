"""What each verb costs on the chain: `python -m benchmarks.gas [--json] [--save results/gas.json]`.

Gas of whole transactions, as receipts tell it (call data and the 21,000 included), of the committed artifacts on an
anvil with 10, 1,000 and 10,000 policies in force: eight triggers, forty buyers, five stakers, terms of 180 to 365 days
that begin on many days. Each figure is a median. What the measured transactions meet:

buy             five days, five sales a day while the market goes on selling as it grew, all heartbeats just heard:
                buyers who hold policies already and have approved the pool for good, premium buckets used or fresh as
                they fall (with 2 sales a day mostly fresh, with 20 mostly used), once a day the day's accrual; a
                signature by a plain key
deposit         five stakers who hold shares and have approved, five a day; once a day the day's accrual
requestRedeem   the same, each staker's first request of that day: a new request each, the first of the day a new batch
propose         a first checkpoint of one span, from three watcher paths and a heartbeat that has been silent for four
                hours; each trigger has had an incident before
confirm         its confirmation, which writes start, end and span
claim           a keeper claims for holders who have money already, in full, three hours owed; of each trigger the first
                claim also latches the pool's reserve
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks.market import DAY, HOUR, Market, market
from benchmarks.provenance import ON_ANVIL, provenance

SIZES = (10, 1_000, 10_000)
SALES_A_DAY = {10: 2, 1_000: 20, 10_000: 225}
TARGETS = {
    "buy": 300_000,
    "claim": 140_000,
    "deposit": 120_000,
    "requestRedeem": 100_000,
    "propose": 250_000,
    "confirm": 200_000,
}
USD = 10**6

Samples = dict[str, list[int]]


def daily(market: Market, sales: int) -> Samples:
    """Five days of deposits, requests and so many sales, five of which are measured."""
    found: Samples = {"buy": [], "deposit": [], "requestRedeem": []}
    for _ in range(5):
        market.wait(DAY - DAY // 4)
        market.sell(max(0, sales - len(market.stakers)))
        for staker in market.stakers:
            market.wait(DAY // 20)
            market.come_back()
            found["buy"].append(market.buy())
            found["deposit"].append(market.send(market.pool.deposit(25_000 * USD + 1, staker), staker))
            shares = market.pool.balance_of(staker) // 1_000
            request = market.pool.request_redeem(shares, staker, staker)
            found["requestRedeem"].append(market.send(request, staker))
    return found


def incident(market: Market, policies: int) -> Samples:
    """One outage of all subjects: proposed, confirmed, claimed by the first of so many policies."""
    market.outage(hours=4)
    triggers = [trigger.trigger_id for trigger in market.deployment.triggers]
    found: Samples = {"propose": [market.send(market.book.propose(each), market.keeper) for each in triggers]}
    market.come_back()
    market.wait(HOUR)
    found["confirm"] = [market.send(market.book.confirm(each, 0), market.keeper) for each in triggers]
    first = market.policy_ids[: min(24, policies)]
    found["claim"] = [market.send(market.policies.claim(each, 1), market.keeper) for each in first]
    paid = sum(market.policies.policy(each).paid > 0 for each in first)
    if paid < len(first):
        raise RuntimeError(f"only {paid} of {len(first)} claims paid anything")
    return found


def measure(sizes: tuple[int, ...], say: Callable[[str], None]) -> dict[int, Samples]:
    """The samples of every verb, by the number of policies in the pool."""
    found: dict[int, Samples] = {}
    with market() as opened:
        for size in sizes:
            opened.grow(size, SALES_A_DAY[size])
            with opened.undone():
                found[size] = daily(opened, SALES_A_DAY[size]) | incident(opened, size)
            say(f"{size} policies: " + ", ".join(f"{verb} {median(found[size][verb]):,.0f}" for verb in TARGETS))
    return found


def summary(found: dict[int, Samples]) -> dict[str, dict[str, int]]:
    """Medians; `median` is that with 1,000 policies, `most` the largest transaction among those."""
    few, usual, many = (found[size] for size in SIZES)
    return {
        verb: {
            "median": round(median(usual[verb])),
            "at_10": round(median(few[verb])),
            "at_10000": round(median(many[verb])),
            "most": max(usual[verb]),
        }
        for verb in TARGETS
    }


def table(figures: dict[str, dict[str, int]]) -> str:
    """The figures against the targets."""
    lines = [f"{'':14}{'target':>10}{'median':>10}{'at 10':>10}{'at 10000':>10}{'most':>10}"]
    for verb, row in figures.items():
        held = "" if row["median"] <= TARGETS[verb] else "  above"
        cells = (TARGETS[verb], row["median"], row["at_10"], row["at_10000"], row["most"])
        lines.append(f"{verb:14}" + "".join(f"{cell:>10,}" for cell in cells) + held)
    return "\n".join(lines)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--save", type=Path, help="write the figures with date, machine and commit")
    options = parser.parse_args()
    figures = summary(measure(SIZES, lambda text: print(text, file=sys.stderr, flush=True)))
    if options.save:
        whole = {**provenance("python -m benchmarks.gas --json", ON_ANVIL), "targets": TARGETS, "gas": figures}
        options.save.write_text(json.dumps(whole, indent=1) + "\n")
    print(json.dumps(figures) if options.json else table(figures))


if __name__ == "__main__":
    main()
