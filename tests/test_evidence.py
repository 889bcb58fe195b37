"""What the paths attest and what follows from it: quiet, alarmed, an incident, its payments and its end."""

from dataclasses import replace

import pytest

from insure.chain.contracts import PolicyBook
from insure.chain.sender import Sender
from insure.errors import ChainError, Refused
from insure.evidence import Evidence
from insure.records.onchain import PathKind
from insure.records.views import QuoteRequest, SubjectState
from pricing_models.payoff import owed
from tests.local_installation import TERM, TERMS, install
from tests.screen_engine import ARBITRUM, HOUR, LINEA
from tests.sold_cover import Sold, sell


@pytest.fixture(scope="module")
def standing() -> Sold:
    """Read only: what tests ask of it changes nothing."""
    return sell(install())


@pytest.fixture
def sold() -> Sold:
    return sell(install())


def test_quiet_paths_are_shown_by_name_kind_and_family_without_a_spell(standing: Sold) -> None:
    watch = next(each for each in standing.engine.watches() if each.subject_id == ARBITRUM)
    assert (watch.state, watch.quorum) == (SubjectState.QUIET, 2)
    assert [(path.name, path.kind) for path in watch.paths] == [
        ("a", PathKind.QUORUM),
        ("b", PathKind.QUORUM),
        ("heartbeat", PathKind.ABSENCE),
    ]
    assert len({path.family for path in watch.paths}) == 3
    assert not any(path.alarmed or path.spells for path in watch.paths)
    assert standing.engine.incidents() == []
    assert watch.silent == ()
    assert watch.funded_until is None or watch.funded_until > standing.local.now()


def test_paths_that_were_silent_for_too_long_are_named(sold: Sold) -> None:
    chain, book = sold.local.chain, sold.local.installation.payouts._book
    (watch,) = (each for each in sold.engine.watches() if each.subject_id == ARBITRUM)
    silence = max(member.maximum_silence for member in book.members(watch.trigger_id))
    chain.travel(chain.head().timestamp + silence + 3_600)
    anyone = Sender(chain, chain.accounts[0])
    for index in range(3):
        anyone.send(book.retire(watch.trigger_id, index))
    (watch,) = (each for each in sold.engine.watches() if each.subject_id == ARBITRUM)
    assert set(watch.silent) == {"a", "b", "heartbeat"}


def test_an_alarm_shows_at_once_and_stops_sales_on_that_subject_only(sold: Sold) -> None:
    sold.local.raise_alarm()
    states = {watch.subject_id: watch.state for watch in sold.engine.watches()}
    assert states == {ARBITRUM: SubjectState.ALARMED, LINEA: SubjectState.QUIET}
    (watch,) = (each for each in sold.engine.watches() if each.subject_id == ARBITRUM)
    assert [path.name for path in watch.paths if path.alarmed] == ["a"]
    with pytest.raises(Refused, match="alarmed"):
        sold.engine.quote(QuoteRequest(ARBITRUM, sold.local.buyer.address, TERMS, TERM))


def test_a_subject_whose_sales_were_stopped_is_closed(sold: Sold) -> None:
    policies = PolicyBook(sold.local.chain, sold.local.deployment.policy_book)
    sold.local.owner.send(policies.stop_sales(sold.trigger_id))
    states = {view.subject_id: view.state for view in sold.engine.subjects()[:2]}
    assert states == {ARBITRUM: SubjectState.CLOSED, LINEA: SubjectState.QUIET}
    with pytest.raises(Refused, match="stopped"):
        sold.engine.quote(QuoteRequest(ARBITRUM, sold.local.buyer.address, TERMS, TERM))


def test_an_incident_is_shown_from_its_proposal_to_its_payment_and_end(sold: Sold) -> None:
    local, engine = sold.local, sold.engine
    policy = engine.policies()[0].policy
    local.chain.travel(policy.start + 2 * HOUR)
    start, until = local.now() - 2 * HOUR + 60, local.now()
    for team in ("a", "b"):
        sold.report(team, start, until, ended=False)
    sold.local.owner.send(sold.book.propose(sold.trigger_id))
    sold.mirror()

    (view,) = engine.incidents()
    assert (view.subject_id, view.subject_name, view.quorum) == (ARBITRUM, "Arbitrum One", 2)
    assert (view.ended_at, view.spans, view.payments) == (None, (), ())
    assert [each.covered_seconds for each in view.checkpoints] == [until - start]
    assert [len(path.spells) for path in view.paths] == [1, 1, 0]
    assert engine.watches()[0].state is SubjectState.INCIDENT

    ended = until + HOUR
    local.chain.travel(ended + 60)
    for team in ("a", "b"):
        sold.report(team, start, ended, ended=True)
    rules, payouts = sold.book.trigger(sold.trigger_id), sold.payouts
    assert engine.incidents()[0].ended_at is None, "another piece may follow within the merge gap"
    local.chain.travel(ended + rules.merge_gap + 901)
    assert engine.incidents()[0].ended_at == ended

    for _ in range(4):
        local.chain.travel(local.now() + rules.challenge_period + rules.merge_gap + 901)
        payouts.propose(local.now())
        payouts.confirm(local.now())
        sold.mirror()
        payouts.claim(local.now())
        sold.mirror()
    (view,) = engine.incidents()
    assert view.incident.final_at > 0
    assert (view.incident.start, view.ended_at) == (start, ended)
    assert [(each.start, each.until) for each in view.spans] == [(start, ended)]
    due = owed(TERMS, ended - start, False, 0)
    assert view.paid == due > 0
    (claim,) = engine.policies()[0].claims
    assert (claim.owed, claim.paid, claim.debt) == (due, due, 0)
    assert local.asset.balance_of(local.buyer.address) == due


def test_a_path_that_the_manifest_does_not_know_is_an_error_with_its_address(standing: Sold) -> None:
    deployment = standing.local.deployment
    without = replace(deployment, heartbeat_paths={})
    evidence = Evidence(standing.local.chain, without, standing.local.installation.store, {})
    with pytest.raises(ChainError, match=f"path {deployment.heartbeat_paths['heartbeat']} .* not in the deployment"):
        evidence.watches()


def test_a_subject_without_a_name_is_shown_by_its_id(standing: Sold) -> None:
    evidence = Evidence(standing.local.chain, standing.local.deployment, standing.local.installation.store, {})
    assert [watch.subject_name for watch in evidence.watches()] == [ARBITRUM, LINEA]
