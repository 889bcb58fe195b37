"""The store: logs in, records out; idempotent, in one transaction, rebuilt after a rollback; our own record."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, event, text

from insure.errors import ChainError, InvalidInput
from insure.records.mirror import Fate, PricedOn, SentTransaction, Spending
from insure.records.onchain import (
    ZERO_ADDRESS,
    Head,
    Log,
    Observation,
    Quote,
    Receipt,
    Semantics,
    SignedObservation,
    SignedQuote,
    Span,
    Terms,
)
from insure.records.views import PoolSnapshot
from insure.store import Store, costs
from pricing_models.capacity import Utilisation
from pricing_models.observation import STANDARD_TRIGGER
from pricing_models.premium import Loadings

TRIGGER = "0x" + "11" * 32
SUBJECT = "0x" + "22" * 32
BUYER = "0x00000000000000000000000000000000000000B1"
OTHER = "0x00000000000000000000000000000000000000b2"
UNDERWRITER = "0x00000000000000000000000000000000000000c3"
INSTALLATION = "chain 31337, policy book 0xBook"
CONTRACTS = ["0xBook", "0xPool"]
TERMS = Terms(3_600, Semantics.QUALIFYING, 2**64 - 1, 0, 2**95, 2**96 - 1)
RAW_TERMS = {
    "waiting": 3_600,
    "semantics": 1,
    "rate": 2**64 - 1,
    "failoverBenefit": 0,
    "incidentLimit": 2**95,
    "aggregateLimit": 2**96 - 1,
}
QUOTE = Quote(
    pool="0xPool",
    asset="0xAsset",
    buyer=BUYER,
    trigger_id=TRIGGER,
    terms=TERMS,
    start=1_000,
    end=9_000,
    standby=ZERO_ADDRESS,
    premium=10**20,
    model_version="0x" + "00" * 32,
    nonce=2**255 + 7,
    deadline=500,
    exclusions=(Span(2_000, 2_100),),
)
RAW_QUOTE = {
    "terms": RAW_TERMS,
    "start": 1_000,
    "end": 9_000,
    "standby": ZERO_ADDRESS,
    "exclusions": [{"from": 2_000, "until": 2_100}],
    "premium": 10**20,
    "renews": 0,
    "nonce": 2**255 + 7,
}


def block(number: int, branch: str = "a") -> Head:
    return Head(number, f"0x{branch}{number}", 10_000 + number)


def log(number: int, place: int, name: str, branch: str = "a", **args: object) -> Log:
    contract, event = name.split(".")
    head = block(number, branch)
    return Log(
        chain_id=31337,
        address=f"0x{contract}",
        contract=contract,
        event=event,
        args={key.rstrip("_"): value for key, value in args.items()},
        block_number=number,
        block_hash=head.hash,
        tx_hash=f"0x{branch}{number:04d}",
        log_index=place,
        timestamp=head.timestamp,
    )


CREATED = log(
    1, 0, "IncidentBook.TriggerCreated", triggerId=TRIGGER, subject=SUBJECT, subjectId="eip155:7", quorum=2, families=3
)
BOUGHT = log(
    2,
    0,
    "PolicyBook.PolicyBought",
    policyId=1,
    triggerId=TRIGGER,
    buyer=BUYER,
    underwriter=UNDERWRITER,
    quote=RAW_QUOTE,
)
PROPOSED = log(
    3,
    0,
    "IncidentBook.CheckpointProposed",
    triggerId=TRIGGER,
    sequence=0,
    checkpoint=0,
    coveredSeconds=700,
    readyAt=20_000,
    spans=[{"from": 2_000, "until": 2_500}, {"from": 2_600, "until": 2_800}],
)
CONFIRMED = log(
    4,
    0,
    "IncidentBook.IncidentConfirmed",
    triggerId=TRIGGER,
    sequence=0,
    checkpoint=0,
    from_=2_000,
    until=2_800,
    coveredSeconds=700,
    spans=[{"from": 2_000, "until": 2_500}, {"from": 2_600, "until": 2_800}],
)


def claimed(number: int, sequence: int, owed: int, paid: int, debt: int, branch: str = "a") -> Log:
    return log(
        number,
        0,
        "PolicyBook.ClaimPaid",
        branch,
        policyId=1,
        triggerId=TRIGGER,
        sequence=sequence,
        to=BUYER,
        owed=owed,
        paid=paid,
        debt=debt,
    )


STORY = [CREATED, BOUGHT, PROPOSED, CONFIRMED, claimed(5, 0, 60, 50, 10)]


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    made = Store(database_url).create()
    made.bind(INSTALLATION, CONTRACTS)
    yield made
    made.close()


def test_logs_become_triggers_policies_incidents_checkpoints_and_claims(store: Store) -> None:
    assert store.advance(None, block(6), STORY) == len(STORY)
    assert store.cursor() == block(6)
    (trigger,) = store.triggers()
    assert (trigger.subject_id, trigger.quorum, trigger.families, trigger.listing) == ("eip155:7", 2, 3, None)
    (policy,) = store.policies(TRIGGER)
    assert policy.terms == TERMS
    assert (policy.holder, policy.premium, policy.start, policy.end) == (BUYER, 10**20, 1_000, 9_000)
    assert (policy.owed, policy.paid, policy.released) == (60, 50, False)
    assert store.policy(1) == policy
    assert store.policy(2) is None
    (incident,) = store.incidents(TRIGGER)
    assert (incident.start, incident.until, incident.covered_seconds, incident.checkpoints) == (2_000, 2_800, 700, 1)
    assert (incident.proposed_at, incident.final_at) == (10_003, 0)
    (checkpoint,) = store.checkpoints(TRIGGER, 0)
    assert (checkpoint.index, checkpoint.proposed_at, checkpoint.ready_at) == (0, 10_003, 20_000)
    assert store.proposed_spans(TRIGGER, 0) == [(Span(2_000, 2_500), Span(2_600, 2_800))]
    (claim,) = store.claims(policy_id=1)
    assert (claim.trigger_id, claim.sequence, claim.owed, claim.paid, claim.debt) == (TRIGGER, 0, 60, 50, 10)


def test_the_same_logs_twice_change_nothing(store: Store) -> None:
    store.advance(None, block(6), STORY)
    before = (store.policies(), store.claims(), store.payments(), store.logs())
    assert store.advance(block(6), block(7), STORY) == 0
    assert (store.policies(), store.claims(), store.payments(), store.logs()) == before


def test_logs_are_taken_in_the_chains_order_whatever_order_they_come_in(store: Store) -> None:
    store.advance(None, block(6), reversed(STORY))
    assert [each.event for each in store.logs()] == [each.event for each in STORY]
    assert store.logs()[-1] == STORY[-1]


def test_a_second_claim_on_an_incident_adds_only_what_is_new(store: Store) -> None:
    store.advance(None, block(6), [*STORY, claimed(6, 0, 90, 30, 0)])
    (claim,) = store.claims()
    assert (claim.owed, claim.paid, claim.debt, claim.last_at) == (90, 80, 10, 10_006)
    policy = store.policy(1)
    assert policy is not None and (policy.owed, policy.paid) == (90, 80)
    assert [(payment.paid, payment.debt) for payment in store.payments(1)] == [(50, 10), (30, 0)]


def test_a_paid_debt_goes_to_the_oldest_incident_first(store: Store) -> None:
    paid = log(7, 0, "CoverPool.DebtPaid", policyId=1, to=BUYER, amount=15)
    store.advance(None, block(7), [*STORY, claimed(6, 1, 40, 20, 20), paid])
    assert [(claim.sequence, claim.paid, claim.debt) for claim in store.claims()] == [(0, 60, 0), (1, 25, 15)]
    policy = store.policy(1)
    assert policy is not None and policy.paid == sum(payment.paid for payment in store.payments()) == 85


def test_a_debt_payment_that_nothing_explains_is_an_error_and_moves_nothing(store: Store) -> None:
    paid = log(7, 0, "CoverPool.DebtPaid", policyId=1, to=BUYER, amount=11)
    with pytest.raises(ChainError, match="debt of 1 paid to policy 1"):
        store.advance(None, block(7), [*STORY, paid])
    assert (store.cursor(), store.logs(), store.policies()) == (None, [], [])


def test_a_log_about_what_the_mirror_has_never_seen_is_an_error(store: Store) -> None:
    with pytest.raises(ChainError, match=r"ClaimPaid in 0xa0005 is about policy .*1"):
        store.advance(None, block(6), [claimed(5, 0, 60, 60, 0)])


def test_listing_sales_stop_holder_release_delay_end_and_failover_are_followed(store: Store) -> None:
    raw = {
        "floorRate": 100,
        "minimumWaiting": 3_600,
        "minimumSecondsToLimit": 7_200,
        "minimumTerm": 86_400,
        "maximumTerm": 864_000,
        "cap": 10**30,
        "open": True,
    }
    more = [
        log(1, 1, "PolicyBook.TriggerListed", triggerId=TRIGGER, listing=raw),
        log(2, 1, "PolicyBook.Transfer", from_=ZERO_ADDRESS, to=BUYER, id=1),
        log(6, 0, "PolicyBook.Transfer", from_=BUYER, to=OTHER, id=1),
        log(6, 1, "IncidentBook.IncidentDelayed", triggerId=TRIGGER, sequence=0, delayedUntil=30_000),
        log(6, 2, "PolicyBook.FailoverActivated", policyId=1, sequence=0, activatedAt=2_100),
        log(7, 0, "PolicyBook.FailoverActivated", policyId=1, sequence=0, activatedAt=2_200),
        log(
            8,
            0,
            "IncidentBook.IncidentFinalised",
            triggerId=TRIGGER,
            sequence=0,
            from_=2_000,
            until=2_900,
            coveredSeconds=800,
        ),
        log(9, 0, "PolicyBook.PolicyReleased", policyId=1),
        log(9, 1, "PolicyBook.SalesStopped", triggerId=TRIGGER),
    ]
    store.advance(None, block(9), STORY + more)
    listing = store.triggers()[0].listing
    assert listing is not None and (listing.cap, listing.minimum_waiting, listing.open) == (10**30, 3_600, False)
    policy = store.policy(1)
    assert policy is not None and (policy.holder, policy.released) == (OTHER, True)
    (incident,) = store.incidents()
    assert (incident.delayed_until, incident.final_at, incident.covered_seconds) == (30_000, 10_008, 800)
    assert [(failover.sequence, failover.activated_at) for failover in store.failovers()] == [(0, 2_200)]


def test_the_confirmed_spans_and_what_a_policy_excludes_are_mirrored(store: Store) -> None:
    store.advance(None, block(4), STORY[:4])
    (incident,), (policy,) = store.incidents(), store.policies()
    assert incident.spans == (Span(2_000, 2_500), Span(2_600, 2_800))
    assert policy.exclusions == (Span(2_000, 2_100),)


def test_a_cancelled_policy_ends_then_and_a_continued_one_is_marked(store: Store) -> None:
    renewal = log(
        6,
        0,
        "PolicyBook.PolicyBought",
        policyId=2,
        triggerId=TRIGGER,
        buyer=BUYER,
        underwriter=UNDERWRITER,
        quote={**RAW_QUOTE, "renews": 1, "nonce": 8},
    )
    store.advance(None, block(7), [*STORY, renewal, log(7, 0, "PolicyBook.PolicyCancelled", policyId=2, end=1_500)])
    first, second = store.policies()
    assert (first.renewed, first.cancelled) == (True, False)
    assert (second.renewed, second.cancelled, second.end) == (False, True, 1_500)


def test_the_next_nonce_follows_what_was_issued_and_what_was_bought(store: Store) -> None:
    assert store.last_nonce(UNDERWRITER) == 0
    store.record_quote(SignedQuote(replace(QUOTE, nonce=8), UNDERWRITER, "0xsigned"), {}, 1)
    assert store.last_nonce(UNDERWRITER) == 8
    store.advance(None, block(2), STORY[:2])
    assert store.last_nonce(UNDERWRITER) == 2**255 + 7
    assert store.last_nonce(OTHER) == 0


def test_rolling_back_forgets_the_later_logs_and_computes_the_rest_anew(store: Store) -> None:
    store.advance(None, block(4), STORY[:4])
    before = (store.policies(), store.incidents(), store.checkpoints(TRIGGER, 0), store.claims(), store.payments())
    store.advance(block(4), block(9), [STORY[4], claimed(8, 0, 90, 40, 0)])
    assert store.claims()
    assert store.roll_back(block(9), block(4))
    after = (store.policies(), store.incidents(), store.checkpoints(TRIGGER, 0), store.claims(), store.payments())
    assert after == before
    assert store.cursor() == block(4)
    assert [each.number for each in store.blocks()] == [4, 3, 2, 1]
    store.advance(block(4), block(9, "b"), [claimed(7, 0, 70, 70, 0, branch="b")])
    assert [(claim.owed, claim.paid) for claim in store.claims()] == [(70, 70)]


def sent_by_us(store: Store, gas: int) -> None:
    store.record_signed(SentTransaction("0xa0005", "claim", OTHER, 0, 0, 10_004))
    store.record_fate("0xa0005", Fate.FINAL, Receipt("0xa0005", 5, gas, 10_005))


def test_rolling_back_to_nothing_empties_the_mirror_and_keeps_our_own_record(store: Store) -> None:
    store.advance(None, block(6), STORY)
    sent_by_us(store, 21_000)
    assert store.roll_back(block(6), None)
    assert (store.cursor(), store.logs(), store.policies(), store.blocks()) == (None, [], [], [])
    assert store.transactions("claim")[0].receipt == Receipt("0xa0005", 5, 21_000, 10_005)


@settings(max_examples=15)
@given(st.data())
def test_however_the_logs_come_the_mirror_is_the_same(data: st.DataObject) -> None:
    at_once, in_parts = Store().create(), Store().create()
    for each in (at_once, in_parts):
        each.bind(INSTALLATION, CONTRACTS)
    at_once.advance(None, block(6), STORY)
    cursor, taken = None, 0
    while taken < len(STORY):
        upto = data.draw(st.integers(taken + 1, len(STORY)))
        again = data.draw(st.lists(st.sampled_from(STORY[:upto]), max_size=3))
        part = data.draw(st.permutations([*STORY[taken:upto], *again]))
        head = block(6 if upto == len(STORY) else STORY[upto].block_number - 1)
        assert in_parts.advance(cursor, head, part) == upto - taken
        cursor, taken = head, upto
    assert in_parts.logs() == at_once.logs()
    for read in (Store.policies, Store.incidents, Store.claims, Store.payments, Store.triggers):
        assert read(in_parts) == read(at_once)
    assert {each.number for each in at_once.blocks()} <= {each.number for each in in_parts.blocks()}
    for each in (at_once, in_parts):
        each.close()


def test_a_known_log_that_is_told_of_another_block_changes_nothing(store: Store) -> None:
    store.advance(None, block(6), STORY)
    again = replace(STORY[-1], block_number=9, block_hash="0xother")
    assert store.advance(block(6), block(10), [again]) == 0
    assert len(store.logs()) == len(STORY)


def test_known_logs_are_looked_up_by_their_key_however_many_there_are(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'mirror.sqlite'}"
    store = Store(url).create()
    store.bind(INSTALLATION, CONTRACTS)
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, sql: str, values: Any, *_: object) -> None:
        asked.append((sql, values))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        store.advance(None, block(6), STORY)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    store.close()
    with create_engine(url).connect() as connection:
        steps = [
            step[-1]
            for sql, values in asked
            if sql.startswith("SELECT logs.")
            for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)
        ]
    assert steps
    assert all("(chain_id=? AND tx_hash=?)" in step for step in steps)


def test_of_two_readers_at_one_cursor_the_second_changes_nothing(store: Store) -> None:
    assert store.advance(None, block(4), STORY[:4]) == 4
    assert store.advance(None, block(5), STORY) is None
    assert store.cursor() == block(4)
    assert store.claims() == []


def test_a_database_of_another_installation_is_refused(store: Store) -> None:
    store.advance(None, block(6), STORY)
    with pytest.raises(InvalidInput, match=r"database_url.*mirrors chain 31337.*not chain 1; use another"):
        store.bind("chain 1", CONTRACTS)
    assert store.bind(INSTALLATION, list(reversed(CONTRACTS))) == block(6)


def test_a_contract_more_has_the_mirror_read_anew(store: Store) -> None:
    store.advance(None, block(6), STORY)
    assert store.bind(INSTALLATION, [*CONTRACTS, "0xPath"]) is None
    assert store.logs() == []


def test_a_transactions_fate_changes_until_it_is_settled_and_its_cost_is_counted_once(store: Store) -> None:
    sent = SentTransaction("0xa1", "beat", OTHER, 7, 2**90, 10_000)
    store.record_signed(sent)
    store.record_signed(replace(sent, kind="other"))
    assert store.transactions() == store.unsettled(OTHER) == [sent]
    assert store.senders() == [OTHER]
    mined = Receipt("0xa1", 5, 21_000, 10_005, 2**70)
    for fate, receipt in ((Fate.MINED, mined), (Fate.DROPPED, None), (Fate.MINED, mined)):
        store.record_fate("0xa1", fate, receipt)
        assert store.unsettled(OTHER) == [replace(sent, fate=fate, receipt=receipt)]
    assert store.spendings() == []
    for fate, receipt in ((Fate.FINAL, mined), (Fate.FINAL, mined), (Fate.REPLACED, None)):
        store.record_fate("0xa1", fate, receipt)
    assert store.transactions("beat") == [replace(sent, fate=Fate.FINAL, receipt=mined)]
    assert (store.unsettled(OTHER), store.senders()) == ([], [])
    assert store.spendings() == [Spending(OTHER, "beat", 1, 0, 21_000, 2**70, 2**90)]
    store.record_signed(replace(sent, tx_hash="0xa2", nonce=8))
    store.record_fate("0xa2", Fate.FINAL, Receipt("0xa2", 6, 1_000, 10_006, 5, succeeded=False))
    assert store.spendings() == [Spending(OTHER, "beat", 2, 1, 22_000, 2**70 + 5, 2**90)]


def test_a_transaction_that_nobody_took_is_forgotten(store: Store) -> None:
    store.record_signed(SentTransaction("0xa1", "beat", OTHER, 7, 0, 10_000))
    store.record_refused("0xa1")
    assert store.transactions() == []
    store.record_fate("0xa1", Fate.FINAL, Receipt("0xa1", 5, 21_000, 10_005))
    assert (store.transactions(), store.spendings()) == ([], [])


def test_the_ledger_has_every_event_in_order_with_the_gas_of_our_transactions(store: Store) -> None:
    share = log(5, 1, "CoverPool.Transfer", from_=ZERO_ADDRESS, to=BUYER, value=7)
    store.advance(None, block(6), [*STORY, share])
    sent_by_us(store, 123_456)
    ledger = store.ledger()
    assert [entry.what for entry in ledger] == [each.event for each in STORY]
    assert [entry.gas_used for entry in ledger] == [None, None, None, None, 123_456]
    assert (ledger[-1].at, ledger[-1].contract, ledger[-1].details["owed"]) == (10_005, "PolicyBook", 60)


def test_reports_alarms_beats_and_pool_events_are_found_by_subject(store: Store) -> None:
    other = "0x" + "33" * 32
    spell: dict[str, Any] = {"index": 0, "from_": 2_000, "until": 2_500, "open": True}
    logs = [
        log(1, 0, "WatcherPath.SpellReported", subject=SUBJECT, **spell),
        log(1, 1, "WatcherPath.SpellReported", subject=other, **spell),
        log(2, 0, "WatcherPath.AlarmRaised", subject=SUBJECT, observer=OTHER, alarmedUntil=5_000),
        log(2, 1, "HeartbeatPath.Beat", subject=SUBJECT, sentAt=1_990),
        log(3, 0, "CoverPool.ReserveLatched", triggerId=TRIGGER, amount=5, incident=False),
    ]
    store.advance(None, block(3), logs)
    (report,) = store.spell_reports(SUBJECT)
    assert (report.path, report.start, report.until, report.open) == ("0xWatcherPath", 2_000, 2_500, True)
    assert len(store.spell_reports()) == 2
    assert [(alarm.observer, alarm.alarmed_until) for alarm in store.alarms(SUBJECT)] == [(OTHER, 5_000)]
    assert [beat.sent_at for beat in store.beats(SUBJECT)] == [1_990]
    assert [event.event for event in store.pool_events()] == ["ReserveLatched"]


def test_a_quote_is_kept_with_its_breakdown_and_the_policy_it_became(store: Store) -> None:
    signed = SignedQuote(QUOTE, UNDERWRITER, "0xsigned")
    unsold = replace(signed, quote=replace(QUOTE, nonce=8))
    store.record_quote(signed, {"expected_payout": "12"}, at=400)
    on = PricedOn(STANDARD_TRIGGER, Loadings(expense_fixed=2.5), Utilisation(3.0, 9.0), None, 75)
    store.record_quote(unsold, {}, 401, on)
    assert [each.priced_on for each in store.quotes()] == [None, on]
    store.advance(None, block(6), STORY)
    first, second = store.quotes()
    assert (first.signed, first.breakdown, first.at, first.policy_id) == (signed, {"expected_payout": "12"}, 400, 1)
    assert (second.signed, second.policy_id) == (unsold, None)
    with pytest.raises(InvalidInput, match="nonce 8 of underwriter"):
        store.record_quote(unsold, {}, at=402)


def test_each_observers_newest_observation_that_may_still_be_reported_is_found(store: Store) -> None:
    def signed(observer: str, until: int, ended: bool = False, deadline: int = 5_000) -> SignedObservation:
        return SignedObservation(Observation(SUBJECT, 2_000, until, ended, deadline), observer, "0xsig")

    for at, each in enumerate(
        [
            signed("0xB0", 2_500),
            signed("0xB0", 2_500, ended=True),
            signed("0xa1", 2_700),
            signed("0xa1", 2_400, ended=True),
            signed("0xa1", 2_900, deadline=2_999),
        ]
    ):
        store.record_observation("0xPath", each, at)
    found = store.observations("0xPath", SUBJECT, now=3_000)
    assert [(each.observer, each.observation.until, each.observation.ended) for each in found] == [
        ("0xa1", 2_700, False),
        ("0xB0", 2_500, True),
    ]
    assert store.observations("0xOther", SUBJECT, now=3_000) == []


def test_snapshots_of_the_pool_are_kept_by_time(store: Store) -> None:
    later, earlier = PoolSnapshot(20, 10**30, 1, 2, 10**18), PoolSnapshot(10, 5, 0, 0, 10**18)
    store.record_snapshot(later)
    store.record_snapshot(earlier)
    store.record_snapshot(replace(earlier, assets=6))
    assert store.snapshots() == [replace(earlier, assets=6), later]
    assert store.snapshots(since=11) == [later]


def test_runs_and_failures_of_a_job_are_counted_and_a_good_run_clears_its_error(store: Store) -> None:
    store.record_job("watch", False, "Unreachable: no endpoint", 10)
    store.record_job("watch", True, "", 20)
    (job,) = store.jobs()
    assert (job.name, job.runs, job.failures, job.last_at, job.last_error) == ("watch", 2, 1, 20, "")


def test_two_processes_that_see_a_transaction_become_final_count_its_cost_once(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = Store(database_url).create(), Store(database_url).create()
    both = threading.Barrier(2)
    real = costs.count

    def together(*args: Any) -> None:
        with suppress(threading.BrokenBarrierError):
            both.wait(0.2)
        real(*args)

    one.record_signed(SentTransaction("0xa0005", "claim", OTHER, 0, 0, 10_004))
    monkeypatch.setattr(costs, "count", together)
    receipt = Receipt("0xa0005", 5, 21_000, 10_005, 9)
    threads = [
        threading.Thread(target=each.record_fate, args=("0xa0005", Fate.FINAL, receipt)) for each in (one, other)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (spent,) = one.spendings()
    assert (spent.transactions, spent.fees) == (1, 9)
    for each in (one, other):
        each.close()


def test_a_mirror_that_another_process_has_moved_is_not_rolled_back(store: Store) -> None:
    store.advance(None, block(6), STORY)
    assert not store.roll_back(block(4), None)
    assert store.cursor() == block(6) and store.logs()


def test_amounts_lie_in_the_database_as_text_of_equal_length(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'mirror.sqlite'}"
    store = Store(url).create()
    store.bind(INSTALLATION, CONTRACTS)
    store.advance(None, block(6), STORY)
    with create_engine(url).connect() as connection:
        (premium,) = connection.execute(text("select premium from policies")).one()
    assert premium == str(10**20).zfill(78)
