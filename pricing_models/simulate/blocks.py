"""A run of blocks from random numbers to the pool's payout of each year, and the trace of chosen years."""

# mypy: allow-untyped-defs, allow-untyped-calls, no-check-untyped-defs
# the compiler infers the types of kernels from their arguments

import numpy as np

from pricing_models.simulate.draws import FAILOVER, fill_words
from pricing_models.simulate.jit import compiled
from pricing_models.simulate.outages import (
    BLOCK_YEARS,
    cause_purpose,
    merge,
    own_outages,
    passed_on,
    room,
    unite,
)
from pricing_models.simulate.payouts import add_payouts, append, subtract_excess

_FLUSH = 16_384
"""Outages of one subject that are paid at a time: what they need stays in a core's second cache."""


@compiled
def run_blocks(world, no_lump, with_lump, policies, bounds, needed, chance, key, first_block, blocks, totals):
    """Add each year's payout to `totals` (zeros, 100 a block) and return how many outages met covered subjects.

    `chance` is the failover's probability in 2^-32; at 2^32 and 0 no coin is drawn.
    """
    stream, cause_first, cause_of, threshold, slot = world[0], world[12], world[13], world[14], world[15]
    policy_first = policies[0]
    own, other, mixed = np.empty(512, np.uint64), np.empty(512, np.uint64), np.empty(512, np.uint64)
    words, gaps, variates = np.empty(1024, np.uint64), np.empty(512), np.empty(512)
    drawn = np.empty(512, np.int64)
    kept = np.empty(4096, np.uint64)
    kept_first = np.zeros((np.max(slot) + 2, blocks + 1), np.int64)
    n_kept = 0
    size = _FLUSH
    times, lengths = np.empty(size, np.int32), np.empty(size, np.uint32)
    years, ranks, ordered = np.empty(size, np.int32), np.empty(size, np.int64), np.empty(size, np.uint64)
    proven = np.zeros(size, np.uint8)
    reaches = np.zeros(blocks * BLOCK_YEARS, np.int64)
    tossed = 0 < chance < 2**32
    met = 0
    for i in range(stream.size):
        if not needed[i]:
            continue
        covered = policy_first[i + 1] > policy_first[i]
        lumps = bounds[4][i]
        coins = tossed and lumps
        always = lumps and chance == 2**32
        n = 0
        for b in range(blocks):
            block = first_block + b
            count, own, words, gaps, variates, drawn = own_outages(
                world, i, block, key, own, words, gaps, variates, drawn
            )
            for link in range(cause_first[i], cause_first[i + 1]):
                cause = cause_of[link]
                at, until = kept_first[slot[cause], b], kept_first[slot[cause], b + 1]
                n_other, other, words = passed_on(
                    kept[at:until],
                    until - at,
                    threshold[link],
                    cause_purpose(world, cause),
                    np.uint64(stream[i]),
                    block,
                    key,
                    other,
                    words,
                )
                count, mixed = merge(own, count, other, n_other, mixed)
                own, mixed = mixed, own
            count = unite(own, count)
            if slot[i] >= 0:
                kept = room(kept, n_kept + count)
                if b == 0:
                    kept_first[slot[i], 0] = n_kept
                kept[n_kept : n_kept + count] = own[:count]
                n_kept += count
                kept_first[slot[i], b + 1] = n_kept
            if not covered:
                continue
            if n + count > size or n + count > _FLUSH:
                _pay(no_lump, with_lump, policies, bounds, i, times, lengths, years, proven, coins, always, n,
                     ranks, ordered, reaches, totals)  # fmt: skip
                n = 0
                if count > size:
                    size = 2 * count
                    times, lengths = np.empty(size, np.int32), np.empty(size, np.uint32)
                    years, ranks = np.empty(size, np.int32), np.empty(size, np.int64)
                    ordered, proven = np.empty(size, np.uint64), np.zeros(size, np.uint8)
            append(own, count, b * BLOCK_YEARS, times, lengths, years, n)
            if coins:
                words = room(words, count + 4)
                quads = (count + 3) >> 2
                fill_words(0, quads, FAILOVER, np.uint64(stream[i]), key[1], key[0], np.uint64(block), words)
                for j in range(count):
                    proven[n + j] = 1 if np.int64(words[j]) < chance else 0
            elif lumps:
                for j in range(count):
                    proven[n + j] = 1 if always else 0
            n += count
            met += count
        if covered:
            _pay(no_lump, with_lump, policies, bounds, i, times, lengths, years, proven, coins, always, n,
                 ranks, ordered, reaches, totals)  # fmt: skip
    return met


@compiled
def _pay(
    no_lump,
    with_lump,
    policies,
    bounds,
    i,
    times,
    lengths,
    years,
    proven,
    coins,
    always,
    n,
    ranks,
    ordered,
    reaches,
    totals,
):
    """Pay the outages that have been gathered, first without aggregate limits, then what those cut off."""
    work, least = (ranks, ordered), bounds[0][i]
    if coins:
        add_payouts(no_lump, least, i, times, lengths, years, proven, 0, n, work, totals)
        add_payouts(with_lump, least, i, times, lengths, years, proven, 1, n, work, totals)
    elif always:
        add_payouts(with_lump, least, i, times, lengths, years, proven, -1, n, work, totals)
    else:
        add_payouts(no_lump, least, i, times, lengths, years, proven, -1, n, work, totals)
    subtract_excess(policies, bounds, i, times, lengths, years, proven, n, ranks, reaches, totals)
