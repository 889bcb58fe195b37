"""Disputes on a real (embedded) chain on which the arbiter stays silent: the keeper frees what both sides posted."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from insure.chain.contracts import Disputes
from insure.chain.embedded import EmbeddedChain
from insure.chain.sender import Sender
from insure.dataset import load
from insure.installation import assemble
from insure.ops.deploy import deploy
from insure.payouts import Payouts
from insure.store import Store
from tests.keeper_story import DAY, DEPOSIT, GENESIS, Story, plan_of
from tests.screen_engine import model

KEEPER, ARBITER, DISPUTER, DEFENDER = 12, 13, 14, 15


class Disputed(Story):
    """A story whose trigger has an arbiter, and an outage of two hours that is proposed and disputed from its start."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.court = Disputes(self.chain, self.deployment.contracts["Disputes"].address)
        args = (self.chain, self.book, self.policies, self.pool, self.store)
        self.keeper = Payouts(*args, self.sender(KEEPER), self.court)

    def dispute(self) -> int:
        """Returns when the dispute lapses."""
        start = self.now + DAY
        self.chain.travel(start + 7_200)
        self.report(start, start + 7_200)
        self.round()
        self.bond(DISPUTER).send(self.court.dispute(self.trigger_id, start))
        case = self.court.case_of(self.trigger_id)
        assert case is not None
        return case.lapses_at

    def bond(self, account: int) -> Sender:
        sender, bond = self.sender(account), self.court.bond_for(self.trigger_id)
        sender.send(self.asset.mint(sender.address, bond))
        sender.send(self.asset.approve(self.court.address, bond))
        return sender

    def is_open(self) -> bool:
        return self.court.case_of(self.trigger_id) is not None

    def credits(self, *accounts: int) -> list[int]:
        return [self.court.credit_of(self.chain.accounts[account].address) for account in accounts]


@pytest.fixture
def story() -> Iterator[Disputed]:
    chain = EmbeddedChain(31337, GENESIS)
    plan = plan_of(chain)
    plan = replace(plan, rules=replace(plan.rules, arbiter=chain.accounts[ARBITER].address))
    made = Disputed(chain, deploy(chain, Sender(chain, chain.accounts[0]), plan))
    made.fund(made.staker, DEPOSIT)
    made.staker.send(made.pool.deposit(DEPOSIT, made.staker.address))
    made.fund(made.buyer, 10**9)
    made.sell()
    yield made
    made.store.close()


def test_a_dispute_that_lapsed_is_concluded_once_and_who_proposed_first_has_the_bond(story: Disputed) -> None:
    lapses_at = story.dispute()
    story.round(lapses_at - 60)
    assert story.is_open()
    bond = story.court.held()
    story.round(lapses_at)
    assert not story.is_open()
    assert story.credits(KEEPER, DISPUTER) == [bond, 0]
    story.round(lapses_at + 60)
    assert story.kinds().count("conclude") == 1


def test_who_defended_has_both_bonds(story: Disputed) -> None:
    lapses_at = story.dispute()
    story.bond(DEFENDER).send(story.court.defend(story.trigger_id))
    bonds = story.court.held()
    story.round(lapses_at)
    assert story.credits(DEFENDER, KEEPER, DISPUTER) == [bonds, 0, 0]


def test_a_dispute_that_was_ruled_on_leaves_nothing_to_conclude(story: Disputed) -> None:
    lapses_at = story.dispute()
    story.sender(ARBITER).send(story.court.rule(story.trigger_id, False))
    story.round(lapses_at)
    assert "conclude" not in story.kinds()


def test_no_payment_waits_for_the_conclusion_and_it_may_come_after_the_end(story: Disputed) -> None:
    lapses_at = story.dispute()
    concluding, story.keeper = story.keeper, story.payouts(story.sender(KEEPER))
    story.round(lapses_at)
    story.round(lapses_at + 60)
    assert story.is_open(), "this keeper knows no court"
    assert story.store.incidents()[0].final_at >= lapses_at
    assert all(claim.paid == claim.owed > 0 for claim in story.store.claims())
    concluding.settle(story.now)
    assert not story.is_open()


@pytest.mark.parametrize("known", [True, False])
def test_an_installation_knows_its_court_from_the_manifest(story: Disputed, known: bool) -> None:
    story.chain.travel(story.dispute())
    made = assemble(
        load(),
        model(),
        story.chain,
        story.deployment if known else replace(story.deployment, contracts={}),
        Store().create(),
        lambda: story.now,
        underwriter=None,
        keeper=story.sender(KEEPER),
        confirmations=0,
    )
    made.watcher.run()
    made.payouts.settle(story.now)
    assert story.is_open() is not known
    made.close()
