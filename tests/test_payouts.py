"""The keeper on a real (embedded) chain with the real contracts: from the first report to the last unit paid."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from insure import decisions, payouts
from insure.chain.sender import Call
from insure.errors import ChainError, InsureError, TransactionFailed, Unreachable, WrongChain
from insure.records.onchain import (
    Incident,
    Receipt,
    Semantics,
    Terms,
)
from tests.keeper_story import (
    CHALLENGE,
    DAY,
    DEPOSIT,
    GENESIS,
    GRACE,
    KEY,
    MERGE_GAP,
    RATE,
    SETTLEMENT,
    SUBJECT,
    TAIL,
    TERMS,
    WAITING,
    Story,
    finish,
    halt,
    installed,
)


@pytest.fixture
def story() -> Iterator[Story]:
    made = installed()
    yield made
    made.store.close()


def test_a_halt_is_paid_in_part_while_it_lasts_and_to_the_unit_afterwards(story: Story) -> None:
    policy = story.sell()
    before = story.asset.balance_of(story.buyer.address)
    start, end = halt(story, 5_400)
    paid_while_down = story.asset.balance_of(story.buyer.address) - before
    assert 0 < paid_while_down < RATE * (5_400 - WAITING)

    finish(story, end)
    assert story.asset.balance_of(story.buyer.address) - before == RATE * (5_400 - WAITING)
    (claim,) = story.store.claims(policy)
    assert (claim.owed, claim.paid, claim.debt) == (RATE * (5_400 - WAITING), RATE * (5_400 - WAITING), 0)
    (incident,) = story.store.incidents()
    confirmed = tuple(story.book.confirmed_spans(story.trigger_id, 0))
    assert incident == replace(story.book.incident(story.trigger_id, 0), spans=confirmed)
    assert (incident.start, incident.until, incident.final_at > end) == (start, end, True)
    assert story.store.policy(policy) == story.policies.policy(policy)


def test_a_policy_that_was_given_away_is_paid_to_whom_it_was_given(story: Story) -> None:
    policy, heir = story.sell(), story.chain.accounts[14].address
    story.buyer.send(story.policies.transfer(story.buyer.address, heir, policy))
    _, end = halt(story, 3_000)
    finish(story, end)
    assert story.store.policy(policy) == story.policies.policy(policy)
    assert story.asset.balance_of(heir) == RATE * (3_000 - WAITING)


def test_when_all_is_done_another_round_sends_nothing(story: Story) -> None:
    story.sell()
    _, end = halt(story, 3_000)
    finish(story, end)
    assert story.round() == []
    assert story.round(end + 4_000) == []


def test_every_transaction_is_recorded_with_its_gas_and_found_in_the_ledger(story: Story) -> None:
    story.sell()
    _, end = halt(story, 3_000)
    finish(story, end)
    assert {"poke", "propose", "confirm", "claim", "finalise"} <= set(story.kinds())
    paid = [entry for entry in story.store.ledger() if entry.what == "ClaimPaid"]
    assert paid and all(entry.gas_used for entry in paid)


def test_nothing_is_marked_as_paid_until_the_watcher_has_read_it(story: Story) -> None:
    story.sell()
    start, _ = halt(story, 3_000)
    story.chain.travel(start + 3_000 + CHALLENGE + 600)
    story.watcher.run()
    story.keeper.propose(story.now)
    story.keeper.confirm(story.now)
    story.watcher.run()
    paid_before = sum(claim.paid for claim in story.store.claims())
    assert story.keeper.claim(story.now) != []
    assert sum(claim.paid for claim in story.store.claims()) == paid_before
    assert story.keeper.claim(story.now) == [], "the policy book says that it was claimed, though the mirror lags"
    story.watcher.run()
    assert sum(claim.paid for claim in story.store.claims()) > paid_before


def test_a_keeper_that_dies_between_sending_and_recording_does_no_harm(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.sell()
    halt_start, end = halt(story, 3_000)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(story.store, "record_fate", die)
        story.chain.travel(end + 60)
        story.watcher.run()
        with pytest.raises(KeyboardInterrupt):
            story.keeper.run(story.now)
    story.keeper = story.payouts(story.sender(12))
    finish(story, end)
    (claim,) = story.store.claims()
    assert claim.paid == claim.owed == RATE * (3_000 - WAITING)
    assert halt_start == story.store.incidents()[0].start


def test_two_keepers_pay_no_more_than_one(story: Story) -> None:
    story.sell()
    other = story.payouts(story.sender(13))
    _, end = halt(story, 3_000)
    for at in (end + 60, end + CHALLENGE + 120, end + MERGE_GAP + GRACE + 180):
        story.round(at)
        other.run(story.now)
    story.watcher.run()
    (claim,) = story.store.claims()
    assert claim.paid == claim.owed == RATE * (3_000 - WAITING)


def test_what_is_sent_ahead_rests_on_the_incident_as_the_book_then_has_it(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreseen: list[Incident] = []
    real = decisions.confirmed

    def noting(*args: Any) -> Incident:
        foreseen.append(real(*args))
        return foreseen[-1]

    monkeypatch.setattr(decisions, "confirmed", noting)
    story.sell()
    _, end = halt(story, 5_400)
    finish(story, end)
    assert len(foreseen) > 2
    logs = story.store.logs("IncidentConfirmed")
    told = {(log.args["from"], log.args["until"], log.args["coveredSeconds"]) for log in logs}
    assert {
        (each.start, each.until, each.covered_seconds) for each in foreseen if each.covered_seconds > WAITING
    } <= told


def test_what_was_sent_ahead_and_not_confirmed_is_not_claimed_in_later_turns(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payouts, "MOST_IN_TURN", 1)
    story.sell()
    _, end = halt(story, 1_300)
    story.round(end + 60)
    (incident,) = story.store.incidents()
    ready = story.store.checkpoints(story.trigger_id, 0)[-1].ready_at
    assert story.now + 60 < ready and not incident.covered_seconds
    before = story.kinds()
    assert story.keeper.pay(ready) == []
    assert story.kinds() == [*before, "confirm"]
    story.round(ready)
    story.round()
    (claim,) = story.store.claims()
    assert claim.paid == claim.owed > 0


def test_without_a_key_it_says_what_it_would_send_and_sends_nothing(
    story: Story, caplog: pytest.LogCaptureFixture
) -> None:
    story.sell()
    story.keeper = story.payouts(None)
    with caplog.at_level(logging.INFO, "insure.payouts"):
        halt(story, 1_300)
    assert story.book.incident_count(story.trigger_id) == 0
    assert "would send IncidentBook.propose" in caplog.text
    assert story.store.transactions() == []


def test_an_alarm_has_the_reserve_latched_once_and_released_when_it_is_over(story: Story) -> None:
    story.sell()
    story.alarm(story.now)
    story.round()
    assert story.pool.reserve_of(story.trigger_id) == TERMS.incident_limit
    assert story.round() == []
    story.round(story.now + 3_700)
    assert story.pool.reserve_of(story.trigger_id) == 0
    assert story.kinds() == ["poke", "poke"]


def test_an_alarm_that_lasts_has_its_hold_end_after_a_day(story: Story) -> None:
    story.sell()
    began = story.now
    while story.now < began + DAY + 7_200:
        story.alarm(story.now)
        story.round(story.now + 3_000)
    assert story.pool.reserve_of(story.trigger_id) == 0
    assert len(story.kinds()) < 30


def test_several_policies_are_claimed_in_one_transaction(story: Story) -> None:
    for _ in range(3):
        story.sell()
    _, end = halt(story, 2_400)
    story.round(end + 60)
    story.round(end + CHALLENGE + 120)
    (batch,) = story.store.transactions("claimMany")
    claimed = {log.args["policyId"] for log in story.store.logs("ClaimPaid") if log.tx_hash == batch.tx_hash}
    assert claimed == {1, 2, 3}
    assert [claim.owed for claim in story.store.claims()] == [RATE * (2_400 - WAITING)] * 3


def test_what_a_batch_skips_is_claimed_by_itself(story: Story) -> None:
    for _ in range(3):
        story.sell()
    real = story.sender(12)

    class Skipping:
        """A keeper's key whose batches do only their first item, as if their gas had run short."""

        address = real.address

        def send(self, call: Call) -> Receipt:
            return real.send(self.first_only(call))

        def send_in_turn(self, calls: Sequence[tuple[Call, int]]) -> list[Receipt]:
            return real.send_in_turn([(self.first_only(call), gas) for call, gas in calls])

        @staticmethod
        def first_only(call: Call) -> Call:
            if call.function != "claimMany":
                return call
            return story.policies.claim_many(list(zip(*call.args, strict=True))[:1])

    story.keeper = story.payouts(Skipping())  # type: ignore[arg-type]
    _, end = halt(story, 1_800)
    for at in (60, CHALLENGE + 120, CHALLENGE + 180):
        story.round(end + at)
    assert [claim.paid for claim in story.store.claims()] == [RATE * (1_800 - WAITING)] * 3
    assert (story.kinds().count("claimMany"), story.kinds().count("claim")) == (2, 1)


def test_what_a_contract_refuses_is_named_and_the_rest_is_done(story: Story) -> None:
    for _ in range(2):
        story.sell()
    _, end = halt(story, 2_400)
    story.round(end + 60)
    real = story.sender(12)

    class Refusing:
        """A keeper's key of whom the node takes nothing for the pool."""

        address = real.address
        send_in_turn = staticmethod(real.send_in_turn)

        def send(self, call: Call) -> Receipt:
            if call.contract == "CoverPool":
                raise TransactionFailed(f"{call} was refused: out of luck")
            return real.send(call)

    story.chain.travel(end + CHALLENGE + DAY)
    story.watcher.run()
    keeper = story.payouts(Refusing())  # type: ignore[arg-type]
    with pytest.raises(TransactionFailed, match=r"CoverPool\.poke was refused: out of luck"):
        keeper.run(story.now)
    story.watcher.run()
    assert story.store.incidents()[0].covered_seconds == 2_400


@pytest.mark.parametrize(
    ("trouble", "others_served"),
    [
        (ChainError("eth_estimateGas: gas required exceeds allowance (30000000)"), True),
        (Unreachable("eth_estimateGas: the endpoint does not answer"), False),
        (WrongChain("the endpoint serves chain 5"), False),
    ],
)
def test_a_nodes_error_about_one_trigger_keeps_no_other_waiting_and_a_lost_chain_all(
    trouble: InsureError, others_served: bool
) -> None:
    story = installed(DEPOSIT, "eip155:9")
    story.watcher.run()
    first, second = (trigger.trigger_id for trigger in story.store.triggers())
    real = story.sender(12)

    class Troubled:
        """A keeper's key whose node fails on everything about the first trigger."""

        address = real.address

        def send(self, call: Call) -> Receipt:
            if call.args[0] == first:
                raise trouble
            return real.send(call)

    for subject in (SUBJECT, "eip155:9"):
        story.sell(subject=subject)
    story.chain.travel(story.now + DAY + 600)
    start = story.now
    story.chain.travel(start + 1_300)
    for subject in (SUBJECT, "eip155:9"):
        story.report(start, start + 1_300, subject=subject)
    story.watcher.run()
    with pytest.raises(type(trouble), match=str(trouble)[:20]):
        story.payouts(Troubled()).propose(story.now)  # type: ignore[arg-type]
    assert story.book.incident_count(first) == 0
    assert story.book.incident_count(second) == int(others_served)
    story.store.close()


def test_an_unreachable_chain_ends_the_run_at_once(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    story.sell()
    story.watcher.run()

    def down() -> None:
        raise Unreachable("eth_getBlockByNumber: the endpoint does not answer")

    monkeypatch.setattr(story.chain, "head", down)
    with pytest.raises(Unreachable):
        story.keeper.run(GENESIS)


def test_time_that_the_chain_has_not_reached_yet_decides_nothing(story: Story) -> None:
    story.sell()
    halt(story, 1_300)
    story.watcher.run()
    story.keeper.propose(story.now)
    story.watcher.run()
    assert story.keeper.confirm(story.now + 10 * DAY) == []


def test_an_ended_policys_collateral_is_released_after_its_tail_and_not_before(story: Story) -> None:
    policy = story.sell()
    end = story.policies.policy(policy).end
    story.round(end + TAIL - 60)
    assert not story.policies.policy(policy).released
    story.round(end + TAIL + 60)
    assert story.policies.policy(policy).released
    assert story.pool.exposure_of(KEY) == 0
    known = story.store.policy(policy)
    assert known is not None and known.released
    assert "release" in story.kinds()


def test_a_matured_redemption_is_settled_and_premium_accrued_daily(story: Story) -> None:
    story.sell()
    shares = story.pool.balance_of(story.staker.address) // 2
    story.staker.send(story.pool.request_redeem(shares, story.staker.address, story.staker.address))
    story.round(story.now + 6 * DAY)
    assert story.pool.max_redeem(story.staker.address) == 0
    story.round(story.now + 3 * DAY)
    assert story.pool.max_redeem(story.staker.address) == shares
    assert set(story.kinds()) == {"accrue", "settle"}
    assert story.pool.accrued_up_to() >= story.now - DAY


def test_a_pool_that_falls_short_pays_its_debts_once_its_reserve_is_free() -> None:
    other = "eip155:9"
    story = installed(100_000_000, other)
    terms = Terms(WAITING, Semantics.RETENTION, 10_000, 0, 72_000_000, 72_000_000)
    whole, half = story.sell(terms), story.sell(terms, other)
    story.chain.travel(story.now + DAY + 600)
    start = story.now
    story.chain.travel(start + 9_000)
    story.report(start, start + 9_000, ended=True)
    story.report(start, start + WAITING + 3_600, ended=True, subject=other)
    story.round()
    story.round(start + 9_000 + CHALLENGE + MERGE_GAP + GRACE + 60)
    story.round()
    assert [claim.owed for claim in story.store.claims()] == [72_000_000, 36_000_000]
    assert all(claim.debt > 0 for claim in story.store.claims())
    assert [claim.debt for claim in story.store.claims()] == [story.pool.debt_of(whole), story.pool.debt_of(half)]
    debts = sum(claim.debt for claim in story.store.claims())

    story.round(story.now + SETTLEMENT + 60)
    story.round()
    oldest, younger = story.store.claims()
    left = sum(claim.debt for claim in (oldest, younger))
    assert left < debts
    assert oldest.debt == 0, "the debt that is older is paid first"
    assert [claim.paid + claim.debt for claim in (oldest, younger)] == [72_000_000, 36_000_000]
    assert left == story.pool.solvency().debts
    assert story.round() == []
    story.store.close()


def test_what_adds_too_little_while_it_goes_on_is_paid_at_the_end(story: Story) -> None:
    story.sell()
    before = story.asset.balance_of(story.buyer.address)
    story.keeper = story.payouts(story.sender(12), least_interim=RATE * 3_000)
    _, end = halt(story, 5_400)
    claims = [log.args["paid"] for log in story.store.logs("ClaimPaid")]
    assert all(paid >= RATE * 3_000 for paid in claims) and len(claims) < 2
    finish(story, end)
    story.round()  # by now the mirror has its end
    assert story.asset.balance_of(story.buyer.address) - before == RATE * (5_400 - WAITING)
