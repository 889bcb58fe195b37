"""A run of blocks from random numbers to the pool's payout of each year."""

# mypy: allow-untyped-defs, allow-untyped-calls, no-check-untyped-defs
# the compiler infers the types of kernels from their arguments

import numpy as np

from pricing_models.jit import compiled
from pricing_models.simulate.draws import FAILOVER, fill_words
from pricing_models.simulate.limits import pay_by_policy
from pricing_models.simulate.outages import (
    BLOCK_YEARS,
    cause_purpose,
    draw_parameters,
    law_of,
    merge,
    own_outages,
    passed_on,
    room,
    unite,
)
from pricing_models.simulate.payouts import add_by_sweep, add_from_table, append

_AT_ONCE = 2_048
"""Outages of one subject that are paid from a table at a time: what they need stays in a core's first cache."""
_SWEPT = 16_384
"""The same where the book's changes are swept: in its second cache."""


@compiled
def run_blocks(world, no_lump, with_lump, policies, bounds, needed, chance, key, first_block, blocks, totals):
    """Add each year's payout to `totals` (zeros, 100 a block) and return how many outages met covered subjects.

    `chance` is the failover's probability in 2^-32; at 2^32 and 0 no coin is drawn.
    """
    slot, policy_first = world[14], policies[0]
    parameters = draw_parameters(world, needed, key, first_block, blocks)
    kept, kept_first, n_kept = np.empty(4096, np.uint64), np.zeros((np.max(slot) + 2, blocks + 1), np.int64), 0
    events, first = np.empty(4096, np.uint64), np.zeros(blocks + 1, np.int64)
    met = 0
    for i in range(slot.size):
        if not needed[i]:
            continue
        events = _gather(world, i, parameters, key, first_block, blocks, kept, kept_first, events, first)
        n = first[blocks]
        if slot[i] >= 0:
            kept = room(kept, n_kept + n)
            kept[n_kept : n_kept + n] = events[:n]
            kept_first[slot[i]] = first + n_kept
            n_kept += n
        if policy_first[i + 1] > policy_first[i]:
            _pay(
                world, no_lump, with_lump, policies, bounds, i, chance, key, first_block, blocks, events, first, totals
            )
            met += n
    return met


@compiled
def _gather(world, i, parameters, key, first_block, blocks, kept, kept_first, events, first):
    """The outages of process `i` block by block in `events`, which comes back, longer if need be; those of block b are
    from first[b] to first[b + 1]."""
    stream, cause_first, cause_of, threshold, slot = world[0], world[11], world[12], world[13], world[14]
    size, n = 1_024, 0
    own, other, words, gaps, variates, drawn = _buffers(size)
    for b in range(blocks):
        law = law_of(world, i, parameters[i, b])
        rate, count = parameters[i, b, 0], -1
        while count < 0:
            count = own_outages(
                np.uint64(stream[i]), first_block + b, key, rate, law, own, words, gaps, variates, drawn
            )
            passed = 0
            for link in range(cause_first[i], cause_first[i + 1]):
                # those of the cause before; those of the last one are put in order as they are united
                count = merge(own, count, other, passed) if count >= 0 and passed >= 0 else -1
                cause = cause_of[link]
                at = kept_first[slot[cause], b]
                passed = passed_on(
                    kept, at, kept_first[slot[cause], b + 1] - at, threshold[link], cause_purpose(stream[cause]),
                    np.uint64(stream[i]), first_block + b, key, other, words,
                )  # fmt: skip
            if count >= own.size or passed < 0:
                count = -1
            if count < 0:
                size *= 2
                own, other, words, gaps, variates, drawn = _buffers(size)
        if n + count + passed > events.size:
            events = room(events, n + count + passed)
        n += unite(own, count, other, passed, events, n)
        first[b + 1] = n
    return events


@compiled
def _buffers(size):
    return (
        np.empty(size, np.uint64),
        np.empty(size, np.uint64),
        np.empty(2 * size, np.uint64),
        np.empty(size),
        np.empty(size),
        np.empty(size, np.uint64),
    )


@compiled
def _pay(world, no_lump, with_lump, policies, bounds, i, chance, key, first_block, blocks, events, first, totals):
    """Pay the outages of subject `i` some blocks at a time: their first incidents by the functions of the whole book,
    then by policy what later incidents add and aggregate limits take away."""
    lumps = bounds[4][i] and chance > 0
    tossed = lumps and chance < 2**32
    chunk = _AT_ONCE if no_lump[11][i] >= 0 and with_lump[11][i] >= 0 else _SWEPT
    size = chunk
    for b in range(blocks):
        size = max(size, first[b + 1] - first[b])
    times, lengths, years = np.empty(size, np.int32), np.empty(size, np.uint32), np.empty(size, np.int32)
    proven = np.full(size, 1 if lumps else 0, np.uint8)
    words, ranks, ordered = np.empty(size + 4, np.uint64), np.empty(size, np.int64), np.empty(size, np.uint64)
    reaches = np.zeros(blocks * BLOCK_YEARS, np.int64)
    ranks[0] = _read_ahead(no_lump, i)
    b = 0
    while b < blocks:
        n, at = 0, first[b]
        while b < blocks and n + first[b + 1] - first[b] <= size:
            count = first[b + 1] - first[b]
            append(events, at + n, count, b * BLOCK_YEARS, times, lengths, years, n)
            if tossed:
                _toss(world[0][i], first_block + b, key, chance, count, words, proven, n)
            n += count
            b += 1
        if not lumps or tossed:
            _pay_first(no_lump, bounds[0][i], i, times, lengths, years, proven, 0, n, ranks, ordered, totals)
        if lumps:
            _pay_first(with_lump, bounds[0][i], i, times, lengths, years, proven, 1, n, ranks, ordered, totals)
        pay_by_policy(no_lump, policies, bounds, i, times, lengths, years, proven, n, ranks, reaches, totals)


@compiled
def _read_ahead(curves, i):
    """Read the table of subject `i` once from end to end, which a core does ahead; outages come to it at random, and
    each would wait. The sum is given back, or the compiler would leave the reading out."""
    total, place = 0, curves[11][i]
    if place >= 0:
        edges, points = curves[0][i + 1] - curves[0][i] + 1, curves[6][i + 1] - curves[6][i] + 1
        for word in range(np.uint64(place), np.uint64(place + 2 * edges * points), np.uint64(8)):
            total += curves[12][word]
    return total


@compiled
def _toss(stream, block, key, chance, count, words, proven, at):
    fill_words(0, (count + 3) >> 2, FAILOVER, np.uint64(stream), key[1], key[0], np.uint64(block), words)
    for j in range(count):
        proven[at + j] = 1 if np.int64(words[j]) < chance else 0


@compiled
def _pay_first(curves, least, i, times, lengths, years, proven, want, n, ranks, ordered, totals):
    if curves[11][i] >= 0:
        add_from_table(curves, i, times, lengths, years, proven, want, n, totals)
    else:
        add_by_sweep(curves, least, i, times, lengths, years, proven, want, n, (ranks, ordered), totals)
