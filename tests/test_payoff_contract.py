"""The compiled payoff against the models': one definition, in two languages."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from web3.contract import Contract

from pricing_models.payoff import Semantics, Terms, owed
from tests.compiled import deployed_harness

pytestmark = [pytest.mark.network, pytest.mark.anvil]

Case = tuple[Terms, int, bool, int]
"""Terms, covered seconds, whether a failover is proven, owed for other incidents."""

SEMANTICS = (Semantics.RETENTION, Semantics.QUALIFYING)
"""In the contract's order."""


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contract]:
    with deployed_harness("PayoffHarness", tmp_path_factory.mktemp("forge")) as contract:
        yield contract


def at_any_scale(bits: int, least: int = 0) -> st.SearchStrategy[int]:
    """Integers of [least, 2^bits): small ones, ones near the top, and all between."""
    most = 2**bits - 1
    return st.one_of(st.integers(least, 10), st.integers(most - 10, most), st.integers(least, most))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    aggregate = draw(at_any_scale(96, 1))
    terms = Terms(
        waiting_seconds=draw(at_any_scale(32)),
        semantics=draw(st.sampled_from(SEMANTICS)),
        rate_per_second=draw(at_any_scale(64, 1)),
        failover_benefit=draw(at_any_scale(96)),
        incident_limit=draw(st.integers(1, aggregate)),
        aggregate_limit=aggregate,
    )
    near = st.integers(max(0, terms.waiting_seconds - 2), min(terms.waiting_seconds + 2, 2**32 - 1))
    covered = draw(st.one_of(near, st.integers(0, 168 * 3_600), at_any_scale(32)))
    return terms, covered, draw(st.booleans()), draw(st.integers(0, aggregate))


def on_chain(harness: Contract, batch: list[Case]) -> list[int]:
    terms = [
        (
            each.waiting_seconds,
            SEMANTICS.index(each.semantics),
            each.rate_per_second,
            each.failover_benefit,
            each.incident_limit,
            each.aggregate_limit,
        )
        for each, _, _, _ in batch
    ]
    rest = [list(column) for column in zip(*[case[1:] for case in batch], strict=True)]
    return list(harness.functions.owedMany(terms, *rest).call())


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(batch=st.lists(cases(), min_size=50, max_size=50))
def test_contract_and_models_owe_the_same_to_the_unit(harness: Contract, batch: list[Case]) -> None:
    assert on_chain(harness, batch) == [owed(*case) for case in batch]


@pytest.mark.parametrize("semantics", SEMANTICS)
def test_both_pay_nothing_at_the_waiting_period_and_something_a_second_later(
    harness: Contract, semantics: Semantics
) -> None:
    terms = Terms(1_200, semantics, 7, 0, 10**9, 10**9)
    batch: list[Case] = [(terms, 1_200, False, 0), (terms, 1_201, False, 0)]
    first = 7 if semantics is Semantics.RETENTION else 7 * 1_201
    assert on_chain(harness, batch) == [owed(*case) for case in batch] == [0, first]
