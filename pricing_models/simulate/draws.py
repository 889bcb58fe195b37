"""Random numbers by counter: Philox4x32-10, and the variates made of them with IEEE basic operations only.

Logarithm, exponential and the inverse normal are our own sums, quotients and square roots, in one fixed order: each is
correctly rounded by the standard, so that any machine, vector width or thread gives the same bits.
"""

# mypy: allow-untyped-defs, allow-untyped-calls, no-check-untyped-defs
# the compiler infers the types of kernels from their arguments

import math

import numpy as np
from numpy.typing import NDArray

from pricing_models.jit import bits_of, compiled, float_of

U64 = NDArray[np.uint64]
F64 = NDArray[np.float64]

OUTAGES, RATE, RATE_NODE, LAW_NODE, FAILOVER = (np.uint64(i) for i in range(5))
"""Purposes of a stream; from PASS_ON up it is the pass-through coin of that cause."""
PASS_ON = np.uint64(16)

LOGNORMAL, WEIBULL, LOGLOGISTIC, BURR = 0, 1, 2, 3
LONGEST = 2**32 - 1
"""Seconds: longer outages count as this long, and so do permanent stops."""
NEXT_TO_ONE = 1.0 - 2.0**-33
"""Largest uniform that a length is made of: the sums for logarithm and normal are good up to here."""

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_LOW, _32 = np.uint64(0xFFFFFFFF), np.uint64(32)
_0, _1, _2 = np.uint64(0), np.uint64(1), np.uint64(2)
_52 = np.uint64(52)
_MANTISSA, _HALF_BITS = np.uint64(0x000FFFFFFFFFFFFF), np.uint64(0x3FE0000000000000)
_BIAS = 1023
_BIAS_BITS = np.uint64(_BIAS << 52)
_WHOLE, _WHOLE_BITS = 2.0**52, np.uint64(0x4330000000000000)
"""From 2^52 to 2^53 a float's mantissa is the whole number above 2^52: vector code for turning one into the other."""
_SQRT_HALF = math.sqrt(0.5)
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_LOG2_E = 1.0 / math.log(2.0)
_SCALE = 2.0**-32
_ROUNDER = 1.5 * 2.0**52
"""Added and taken away again, it leaves the nearest whole number."""


@compiled
def philox(c0, c1, c2, c3, k0, k1):
    """Four words of 32 bits (in 64) for a counter and a key: Salmon, Moraes, Dror, Shaw 2011, ten rounds."""
    for _ in range(10):
        p0, p1 = _M0 * c0, _M1 * c2
        c0, c1, c2, c3 = (p1 >> _32) ^ c1 ^ k0, p1 & _LOW, (p0 >> _32) ^ c3 ^ k1, p0 & _LOW
        k0, k1 = (k0 + _W0) & _LOW, (k1 + _W1) & _LOW
    return c0, c1, c2, c3


@compiled
def float_from(word):
    """A whole number below 2^52 as a float."""
    return float_of(word | _WHOLE_BITS) - _WHOLE


@compiled
def unit(word):
    """A number inside (0, 1) of 32 bits: the middle of its cell."""
    return (float_from(word) + 0.5) * _SCALE


@compiled
def log_of(x):
    """Natural logarithm of a normal positive number, good to 2e-12: 2 artanh((m-1)/(m+1)) + e ln 2, m from sqrt(1/2) to
    sqrt(2)."""
    bits = bits_of(x)
    e = float_from(bits >> _52) - (_BIAS - 1)
    m = float_of((bits & _MANTISSA) | _HALF_BITS)
    small = m < _SQRT_HALF
    m = m + m if small else m
    e = e - 1.0 if small else e
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    p = 1.0 / 13.0
    p = p * z + 1.0 / 11.0
    p = p * z + 1.0 / 9.0
    p = p * z + 1.0 / 7.0
    p = p * z + 1.0 / 5.0
    p = p * z + 1.0 / 3.0
    p = p * z + 1.0
    return e * _LN2_HIGH + (2.0 * s * p + e * _LN2_LOW)


@compiled
def exp_of(y):
    """Exponential, good to 1e-12, `y` cut to [-700, 700]: Taylor's sum within ln(2)/2 of zero, times a power of two."""
    y = y if y > -700.0 else -700.0
    y = y if y < 700.0 else 700.0
    whole = y * _LOG2_E + _ROUNDER
    k = whole - _ROUNDER
    r = (y - k * _LN2_HIGH) - k * _LN2_LOW
    p = 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r + 1.0
    # the lowest bits of `whole` are k, and pushed up they are an exponent
    return p * float_of((bits_of(whole) << _52) + _BIAS_BITS)


@compiled
def centre_of(p):
    """Inverse normal for p in [0.075, 0.925]: Wichura's AS 241 (PPND16)."""
    q = p - 0.5
    r = 0.180625 - q * q
    a = r * 2.5090809287301226727e3 + 3.3430575583588128105e4
    a = a * r + 6.7265770927008700853e4
    a = a * r + 4.5921953931549871457e4
    a = a * r + 1.3731693765509461125e4
    a = a * r + 1.9715909503065514427e3
    a = a * r + 1.3314166789178437745e2
    a = a * r + 3.3871328727963666080e0
    b = r * 5.2264952788528545610e3 + 2.8729085735721942674e4
    b = b * r + 3.9307895800092710610e4
    b = b * r + 2.1213794301586595867e4
    b = b * r + 5.3941960214247511077e3
    b = b * r + 6.8718700749205790830e2
    b = b * r + 4.2313330701600911252e1
    b = b * r + 1.0
    return q * a / b


@compiled
def tail_of(p):
    """Inverse normal for p in [2^-33, 0.075] or as far from one: AS 241, whose far tail can't occur here."""
    t = math.sqrt(-log_of(p if p < 0.5 else 1.0 - p)) - 1.6
    c = t * 7.74545014278341407640e-4 + 2.27238449892691845833e-2
    c = c * t + 2.41780725177450611770e-1
    c = c * t + 1.27045825245236838258e0
    c = c * t + 3.64784832476320460504e0
    c = c * t + 5.76949722146069140550e0
    c = c * t + 4.63033784615654529590e0
    c = c * t + 1.42343711074968357734e0
    d = t * 1.05075007164441684324e-9 + 5.47593808499534494600e-4
    d = d * t + 1.51986665636164571966e-2
    d = d * t + 1.48103976427480074590e-1
    d = d * t + 6.89767334985100004550e-1
    d = d * t + 1.67638483018380384940e0
    d = d * t + 2.05319162663775882187e0
    d = d * t + 1.0
    c = c / d
    return -c if p < 0.5 else c


@compiled
def normal_of(p):
    """Inverse normal for p in [2^-33, 1 - 2^-33], good to 1e-11."""
    return centre_of(p) if abs(p - 0.5) <= 0.425 else tail_of(p)


@compiled
def burr_of(p, shape):
    """Quantile of the standard Burr, log(e^x - 1) with x = -log(1 - p) / shape, good to 1e-11."""
    x = -log_of(1.0 - p) / shape
    q = x * x
    near = log_of(x) + 0.5 * x + q * (1.0 / 24.0 + q * (q * (1.0 / 181440.0) - 1.0 / 2880.0))
    return near if x < 0.25 else x + log_of(1.0 - exp_of(-x))


@compiled
def excess_of(survival, xi, beta):
    """Seconds beyond the threshold of a generalised Pareto tail that are survived with this probability:
    beta (e^y - 1) / xi with y = -xi log(survival), whatever the sign of xi, good to 1e-10."""
    passed = -log_of(survival)
    y = xi * passed
    series = 1.0 + y * (0.5 + y * (1.0 / 6.0 + y * (1.0 / 24.0 + y * (1.0 / 120.0))))
    return beta * passed * (series if abs(y) < 0.01 else (exp_of(y) - 1.0) / y)


@compiled
def whole_of(x):
    """Length in whole seconds (u64), at least 1 and at most LONGEST."""
    x = x if x > 1.0 else 1.0
    x = x if x < 4294967295.0 else 4294967295.0
    return bits_of(x + _WHOLE) & _LOW


@compiled
def pick(cdf, first, last, u):
    """Index within [first, last) of the first node whose cumulated weight exceeds `u`; the last one if none does."""
    low, high = first, last - 1
    while low < high:
        middle = (low + high) >> 1
        if cdf[middle] > u:
            high = middle
        else:
            low = middle + 1
    return low


@compiled
def gamma_of(shape, stream, seed_high, k0, k1):
    """A standard Gamma variate: Marsaglia and Tsang 2000, attempt i from counter i; raised where shape < 1."""
    a = shape if shape >= 1.0 else shape + 1.0
    d = a - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    i = _0
    while True:
        x0, x1, x2, _ = philox(i, RATE, stream, seed_high, k0, k1)
        z = normal_of(unit(x0))
        v = 1.0 + c * z
        if v > 0.0:
            v = v * v * v
            if log_of(unit(x1)) < 0.5 * z * z + d - d * v + d * log_of(v):
                if shape < 1.0:
                    return d * v * exp_of(log_of(unit(x2)) / shape)
                return d * v
        i += _1


@compiled
def fill_words(first, count, purpose, stream, seed_high, k0, k1, words):
    """`count` counters from `first` on, four words of 32 bits each, into `words`."""
    for i in range(count):
        x0, x1, x2, x3 = philox(np.uint64(first + i), purpose, stream, seed_high, k0, k1)
        words[4 * i] = x0
        words[4 * i + 1] = x1
        words[4 * i + 2] = x2
        words[4 * i + 3] = x3


@compiled
def _below_one(word, stretch):
    p = unit(word) * stretch
    return p if p < NEXT_TO_ONE else NEXT_TO_ONE


@compiled
def fill_outages(words, n, law, scale, gaps, variates, lengths):
    """Gaps (seconds, exponential with mean `scale`) and whole seconds of `n` outages, of two words each.

    `law` is (body, stretch, mu, sigma, shape, threshold, beyond, xi, beta). A uniform times `stretch` = 1 / (1 - share
    of permanent stops) is that of an outage that ends, and from 1 on one that doesn't, which lasts LONGEST. With
    probability `beyond` one that ends exceeds `threshold` seconds, where its tail begins; 0 where it has none.
    """
    body, stretch, mu, sigma, shape, threshold, beyond, xi, beta = law
    if body == LOGNORMAL:
        # loops without a branch become vector code; the tail, 15 in 100, is gathered in `gaps` and done by itself
        for i in range(n):
            variates[i] = centre_of(unit(words[2 * i + 1]) * stretch)
        tails = 0
        for i in range(n):
            p = unit(words[2 * i + 1]) * stretch
            gaps[tails], lengths[tails] = p if p < NEXT_TO_ONE else NEXT_TO_ONE, np.uint64(i)
            tails += 1 if abs(p - 0.5) > 0.425 else 0
        for k in range(tails):
            gaps[k] = tail_of(gaps[k])
        for k in range(tails):
            variates[lengths[k]] = gaps[k]
    elif body == BURR:
        for i in range(n):
            variates[i] = burr_of(_below_one(words[2 * i + 1], stretch), shape)
    else:
        for i in range(n):
            p = _below_one(words[2 * i + 1], stretch)
            variates[i] = log_of(-log_of(1.0 - p)) if body == WEIBULL else log_of(p) - log_of(1.0 - p)
    for i in range(n):
        lengths[i] = whole_of(exp_of(mu + sigma * variates[i]))
    if beyond > 0.0:
        for i in range(n):
            survival = (1.0 - _below_one(words[2 * i + 1], stretch)) / beyond
            if survival < 1.0:
                lengths[i] = whole_of(threshold + excess_of(survival, xi, beta))
    if stretch > 1.0:
        for i in range(n):
            lengths[i] = _LOW if unit(words[2 * i + 1]) * stretch >= 1.0 else lengths[i]
    for i in range(n):
        gaps[i] = -log_of(unit(words[2 * i])) * scale
