"""The outages of chosen years one by one, with what began each, and what each pays to each policy."""

# mypy: allow-untyped-defs, allow-untyped-calls, no-check-untyped-defs
# the compiler infers the types of kernels from their arguments

import numpy as np

from pricing_models.jit import compiled
from pricing_models.simulate.draws import FAILOVER, LONGEST, fill_words
from pricing_models.simulate.limits import outage_pays, policy_terms
from pricing_models.simulate.outages import BLOCK_YEARS, YEAR, cause_purpose, draw_parameters, law_of, own_outages, room

COLUMNS = ("year", "process", "second", "length", "proven", "root", "root_number")
"""Of a trace: year of the run, subject, second of the year it began, seconds, whether a failover was proven, and the
process that began it with the number of its outage in the block; processes are indices in `World.order`."""

_32, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)


@compiled
def _merge(a, roots_a, n_a, b, roots_b, n_b, out, roots):
    out, roots = room(out, n_a + n_b + 1), room(roots, n_a + n_b + 1)
    i, j = 0, 0
    for k in range(n_a + n_b):
        if j >= n_b or (i < n_a and a[i] <= b[j]):
            out[k], roots[k] = a[i], roots_a[i]
            i += 1
        else:
            out[k], roots[k] = b[j], roots_b[j]
            j += 1
    return n_a + n_b, out, roots


@compiled
def _unite(events, roots, n):
    """`outages.unite`, each keeping the root of its first part."""
    k, start, end = -1, 0, -1
    for j in range(n):
        t = np.int64(events[j] >> _32)
        last = t + np.int64(events[j] & _LOW)
        if t <= end and t // YEAR == start // YEAR:
            if last > end:
                end = last
                events[k] = (np.uint64(start) << _32) | np.uint64(min(end - start, LONGEST))
        else:
            k += 1
            events[k], roots[k] = events[j], roots[j]
            start, end = t, last
    return k + 1


@compiled
def trace_block(world, policy_first, needed, chance, key, block, wanted, first_year, rows, n_rows):
    """Append to `rows` (columns: COLUMNS) the outages of covered subjects in those years of a block that are wanted.

    `first_year` is the number that the block's first year gets; the rows come back, longer if need be.
    """
    stream, cause_first, cause_of, threshold = world[0], world[11], world[12], world[13]
    parameters = draw_parameters(world, needed, key, block, 1)
    own, mixed, other = np.empty(512, np.uint64), np.empty(512, np.uint64), np.empty(512, np.uint64)
    roots, mixed_roots = np.empty(512, np.uint64), np.empty(512, np.uint64)
    other_roots = np.empty(512, np.uint64)
    words, gaps, variates = np.empty(1024, np.uint64), np.empty(512), np.empty(512)
    drawn = np.empty(512, np.uint64)
    kept, kept_roots = np.empty(4096, np.uint64), np.empty(4096, np.uint64)
    first = np.zeros(stream.size + 1, np.int64)
    for i in range(stream.size):
        first[i + 1] = first[i]
        if not needed[i]:
            continue
        law, count = law_of(world, i, parameters[i, 0]), -1
        while count < 0:
            count = own_outages(
                np.uint64(stream[i]), block, key, parameters[i, 0, 0], law, own, words, gaps, variates, drawn
            )
            if count < 0:
                own, words = np.empty(2 * own.size, np.uint64), np.empty(2 * words.size, np.uint64)
                gaps, variates = np.empty(2 * gaps.size), np.empty(2 * gaps.size)
                drawn = np.empty(2 * drawn.size, np.uint64)
        roots = room(roots, count + 1)
        for j in range(count):
            roots[j] = (np.uint64(i) << _32) | np.uint64(j)
        for link in range(cause_first[i], cause_first[i + 1]):
            cause = cause_of[link]
            at, size = first[cause], first[cause + 1] - first[cause]
            words, other, other_roots = room(words, size + 4), room(other, size + 1), room(other_roots, size + 1)
            purpose = cause_purpose(stream[cause])
            fill_words(0, (size + 3) >> 2, purpose, np.uint64(stream[i]), key[1], key[0], np.uint64(block), words)
            n = 0
            for j in range(size):
                if words[j] < threshold[link]:
                    other[n], other_roots[n] = kept[at + j], kept_roots[at + j]
                    n += 1
            count, mixed, mixed_roots = _merge(own, roots, count, other, other_roots, n, mixed, mixed_roots)
            own, mixed, roots, mixed_roots = mixed, own, mixed_roots, roots
        count = _unite(own, roots, count)
        kept, kept_roots = room(kept, first[i] + count), room(kept_roots, first[i] + count)
        kept[first[i] : first[i] + count] = own[:count]
        kept_roots[first[i] : first[i] + count] = roots[:count]
        first[i + 1] = first[i] + count
        if policy_first[i + 1] == policy_first[i]:
            continue
        words = room(words, count + 4)
        fill_words(0, (count + 3) >> 2, FAILOVER, np.uint64(stream[i]), key[1], key[0], np.uint64(block), words)
        for j in range(count):
            t = np.int64(own[j] >> _32)
            year = t // YEAR
            if not wanted[year]:
                continue
            if n_rows == rows.shape[0]:
                longer = np.empty((2 * n_rows + 64, 7), np.int64)
                longer[:n_rows] = rows
                rows = longer
            rows[n_rows, 0] = first_year + year
            rows[n_rows, 1] = i
            rows[n_rows, 2] = t - year * YEAR
            rows[n_rows, 3] = np.int64(own[j] & _LOW)
            rows[n_rows, 4] = 1 if np.int64(words[j]) < chance else 0
            rows[n_rows, 5] = np.int64(roots[j] >> _32)
            rows[n_rows, 6] = np.int64(roots[j] & _LOW)
            n_rows += 1
    return rows, n_rows


@compiled
def trace_blocks(world, policy_first, needed, chance, key, blocks, wanted):
    """`trace_block` over `blocks`, with 100 flags of `wanted` each; years are numbered from block 0."""
    rows, n = np.empty((1024, 7), np.int64), 0
    for b in range(blocks.size):
        flags = wanted[b * BLOCK_YEARS : (b + 1) * BLOCK_YEARS]
        rows, n = trace_block(
            world, policy_first, needed, chance, key, blocks[b], flags, blocks[b] * BLOCK_YEARS, rows, n
        )
    return rows[:n].copy()


@compiled
def settle(rows, policies, by_row, by_policy):
    """Add what each outage pays to `by_row` and what each policy is paid to `by_policy`, limits in order of time.

    Rows of one year and subject stand together, in order of time.
    """
    policy_first, aggregate = policies[0], policies[8]
    n, a = rows.shape[0], 0
    while a < n:
        b = a + 1
        while b < n and rows[b, 0] == rows[a, 0] and rows[b, 1] == rows[a, 1]:
            b += 1
        i = rows[a, 1]
        for p in range(policy_first[i], policy_first[i + 1]):
            terms = policy_terms(policies[13], p)
            left = aggregate[p]
            for j in range(a, b):
                pay = outage_pays(terms, np.int64(rows[j, 2]), np.int64(rows[j, 3]), rows[j, 4] == 1, left)
                left -= pay
                by_row[j] += pay
                by_policy[p] += pay
        a = b


@compiled
def settle_years(rows, table, places, paid):
    """What each policy is paid in each year: `paid[p, places[j]]` for the year of row j.

    All rows are of one subject, and each policy of `table` (the last of `Book.policies`) is on it.
    """
    n = rows.shape[0]
    for p in range(table.shape[0]):
        terms = policy_terms(table, p)
        for j in range(n):
            before = paid[p, places[j]]
            paid[p, places[j]] = before + outage_pays(
                terms, np.int64(rows[j, 2]), np.int64(rows[j, 3]), rows[j, 4] == 1, terms[7] - before
            )
