"""The inner loops of a price as machine code: where numpy would pass over its arrays time and again, each passes once.

What each answers is said where it is called: `curves`, `payoff`, `payout_grid`, `fourier`, `compound` and `collapse`.
"""

# mypy: allow-untyped-defs, allow-untyped-calls, no-check-untyped-defs
# the compiler infers the types of kernels from their arguments

import math

import numpy as np

from pricing_models.jit import compiled

_NOISE = 1e-13  # of rounding in a survival function that rises
_STRETCH = 512  # points that are added up apart, so that rounding does not grow with their number
_UNDERFLOWS = 600.0  # a mean of which exp(-mean) is soon nothing
_NEGLIGIBLE = 1e-14  # of a vector that should have length one


@compiled
def read_cubics(at, cubics, found):
    """Writes the cubics' values at the places `at`, in cells, and nan beyond the table; tells whether any is there."""
    cells = len(cubics)
    beyond = False
    for i in range(at.size):
        place = at[i]
        if 0.0 <= place <= cells:
            cell = min(int(place), cells - 1)
            x = place - cell
            found[i] = ((cubics[cell, 0] * x + cubics[cell, 1]) * x + cubics[cell, 2]) * x + cubics[cell, 3]
        else:
            found[i] = math.nan
            beyond = True
    return beyond


@compiled
def grid_points(step, width):
    """0, step, 2 step, ... of each row, as far as the widest row goes; the others stay at their end."""
    points = int(width.max()) + 1
    found = np.empty((step.size, points))
    for row in range(step.size):
        for i in range(points):
            found[row, i] = step[row] * min(i, width[row])
    return found


@compiled
def _incident_of(cap, most, bound):
    # the bound comes before the integer, which could not hold a cap of all money over a rate of nearly none; nothing
    # stops a kernel from reading beyond an array, so a cap that is none is of the first incident
    return int(min(cap / max(most, 1.0), bound)) if cap > 0.0 else 0


@compiled
def incidents_reached(caps, most, bound):
    """Into which incident of a halt the caps (a row per policy) reach at most, up to `bound`; each pays `most`."""
    last = 0
    for row in range(len(caps)):
        for column in range(caps.shape[1]):
            last = max(last, _incident_of(caps[row, column], most[row], bound))
    return last


@compiled
def lengths_of(caps, policies, starts, bound):
    """Lengths of a halt, a row per policy: at which each incident begins to pay, at which all but the last have paid
    the most, and at which each cap is reached, in the incident that reaches it. `policies` has the columns most an
    incident is owed, rate, waiting and whether this is a retention."""
    rows, columns = caps.shape
    incidents = starts.size
    found = np.empty((rows, 2 * incidents - 1 + columns))
    for row in range(rows):
        most, rate, waiting, retention = policies[row]
        for i in range(incidents):
            found[row, i] = starts[i] + waiting
        full = most / rate
        full = waiting + full if retention > 0.0 else max(full, waiting)
        for i in range(incidents - 1):
            found[row, incidents + i] = starts[i] + full
        for column in range(columns):
            cap = caps[row, column]
            place = _incident_of(cap, most, bound)
            rest = min(cap - most * place, most) / rate
            rest = waiting + rest if retention > 0.0 else max(rest, waiting)
            found[row, 2 * incidents - 1 + column] = starts[place] + rest
    return found


@compiled
def limited_by(caps, policies, means, exceeds, bound):
    """E[min(paid for a halt's incidents, cap)] from the limited expectations at `lengths_of`, and the probabilities
    that halts outlast the incidents' waiting periods (no columns where all policies retain)."""
    rows, columns = caps.shape
    incidents = (means.shape[1] - columns + 1) // 2
    found = np.empty((rows, columns))
    before = np.empty(incidents)
    for row in range(rows):
        most, rate, waiting, retention = policies[row]
        qualifying = retention == 0.0
        at_once = min(most / rate, waiting) if qualifying else 0.0
        paid = 0.0
        for i in range(incidents):
            before[i] = paid
            if i < incidents - 1:
                paid += means[row, incidents + i] - means[row, i]
                if qualifying:
                    paid += at_once * exceeds[row, i]
        for column in range(columns):
            cap = caps[row, column]
            place = _incident_of(cap, most, bound)
            # the difference first: it is what is small beside its parts
            value = means[row, 2 * incidents - 1 + column] - means[row, place] + before[place]
            if qualifying:
                value += min(min(cap - most * place, most) / rate, waiting) * exceeds[row, place]
            found[row, column] = value * rate
    return found


@compiled
def slopes(limited, step):
    """The mean survival over each cell, and of which rows it rises by more than rounding."""
    rows, points = limited.shape
    found = np.empty((rows, points - 1))
    rising = np.zeros(rows, np.bool_)
    for row in range(rows):
        for i in range(points - 1):
            found[row, i] = (limited[row, i + 1] - limited[row, i]) / step[row]
        for i in range(points - 2):
            if found[row, i + 1] - found[row, i] > _NOISE:
                rising[row] = True
    return found, rising


@compiled
def masses(survival):
    """The falls of a survival function that begins at one, what is left of it at the end, and their means in cells."""
    rows, cells = survival.shape
    found, means = np.empty((rows, cells + 1)), np.zeros(rows)
    for row in range(rows):
        above = 1.0
        for begin in range(0, cells, _STRETCH):
            mean = 0.0
            for i in range(begin, min(begin + _STRETCH, cells)):
                here = min(max(survival[row, i], 0.0), 1.0)
                found[row, i] = above - here
                mean += i * found[row, i]
                above = here
            means[row] += mean
        found[row, cells] = above
        means[row] += cells * above
    return found, means


@compiled
def tilted(values, width, tilt):
    """The first `width` columns, each damped by exp(-tilt i)."""
    found, factors = np.empty((len(values), width)), np.exp(-tilt * np.arange(width))
    for row in range(len(values)):
        for i in range(width):
            found[row, i] = values[row, i] * factors[i]
    return found


@compiled
def straightened(values, ends, kept, tilt):
    """The first `kept` columns times exp(tilt i), none below nothing, and nothing from each row's end on; the sum of
    each row, and that of i times the column i."""
    rows, factors = len(values), np.exp(tilt * np.arange(kept))
    found, sums, moments = np.empty((rows, kept)), np.zeros(rows), np.zeros(rows)
    for row in range(rows):
        for begin in range(0, kept, _STRETCH):
            mass, moment = 0.0, 0.0
            for i in range(begin, min(begin + _STRETCH, kept)):
                value = max(values[row, i] * factors[i], 0.0) if i < ends[row] else 0.0
                mass += value
                moment += i * value
                found[row, i] = value
            sums[row] += mass
            moments[row] += moment
    return found, sums, moments


@compiled
def horner(transforms, counts):
    """Polynomials with the coefficients `counts` (a row each), lowest first, at the numbers of each row."""
    rows, points = transforms.shape
    degree = counts.shape[1] - 1
    found = np.empty((rows, points), np.complex128)
    x, y, real, imaginary = np.empty(points), np.empty(points), np.empty(points), np.empty(points)
    for row in range(rows):
        for i in range(points):
            x[i] = transforms[row, i].real
            y[i] = transforms[row, i].imag
            real[i] = counts[row, degree]
            imaginary[i] = 0.0
        for n in range(degree - 1, -1, -1):
            add = counts[row, n]
            for i in range(points):
                a, b = real[i], imaginary[i]
                real[i] = a * x[i] - b * y[i] + add
                imaginary[i] = a * y[i] + b * x[i]
        for i in range(points):
            found[row, i] = complex(real[i], imaginary[i])
    return found


@compiled
def poisson_mixtures(means, weights, tail):
    """P(N = 0), P(N = 1), ... of each row's mixture of Poisson laws, until less than `tail` lies beyond in all rows."""
    rows, nodes = means.shape
    term, left, most = np.exp(-means), np.ones(rows), max(40.0, means.max())
    columns = []
    n = 0
    while True:
        column = np.zeros(rows)
        for row in range(rows):
            for node in range(nodes):
                mean = means[row, node]
                if mean > _UNDERFLOWS:
                    term[row, node] = math.exp(n * math.log(mean) - mean - math.lgamma(n + 1.0))
                elif n:
                    term[row, node] *= mean / n
                column[row] += weights[row, node] * term[row, node]
            left[row] -= column[row]
        columns.append(column)
        # what is left beyond the largest mean, where columns are next to nothing, is rounding
        if n >= 2 and (left.max() <= tail or (n > most and column.max() < 1e-3 * tail)):
            break
        n += 1
    found = np.empty((rows, n + 1))
    for i in range(n + 1):
        found[:, i] = columns[i]
    return found


@compiled
def lanczos(x, weights, size):
    """Diagonal and subdiagonal of the recurrence of the polynomials that are orthonormal under the weights at `x`, for
    at most `size` of them: fewer where there are no more."""
    alpha, beta = np.zeros(size), np.zeros(size)
    basis = np.zeros((size + 1, x.size))
    basis[0] = np.sqrt(weights)
    for n in range(size):
        alpha[n] = np.dot(basis[n], x * basis[n])
        fresh = (x - alpha[n]) * basis[n]
        if n:
            fresh -= beta[n - 1] * basis[n - 1]
        for _ in range(2):  # once more, because rounding is what spoils Lanczos's recurrence
            fresh -= np.dot(np.dot(basis[: n + 1], fresh), basis[: n + 1])
        beta[n] = math.sqrt(np.dot(fresh, fresh))
        if beta[n] < _NEGLIGIBLE:
            return alpha[: n + 1], beta[:n]
        basis[n + 1] = fresh / beta[n]
    return alpha, beta[: size - 1]
