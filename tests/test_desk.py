"""What the desk signs the contracts take; what they would refuse it refuses first, and says why."""

from dataclasses import replace
from math import ceil
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import pytest

from insure import model_cli
from insure.book import build_world
from insure.chain.contracts import PolicyBook
from insure.chain.sender import Call
from insure.dataset import load
from insure.desk import Desk, DeskLimits
from insure.errors import InvalidInput, NotConfigured, Refused, UnknownSubject
from insure.model_cli import quoted_enquiries
from insure.quoting import floor_premium
from insure.records.onchain import Receipt
from insure.records.views import CapitalView, IssuedQuote, PreparedTransaction, PriceView, QuoteRequest
from insure.settings import Settings
from insure.tail_file import KeptTail, write_tail
from pricing_models.model import as_stored
from pricing_models.overrides import Override
from pricing_models.portfolio import Book, Cover
from pricing_models.premium import Loadings
from pricing_models.pricing import price_many
from pricing_models.surface import added_capital
from tests.local_installation import TERM, TERMS, Local, install
from tests.screen_engine import ARBITRUM, BASE, HOUR, LINEA, NOW, USD, model


@pytest.fixture(scope="module")
def local() -> Local:
    """For tests that only ask."""
    return install()


@pytest.fixture
def fresh() -> Local:
    """For tests that change the chain's state."""
    return install()


@pytest.fixture
def request_for(local: Local) -> QuoteRequest:
    return QuoteRequest(ARBITRUM, local.buyer.address, TERMS, TERM)


def quote(local: Local, request: QuoteRequest) -> IssuedQuote:
    return local.installation.engine.quote(request)


def send(local: Local, prepared: PreparedTransaction) -> Receipt:
    return local.buyer.send(Call("", prepared.to, "", (), bytes.fromhex(prepared.data[2:])))


def purchase(local: Local, request: QuoteRequest) -> IssuedQuote:
    issued = quote(local, request)
    local.fund(local.buyer, issued.signed.quote.premium)
    send(local, issued.approval)
    send(local, issued.transaction)
    return issued


def test_a_signed_quote_is_bought_by_its_two_transactions(fresh: Local, request_for: QuoteRequest) -> None:
    issued = purchase(fresh, request_for)
    bought = PolicyBook(fresh.chain, fresh.deployment.policy_book).policy(1)
    assert (bought.holder, bought.terms, bought.premium) == (fresh.buyer.address, TERMS, issued.price.premium)
    assert bought.end - bought.start == TERM


def test_cover_starts_when_both_offer_and_cooling_off_are_over(local: Local, request_for: QuoteRequest) -> None:
    now = local.now()
    issued = quote(local, request_for).signed.quote
    assert (issued.deadline, issued.start) == (now + 900, now + 900 + 86_400)


def test_every_quote_is_kept_with_its_breakdown(local: Local, request_for: QuoteRequest) -> None:
    issued = quote(local, request_for)
    kept = {each.signed.quote.nonce: each for each in local.installation.store.quotes()}[issued.signed.quote.nonce]
    assert sum(kept.breakdown.values()) == issued.signed.quote.premium


def test_what_a_quote_was_priced_on_is_kept_and_makes_its_premium_again(request_for: QuoteRequest) -> None:
    selling = install(DeskLimits(loadings=Loadings(expense_fixed=7.0 * USD)))
    signed = quote(selling, replace(request_for, buyer=selling.buyer.address)).signed
    selling.installation.watcher.run()
    store = selling.installation.store
    triggers = {each.trigger_id: each.subject_id for each in store.triggers()}
    ((enquiry, on),) = quoted_enquiries(store.quotes(), triggers)
    assert on is not None and on.loadings.expense_fixed == 7.0 * USD and on.utilisation is not None
    (premium,) = price_many(model(), [enquiry], on.loadings)
    assert 0 <= signed.quote.premium - premium.total < len(premium.components)
    assert quoted_enquiries(store.quotes(), {}) == []


def test_a_premium_that_the_floor_made_is_made_again_with_it(
    fresh: Local, request_for: QuoteRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = PolicyBook.listing
    monkeypatch.setattr(PolicyBook, "listing", lambda *told: replace(listing(*told), floor_rate_bps=5_000))
    signed = quote(fresh, request_for).signed
    fresh.installation.watcher.run()
    store = fresh.installation.store
    triggers = {each.trigger_id: each.subject_id for each in store.triggers()}
    ((enquiry, on),) = quoted_enquiries(store.quotes(), triggers)
    assert on is not None
    (premium,) = price_many(model(), [enquiry], on.loadings)
    floor = floor_premium(on.floor_rate_bps, TERMS, TERM)
    assert premium.total < floor == signed.quote.premium
    monkeypatch.setattr(model_cli, "_quotes", lambda settings: [(enquiry, on)])
    rates = replace(model(), overrides={ARBITRUM: Override(ARBITRUM, 0.01, "mended", "Ann", 0.0)})
    assert model_cli._moves(model(), rates, Settings()).moves == (), "the floor is charged under both"
    free = replace(on, floor_rate_bps=0)
    monkeypatch.setattr(model_cli, "_quotes", lambda settings: [(enquiry, free)])
    assert len(model_cli._moves(model(), rates, Settings()).moves) == 1


def test_two_quotes_never_share_a_nonce(local: Local, request_for: QuoteRequest) -> None:
    nonces = {quote(local, request_for).signed.quote.nonce for _ in range(5)}
    assert len(nonces) == 5


def test_a_lower_case_address_is_taken_as_the_checksummed_one(local: Local, request_for: QuoteRequest) -> None:
    issued = quote(local, replace(request_for, buyer=request_for.buyer.lower()))
    assert issued.signed.quote.buyer == local.buyer.address


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"buyer": "0x12"}, "^buyer is '0x12': must be an address"),
        ({"buyer": "0x" + "00" * 20}, "^buyer is"),
        ({"standby": "nobody"}, "^standby is 'nobody'"),
        ({"term_seconds": 0}, "^term_seconds is 0"),
        ({"term_seconds": HOUR}, "^term_seconds is 3600: must be at least"),
        ({"terms": replace(TERMS, waiting_seconds=0)}, "^terms.waiting_seconds is 0: must be at least 600"),
        ({"subject_id": BASE}, "no cover is sold on it; listed: eip155:42161, eip155:59144"),
    ],
)
def test_bad_input_is_refused_by_the_name_of_its_field(
    local: Local, request_for: QuoteRequest, change: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        quote(local, replace(request_for, **change))  # type: ignore[arg-type]


def test_cover_that_costs_no_less_than_it_can_pay_is_priced_with_a_warning_and_not_sold(
    request_for: QuoteRequest,
) -> None:
    dear = install(DeskLimits(loadings=Loadings(expense_fixed=float(TERMS.aggregate_limit))))
    price = dear.installation.engine.price(ARBITRUM, TERMS, TERM)
    assert price.warnings and price.most_payable == TERMS.aggregate_limit <= price.premium
    with pytest.raises(Refused, match=f"premium is {price.premium}: not below {TERMS.aggregate_limit}, the most"):
        quote(dear, replace(request_for, buyer=dear.buyer.address))


def test_an_unknown_subject_is_told_the_nearest_ones(local: Local) -> None:
    with pytest.raises(UnknownSubject, match=r"eip155:42162.*eip155:42161"):
        local.installation.engine.price("eip155:42162", TERMS, TERM)


def test_what_the_pool_cannot_carry_is_refused_with_what_it_can(local: Local, request_for: QuoteRequest) -> None:
    terms = replace(TERMS, aggregate_limit=300_001 * USD)
    with pytest.raises(Refused, match=r"the pool can carry a further aggregate limit of \d+, not 300001000000"):
        quote(local, replace(request_for, terms=terms))


def test_limits_of_a_subject_in_the_same_scenario_count_against_the_sale(
    fresh: Local, request_for: QuoteRequest
) -> None:
    """A policy on Arbitrum leaves 200,000 of the 300,000 that both subjects share."""
    purchase(fresh, request_for)
    terms = replace(TERMS, aggregate_limit=200_001 * USD)
    with pytest.raises(Refused, match="the pool can carry a further aggregate limit of 200000000000,"):
        quote(fresh, replace(request_for, subject_id=LINEA, terms=terms))
    purchase(fresh, replace(request_for, subject_id=LINEA, terms=replace(terms, aggregate_limit=200_000 * USD)))


def test_a_subject_that_is_not_listed_is_priced_all_the_same(local: Local) -> None:
    price = local.installation.engine.price(BASE, TERMS, TERM)
    assert price.premium > 0


def part(price: PriceView, name: str) -> int:
    return next(each.amount for each in price.components if each.name == name)


def test_the_fuller_the_pool_the_more_its_room_costs(fresh: Local, request_for: QuoteRequest) -> None:
    engine = fresh.installation.engine
    before = engine.price(LINEA, TERMS, TERM)
    purchase(fresh, request_for)
    after = engine.price(LINEA, TERMS, TERM)
    assert part(after, "capacity") > part(before, "capacity") > 0
    assert "pool's room: 0.0% in use before the sale" in before.rests_on
    assert "pool's room: 33.3% in use before the sale" in after.rests_on


def test_a_limit_that_the_pool_cannot_carry_is_priced_without_its_room_and_says_so(local: Local) -> None:
    price = local.installation.engine.price(ARBITRUM, replace(TERMS, aggregate_limit=300_001 * USD), TERM)
    assert part(price, "capacity") == 0
    assert "pool's room: not charged, the pool can't carry this limit" in price.rests_on


def keep_a_run(path: Path, covers: tuple[Cover, ...]) -> None:
    history = load()
    book = Book(covers, build_world(as_stored(model()), history))
    write_tail(path, book, 3, book.simulate(3, 0, 20), model(), history, NOW)


def test_a_price_is_told_what_the_pools_tail_needs_for_it(
    fresh: Local, request_for: QuoteRequest, tmp_path: Path
) -> None:
    desk, path = fresh.installation.desk, tmp_path / "pool.npz"
    before = desk.price(LINEA, TERMS, TERM, NOW)
    assert (before.capital.marginal, before.capital.counts) == (None, "lock")
    assert "marginal capital: not known, no run of the pool's book is kept" in before.rests_on
    keep_a_run(path, (Cover("1", ARBITRUM, TERMS, 0, TERM),))
    desk.tail = KeptTail(path, load())
    told = desk.price(LINEA, TERMS, TERM, NOW)
    need = added_capital(desk.tail.of(model(), NOW).stored, LINEA, TERMS, TERM)
    assert told.capital == CapitalView(TERMS.aggregate_limit, ceil(need))
    assert told.premium == before.premium, "no tail needs more than the lock"
    for _ in range(2):
        purchase(fresh, request_for)
    fresh.installation.watcher.run()
    (words,) = (line for line in desk.price(LINEA, TERMS, TERM, NOW).rests_on if line.startswith("marginal"))
    assert words.endswith(
        "of 1 policies, 2,000 years from 2026-11-18 on, 0 days old, without 1 of the 2 policies in force"
    )


def test_a_run_of_another_model_is_told_and_the_lock_charged(
    fresh: Local, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    desk, path = fresh.installation.desk, tmp_path / "pool.npz"
    keep_a_run(path, (Cover("1", ARBITRUM, TERMS, 0, TERM),))
    desk.tail, desk.model = KeptTail(path, load()), replace(model(), version="00ff00ff00ff00ff")
    price = desk.price(LINEA, TERMS, TERM, NOW)
    assert price.capital == CapitalView(TERMS.aggregate_limit)
    assert f"is of model {model().version}: must be of 00ff00ff00ff00ff" in price.rests_on[-1]
    assert "marginal capital is not known" in caplog.text


def marginal_words(price: PriceView) -> str:
    (words,) = (line for line in price.rests_on if line.startswith("marginal"))
    return words


def test_an_old_or_broken_run_is_told_and_the_lock_charged(local: Local, tmp_path: Path) -> None:
    path, wrong = tmp_path / "pool.npz", tmp_path / "wrong.npz"
    keep_a_run(path, (Cover("1", ARBITRUM, TERMS, 0, TERM),))
    np.savez(wrong, made=np.array('"a text"'), totals=np.zeros(200, np.int64))
    desk = local.installation.desk
    for file, now, why in (
        (path, NOW + 31 * 86_400, "begins_at is 2026-11-18, 31 days before the price: must be at most 30"),
        (wrong, NOW, "made is 'a text': must be an object"),
    ):
        desk.tail = KeptTail(file, load())
        price = desk.price(LINEA, TERMS, TERM, now)
        assert price.capital == CapitalView(TERMS.aggregate_limit)
        assert marginal_words(price).startswith(f"marginal capital: not known: tail {file}: {why}")
    desk.tail = None


def test_a_limit_that_needs_too_many_years_again_is_told_and_the_lock_charged(
    local: Local, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, large = tmp_path / "pool.npz", replace(TERMS, aggregate_limit=200_000 * USD)
    keep_a_run(path, (Cover("1", ARBITRUM, TERMS, 0, TERM),))
    desk = local.installation.desk
    desk.tail = KeptTail(path, load())
    assert desk.price(LINEA, large, TERM, NOW).capital.marginal is not None
    monkeypatch.setattr("insure.desk.QUICK_YEARS", 1_999)
    price = desk.price(LINEA, large, TERM, NOW)
    assert price.capital == CapitalView(large.aggregate_limit)
    assert marginal_words(price).startswith("marginal capital: not known: the limit is too large for a quick answer")
    desk.tail = None


def test_a_run_is_read_when_the_desk_opens_and_not_by_a_price(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "pool.npz"
    keep_a_run(path, (Cover("1", ARBITRUM, TERMS, 0, TERM),))
    tail, nobody = KeptTail(path, load()), MagicMock()
    Desk(model(), nobody, nobody, nobody, nobody, None, nobody, tail=tail)
    monkeypatch.setattr("insure.tail_file.read_tail", MagicMock(side_effect=AssertionError("read again")))
    assert tail.of(model(), NOW).begins_at == NOW
    Desk(model(), nobody, nobody, nobody, nobody, None, nobody, tail=tail)
    path.unlink()
    monkeypatch.undo()
    Desk(model(), nobody, nobody, nobody, nobody, None, nobody, tail=tail)  # opens all the same


def test_basis_risk_is_that_of_the_triggers_own_paths(local: Local) -> None:
    engine = local.installation.engine
    listed, unlisted = engine.price(ARBITRUM, TERMS, TERM), engine.price(BASE, TERMS, TERM)
    assert "paths: 2 of watchers, watchers, heartbeat" in listed.rests_on
    assert "paths: the usual ones, nothing is listed" in unlisted.rests_on
    assert part(unlisted, "capacity") == 0


def test_an_alarm_stops_offers_on_its_subject_and_no_other(fresh: Local, request_for: QuoteRequest) -> None:
    fresh.raise_alarm()
    with pytest.raises(Refused, match="no cover is sold on eip155:42161 now: a path is alarmed"):
        quote(fresh, request_for)
    assert quote(fresh, replace(request_for, subject_id=LINEA)).signed.signature


def test_stopped_sales_are_refused(fresh: Local, request_for: QuoteRequest) -> None:
    book = PolicyBook(fresh.chain, fresh.deployment.policy_book)
    fresh.owner.send(book.stop_sales(fresh.deployment.trigger_for(LINEA).trigger_id))
    with pytest.raises(Refused, match="sales on eip155:59144 are stopped"):
        quote(fresh, replace(request_for, subject_id=LINEA))


def test_without_a_key_the_desk_prices_and_signs_nothing() -> None:
    local = install(DeskLimits(maximum_limit=50 * USD), signing=False)
    request = QuoteRequest(ARBITRUM, local.buyer.address, TERMS, TERM)
    assert local.installation.engine.price(ARBITRUM, TERMS, TERM).premium > 0
    with pytest.raises(NotConfigured, match="INSURE_UNDERWRITER_KEY"):
        quote(local, request)


def test_the_desks_own_limit_per_policy_holds() -> None:
    local = install(DeskLimits(maximum_limit=99_999 * USD))
    with pytest.raises(InvalidInput, match=r"terms\.aggregate_limit is 100000000000: must be at most 99999000000"):
        quote(local, QuoteRequest(ARBITRUM, local.buyer.address, TERMS, TERM))


@pytest.mark.parametrize("seconds", [0, 3_601])
def test_an_offer_stands_for_at_most_an_hour(seconds: int) -> None:
    with pytest.raises(InvalidInput, match="quote_seconds"):
        DeskLimits(quote_seconds=seconds)
