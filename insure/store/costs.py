"""What our transactions cost, counted once they are final, and no longer when the block that made them so is gone."""

from sqlmodel import Session, col, select

from insure.records.mirror import Fate
from insure.store import tables


def count(session: Session, row: tables.Transaction) -> None:
    """Adds a transaction that has become final."""
    _add(session, row, 1)


def reopen(session: Session, last: int) -> None:
    """Takes back whatever was final after block `last`: what becomes of it is open again.

    So is what had been replaced by it.
    """
    table = tables.Transaction
    lowest: dict[str, int] = {}
    for row in session.exec(select(table).where(table.fate == Fate.FINAL, col(table.block_number) > last)):
        _add(session, row, -1)
        row.fate = Fate.MINED
        lowest[row.sender] = min(row.nonce, lowest.get(row.sender, row.nonce))
    for sender, nonce in lowest.items():
        replaced = select(table).where(table.sender == sender, table.fate == Fate.REPLACED, col(table.nonce) >= nonce)
        for row in session.exec(replaced):
            row.fate = Fate.DROPPED


def _add(session: Session, row: tables.Transaction, sign: int) -> None:
    total = session.get(tables.Spending, (row.sender, row.kind))
    if total is None:
        total = tables.Spending(sender=row.sender, kind=row.kind)
    total.transactions += sign
    total.failures += 0 if row.succeeded else sign
    total.gas_used += sign * (row.gas_used or 0)
    total.fees += sign * (row.fee or 0)
    total.value += sign * row.value if row.succeeded else 0
    session.add(total)
