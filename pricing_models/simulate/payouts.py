"""What the outages of one subject pay to all policies on it: a search per outage, whatever the number of policies.

The payout of the policies in force is one piecewise-linear function of the outage's length. Outages are put into the
order of the times at which policies begin and end, and the function is kept up along it, in chunks: a policy changes 32
slots and the chunks behind, and an outage reads one slot and one chunk. Money is int64 modulo 2^64 on the way, and
exact in the end, because a book whose aggregate limits reach 2^63 is refused.

`curves`, `policies` and `bounds` are the tuples that `book.Book` documents.
"""

# mypy: allow-untyped-defs, allow-untyped-calls, no-check-untyped-defs
# the compiler infers the types of kernels from their arguments

import numpy as np

from pricing_models.simulate.jit import compiled
from pricing_models.simulate.outages import YEAR, room

TIME_SHIFT = 14
TIME_CELLS = (YEAR >> TIME_SHIFT) + 1
LENGTH_CELLS = 1024
CHUNK_BITS = 5
CHUNK = 1 << CHUNK_BITS

_32, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)
_5, _52 = np.uint64(5), np.uint64(52)
_PARTS = np.uint64(YEAR >> 5)
_MAGIC = np.uint64(-(-(2**52) // (YEAR >> 5)))
"""YEAR is 32 x 986,175, and (t >> 5) x this >> 52 is the quotient for every t below 2^32."""


@compiled
def append(events, count, first_year, times, lengths, years, at):
    """A block's outages as (second of the year, length, year) from place `at` on."""
    for j in range(count):
        t = events[j] >> _32
        year = ((t >> _5) * _MAGIC) >> _52
        times[at + j] = t - ((year * _PARTS) << _5)
        lengths[at + j] = events[j] & _LOW
        years[at + j] = first_year + np.int64(year)


@compiled
def rank(ordered, first, low, high, x):
    """How many of `ordered[first:]` are at most `x`, known to be from `low` to `high`."""
    while high - low > 8:
        middle = (low + high) >> 1
        if ordered[first + middle] <= x:
            low = middle + 1
        else:
            high = middle
    while low < high and ordered[first + low] <= x:
        low += 1
    return low


@compiled
def _change(curves, edge, slots, chunks, n_chunks):
    """Bring the function over one time at which policies begin or end."""
    record_first, at, slope, constant = curves[2:6]
    for record in range(record_first[edge], record_first[edge + 1]):
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
def add_payouts(curves, least, i, times, lengths, years, proven, want, n, work, totals):
    """Add what outages 0 ... n-1 of subject `i` pay, aggregate limits aside, to `totals` of their years.

    `want` is 0 or 1 to take those without or with a proven failover, -1 to take all; those that last at most `least`
    seconds pay nothing.
    """
    edge_first, edges = curves[0], curves[1]
    point_first, points, time_cells, length_cells, length_shift = curves[6:11]
    ranks, ordered = work
    e0, m = edge_first[i], edge_first[i + 1] - edge_first[i]
    p0, n_points = point_first[i], point_first[i + 1] - point_first[i]
    if m == 0 or n_points == 0:
        return
    counts = np.zeros(m + 2, np.int64)
    for j in range(n):
        cell = times[j] >> TIME_SHIFT
        r = rank(edges, e0, time_cells[i, cell], time_cells[i, cell + 1], times[j])
        r = r if lengths[j] > least else 0
        if want >= 0:
            r = r if proven[j] == want else 0
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
        _change(curves, e0 + r - 1, slots, chunks, n_chunks)
        for j in range(counts[r], counts[r + 1]):
            length, year = np.int64(ordered[j] >> _32), np.int64(ordered[j] & _LOW)
            cell = min(length, longest) >> shift
            k = rank(points, p0, length_cells[i, cell], length_cells[i, cell + 1], length)
            c = k >> CHUNK_BITS
            totals[year] += (slots[2 * k] + chunks[2 * c]) * length + slots[2 * k + 1] + chunks[2 * c + 1]


@compiled
def gross_limited(policies, p, time, length, proven):
    """What policy `p` pays for one outage under its incident limit: `payoff.owed` without the aggregate limit."""
    start, end, waiting, retained, rate, benefit, limit = policies[1:8]
    if time < start[p] or time >= end[p] or length <= waiting[p]:
        return np.int64(0)
    lump = benefit[p] if proven else np.int64(0)
    room = limit[p] - lump
    seconds = np.int64(length) - retained[p]
    # room // rate first: the product of a rate and seconds may pass 2^63
    if room <= 0 or seconds > room // rate[p]:
        return limit[p]
    return rate[p] * seconds + lump


@compiled
def replay(policies, bounds, i, times, lengths, proven, first, last, reach, sums):
    """How much the outages first ... last-1, all of one year, pay above the policies' aggregate limits.

    Only policies whose reserve is below `reach`, the year's, can be exhausted, and of those only the ones whose reserve
    is below the reaches of the outages that begin while they are in force: these are paid outage by outage.
    """
    policy_first, start, end, aggregate, reserve = policies[0], policies[1], policies[2], policies[8], policies[9]
    least, offset, cap = bounds[0][i], bounds[1][i], bounds[2][i]
    at = policy_first[i]
    count = np.searchsorted(reserve[at : policy_first[i + 1]], reach)
    sums = room(sums, count)
    sums[:count] = 0
    for j in range(first, last):
        if lengths[j] <= least:
            continue
        own, time = min(np.int64(lengths[j]) - offset, cap), times[j]
        for k in range(count):
            sums[k] += own if (start[at + k] <= time) & (time < end[at + k]) else 0
    excess = np.int64(0)
    for k in range(count):
        p = at + k
        if sums[k] <= reserve[p]:
            continue
        left = aggregate[p]
        for j in range(first, last):
            pay = gross_limited(policies, p, times[j], lengths[j], proven[j] == 1)
            kept = pay if pay <= left else left
            left -= kept
            excess += pay - kept
    return excess, sums


@compiled
def _reaches(lengths, years, n, least, offset, cap, own, reaches):
    """Add each outage's reach to its year: in two loops, of which the first is vector code."""
    for j in range(n):
        reach = np.int64(lengths[j]) - offset
        reach = reach if reach < cap else cap
        own[j] = reach if lengths[j] > least else 0
    for j in range(n):
        reaches[years[j]] += own[j]


@compiled
def _above(reaches, first, last, reserve, found):
    """Gather the years whose reaches pass `reserve`; `found` holds as many as there are outages at least."""
    count = 0
    for year in range(first, last):
        if reaches[year] > reserve:
            found[count] = year
            count += 1
    return count


@compiled
def subtract_excess(policies, bounds, i, times, lengths, years, proven, n, own, reaches, totals):
    """Take from `totals` what subject-years pay above aggregate limits; those where none can bind are not looked at.

    A policy pays at most rate x reach for an outage, reach = min(length - waiting + ceil(benefit / rate), ceil(limit /
    rate)), so none is exhausted in a year whose reaches add up to at most the least aggregate // rate.
    """
    least, offset, cap, reserve = bounds[0][i], bounds[1][i], bounds[2][i], bounds[3][i]
    if n == 0:
        return
    first_year, last_year = years[0], years[n - 1] + 1
    sums = np.empty(64, np.int64)
    reaches[first_year:last_year] = 0
    _reaches(lengths, years, n, least, offset, cap, own, reaches)
    flagged = _above(reaches, first_year, last_year, reserve, own)
    for k in range(flagged):
        year = own[k]
        first = np.searchsorted(years[:n], year)
        last = first
        while last < n and years[last] == year:
            last += 1
        excess, sums = replay(policies, bounds, i, times, lengths, proven, first, last, reaches[year], sums)
        totals[year] -= excess
