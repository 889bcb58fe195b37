"""What the first incidents of one subject's outages pay to all policies on it: a search each, however many policies.

The payout of the policies in force is one piecewise-linear function of the incident's length. Where the functions of
all times are few and short they stand in a table. Else incidents are put into the order of the times at which policies
begin and end, and the function is kept up along it, in chunks: a policy changes 32 slots and the chunks behind, and an
incident reads one slot and one chunk. Money is int64 modulo 2^64 on the way, and exact in the end, because a book whose
aggregate limits reach 2^63 is refused.

`curves` is the tuple that `curves.layout` documents.
"""

# mypy: allow-untyped-defs, allow-untyped-calls, no-check-untyped-defs
# the compiler infers the types of kernels from their arguments

import numpy as np

from pricing_models.jit import compiled, inlined
from pricing_models.payoff import LONGEST_INCIDENT_SECONDS
from pricing_models.simulate.outages import YEAR

LONGEST_INCIDENT = LONGEST_INCIDENT_SECONDS
TIME_SHIFT = 13
TIME_CELLS = (YEAR >> TIME_SHIFT) + 1
LENGTH_CELLS = 1024
CHUNK_BITS = 5
CHUNK = 1 << CHUNK_BITS

_32, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)
_1, _2, _5, _8, _51 = (np.uint64(i) for i in (1, 2, 5, 8, 51))
_PARTS = np.uint64(YEAR >> 5)
_MAGIC = np.uint64(-(-(2**51) // (YEAR >> 5)))
"""YEAR is 32 x 986,175, and (t >> 5) x this >> 51 is the quotient for every t below 2^32; both factors have 32 bits."""


@compiled
def append(events, first, count, first_year, times, lengths, years, at):
    """A block's outages, `count` words from `first` on, as (second of the year, length, year) from place `at` on."""
    # unsigned places: signed ones would be asked each time whether they count from the end, which is no vector code
    first, at = np.uint64(first), np.uint64(at)
    for k in range(count):
        j = np.uint64(k)
        t = events[first + j] >> _32
        year = ((t >> _5) * _MAGIC) >> _51
        times[at + j] = t - ((year * _PARTS) << _5)
        lengths[at + j] = events[first + j] & _LOW
        years[at + j] = first_year + np.int64(year)


@inlined
def rank(ordered, first, low, high, x):
    """How many of `ordered[first:]` are at most `x`, known to be from `low` to `high`."""
    while high - low > _8:
        middle = (low + high) >> _1
        if ordered[first + middle] <= x:
            low = middle + _1
        else:
            high = middle
    while low < high and ordered[first + low] <= x:
        low += _1
    return low


@inlined
def _rank(ordered, first, low, high, x):
    return np.int64(rank(ordered, np.uint64(first), np.uint64(low), np.uint64(high), x))


@inlined
def looked_up(i, edges, e0, time_cells, points, p0, width, shift, length_cells, table, at, time, length):
    """What one incident pays to all policies of subject `i` in force as it begins, from the subject's table."""
    # unsigned places: a signed one would be asked each time whether it counts from the end
    cell, i = np.uint64(time >> TIME_SHIFT), np.uint64(i)
    r = rank(edges, np.uint64(e0), np.uint64(time_cells[i, cell]), np.uint64(time_cells[i, cell + _1]), time)
    cell = np.uint64(min(length, points[p0 + width - 2]) >> shift)
    k = rank(points, np.uint64(p0), np.uint64(length_cells[i, cell]), np.uint64(length_cells[i, cell + _1]), length)
    place = np.uint64(at) + _2 * (r * np.uint64(width) + k)
    return table[place] * length + table[place + _1]


@compiled
def add_from_table(curves, i, times, lengths, years, proven, want, n, totals):
    """Add what outages 0 ... n-1 of subject `i` pay for their first incidents, aggregate limits aside, to `totals` of
    their years; `want` as in `add_by_sweep`."""
    edges, points, time_cells, length_cells, table = curves[1], curves[7], curves[8], curves[9], curves[12]
    e0, p0, shift, at = curves[0][i], curves[6][i], curves[10][i], curves[11][i]
    width = curves[6][i + 1] - p0 + 1
    if width == 1:
        return
    for j in range(n):
        time, length = np.int64(times[j]), min(np.int64(lengths[j]), LONGEST_INCIDENT)
        pay = looked_up(i, edges, e0, time_cells, points, p0, width, shift, length_cells, table, at, time, length)
        totals[np.uint64(years[j])] += pay if proven[j] == want else 0


@compiled
def _change(first, last, at, slope, constant, slots, chunks, n_chunks):
    """Bring the function over one time at which policies begin or end: records first ... last-1."""
    for record in range(first, last):
        k = at[record] + 1
        chunk = k >> CHUNK_BITS
        ds, dc = slope[record], constant[record]
        for q in range(k, (chunk + 1) << CHUNK_BITS):
            slots[2 * q] += ds
            slots[2 * q + 1] += dc
        for q in range(chunk + 1, n_chunks):
            chunks[2 * q] += ds
            chunks[2 * q + 1] += dc


@compiled
def add_by_sweep(curves, least, i, times, lengths, years, proven, want, n, work, totals):
    """Add what outages 0 ... n-1 of subject `i` pay for their first incidents, aggregate limits aside, to `totals` of
    their years.

    `want` is 0 or 1 to take those without or with a proven failover; those of at most `least` seconds pay nothing.
    """
    edge_first, edges, record_first, at, slope, constant, point_first, points = curves[:8]
    time_cells, length_cells, length_shift = curves[8:11]
    ranks, ordered = work
    e0, m = edge_first[i], edge_first[i + 1] - edge_first[i]
    p0, n_points = point_first[i], point_first[i + 1] - point_first[i]
    if m == 0 or n_points == 0:
        return
    counts = np.zeros(m + 2, np.int64)
    for j in range(n):
        cell = times[j] >> TIME_SHIFT
        r = _rank(edges, e0, time_cells[i, cell], time_cells[i, cell + 1], np.int64(times[j]))
        r = r if lengths[j] > least and proven[j] == want else 0
        ranks[j] = r
        counts[r + 1] += 1
    for r in range(m + 1):
        counts[r + 1] += counts[r]
    places = counts.copy()
    longest, shift = points[p0 + n_points - 1], length_shift[i]
    for j in range(n):
        r = ranks[j]
        ordered[places[r]] = (np.uint64(lengths[j]) << _32) | np.uint64(years[j])
        places[r] += 1
    n_chunks = (n_points >> CHUNK_BITS) + 1
    slots, chunks = np.zeros(2 * CHUNK * n_chunks, np.int64), np.zeros(2 * n_chunks, np.int64)
    for r in range(1, m + 1):
        edge = e0 + r - 1
        _change(record_first[edge], record_first[edge + 1], at, slope, constant, slots, chunks, n_chunks)
        for j in range(counts[r], counts[r + 1]):
            length, year = min(np.int64(ordered[j] >> _32), LONGEST_INCIDENT), np.int64(ordered[j] & _LOW)
            cell = min(length, longest) >> shift
            k = _rank(points, p0, length_cells[i, cell], length_cells[i, cell + 1], length)
            c = k >> CHUNK_BITS
            totals[year] += (slots[2 * k] + chunks[2 * c]) * length + slots[2 * k + 1] + chunks[2 * c + 1]
