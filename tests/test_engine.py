"""One installation behind its face: what the engine says is what the contracts, the mirror and the models say."""

import pytest

from insure.chain.embedded import EmbeddedChain
from insure.dataset import load
from insure.engine import fit_model, price_cover
from insure.errors import ChainError, InvalidInput, UnknownSubject
from insure.installation import assemble
from insure.records.history import DAY_SECONDS
from insure.records.views import QuoteRequest, SubjectState
from insure.store import Store
from pricing_models.errors import InvalidTerms
from pricing_models.observation import PathKind, Trigger
from pricing_models.premium import Judgement
from tests.local_installation import DEPOSIT, TERM, TERMS, install
from tests.screen_engine import ARBITRUM, BASE, LINEA, NOW, USD, model
from tests.sold_cover import Sold, sell


@pytest.fixture(scope="module")
def standing() -> Sold:
    """Read only: what tests ask of it changes nothing."""
    return sell(install())


@pytest.fixture
def sold() -> Sold:
    return sell(install())


# ------------------------------------------------------------- prices without a chain


def test_cover_is_priced_by_id_slug_or_alias_alike() -> None:
    history = load()
    prices = {price_cover(history, name, TERMS, TERM, NOW) for name in (ARBITRUM, "arbitrum-one", " Arbitrum-One ")}
    assert len(prices) == 1
    (price,) = prices
    assert price.subject_id == ARBITRUM
    assert price.premium == sum(part.amount for part in price.components) > 0
    assert price.model_version == fit_model(history, NOW).version


def test_a_fit_is_the_same_all_day_long() -> None:
    history, begin = load(), NOW - NOW % DAY_SECONDS
    assert fit_model(history, begin).version == fit_model(history, begin + DAY_SECONDS - 1).version
    assert fit_model(history, begin).version != fit_model(history, begin - 1).version


def test_a_price_tells_what_other_principles_ask_and_what_the_trigger_misses() -> None:
    nothing = Judgement(0.0, 0.0, 0.0)
    blind = PathKind("blind", nothing, nothing, Judgement(0.2, 0.3, 0.4), nothing, Judgement(1.0, 1.0, 1.0))
    price = price_cover(load(), ARBITRUM, TERMS, TERM, NOW, trigger=Trigger((blind,), 1))
    assert {name for name, _ in price.principles} == {
        "wang",
        "proportional_hazard",
        "standard_deviation",
        "cost_of_capital",
    }
    assert all(amount >= price.loss.mean for _, amount in price.principles)
    assert price.unpaid == pytest.approx((0.2, 0.3, 0.4), abs=1e-9)


def test_a_price_rests_on_what_was_known_at_its_time() -> None:
    history = load()
    before, after = (price_cover(history, ARBITRUM, TERMS, TERM, at) for at in (1_700_000_000, NOW))
    assert before.model_version != after.model_version
    assert before.premium != after.premium


def test_an_unknown_subject_and_impossible_terms_have_no_price() -> None:
    history = load()
    with pytest.raises(UnknownSubject, match="did you mean eip155:42161"):
        price_cover(history, "arbitrun-one", TERMS, TERM, NOW)
    with pytest.raises(InvalidTerms, match="term_seconds"):
        price_cover(history, ARBITRUM, TERMS, 0, NOW)


# ------------------------------------------------------------- selling


def test_subjects_on_sale_come_first_with_listing_and_exposure(standing: Sold) -> None:
    first, second, *others = standing.engine.subjects()
    assert [first.subject_id, second.subject_id] == [ARBITRUM, LINEA]
    assert first.state is second.state is SubjectState.QUIET
    assert (first.exposed, second.exposed) == (TERMS.aggregate_limit, 0)
    assert first.listing is not None and first.trigger_id == standing.trigger_id
    assert {view.state for view in others} == {SubjectState.UNLISTED}
    assert [view.name.lower() for view in others] == sorted(view.name.lower() for view in others)
    assert {view.subject_id for view in [first, second, *others]} == {str(each) for each in model().summary().index}


def test_a_quote_is_made_for_the_subject_that_a_slug_names_at_its_price(standing: Sold) -> None:
    issued = standing.engine.quote(QuoteRequest("arbitrum-one", standing.local.buyer.address, TERMS, TERM))
    assert issued.price.subject_id == ARBITRUM
    assert issued.signed.quote.premium == standing.engine.price("arbitrum-one", TERMS, TERM).premium
    assert issued.signed.quote.trigger_id == standing.trigger_id


def test_what_is_not_sold_can_be_priced_and_is_not_quoted(standing: Sold) -> None:
    assert standing.engine.price("base", TERMS, TERM).premium > 0
    with pytest.raises(InvalidInput, match="no cover is sold on it"):
        standing.engine.quote(QuoteRequest(BASE, standing.local.buyer.address, TERMS, TERM))
    with pytest.raises(UnknownSubject, match="did you mean"):
        standing.engine.quote(QuoteRequest("arbitrun-one", standing.local.buyer.address, TERMS, TERM))


# ------------------------------------------------------------- what is


def test_a_policy_is_shown_as_it_was_bought_and_no_other_is_there(standing: Sold) -> None:
    view = standing.engine.policy(standing.policy_id)
    assert view is not None
    assert (view.subject_id, view.policy.premium, view.claims) == (ARBITRUM, standing.premium, ())
    assert view.policy.holder == standing.local.buyer.address
    assert standing.engine.policies() == [view]
    assert standing.engine.policy(standing.policy_id + 1) is None


def test_the_pool_is_told_as_the_contract_has_it(standing: Sold) -> None:
    view, pool = standing.engine.pool(), standing.local.pool
    assert view.solvency == pool.solvency()
    assert (view.premium_written, view.policies_in_force) == (standing.premium, 0)  # still cooling off
    (staker,) = view.stakers
    assert staker.shares == pool.balance_of(staker.staker)
    assert DEPOSIT <= staker.value <= DEPOSIT + standing.premium
    assert {line.subject_id: line.exposed for line in view.subjects}[ARBITRUM] == TERMS.aggregate_limit
    assert view.priced_loss_bps is not None


def test_the_ledger_is_every_event_newest_first(standing: Sold) -> None:
    ledger = standing.engine.ledger()
    assert [entry.at for entry in ledger] == sorted((entry.at for entry in ledger), reverse=True)
    told = {entry.what for entry in ledger}
    assert {"TriggerCreated", "PolicyBought", "Deposit"} <= told, told


def test_health_tells_how_far_the_mirror_is_and_how_the_jobs_fare(standing: Sold) -> None:
    health = standing.engine.health()
    head = standing.local.chain.head()
    assert (health.chain_id, health.head, health.deep, health.mirrored_to) == (31_337, *3 * [head.number])
    assert health.now == head.timestamp == standing.engine.now()
    assert health.ok and health.jobs == ()


def test_before_the_first_look_the_mirror_is_at_no_block() -> None:
    assert install().installation.engine.health().mirrored_to == -1


def test_a_snapshot_is_a_point_of_the_pools_history(sold: Sold) -> None:
    assert sold.engine.pool().history == ()
    sold.engine.take_snapshot(sold.local.now())
    (point,) = sold.engine.pool().history
    assert (point.at, point.assets) == (sold.local.now(), sold.local.pool.solvency().assets)


def test_the_mirror_of_a_chain_without_the_contracts_is_an_error_and_not_empty_numbers() -> None:
    local = install()
    elsewhere = EmbeddedChain(31_337, NOW)
    installation = assemble(
        load(),
        model(),
        elsewhere,
        local.deployment,
        Store("sqlite://").create(),
        lambda: NOW,
        underwriter=None,
        keeper=None,
        confirmations=0,
    )
    with pytest.raises(ChainError):
        installation.engine.pool()
    with pytest.raises(ChainError):
        installation.engine.watches()


def test_amounts_are_whole_smallest_units(standing: Sold) -> None:
    assert standing.premium > USD
    view = standing.engine.pool()
    assert all(type(each) is int for each in (view.premium_written, view.premium_earned, view.claims_paid))
