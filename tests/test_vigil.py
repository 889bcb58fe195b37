"""The observer's decision: when a chain is down, since when, and when it came back."""

from insure.records.onchain import Span
from insure.watchtower.probe import Sighting
from insure.watchtower.vigil import NOTHING, Finding, Vigil, VigilRules, advance

RULES = VigilRules(alarm_after=600, down_after=900)
BLOCKS = {11: 5_000, 12: 5_002}


def step(vigil: Vigil | None, sighting: Sighting | None, now: int) -> tuple[Vigil | None, Finding]:
    return advance(vigil, sighting, now, RULES, BLOCKS.get)


def test_a_chain_that_moves_gives_nothing_to_report() -> None:
    vigil, finding = step(Vigil(10, 1_000), Sighting(11, 1_300), 1_301)
    assert finding == NOTHING
    assert vigil == Vigil(11, 1_300)


def test_a_head_that_stands_still_is_first_an_alarm_then_downtime() -> None:
    vigil, finding = step(Vigil(10, 1_000), Sighting(10, 1_000), 1_601)
    assert finding == Finding(uneasy_since=1_000)
    vigil, finding = step(vigil, Sighting(10, 1_000), 1_901)
    assert finding == Finding(Span(1_001, 1_901), uneasy_since=1_000)
    assert vigil == Vigil(10, 1_000, down_from=1_001, seen_still=1_901)


def test_exactly_the_threshold_is_not_yet_an_alarm_nor_downtime() -> None:
    assert step(Vigil(10, 1_000), Sighting(10, 1_000), 1_600)[1] == NOTHING
    assert step(Vigil(10, 1_000), Sighting(10, 1_000), 1_900)[1].downtime is None


def test_downtime_ends_with_the_first_new_block_not_with_the_latest() -> None:
    vigil, finding = step(Vigil(10, 1_000, down_from=1_001), Sighting(12, 5_002), 5_010)
    assert finding == Finding(Span(1_001, 5_000), ended=True)
    assert vigil == Vigil(12, 5_002)


def test_a_chain_that_back_dates_its_blocks_was_still_down_as_long_as_it_was_seen_down() -> None:
    down = Vigil(10, 1_000, down_from=1_001, seen_still=4_000)
    _, finding = advance(down, Sighting(999, 5_010), 5_010, RULES, lambda _: 1_002)
    assert finding == Finding(Span(1_001, 4_000), ended=True)


def test_a_node_that_does_not_answer_is_unknown_and_never_down() -> None:
    assert step(Vigil(10, 1_000), None, 99_999) == (Vigil(10, 1_000), NOTHING)


def test_a_node_that_lags_behind_does_not_move_the_head_back() -> None:
    vigil, _ = step(Vigil(10, 1_000), Sighting(7, 900), 1_100)
    assert vigil == Vigil(10, 1_000)


def test_a_stop_stays_open_until_the_first_new_block_can_be_read() -> None:
    down = Vigil(20, 1_000, down_from=1_001)
    assert step(down, Sighting(22, 5_002), 5_010) == (down, NOTHING)


def test_a_restart_needs_the_number_of_new_blocks_that_the_rules_ask_for() -> None:
    rules = VigilRules(alarm_after=600, down_after=900, recovery_blocks=2)
    down = Vigil(10, 1_000, down_from=1_001)
    assert advance(down, Sighting(11, 5_000), 5_001, rules, BLOCKS.get) == (down, NOTHING)
    _, finding = advance(down, Sighting(12, 5_002), 5_003, rules, BLOCKS.get)
    assert finding == Finding(Span(1_001, 5_000), ended=True)
