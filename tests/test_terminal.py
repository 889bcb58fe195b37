"""Tables in the terminal: what a reader sees, in the asset's decimals and in order of time."""

from io import StringIO

from rich.console import Console
from rich.table import Table

from insure.price_tables import price_table
from insure.records.units import amount_text
from insure.records.views import LedgerEntry, StakerView
from insure.terminal import PIPED_WIDTH, console, ledger_table, staker_table
from tests.screen_engine import ARBITRUM, NOW, TERMS, ScreenEngine, address

DAY = 86_400


def shown(table: Table) -> list[str]:
    out = Console(file=StringIO(), width=PIPED_WIDTH)
    out.print(table)
    return out.file.getvalue().splitlines()  # type: ignore[attr-defined,no-any-return]


def entry(seconds: int, what: str, gas: int | None = 50_000, **details: object) -> LedgerEntry:
    return LedgerEntry(NOW + seconds, what, "PolicyBook", "0x" + f"{seconds:064x}", gas, details)


def test_a_price_shows_its_parts_and_which_rest_on_judgement() -> None:
    view = ScreenEngine().price(ARBITRUM, TERMS, 90 * DAY)
    lines = shown(price_table(view, 6, "USD"))
    text = "\n".join(lines)
    assert amount_text(view.premium, 6) in text
    for part in view.components:
        line = next(each for each in lines if part.label in each)
        assert ("judgement" in line) == part.judgement
        assert amount_text(part.amount, 6) in line


def test_the_ledger_is_told_from_a_moment_on_oldest_first() -> None:
    newest_first = [
        entry(30, "Paid", amount=7_500_000),
        entry(20, "Claimed"),
        entry(10, "Bought", premium=1),
        entry(0, "Old"),
    ]
    text = "\n".join(shown(ledger_table(newest_first, NOW + 10, 6, "USD")))
    assert "Old" not in text
    assert text.index("Bought") < text.index("Claimed") < text.index("Paid")
    assert "amount 7.50 USD" in text
    assert "50,000" in text


def test_events_of_one_second_keep_their_order() -> None:
    same = [entry(5, "Third"), entry(5, "Second"), entry(5, "First")]
    text = "\n".join(shown(ledger_table(same, NOW, 6, "USD")))
    assert text.index("First") < text.index("Second") < text.index("Third")


def test_a_row_of_beats_is_one_line_that_counts_them() -> None:
    beats = [entry(50, "Beat"), entry(40, "Bought"), entry(30, "Beat"), entry(20, "Beat"), entry(10, "Beat")]
    lines = shown(ledger_table(beats, NOW, 6, "USD"))
    assert [line.split("beats ")[1].split()[0] for line in lines if "beats " in line] == ["3", "1"]


def test_an_event_whose_gas_is_not_known_shows_none() -> None:
    (line,) = (each for each in shown(ledger_table([entry(1, "Bought", gas=None)], NOW, 6, "USD")) if "Bought" in each)
    assert "None" not in line and ",000" not in line


def test_stakers_are_shown_with_what_they_won_or_lost() -> None:
    before = [StakerView(address(1), 10, 100_000_000), StakerView(address(2), 10, 50_000_000)]
    after = [StakerView(address(1), 10, 90_000_000), StakerView(address(2), 10, 50_250_000)]
    lines = shown(staker_table(before, after, 6, "USD"))
    assert any(address(1) in line and "100.00" in line and "90.00" in line and "-10.00" in line for line in lines)
    assert any(address(2) in line and "0.25" in line for line in lines)


def test_where_nobody_watches_lines_are_not_broken_to_the_width_of_a_terminal() -> None:
    assert console().width == PIPED_WIDTH or console().is_terminal
    assert console(stderr=True).stderr
