"""The plain twin of the kernels: numpy draws, lists of outages, and `payoff.owed` for every outage and every policy.

It is slow and easy to read, needs no compiler, and gives the same outages and the same money to the unit: logarithms
and the rest are the same sums in the same order.
"""

import math
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pricing_models import payoff
from pricing_models.payoff import LONGEST_INCIDENT_SECONDS
from pricing_models.portfolio import Book, Cover, World, require_run
from pricing_models.simulate import draws
from pricing_models.simulate.outages import BLOCK, BLOCK_YEARS, YEAR

U64 = NDArray[np.uint64]
F64 = NDArray[np.float64]
Key = tuple[np.uint64, np.uint64]
Root = tuple[str, int]
Law = tuple[int, float, float, float, float, float, float, float, float]
"""As `draws.fill_outages` takes it."""
Outage = tuple[int, int, Root]
"""Start within the block, length (seconds), and the process that began it with the number of its outage."""


def words(count: int, purpose: int, stream: int, block: int, key: Key) -> U64:
    """The first `count` counters of a stream, four words of 32 bits each, in a row."""
    counter = np.arange(count, dtype=np.uint64)
    fixed = [np.full(count, value, np.uint64) for value in (purpose, stream, int(key[1]), int(key[0]), block)]
    c0, (c1, c2, c3, k0, k1) = counter, fixed
    low, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = (p1 >> half) ^ c1 ^ k0, p1 & low, (p0 >> half) ^ c3 ^ k1, p0 & low
        k0, k1 = (k0 + np.uint64(0x9E3779B9)) & low, (k1 + np.uint64(0xBB67AE85)) & low
    return np.stack([c0, c1, c2, c3], axis=1).ravel()


def unit(word: U64) -> F64:
    """Words as numbers inside (0, 1)."""
    return (word.astype(np.float64) + 0.5) * 2.0**-32


def log(x: F64) -> F64:
    """`draws.log_of`, of arrays."""
    mantissa, exponent = np.frexp(x)
    small = mantissa < math.sqrt(0.5)
    m = np.where(small, mantissa + mantissa, mantissa)
    e = np.where(small, exponent - 1, exponent).astype(np.float64)
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    p = np.full_like(z, 1.0 / 13.0)
    for odd in (11.0, 9.0, 7.0, 5.0, 3.0, 1.0):
        p = p * z + 1.0 / odd
    result: F64 = e * draws._LN2_HIGH + (2.0 * s * p + e * draws._LN2_LOW)
    return result


def exp(y: F64) -> F64:
    """`draws.exp_of`, of arrays."""
    y = np.minimum(np.maximum(y, -700.0), 700.0)
    k = (y * draws._LOG2_E + draws._ROUNDER) - draws._ROUNDER
    r = (y - k * draws._LN2_HIGH) - k * draws._LN2_LOW
    p = np.full_like(r, 1.0 / math.factorial(10))
    for n in range(9, -1, -1):
        p = p * r + 1.0 / math.factorial(n)
    return np.ldexp(p, k.astype(np.int64))


_CENTRE = (
    (2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
     1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0),
    (5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
     5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0),
)  # fmt: skip
_TAIL = (
    (7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0,
     3.64784832476320460504e0, 5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0),
    (1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
     6.89767334985100004550e-1, 1.67638483018380384940e0, 2.05319162663775882187e0, 1.0),
)  # fmt: skip


def _polynomial(coefficients: tuple[float, ...], x: F64) -> F64:
    total = np.full_like(x, coefficients[0])
    for each in coefficients[1:]:
        total = x * total + each
    return total


def normal(p: F64) -> F64:
    """`draws.normal_of`, of arrays."""
    q = p - 0.5
    r = 0.180625 - q * q
    centre = q * _polynomial(_CENTRE[0], r) / _polynomial(_CENTRE[1], r)
    t = np.sqrt(-log(np.where(p < 0.5, p, 1.0 - p))) - 1.6
    tail = _polynomial(_TAIL[0], t) / _polynomial(_TAIL[1], t)
    return np.where(np.abs(q) <= 0.425, centre, np.where(p < 0.5, -tail, tail))


def burr(p: F64, shape: float) -> F64:
    """`draws.burr_of`, of arrays."""
    x = -log(1.0 - p) / shape
    q = x * x
    near = log(x) + 0.5 * x + q * (1.0 / 24.0 + q * (q * (1.0 / 181440.0) - 1.0 / 2880.0))
    return np.where(x < 0.25, near, x + log(1.0 - exp(-x)))


def excess(survival: F64, xi: float, beta: float) -> F64:
    """`draws.excess_of`, of arrays."""
    passed = -log(survival)
    y = xi * passed
    series = 1.0 + y * (0.5 + y * (1.0 / 6.0 + y * (1.0 / 24.0 + y * (1.0 / 120.0))))
    small = np.abs(y) < 0.01
    return beta * passed * np.where(small, series, (exp(y) - 1.0) / np.where(small, 1.0, y))


def _whole(x: F64) -> NDArray[np.int64]:
    return np.rint(np.minimum(np.maximum(x, 1.0), float(draws.LONGEST))).astype(np.int64)


def lengths(law: Law, uniform: F64) -> NDArray[np.int64]:
    """Whole seconds of outages with these uniforms; those that the law's `stretch` lifts to 1 or above don't end."""
    body, stretch, mu, sigma, shape, threshold, beyond, xi, beta = law
    p = np.minimum(uniform * stretch, draws.NEXT_TO_ONE)
    if body == draws.LOGNORMAL:
        z = normal(p)
    elif body == draws.WEIBULL:
        z = log(-log(1.0 - p))
    elif body == draws.BURR:
        z = burr(p, shape)
    else:
        z = log(p) - log(1.0 - p)
    found = _whole(exp(mu + sigma * z))
    if beyond > 0.0:
        survival = (1.0 - p) / beyond
        far = survival < 1.0
        found[far] = _whole(threshold + excess(survival[far], xi, beta))
    return np.where(uniform * stretch >= 1.0, draws.LONGEST, found)


def gamma(shape: float, stream: int, block: int, key: Key) -> float:
    """`draws.gamma_of`: a standard Gamma variate."""
    d = (shape if shape >= 1.0 else shape + 1.0) - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    count = 8
    while True:
        table = words(count, int(draws.RATE), stream, block, key).reshape(-1, 4)
        zs, logs, powers = normal(unit(table[:, 0])), log(unit(table[:, 1])), log(unit(table[:, 2]))
        for z, log_u, log_w in zip(zs.tolist(), logs.tolist(), powers.tolist(), strict=True):
            v = 1.0 + c * z
            if v <= 0.0:
                continue
            v = v * v * v
            if log_u < 0.5 * z * z + d - d * v + d * float(log(np.array([v]))[0]):
                raised = float(exp(np.array([log_w / shape]))[0]) if shape < 1.0 else 1.0
                return float(d * v * raised)
        count *= 2


def parameters(world: World, process: int, block: int, key: Key) -> tuple[float, Law]:
    """Halts a year of a process in a block, and the law of their lengths."""
    stream, rate_group, rate_first, rate_cdf, shapes, rates, law_group, law_first, law_cdf, laws = world.arrays[:10]
    tail_first, tail_cdf, tails, threshold = world.arrays[16:]

    def node(u: float, first: NDArray[np.int64], cdf: F64) -> int:
        begin, end = int(first[process]), int(first[process + 1])
        return begin + min(bisect_right(cdf[begin:end].tolist(), u), end - begin - 1)

    of_rate = unit(words(1, int(draws.RATE_NODE), int(rate_group[process]), block, key)).tolist()
    of_law = unit(words(1, int(draws.LAW_NODE), int(law_group[process]), block, key)).tolist()
    at = node(of_rate[0], rate_first, rate_cdf)
    shape, rate = float(shapes[at]), float(rates[at])
    if shape > 0.0:
        rate = gamma(shape, int(stream[process]), block, key) / rate
    mu, sigma, bend, beyond = laws[node(of_law[0], law_first, law_cdf)].tolist()
    xi, beta = tails[node(of_law[1], tail_first, tail_cdf)].tolist()
    stretch, start = float(world.arrays[15][process]), float(threshold[process])
    return rate, (int(world.arrays[10][process]), stretch, mu, sigma, bend, start, beyond, xi, beta)


def own_arrays(world: World, name: str, block: int, key: Key) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Starts and lengths of the outages that a process begins itself, in order of their starts."""
    process = world.place[name]
    rate, law = parameters(world, process, block, key)
    if rate <= 0.0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    count = int(rate * BLOCK_YEARS) + 16
    while True:
        table = words(count, int(draws.OUTAGES), world.stream[name], block, key).reshape(-1, 2)
        times = np.cumsum(-log(unit(table[:, 0])) * (YEAR / rate))
        if times[-1] >= BLOCK:
            break
        count *= 2
    n = int(np.searchsorted(times, BLOCK, side="left"))
    return times[:n].astype(np.int64), lengths(law, unit(table[:n, 1]))


def own_outages(world: World, name: str, block: int, key: Key) -> list[Outage]:
    """Outages that a process begins itself, in order."""
    times, spans = own_arrays(world, name, block, key)
    found = sorted(zip(times.tolist(), spans.tolist(), strict=True))
    return [(t, d, (name, j)) for j, (t, d) in enumerate(found)]


def unite(outages: list[Outage]) -> list[Outage]:
    """Outages that overlap or touch and begin in one year as one, which keeps the root of the first."""
    united: list[Outage] = []
    for t, d, root in sorted(outages, key=lambda each: each[:2]):
        if united:
            start, length, first = united[-1]
            if t <= start + length and t // YEAR == start // YEAR:
                united[-1] = (start, min(max(length, t + d - start), draws.LONGEST), first)
                continue
        united.append((t, d, root))
    return united


def outages(world: World, seed: int, block: int) -> dict[str, list[Outage]]:
    """All outages of every process in a block, by the id of the process."""
    key = require_run(seed, block, 1)
    found: dict[str, list[Outage]] = {}
    for name in world.order:
        gathered = own_outages(world, name, block, key)
        for link in world.links:
            if link.subject != name:
                continue
            passed = found[link.cause]
            purpose = int(draws.PASS_ON) + world.stream[link.cause]
            coins = words(len(passed) // 4 + 1, purpose, world.stream[name], block, key)
            threshold = round(link.pass_through * 2**32)
            gathered += [each for each, coin in zip(passed, coins.tolist(), strict=False) if coin < threshold]
        found[name] = unite(gathered)
    return found


def failovers(world: World, name: str, count: int, seed: int, block: int) -> list[bool]:
    """Whether a failover is proven in each of a subject's outages of a block."""
    key = require_run(seed, block, 1)
    coins = words(count // 4 + 1, int(draws.FAILOVER), world.stream[name], block, key)
    return [coin < round(world.failover_probability * 2**32) for coin in coins.tolist()[:count]]


def incidents(cover: Cover, second: int, seconds: int) -> Iterator[int]:
    """Covered seconds of the incidents that one outage, which begins at this second of the year, is to a policy.

    It covers none when it was not in force as the outage began, and none that begins after its end or the year's.
    """
    if cover.start <= second < cover.end:
        for begun in range(0, min(seconds, min(cover.end, YEAR) - second), LONGEST_INCIDENT_SECONDS):
            yield min(seconds - begun, LONGEST_INCIDENT_SECONDS)


def payouts(book: Book, seed: int, block: int) -> list[dict[str, Any]]:
    """Every payment of a block in the order of the outages: year (of the block), policy, subject, root, amount."""
    paid: dict[tuple[int, str], int] = {}
    rows: list[dict[str, Any]] = []
    for name, found in outages(book.world, seed, block).items():
        proofs = failovers(book.world, name, len(found), seed, block)
        for (t, d, root), proven in zip(found, proofs, strict=True):
            year, second = divmod(t, YEAR)
            for cover in book.covers:
                if cover.subject != name:
                    continue
                for number, covered in enumerate(incidents(cover, second, d)):
                    before = paid.get((year, cover.id), 0)
                    amount = payoff.owed(cover.terms, covered, proven and number == 0, before)
                    paid[year, cover.id] = before + amount
                    row = {"year": year, "policy": cover.id, "subject": name, "root": root, "amount": amount}
                    rows.append(row)
    return rows


def totals(book: Book, seed: int, block: int) -> list[int]:
    """The pool's payout in each of the block's years."""
    sums = [0] * BLOCK_YEARS
    for row in payouts(book, seed, block):
        sums[row["year"]] += row["amount"]
    return sums
