"""What the formulas of shares, premium and payoff promise, proven for whole numbers of any size by z3.

The compiled code divides 512 bits wide, which no solver of bit vectors follows. So the formulas are proven here and the
code is held to them elsewhere: payoff by tests/test_payoff_contract.py, shares and premium by the fuzz tests of
test/CoverPool.t.sol. A floor is given by what defines it: q = floor(x / y) if q y <= x < (q + 1) y. Each proof assumes
the opposite, and the solver finds the contradiction by linear steps alone, given the products that it needs.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from z3 import (
    ArithRef,
    BoolRef,
    ExprRef,
    If,
    Implies,
    Int,
    Ints,
    IntVal,
    Not,
    Product,
    Solver,
    is_int_value,
    is_mul,
    is_true,
    simplify,
    substitute,
    unsat,
)

VIRTUAL_SHARES = 10**6
SCALE = 10**18

Number = ArithRef | int


@dataclass(frozen=True)
class Claim:
    """A statement; `steps` are products that the proof needs, true whenever the assumptions are and it is not.

    `example` satisfies the assumptions: so nothing is proven from a contradiction.
    """

    name: str
    assumptions: list[BoolRef]
    conclusion: BoolRef
    steps: list[BoolRef]
    example: dict[str, int]


def floor_of(quotient: Number, number: Number, divisor: Number) -> list[BoolRef]:
    """`quotient` is `number / divisor`, rounded down."""
    return [quotient * divisor <= number, number < (quotient + 1) * divisor]


def ceiling_of(quotient: Number, number: Number, divisor: Number) -> list[BoolRef]:
    """`quotient` is `number / divisor`, rounded up."""
    return [quotient * divisor >= number, number > (quotient - 1) * divisor]


def times(difference: Number, factor: Number) -> BoolRef:
    """A step, for a difference of one or more and a factor that is not negative."""
    return (difference - 1) * factor >= 0


def shares() -> Iterator[Claim]:
    """`a` assets and `s` shares are in the pool, the virtual ones among them; `x` is deposited for `m` shares."""
    a, s, x, y, m, n, v, w = Ints("a s x y m n v w")
    pool = [a >= 1, s >= VIRTUAL_SHARES, x >= 0, y >= 0, m >= 0, n >= 0, v >= 0, w >= 0]
    minted = floor_of(m, x * s, a)
    given = {"a": 7, "s": 3 * 10**6, "x": 5, "y": 2, "m": 15 * 10**6 // 7, "n": 0, "v": 0, "w": 0}
    k, z, p, t = given["m"], given["s"], given["a"], given["x"]

    def claim(name: str, extra: list[BoolRef], end: BoolRef, steps: list[BoolRef], **example: int) -> Claim:
        return Claim(name, [*pool, *minted, *extra], end, steps, given | example)

    out = floor_of(v, m * (a + x), s + m)
    yield claim("depositing and redeeming gains nothing", out, v <= x, [times(v - x, s + m)], v=k * (p + t) // (z + k))

    second = floor_of(n, y * (s + m), a + x)
    fair = [(y * (x * s - m * a)) >= 0, (a * (y * (s + m) - n * (a + x))) >= 0, times(n * a - y * s, a + x)]
    later = 2 * (z + k) // (p + t)
    yield claim("a later deposit gets no better price", second, n * a <= y * s, fair, n=later)
    both = [n * a <= y * s, *floor_of(w, (x + y) * s, a)]
    yield claim("two deposits get no more than one", both, m + n <= w, [times(m + n - w, a)], n=later, w=7 * z // p)

    back = floor_of(v, m * a, s)
    yield claim("converting there and back gains nothing", back, v <= x, [times(v - x, s)], v=k * p // z)
    cost = [*ceiling_of(v, m * a, s), *floor_of(w, m * a, s)]
    price = -(-k * p // z)
    yield claim("shares cost what they are worth or more", cost, w <= v, [times(w - v, s)], v=price, w=k * p // z)
    dear = ceiling_of(v, m * a, s)
    yield claim("minting what a deposit gets costs no more", dear, v <= x, [times(v - x, s)], v=price)
    yield claim("a deposit lowers nobody's value", [], a * (s + m) <= (a + x) * s, [])
    yield claim("nor does a redemption", back, a * (s - m) <= (a - v) * s, [], v=k * p // z)


def premium() -> Iterator[Claim]:
    """Premium `p` over `d` seconds at rate `r`, with what rounding left; `q` is earned after `t` seconds, `e` later."""
    p, d, t, r, left, q, e = Ints("p d t r left q e")
    rate = [p >= 0, d >= 1, t >= 0, t <= d, r >= 0, *floor_of(r, p * SCALE, d), left == p * SCALE - r * d]
    looked = [q >= 0, *floor_of(q, r * t, SCALE)]
    scaled = 10 * SCALE // 7
    given = {"p": 10, "d": 7, "t": 3, "r": scaled, "left": 10 * SCALE - 7 * scaled, "q": 3 * scaled // SCALE, "e": 6}
    yield Claim("what rounding leaves is less than a scaled unit a second", rate, left < d, [], given)
    yield Claim("and nothing is created by it", rate, left >= 0, [], given)
    yield Claim("no more is earned than was written", [*rate, *looked], q <= p, [r * (d - t) >= 0], given)
    end = floor_of(e, (r * t - q * SCALE) + r * (d - t) + left, SCALE)
    yield Claim("all is earned in the end, to the unit", [*rate, *looked, *end], q + e == p, [], given)


def payoff() -> Iterator[Claim]:
    """Rate `r`, waiting `w` of which `h` is kept back, benefit `b`, limits `i` and `j`, `x` or `y` covered seconds."""
    x, y, w, h, r, b, i, j = Ints("x y w h r b i j")
    terms = [x >= 0, x <= y, h >= 0, h <= w, r >= 1, b >= 0, i >= 0, i <= j]
    given = {"x": 9, "y": 11, "w": 8, "h": 8, "r": 3, "b": 2, "i": 6, "j": 7}

    def owed(seconds: ArithRef, limit: ArithRef) -> ArithRef:
        gross = r * (seconds - h) + b
        return If(seconds <= w, IntVal(0), If(gross <= limit, gross, limit))

    least = [Implies(covered > w, times(covered - h, r)) for covered in (x, y)]
    yield Claim("more seconds pay no less", terms, owed(x, i) <= owed(y, i), [*least, r * (y - x) >= 0], given)
    yield Claim("larger limits pay no less", terms, owed(x, i) <= owed(x, j), [], given)
    yield Claim("nothing is owed beyond a limit", terms, owed(x, i) <= i, [], given)
    yield Claim("nor less than nothing", terms, owed(x, i) >= 0, least, given)


def answer_to(claim: Claim) -> str:
    """`proven`, or why not."""
    values = [(Ints(name)[0], IntVal(value)) for name, value in claim.example.items()]
    for each in [*claim.assumptions, claim.conclusion]:
        if not is_true(simplify(substitute(each, *values))):
            return f"the example contradicts {each}"
    solver = Solver()
    for part in [*claim.assumptions, *claim.steps, Not(claim.conclusion)]:
        solver.add(linear(simplify(part, som=True)))
    found = solver.check()
    return "proven" if found == unsat else f"not proven ({found})"


def linear(term: ExprRef) -> ExprRef:
    """A sum of products with a name for each product of unknowns: what holds for all names holds for the products."""
    if not is_mul(term):
        return term.decl()(*map(linear, term.children())) if term.num_args() else term
    factors, pending = [], [term]
    while pending:
        each = pending.pop()
        if is_mul(each):
            pending += each.children()
        else:
            factors.append(each)
    numbers = [each for each in factors if is_int_value(each)]
    unknowns = sorted(str(each) for each in factors if not is_int_value(each))
    name: ArithRef = Int("*".join(unknowns))
    return Product(*numbers, name) if numbers else name


def main() -> int:
    """Prints each claim with what came of it; 1 if any is not proven."""
    failed = False
    for theme in (shares, premium, payoff):
        for claim in theme():
            told = answer_to(claim)
            failed = failed or told != "proven"
            print(f"{theme.__name__}: {claim.name}: {told}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
