"""The outages of one subject in one block: its own, and those its causes pass on, overlaps united.

An outage is one word of 64 bits, start << 32 | length, in seconds from the beginning of the block: sorting words sorts
outages. `world` is the tuple that `portfolio.World.arrays` documents; `key` is (seed low, seed high).
"""

# mypy: allow-untyped-defs, allow-untyped-calls, no-check-untyped-defs
# the compiler infers the types of kernels from their arguments

import numpy as np

from pricing_models.experience import YEAR_SECONDS
from pricing_models.jit import compiled
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

YEAR = int(YEAR_SECONDS)
"""The simulated year, seconds: a whole number."""
BLOCK_YEARS = 100
BLOCK = YEAR * BLOCK_YEARS

_0, _1, _32, _LOW = np.uint64(0), np.uint64(1), np.uint64(32), np.uint64(0xFFFFFFFF)
_LAST = np.uint64(2**64 - 1)
"""Behind every outage: none begins so late."""


@compiled
def room(buffer, size):
    """`buffer`, or a longer one with the same beginning, that holds `size`."""
    if size <= buffer.size:
        return buffer
    longer = np.empty(2 * size, buffer.dtype)
    longer[: buffer.size] = buffer
    return longer


@compiled
def draw_parameters(world, needed, key, first_block, blocks):
    """Of each process in each block: halts a year, then of the law of lengths mu, sigma, shape, probability beyond the
    threshold, xi and beta of the tail. Groups share the draw of their hyper-parameters."""
    stream, rate_group, rate_first, rate_cdf, shapes, rates, law_group, law_first, law_cdf, laws = world[:10]
    tail_first, tail_cdf, tails = world[16:19]
    found = np.zeros((stream.size, blocks, 7))
    # drawn once for all that share it: the rate's uniforms, and the process that has the law already
    rate_u = np.full((np.max(rate_group) + 1, blocks), -1.0)
    law_at = np.full(np.max(law_group) + 1, -1)
    for i in range(stream.size):
        if not needed[i]:
            continue
        for b in range(blocks):
            k1 = np.uint64(first_block + b)
            if rate_u[rate_group[i], b] < 0.0:
                u, _, _, _ = philox(_0, RATE_NODE, np.uint64(rate_group[i]), key[1], key[0], k1)
                rate_u[rate_group[i], b] = unit(u)
            node = pick(rate_cdf, rate_first[i], rate_first[i + 1], rate_u[rate_group[i], b])
            if shapes[node] == 0.0:
                found[i, b, 0] = rates[node]
            else:
                found[i, b, 0] = gamma_of(shapes[node], np.uint64(stream[i]), key[1], key[0], k1) / rates[node]
            if law_at[law_group[i]] >= 0:
                for c in range(1, 7):
                    found[i, b, c] = found[law_at[law_group[i]], b, c]
                continue
            u, v, _, _ = philox(_0, LAW_NODE, np.uint64(law_group[i]), key[1], key[0], k1)
            node = pick(law_cdf, law_first[i], law_first[i + 1], unit(u))
            for c in range(4):
                found[i, b, 1 + c] = laws[node, c]
            node = pick(tail_cdf, tail_first[i], tail_first[i + 1], unit(v))
            found[i, b, 5], found[i, b, 6] = tails[node, 0], tails[node, 1]
        law_at[law_group[i]] = i
    return found


@compiled
def law_of(world, i, drawn):
    """The law of process `i`'s lengths as `fill_outages` takes it, of what `draw_parameters` drew for a block."""
    return world[10][i], world[15][i], drawn[1], drawn[2], drawn[3], world[19][i], drawn[4], drawn[5], drawn[6]


@compiled
def own_outages(stream, block, key, rate, law, out, words, gaps, variates, lengths):
    """How many outages a process begins itself, in order in `out`; -1 if there is no room for them.

    `law` as `fill_outages` takes it. Kernels called once a block take plain arrays and give numbers back: an array
    that is handed around costs more than some ten outages.
    """
    n, counter, now = 0, 0, 0.0
    if rate <= 0.0:
        return 0
    scale = YEAR / rate
    expected = min(rate * BLOCK_YEARS, 1e8)
    spread = int(0.25 * np.sqrt(expected)) + 2
    pairs = int(0.5 * expected) + spread
    while now < BLOCK:
        if 4 * pairs > words.size or n + 2 * pairs > out.size:
            return -1
        fill_words(counter, pairs, OUTAGES, stream, key[1], key[0], np.uint64(block), words)
        fill_outages(words, 2 * pairs, law, scale, gaps, variates, lengths)
        for j in range(2 * pairs):
            now += gaps[j]
            if now >= BLOCK:
                break
            out[n] = (np.uint64(np.int64(now)) << _32) | lengths[j]
            n += 1
        counter += pairs
        pairs = 2 * spread
    return n


@compiled
def passed_on(kept, at, count, threshold, purpose, stream, block, key, out, words):
    """How many of a cause's outages, `kept[at : at + count]`, are passed on (into `out`): those whose coin (32 bits) is
    below `threshold`; -1 if there is no room for them."""
    if count + 4 > words.size or count >= out.size:
        return -1
    fill_words(0, (count + 3) >> 2, purpose, stream, key[1], key[0], np.uint64(block), words)
    n = _0
    begin = np.uint64(at)  # a signed place would be asked each time whether it counts from the end
    for j in range(count):
        out[n] = kept[begin + np.uint64(j)]
        n += _1 if words[j] < threshold else _0
    return np.int64(n)


@compiled
def merge(a, n_a, b, n_b):
    """Put the sorted `b` among the sorted `a`, from the back and without a branch on which comes first, for that can't
    be predicted; how many there are then, or -1 if there is no room for them."""
    if n_a + n_b > a.size:
        return -1
    i, j = n_a - 1, n_b - 1
    while i >= 0 and j >= 0:
        x, y = a[i], b[j]
        later = x > y
        a[i + j + 1] = x if later else y
        i -= 1 if later else 0
        j -= 0 if later else 1
    while j >= 0:
        a[j] = b[j]
        j -= 1
    return n_a + n_b


@compiled
def unite(a, n_a, b, n_b, events, at):
    """The sorted `a` and `b` in one order from `events[at]` on, and of those that overlap or touch and begin in one
    year one; how many that are. `a` and `b` have room for one more, `events` for all."""
    a[n_a] = b[n_b] = _LAST
    # unsigned places: a signed one would be asked each time whether it counts from the end
    i, j, k, start, end = _0, _0, np.uint64(at), 0, -1
    for _ in range(n_a + n_b):
        x, y = a[i], b[j]
        # no branch: which comes first can't be predicted
        first = x < y
        word = x if first else y
        i += _1 if first else _0
        j += _0 if first else _1
        t = np.int64(word >> _32)
        last = t + np.int64(word & _LOW)
        # few overlap, so only those are asked for their year
        if t <= end and t // YEAR == start // YEAR:
            if last > end:
                end = last
                events[k - _1] = (np.uint64(start) << _32) | np.uint64(min(end - start, LONGEST))
        else:
            events[k] = word
            k += _1
            start, end = t, last
    return np.int64(k) - at


@compiled
def cause_purpose(stream):
    """Purpose of the coins that decide on the outages of the cause with this stream."""
    return PASS_ON + np.uint64(stream)
