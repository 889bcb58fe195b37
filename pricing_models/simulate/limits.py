"""What single policies pay: the later incidents of long outages, and what aggregate limits cut off, exact to the unit.

An outage of more than 168 h is several incidents, one from the end of the other. Each pays the policies in force when
the outage began that have not ended when the incident begins; a failover is proven in the first one only
(`pricing_models.payoff`, `PolicyBook._covers`).

`policies` and `bounds` are the tuples that `portfolio.Book` documents.
"""

# mypy: allow-untyped-defs, allow-untyped-calls, no-check-untyped-defs
# the compiler infers the types of kernels from their arguments

import numpy as np

from pricing_models.jit import compiled, inlined
from pricing_models.simulate.outages import YEAR
from pricing_models.simulate.payouts import LONGEST_INCIDENT, looked_up

LARGEST_REACH = 2**40
"""Reaches are cut to this, and reserves to less, so that a cut one always passes them and no sum of them overflows."""


@compiled
def incident_pays(terms, seconds, proven):
    """What a policy pays for an incident that it covers, its aggregate limit aside.

    `terms` are its columns of `policies` from start to full_proven, as numbers.
    """
    _, _, waiting, retained, rate, benefit, limit, _, _, full, full_proven = terms
    if seconds <= waiting:
        return np.int64(0)
    if seconds >= (full_proven if proven else full):
        return limit
    return rate * (seconds - retained) + (benefit if proven else np.int64(0))


@compiled
def first_pays(terms, time, length, proven):
    """What a policy pays for the first incident of an outage, its aggregate limit aside."""
    if time < terms[0] or time >= terms[1]:
        return np.int64(0)
    return incident_pays(terms, min(length, LONGEST_INCIDENT), proven)


@compiled
def later_pays(terms, time, length, left):
    """What a policy that was in force when an outage began pays for its incidents after the first, at most `left`."""
    # how many begin within the outage and before the policy's end
    later = (min(length, terms[1] - time) - 1) // LONGEST_INCIDENT
    if later < 1:
        return np.int64(0)
    whole, paid = incident_pays(terms, LONGEST_INCIDENT, False), np.int64(0)
    for _ in range(later - 1):
        pay = min(whole, left - paid)
        if pay == 0:
            break
        paid += pay
    rest = min(length - later * LONGEST_INCIDENT, LONGEST_INCIDENT)
    return paid + min(incident_pays(terms, rest, False), left - paid)


@compiled
def unlimited(terms, time, length, begun):
    """What a policy pays for incidents `begun`, `begun` + 1, ... of an outage if no aggregate limit cuts them off,
    modulo 2^64; incidents are counted from 0, and the policy is in force when number `begun` begins."""
    last = (min(length, terms[1] - time) - 1) // LONGEST_INCIDENT
    if last < begun:
        return np.int64(0)
    rest = min(length - last * LONGEST_INCIDENT, LONGEST_INCIDENT)
    return (last - begun) * incident_pays(terms, LONGEST_INCIDENT, False) + incident_pays(terms, rest, False)


@compiled
def outage_pays(terms, time, length, proven, left):
    """What a policy pays for all incidents of an outage, of which its aggregate limit leaves `left`."""
    first = min(first_pays(terms, time, length, proven), left)
    if length <= LONGEST_INCIDENT or time < terms[0] or time >= terms[1]:
        return first
    return first + later_pays(terms, time, length, left - first)


@compiled
def policy_terms(table, p):
    """The columns of policy `p` as numbers; `table` is the last of `policies`."""
    return (
        table[p, 0], table[p, 1], table[p, 2], table[p, 3], table[p, 4], table[p, 5], table[p, 6], table[p, 7],
        table[p, 8], table[p, 9], table[p, 10],
    )  # fmt: skip


@compiled
def _excess(policies, bounds, i, times, lengths, proven, first, last, reach):
    """How much the outages first ... last-1, all of one year, pay above the policies' aggregate limits, modulo 2^64.

    Only policies whose reserve is below `reach`, the year's, can be exhausted, and of those only the ones whose reserve
    is below the reaches of the outages that begin while they are in force: these are paid outage by outage.
    """
    policy_first, start, end, reserve, table = policies[0], policies[1], policies[2], policies[9], policies[13]
    least, offset, cap = bounds[0][i], bounds[1][i], bounds[2][i]
    at = policy_first[i]
    count = np.searchsorted(reserve[at : policy_first[i + 1]], reach)
    sums = np.zeros(count, np.int64)
    for j in range(first, last):
        if lengths[j] <= least:
            continue
        length, time = np.int64(lengths[j]), np.int64(times[j])
        own = min(min(length, LONGEST_INCIDENT) - offset, cap)
        if length > LONGEST_INCIDENT:
            own += later_reach(time, length, offset, cap)
        for k in range(count):
            sums[k] += own if (start[at + k] <= time) & (time < end[at + k]) else 0
    excess = np.int64(0)
    for k in range(count):
        if sums[k] > reserve[at + k]:
            excess += _above_limit(policy_terms(table, at + k), times, lengths, proven, first, last)
    return excess


@compiled
def _above_limit(terms, times, lengths, proven, first, last):
    """How much outages first ... last-1 would pay to a policy above its aggregate limit, modulo 2^64."""
    left, excess = terms[7], np.int64(0)
    for j in range(first, last):
        time, length = np.int64(times[j]), np.int64(lengths[j])
        pay = first_pays(terms, time, length, proven[j] == 1)
        kept = min(pay, left)
        if length > LONGEST_INCIDENT and terms[0] <= time < terms[1]:
            pay += unlimited(terms, time, length, 1)
            kept += later_pays(terms, time, length, left - kept)
        left -= kept
        excess += pay - kept
    return excess


@compiled
def later_reach(time, length, offset, cap):
    """The reach of an outage's incidents after the first that begin within the year."""
    later = (min(length, YEAR - time) - 1) // LONGEST_INCIDENT
    return later * min(LONGEST_INCIDENT - offset, cap)


@compiled
def _reaches(lengths, years, n, least, offset, cap, own, reaches):
    """Add the reach of each outage's first incident to its year, and count the outages of several incidents; in two
    loops, of which the first is vector code."""
    long = 0
    for j in range(n):
        length = np.int64(lengths[j])
        reach = min(length, LONGEST_INCIDENT) - offset
        reach = reach if reach < cap else cap
        own[j] = reach if length > least else 0
        long += 1 if length > LONGEST_INCIDENT else 0
    for j in range(n):
        reaches[np.uint64(years[j])] += own[j]
    return long


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
def pay_by_policy(curves, policies, bounds, i, times, lengths, years, proven, n, own, reaches, totals):
    """Add to `totals` what outages of more than 168 h pay for their later incidents, and take away what aggregate
    limits cut off; years in which none can bind are not looked at. `curves` are those without failover.

    A policy pays at most rate x reach for an incident, reach = min(length - waiting + ceil(benefit / rate),
    ceil(limit / rate)), so none is exhausted in a year whose reaches add up to at most the least aggregate // rate.
    """
    least, offset, cap, reserve = bounds[0][i], bounds[1][i], bounds[2][i], bounds[3][i]
    if n == 0:
        return
    first_year, last_year = np.int64(years[0]), np.int64(years[n - 1]) + 1
    for year in range(first_year, last_year):
        reaches[year] = 0
    if _reaches(lengths, years, n, least, offset, cap, own, reaches) > 0 and least < LONGEST_INCIDENT:
        _pay_later(curves, policies, i, times, lengths, years, n, offset, cap, reaches, totals)
    flagged = _above(reaches, first_year, last_year, reserve, own)
    for k in range(flagged):
        year = own[k]
        first = np.searchsorted(years[:n], year)
        last = first
        while last < n and years[last] == year:
            last += 1
        totals[year] -= _excess(policies, bounds, i, times, lengths, proven, first, last, reaches[year])


@compiled
def _pay_later(curves, policies, i, times, lengths, years, n, offset, cap, reaches, totals):
    """Add what outages of more than 168 h pay to all policies for their incidents after the first, aggregate limits
    aside, to `totals`, modulo 2^64, and the reaches of those to `reaches`.

    The table has what each incident pays to those in force as it begins; those that began since the outage did are
    taken out again.
    """
    start, by_start, table = policies[1], policies[12], policies[13]
    first, last = policies[0][i], policies[0][i + 1]
    for j in range(n):
        if lengths[j] <= LONGEST_INCIDENT:
            continue
        time, length, year = np.int64(times[j]), np.int64(lengths[j]), years[j]
        reaches[year] += later_reach(time, length, offset, cap)
        if curves[11][i] < 0:
            totals[year] += _later_one_by_one(start, policies[2], table, first, last, time, length)
            continue
        until = min(time + length, YEAR)
        totals[year] += _later_looked_up(curves, i, time, length, until)
        k = _first_after(start, by_start, first, last, time)
        while k < last and start[by_start[k]] < until:
            p = by_start[k]
            totals[year] -= unlimited(
                policy_terms(table, p), time, length, (start[p] - time - 1) // LONGEST_INCIDENT + 1
            )
            k += 1


@compiled
def _later_one_by_one(start, end, table, first, last, time, length):
    total = np.int64(0)
    for p in range(first, last):
        if start[p] <= time and time + LONGEST_INCIDENT < end[p]:
            total += unlimited(policy_terms(table, p), time, length, 1)
    return total


@inlined
def _later_looked_up(curves, i, time, length, until):
    """What the incidents after the first pay to those in force as each begins, from the subject's table."""
    width, total = curves[6][i + 1] - curves[6][i] + 1, np.int64(0)
    begun = time + LONGEST_INCIDENT
    while begun < until and width > 1:
        total += looked_up(
            i, curves[1], curves[0][i], curves[8], curves[7], curves[6][i], width, curves[10][i], curves[9], curves[12],
            curves[11][i], begun, min(time + length - begun, LONGEST_INCIDENT),
        )  # fmt: skip
        begun += LONGEST_INCIDENT
    return total


@compiled
def _first_after(start, by_start, low, high, time):
    """Place in `by_start` of the first policy that starts after `time`."""
    while low < high:
        middle = (low + high) >> 1
        if start[by_start[middle]] <= time:
            low = middle + 1
        else:
            high = middle
    return low
