"""Random questions to two implementations; each can be put again, since case i of a seed is always the same."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

import pytest
from web3.exceptions import Web3Exception

Case = TypeVar("Case")
Answer = TypeVar("Answer")

CASES = 2_000
SEED = 20_240_719


@dataclass(frozen=True)
class Draw:
    """Which cases are drawn: `count` from number `first` on, of one `seed`."""

    seed: int
    first: int
    count: int

    @classmethod
    def chosen(cls) -> "Draw":
        """What DIFF_SEED, DIFF_FIRST and DIFF_CASES say; 2,000 cases of a fixed seed by default."""
        read = os.environ.get
        return cls(int(read("DIFF_SEED", SEED)), int(read("DIFF_FIRST", 0)), int(read("DIFF_CASES", CASES)))

    @property
    def telling(self) -> bool:
        """Whether there are enough cases to ask that all sorts of them occur."""
        return self.count >= CASES


def hold_against(
    draw: Draw,
    make: Callable[[Random], Case],
    contract: Callable[[Sequence[Case]], Sequence[Answer]],
    oracle: Callable[[Case], Answer],
    *,
    batch: int,
) -> list[tuple[Case, Answer]]:
    """The cases with the answer on which both agree.

    `contract` answers `batch` cases in one call. Fails with the first case that the two answer differently, or that the
    contract doesn't answer at all, and with what draws it again.
    """
    agreed: list[tuple[Case, Answer]] = []
    for start in range(draw.first, draw.first + draw.count, batch):
        numbers = range(start, min(start + batch, draw.first + draw.count))
        cases = [make(Random(f"{draw.seed}/{number}")) for number in numbers]
        try:
            answers = contract(cases)
        except Web3Exception as error:
            _fail_alone(draw, numbers, cases, contract, error)
        for number, case, answer in zip(numbers, cases, answers, strict=True):
            expected = oracle(case)
            if answer != expected:
                _fail(draw, number, case, f"the contract answers {answer}\nthe oracle {expected}")
            agreed.append((case, answer))
    return agreed


def _fail_alone(
    draw: Draw,
    numbers: Sequence[int],
    cases: Sequence[Case],
    contract: Callable[[Sequence[Case]], Sequence[Answer]],
    reason: Web3Exception,
) -> None:
    """Finds the case for which the whole batch was refused."""
    for number, case in zip(numbers, cases, strict=True):
        try:
            contract([case])
        except Web3Exception as error:
            _fail(draw, number, case, f"the contract refuses it: {error}")
    raise reason


def _fail(draw: Draw, number: int, case: object, difference: str) -> None:
    again = f"DIFF_SEED={draw.seed} DIFF_FIRST={number} DIFF_CASES=1"
    pytest.fail(f"case {number} of seed {draw.seed} ({again} draws it again)\n{case}\n{difference}", pytrace=False)
