"""The outages of one subject in one block: its own, and those its causes pass on, overlaps united.

An outage is one word of 64 bits, start << 32 | length, in seconds from the beginning of the block: sorting words sorts
outages. `world` is the tuple that `portfolio.World.arrays` documents; `key` is (seed low, seed high).
"""

# mypy: allow-untyped-defs, allow-untyped-calls, no-check-untyped-defs
# the compiler infers the types of kernels from their arguments

import numpy as np

from pricing_models.simulate.draws import (
    LAW_NODE,
    LONGEST,
    OUTAGES,
    PASS_ON,
    RATE_NODE,
    fill_outages,
    fill_words,
    gamma_of,
    philox,
    pick,
    unit,
)
from pricing_models.simulate.jit import compiled

YEAR = 31_557_600
"""Seconds."""
BLOCK_YEARS = 100
BLOCK = YEAR * BLOCK_YEARS
LAST = np.uint64(2**64 - 1)
"""After the end of every list."""

_32, _LOW, _0 = np.uint64(32), np.uint64(0xFFFFFFFF), np.uint64(0)


@compiled
def room(buffer, size):
    """`buffer`, or a longer one with the same beginning, that holds `size`."""
    if size <= buffer.size:
        return buffer
    longer = np.empty(2 * size, buffer.dtype)
    longer[: buffer.size] = buffer
    return longer


@compiled
def parameters(world, i, block, key):
    """(halts a year, mu, sigma) of process `i` in a block: groups share the draw of their hyper-parameters."""
    stream, rate_group, rate_first, rate_cdf, shapes, rates, law_group, law_first, law_cdf, mu, sigma = world[:11]
    k0, k1 = key[0], np.uint64(block)
    u, _, _, _ = philox(_0, RATE_NODE, np.uint64(rate_group[i]), key[1], k0, k1)
    node = pick(rate_cdf, rate_first[i], rate_first[i + 1], unit(u))
    rate = 1.0 if shapes[node] == 0.0 else gamma_of(shapes[node], np.uint64(stream[i]), key[1], k0, k1)
    rate = rates[node] if shapes[node] == 0.0 else rate / rates[node]
    u, _, _, _ = philox(_0, LAW_NODE, np.uint64(law_group[i]), key[1], k0, k1)
    law = pick(law_cdf, law_first[i], law_first[i + 1], unit(u))
    return rate, mu[law], sigma[law]


@compiled
def own_outages(world, i, block, key, out, words, gaps, variates, lengths):
    """Outages that process `i` begins itself; the buffers come back, longer if need be, `out` ended by LAST."""
    rate, mu, sigma = parameters(world, i, block, key)
    n, counter, now = 0, 0, 0.0
    if rate > 0.0:
        scale = YEAR / rate
        expected = min(rate * BLOCK_YEARS, 1e8)
        spread = int(0.25 * np.sqrt(expected)) + 2
        pairs = int(0.5 * expected) + spread
        while now < BLOCK:
            words = room(words, 4 * pairs)
            gaps, variates, lengths = room(gaps, 2 * pairs), room(variates, 2 * pairs), room(lengths, 2 * pairs)
            fill_words(counter, pairs, OUTAGES, np.uint64(world[0][i]), key[1], key[0], np.uint64(block), words)
            fill_outages(words, 2 * pairs, world[11][i], mu, sigma, scale, gaps, variates, lengths)
            out = room(out, n + 2 * pairs + 1)
            for j in range(2 * pairs):
                now += gaps[j]
                if now >= BLOCK:
                    break
                out[n] = (np.uint64(np.int64(now)) << _32) | np.uint64(lengths[j])
                n += 1
            counter += pairs
            pairs = 2 * spread
    out = room(out, n + 1)
    out[n] = LAST
    return n, out, words, gaps, variates, lengths


@compiled
def passed_on(events, count, threshold, purpose, stream, block, key, out, words):
    """Those of a cause's outages whose coin (32 bits) is below `threshold`, ended by LAST."""
    words, out = room(words, count + 4), room(out, count + 1)
    fill_words(0, (count + 3) >> 2, purpose, stream, key[1], key[0], np.uint64(block), words)
    n = 0
    for j in range(count):
        out[n] = events[j]
        n += 1 if words[j] < threshold else 0
    out[n] = LAST
    return n, out, words


@compiled
def merge(a, n_a, b, n_b, out):
    """Two sorted lists as one, ended by LAST; without a branch, for which comes first can't be predicted."""
    out = room(out, n_a + n_b + 1)
    i, j = 0, 0
    for k in range(n_a + n_b):
        x, y = a[i], b[j]
        first = x <= y
        out[k] = x if first else y
        i += 1 if first else 0
        j += 0 if first else 1
    out[n_a + n_b] = LAST
    return n_a + n_b, out


@compiled
def unite(events, n):
    """Overlapping or touching outages that begin in one year become one, in place; the number that is left."""
    k, start, end, next_year = -1, 0, -1, 0
    for j in range(n):
        word = events[j]
        t = np.int64(word >> _32)
        last = t + np.int64(word & _LOW)
        if t <= end and t < next_year:
            if last > end:
                end = last
                events[k] = (np.uint64(start) << _32) | np.uint64(min(end - start, LONGEST))
        else:
            k += 1
            events[k] = word
            start, end = t, last
            if t >= next_year:
                next_year = (t // YEAR + 1) * YEAR
    return k + 1


@compiled
def cause_purpose(world, cause):
    """Purpose of the coins that decide on the outages of this cause."""
    return PASS_ON + np.uint64(world[0][cause])
