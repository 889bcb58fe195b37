"""What is sent when: every action's conditions, and the arithmetic of spans."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insure import decisions
from insure.decisions import (
    Conclude,
    Confirm,
    Evidence,
    Finalise,
    PayDebt,
    Poke,
    Poked,
    Proposal,
    Propose,
    Release,
    Retire,
    Rules,
    Standing,
)
from insure.records.onchain import (
    ZERO_ADDRESS,
    Checkpoint,
    Claim,
    DisputeCase,
    Incident,
    Member,
    Policy,
    Semantics,
    Solvency,
    Span,
    Terms,
)

T = "0x" + "11" * 32
RULES = Rules(merge_gap=1_800, grace=900, checkpoint_step=600, tail=604_800)
OPEN = Incident(T, 0, 0, 0, 0, 2_000, 0, 0, 1)


def proposal(index: int, *spans: Span, ready_at: int = 5_000) -> Proposal:
    covered = decisions.measure(spans)
    return Proposal(Checkpoint(T, 0, index, ready_at - 1_800, covered, ready_at), spans)


def evidence(*swept: Span, growing: bool = True, **fields: object) -> Evidence:
    return Evidence(T, RULES, swept, growing, **fields)  # type: ignore[arg-type]


class TestPoke:
    STANDING = Standing(T, unsettled=False, incidents=0, alarmed=0, reserve=0, locked=100)

    def test_a_quiet_trigger_without_reserve_is_left_alone(self) -> None:
        assert decisions.poke(self.STANDING, None, 0) == []
        assert decisions.poke(self.STANDING, Poked(0, (0, 0)), 10**9) == []

    def test_a_first_alarm_an_incident_and_their_end_are_each_poked_once(self) -> None:
        alarmed = replace(self.STANDING, alarmed=0b10)
        assert decisions.poke(alarmed, None, 100) == [Poke(T)]
        assert decisions.poke(alarmed, Poked(100, alarmed.cause), 101) == []
        unsettled = replace(alarmed, unsettled=True, incidents=1)
        assert decisions.poke(unsettled, Poked(100, alarmed.cause), 102) == [Poke(T)]
        assert decisions.poke(unsettled, Poked(102, unsettled.cause), 10**9) == []
        assert decisions.poke(self.STANDING, Poked(102, unsettled.cause), 103) == [Poke(T)]

    def test_after_a_restart_a_reserve_that_nothing_holds_is_poked(self) -> None:
        assert decisions.poke(replace(self.STANDING, reserve=5), None, 0) == [Poke(T)]

    def test_a_reserve_that_someone_else_latched_meanwhile_is_released(self) -> None:
        stale = replace(self.STANDING, reserve=100)
        assert decisions.poke(stale, Poked(5, (0, 0)), 6) == [Poke(T)]

    def test_a_lasting_alarm_is_poked_again_so_that_its_lapse_is_seen(self) -> None:
        alarmed = replace(self.STANDING, alarmed=1, reserve=100)
        last = Poked(1_000, alarmed.cause)
        assert decisions.poke(alarmed, last, 1_000 + decisions.POKE_AGAIN_SECONDS - 1) == []
        assert decisions.poke(alarmed, last, 1_000 + decisions.POKE_AGAIN_SECONDS) == [Poke(T)]

    def test_a_trigger_that_nobody_is_covered_on_is_not_poked(self) -> None:
        assert decisions.poke(replace(self.STANDING, alarmed=1, locked=0), None, 0) == []


class TestPropose:
    def test_nothing_swept_is_nothing_proposed(self) -> None:
        assert decisions.propose(evidence(), 4_000) == []

    def test_the_first_span_opens_an_incident(self) -> None:
        assert decisions.propose(evidence(Span(1_000, 1_600)), 4_000) == [Propose(T)]

    @pytest.mark.parametrize(("until", "growing", "wanted"), [(2_199, True, False), (2_200, True, True)])
    def test_while_down_a_further_checkpoint_takes_a_whole_step(self, until: int, growing: bool, wanted: bool) -> None:
        known = evidence(
            Span(1_000, until), growing=growing, incident=OPEN, proposals=(proposal(0, Span(1_000, 1_600)),)
        )
        assert bool(decisions.propose(known, 4_000)) is wanted

    def test_once_over_a_second_more_is_enough_and_nothing_more_is_not(self) -> None:
        proposals = (proposal(0, Span(1_000, 1_600)),)
        over = evidence(Span(1_000, 1_601), growing=False, incident=OPEN, proposals=proposals)
        assert decisions.propose(over, 4_000) == [Propose(T)]
        assert decisions.propose(replace(over, swept=(Span(1_000, 1_600),)), 4_000) == []

    def test_after_eight_small_checkpoints_only_whole_steps_are_proposed(self) -> None:
        small = tuple(proposal(i, Span(1_000, 1_600 + i)) for i in range(9))
        over = evidence(Span(1_000, 1_609), growing=False, incident=OPEN, proposals=small)
        assert decisions.propose(over, 4_000) == []
        assert decisions.propose(replace(over, proposals=small[:8]), 4_000) == [Propose(T)]
        assert decisions.propose(replace(over, swept=(Span(1_000, 2_208),)), 4_000) == [Propose(T)]

    @pytest.mark.parametrize(("start", "at", "wanted"), [(940, 5_000, True), (941, 5_000, False), (940, 5_001, False)])
    def test_an_earlier_start_is_proposed_in_time_though_it_adds_less_than_a_step(
        self, start: int, at: int, wanted: bool
    ) -> None:
        known = evidence(Span(start, 1_600), incident=OPEN, proposals=(proposal(0, Span(1_000, 1_600)),))
        assert bool(decisions.propose(known, at)) is wanted
        assert decisions.propose(replace(known, incident=replace(OPEN, start=1_000)), at) == []

    def test_earlier_starts_use_up_no_small_checkpoint(self) -> None:
        earlier = tuple(proposal(i, Span(1_000 - 60 * i, 1_600)) for i in range(9))
        over = evidence(Span(520, 1_601), growing=False, incident=OPEN, proposals=earlier)
        assert decisions.propose(over, 9_000) == [Propose(T)]


class TestConfirm:
    PROPOSALS = (
        proposal(0, Span(1_000, 1_600), ready_at=5_000),
        proposal(1, Span(1_000, 2_200), ready_at=5_600),
        proposal(2, Span(1_000, 2_800), ready_at=6_200),
    )

    def known(self, *confirmed: Span, start: int = 0, until: int = 3_000) -> Evidence:
        incident = replace(OPEN, start=start)
        return evidence(Span(1_000, until), incident=incident, proposals=self.PROPOSALS, confirmed=confirmed)

    def test_nothing_is_confirmed_before_the_earliest_is_ready_and_had_its_grace(self) -> None:
        late, early = proposal(0, Span(1_000, 1_600)), proposal(1, Span(900, 1_600), ready_at=5_300)
        known = evidence(Span(900, 1_600), incident=OPEN, proposals=(late, early))
        assert decisions.confirm(known, 5_299) == []
        assert decisions.confirm(known, 5_300) == [Confirm(T, 1)]
        slow = replace(known, rules=replace(RULES, grace=86_400))
        assert decisions.confirm(slow, 87_299) == []
        assert decisions.confirm(slow, 87_300) == [Confirm(T, 1)]

    def test_nothing_is_confirmed_before_it_is_ready(self) -> None:
        assert decisions.confirm(self.known(), 4_999) == []
        assert decisions.confirm(self.known(), 5_000) == [Confirm(T, 0)]

    def test_of_several_ready_checkpoints_the_one_that_adds_most_is_confirmed(self) -> None:
        assert decisions.confirm(self.known(), 5_700) == [Confirm(T, 1)]
        assert decisions.confirm(self.known(), 9_000) == [Confirm(T, 2)]

    def test_what_adds_nothing_is_not_confirmed_again(self) -> None:
        confirmed = Span(1_000, 1_600)
        assert decisions.confirm(self.known(confirmed, start=1_000), 5_000) == []
        assert decisions.confirm(self.known(confirmed, start=1_000), 5_600) == [Confirm(T, 1)]

    def test_evidence_that_the_paths_do_not_show_now_adds_nothing(self) -> None:
        assert decisions.confirm(self.known(Span(1_000, 1_600), start=1_000, until=1_600), 9_000) == []

    def test_seconds_before_the_frozen_start_or_168_hours_after_it_add_nothing(self) -> None:
        assert decisions.confirm(self.known(Span(1_500, 2_800), start=1_500), 9_000) == []
        far = proposal(0, Span(1_000, 1_000 + 700_000))
        done = Span(1_000, 1_000 + decisions.LONGEST_INCIDENT_SECONDS)
        late = evidence(Span(1_000, 701_000), incident=replace(OPEN, start=1_000), proposals=(far,), confirmed=(done,))
        assert decisions.confirm(late, 10**7) == []

    def test_the_guardians_delay_and_no_open_incident_hold_everything(self) -> None:
        delayed = replace(self.known(), incident=replace(OPEN, delayed_until=7_000))
        assert decisions.confirm(delayed, 6_999) == []
        assert decisions.confirm(delayed, 7_000) == [Confirm(T, 2)]
        assert decisions.confirm(evidence(Span(1_000, 2_000)), 9_000) == []


class TestFinalise:
    def known(self, swept_until: int = 1_600, **fields: object) -> Evidence:
        proposals = (proposal(0, Span(1_000, 1_600), ready_at=5_000),)
        given = {"incident": OPEN, "proposals": proposals, "growing": False, **fields}
        return evidence(Span(1_000, swept_until), **given)  # type: ignore[arg-type]

    def test_an_incident_ends_after_merge_gap_and_grace(self) -> None:
        over_at = 1_600 + 1_800 + 900
        proposals = (proposal(0, Span(1_000, 1_600), ready_at=4_000),)
        assert decisions.finalise(self.known(proposals=proposals), over_at) == []
        assert decisions.finalise(self.known(proposals=proposals), over_at + 1) == [Finalise(T)]

    def test_not_before_the_last_checkpoint_is_ready_nor_before_the_delay_is_over(self) -> None:
        assert decisions.finalise(self.known(), 4_999) == []
        assert decisions.finalise(self.known(), 5_000) == [Finalise(T)]
        delayed = self.known(incident=replace(OPEN, delayed_until=9_000))
        assert decisions.finalise(delayed, 8_999) == []

    def test_not_while_something_covered_was_not_proposed(self) -> None:
        assert decisions.finalise(self.known(swept_until=1_601), 9_000) == []

    def test_a_path_that_fails_for_a_moment_does_not_end_it_early(self) -> None:
        blind = replace(self.known(), swept=())
        assert decisions.finalise(blind, 1_600 + 1_800 + 900) == []
        assert decisions.finalise(blind, 5_000) == [Finalise(T)]

    def test_not_while_the_spans_of_the_last_checkpoint_are_not_known(self) -> None:
        (known,) = self.known().proposals
        assert decisions.finalise(self.known(proposals=(replace(known, spans=()),)), 9_000) == []

    def test_no_open_incident_is_not_ended(self) -> None:
        assert decisions.finalise(evidence(), 10**9) == []


class TestAhead:
    """What is prepared for the first block in which it can be paid."""

    def test_a_confirmation_leaves_what_it_adds_to_what_was_confirmed(self) -> None:
        first, second = proposal(0, Span(1_000, 1_600)), proposal(1, Span(1_000, 1_600), Span(2_000, 2_300))
        known = evidence(Span(1_000, 1_600), Span(2_000, 2_250), incident=OPEN, proposals=(first, second))
        left = decisions.confirmed(known, 1)
        assert left.spans == (Span(1_000, 1_600), Span(2_000, 2_250))
        assert (left.start, left.until, left.covered_seconds) == (1_000, 2_250, 850)
        assert (left.sequence, left.checkpoints) == (OPEN.sequence, OPEN.checkpoints)

    @pytest.mark.parametrize("incident", [None, OPEN])
    def test_what_is_not_proposed_leaves_nothing(self, incident: Incident | None) -> None:
        with pytest.raises(ValueError, match=r"checkpoint 3 of .* is not proposed"):
            decisions.confirmed(evidence(Span(1_000, 1_600), incident=incident), 3)

    @pytest.mark.parametrize(
        ("at", "confirmed", "final_at", "wanted"),
        [(5_000, 0, 0, True), (4_999, 0, 0, False), (5_000, 600, 0, False), (5_000, 0, 4_000, False)],
    )
    def test_the_mirror_says_whether_it_is_worth_a_look(
        self, at: int, confirmed: int, final_at: int, wanted: bool
    ) -> None:
        checkpoints = [proposal(0, Span(1_000, 1_600)).checkpoint]
        earlier = replace(OPEN, covered_seconds=900, final_at=900)
        last = replace(OPEN, sequence=1, covered_seconds=confirmed, final_at=final_at)
        assert decisions.may_confirm([last, earlier], checkpoints, at) is wanted
        assert not decisions.may_confirm([], checkpoints, at)


def test_while_an_incident_goes_on_only_what_adds_enough_is_worthwhile() -> None:
    due = [Claim(1, 4, owed=90, paid=30, debt=11), Claim(2, 4, owed=90, paid=30, debt=10), Claim(3, 3, 1, 0, 0)]
    assert decisions.worthwhile(due, {(1, 4), (2, 4)}, 50) == due[1:]
    assert decisions.worthwhile(due, {(1, 4), (2, 4)}, 0) == due
    assert decisions.worthwhile(due, set(), 50) == due


def test_claims_are_batched_in_order_and_those_that_add_nothing_left_out() -> None:
    due = [Claim(i, 0, owed=5, paid=3, debt=2 if i == 7 else 0) for i in range(40)]
    batches = decisions.claim(due)
    assert [len(batch.items) for batch in batches] == [decisions.CLAIMS_PER_BATCH, 7]
    assert [item for batch in batches for item in batch.items] == [(i, 0) for i in range(40) if i != 7]


class TestDisputed:
    """What an open dispute holds back, and what an upheld one takes off."""

    PROPOSALS = (proposal(0, Span(1_000, 3_000)),)

    def held(self, disputed_from: int | None) -> Evidence:
        return evidence(
            Span(1_000, 3_000),
            growing=False,
            incident=OPEN,
            proposals=self.PROPOSALS,
            disputed_from=disputed_from,
        )

    @pytest.mark.parametrize(("disputed_from", "wanted"), [(1_001, True), (1_000, False), (None, True)])
    def test_only_what_lies_before_is_confirmed(self, disputed_from: int | None, wanted: bool) -> None:
        assert bool(decisions.confirm(self.held(disputed_from), 10_000)) is wanted

    def test_confirmed_up_to_the_dispute_nothing_is_confirmed_again(self) -> None:
        known = replace(self.held(2_000), confirmed=(Span(1_000, 2_000),), incident=replace(OPEN, start=1_000))
        assert decisions.confirm(known, 10_000) == []
        assert decisions.confirm(replace(known, disputed_from=None), 10_000) == [Confirm(T, 0)]

    def test_nothing_is_final_while_it_is_open(self) -> None:
        assert decisions.finalise(self.held(1_000), 10_000) == []
        assert decisions.finalise(self.held(None), 10_000) == [Finalise(T)]

    def test_what_was_struck_out_is_no_longer_in_the_way_of_the_next_proposal(self) -> None:
        known = replace(self.held(None), swept=(Span(1_000, 2_000), Span(2_500, 3_200)))
        assert decisions.propose(known, 10_000) == []
        struck = replace(known, last_covered=1_500)
        assert decisions.propose(struck, 10_000) == [Propose(T)]
        assert decisions.finalise(struck, 10_000) == []
        assert decisions.finalise(known, 10_000) == [Finalise(T)]


class TestConclude:
    CASE = DisputeCase("0x" + "aa" * 20, ZERO_ADDRESS, 0, 1, 10_000, 5)

    @pytest.mark.parametrize(("now", "wanted"), [(9_999, []), (10_000, [Conclude(T)])])
    def test_a_dispute_is_concluded_once_it_lapsed(self, now: int, wanted: list[Conclude]) -> None:
        assert decisions.conclude(T, self.CASE, now) == wanted

    def test_where_no_dispute_is_open_there_is_nothing_to_conclude(self) -> None:
        assert decisions.conclude(T, None, 10**10) == []


class TestRetire:
    PATH = Member(ZERO_ADDRESS, 0, False, False, 0, 86_400)

    def looks(self, member: Member, heard: int | None, now: int) -> bool:
        found = decisions.retire(T, [self.PATH, member], [now, heard], now)
        assert found in ([], [Retire(T, 1)])
        return bool(found)

    @pytest.mark.parametrize(("now", "wanted"), [(1_000 + 86_400, False), (1_001 + 86_400, True)])
    def test_a_path_silent_for_longer_than_its_maximum_is_noted(self, now: int, wanted: bool) -> None:
        assert self.looks(self.PATH, 1_000, now) is wanted

    def test_a_broken_path_is_noted_at_once(self) -> None:
        assert self.looks(self.PATH, None, 5)

    @pytest.mark.parametrize(("waited", "wanted"), [(3_600, False), (3_601, True)])
    def test_a_silent_path_is_retired_an_hour_after_its_note(self, waited: int, wanted: bool) -> None:
        assert self.looks(replace(self.PATH, silent_since=100_000), 1_000, 100_000 + waited) is wanted

    @pytest.mark.parametrize(("waited", "wanted"), [(86_400, False), (86_401, True)])
    def test_a_broken_path_is_retired_its_maximum_after_its_note(self, waited: int, wanted: bool) -> None:
        assert self.looks(replace(self.PATH, silent_since=100_000), None, 100_000 + waited) is wanted

    def test_the_note_of_a_path_that_is_back_is_cleared(self) -> None:
        assert self.looks(replace(self.PATH, silent_since=100_000), 100_050, 100_060)

    def test_a_retired_path_is_left_alone(self) -> None:
        assert not self.looks(replace(self.PATH, retired=True, silent_since=5), None, 10**9)


class TestPool:
    SOUND = Solvency(1_000, 100, 0, 0, 0, 50, 200, 650, 10**9)

    def test_premium_is_accrued_once_a_day_while_there_is_any(self) -> None:
        assert decisions.accrue(self.SOUND, 0, 86_399) == []
        assert decisions.accrue(self.SOUND, 0, 86_400) == [decisions.Accrue()]
        assert decisions.accrue(replace(self.SOUND, unearned=0), 0, 10**9) == []

    def test_a_matured_batch_is_settled_if_solvency_leaves_room(self) -> None:
        assert decisions.settle(self.SOUND) == [decisions.Settle()]
        assert decisions.settle(replace(self.SOUND, matured_exits=0)) == []
        assert decisions.settle(replace(self.SOUND, exposed=900)) == []
        assert decisions.settle(replace(self.SOUND, reserve=900)) == []

    def test_debts_are_paid_in_order_while_assets_beyond_the_reserve_last(self) -> None:
        short = replace(self.SOUND, assets=130, reserve=100)
        assert decisions.pay_debts([(1, 20), (2, 0), (3, 20), (4, 20)], short) == [PayDebt(1), PayDebt(3)]
        assert decisions.pay_debts([(1, 20)], replace(short, reserve=130)) == []


class TestRelease:
    TERMS = Terms(600, Semantics.RETENTION, 10, 0, 20_000, 30_000)
    POLICY = Policy(1, "0xHolder", T, TERMS, start=1_000, end=20_000, standby=ZERO_ADDRESS, premium=1)
    OVER = 20_000 + RULES.tail + 1

    def test_a_policy_is_released_after_its_tail(self) -> None:
        assert decisions.release([self.POLICY], evidence(), [], self.OVER - 1) == []
        assert decisions.release([self.POLICY], evidence(), [], self.OVER) == [Release(1)]

    def test_not_twice_and_not_while_an_incident_or_evidence_from_its_time_stands(self) -> None:
        assert decisions.release([replace(self.POLICY, released=True)], evidence(), [], self.OVER) == []
        assert decisions.release([self.POLICY], evidence(), [OPEN], self.OVER) == []
        assert decisions.release([self.POLICY], evidence(Span(19_999, 20_700)), [], self.OVER) == []
        assert decisions.release([self.POLICY], evidence(Span(20_000, 20_700)), [], self.OVER) == [Release(1)]

    @pytest.mark.parametrize(
        ("incidents", "released"),
        [
            ([Incident(T, 0, 19_999, 20_700, 700, 20_000, 0, 0, 1)], False),
            ([Incident(T, 0, 19_999, 20_700, 700, 20_000, OVER - 86_399, 0, 1)], False),
            ([Incident(T, 0, 19_999, 20_700, 700, 20_000, OVER - 86_400, 0, 1)], True),
            ([Incident(T, 0, 20_000, 20_700, 700, 20_000, 0, 0, 1)], True),
            ([Incident(T, 0, 18_000, 19_999, 900, 20_000, 30_000, 0, 1), replace(OPEN, sequence=1)], False),
            ([Incident(T, 0, 18_000, 20_000, 900, 20_000, 30_000, 0, 1), replace(OPEN, sequence=1)], True),
            ([Incident(T, 0, 18_000, 20_000, 900, 20_000, OVER, 0, 1), replace(OPEN, sequence=1)], False),
            ([replace(OPEN, final_at=OVER)], True),
        ],
    )
    def test_only_an_unsettled_incident_that_may_have_begun_before_the_end_holds_a_release_up(
        self, incidents: list[Incident], released: bool
    ) -> None:
        assert bool(decisions.release([self.POLICY], evidence(), incidents, self.OVER)) is released


SPANS = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 10)), max_size=6)


def seconds(spans: tuple[Span, ...]) -> set[int]:
    return {second for span in spans for second in range(span.start, span.until)}


@given(SPANS, SPANS)
def test_union_and_intersection_of_spans_are_those_of_their_seconds(
    one: list[tuple[int, int]], other: list[tuple[int, int]]
) -> None:
    a = decisions.unite((Span(start, start + length) for start, length in one), ())
    b = decisions.unite((Span(start, start + length) for start, length in other), ())
    united, common = decisions.unite(a, b), decisions.intersect(a, b)
    assert seconds(united) == seconds(a) | seconds(b)
    assert seconds(common) == seconds(a) & seconds(b)
    assert decisions.measure(united) == len(seconds(united))
    assert all(before.until < after.start for before, after in pairwise(united))
