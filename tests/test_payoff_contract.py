"""The compiled payoff against the models': one definition, in two languages."""

from collections.abc import Iterator, Sequence
from random import Random

import pytest

from pricing_models.payoff import MONEY_BOUND, RATE_BOUND, SECONDS_BOUND, Semantics, Terms, limit_seconds, owed
from tests.compiled import Harness, deployed_harness
from tests.differential import Draw, hold_against

pytestmark = [pytest.mark.network, pytest.mark.anvil]

Case = tuple[Terms, int, bool, int]
"""Terms, covered seconds, whether a failover is proven, owed for other incidents."""

SEMANTICS = (Semantics.RETENTION, Semantics.QUALIFYING)
"""In the contract's order."""


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    with deployed_harness("PayoffHarness", tmp_path_factory.mktemp("forge")) as contract:
        yield contract


def at_any_scale(source: Random, least: int, most: int) -> int:
    """An integer of [least, most]: an end, one near it, or one of any number of digits."""
    sort = source.randrange(4)
    if sort == 0:
        return min(most, least + source.randrange(3))
    if sort == 1:
        return max(least, most - source.randrange(3))
    return min(most, max(least, source.getrandbits(source.randint(1, most.bit_length()))))


def near(source: Random, middle: int) -> int:
    return min(SECONDS_BOUND - 1, max(0, middle + source.randint(-2, 2)))


def random_case(source: Random) -> Case:
    aggregate = at_any_scale(source, 1, MONEY_BOUND - 1)
    terms = Terms(
        waiting_seconds=at_any_scale(source, 0, SECONDS_BOUND - 1),
        semantics=source.choice(SEMANTICS),
        rate_per_second=at_any_scale(source, 1, RATE_BOUND - 1),
        failover_benefit=at_any_scale(source, 0, MONEY_BOUND - 1),
        incident_limit=at_any_scale(source, 1, aggregate),
        aggregate_limit=aggregate,
    )
    covered = source.choice(
        (
            near(source, terms.waiting_seconds),
            near(source, limit_seconds(terms)),
            source.randint(0, 168 * 3_600),
            at_any_scale(source, 0, SECONDS_BOUND - 1),
        )
    )
    # more than all that is left, too: an aggregate limit used up is no error
    elsewhere = at_any_scale(source, 0, source.choice((aggregate, MONEY_BOUND - 1)))
    return terms, covered, source.random() < 0.5, elsewhere


def on_chain(harness: Harness, cases: Sequence[Case]) -> list[int]:
    questions = [
        (
            (
                terms.waiting_seconds,
                SEMANTICS.index(terms.semantics),
                terms.rate_per_second,
                terms.failover_benefit,
                terms.incident_limit,
                terms.aggregate_limit,
            ),
            covered,
            failover,
            elsewhere,
        )
        for terms, covered, failover, elsewhere in cases
    ]
    [answers] = harness.ask("owedMany", questions)
    return list(answers)


def kind(case: Case, answer: int) -> str:
    """What decides the answer."""
    terms, covered, failover, elsewhere = case
    if covered <= terms.waiting_seconds:
        return "waiting"
    if elsewhere >= terms.aggregate_limit:
        return "used up"
    if answer == terms.incident_limit:
        return "incident limit"
    if answer == terms.aggregate_limit - elsewhere:
        return "aggregate limit"
    return f"{terms.semantics}{' and failover' if failover else ''}"


def test_contract_and_models_owe_the_same_to_the_unit(harness: Harness) -> None:
    draw = Draw.chosen()
    agreed = hold_against(
        draw, random_case, lambda cases: on_chain(harness, cases), lambda case: owed(*case), batch=1_000
    )
    kinds = [kind(case, answer) for case, answer in agreed]
    rare = {each: kinds.count(each) for each in set(kinds) if kinds.count(each) < draw.count // 100}
    assert not draw.telling or (len(set(kinds)) == 8 and not rare), f"the cases are too poor to tell anything: {rare}"


@pytest.mark.parametrize("semantics", SEMANTICS)
def test_both_pay_nothing_at_the_waiting_period_and_something_a_second_later(
    harness: Harness, semantics: Semantics
) -> None:
    terms = Terms(1_200, semantics, 7, 0, 10**9, 10**9)
    cases: list[Case] = [(terms, 1_200, False, 0), (terms, 1_201, False, 0)]
    first = 7 if semantics is Semantics.RETENTION else 7 * 1_201
    assert on_chain(harness, cases) == [owed(*case) for case in cases] == [0, first]
