"""Backup and restore, as a drill: from either kind of database into either, whole or not at all."""

import gzip
import json
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from insure.errors import InvalidInput
from insure.records.mirror import Fate, SentTransaction
from insure.records.onchain import Head, Log, Receipt
from insure.store import Store
from insure.store.backup import back_up, restore
from insure.store.tables import Row, TimetableEntry

OWNER = "0x00000000000000000000000000000000000000B1"


def filled(url: str) -> Store:
    """A store with rows of several tables: the largest numbers, nested values, odd text."""
    store = Store(url).create()
    store.bind("chain 31337, policy book 0xBook", ["0xBook"])
    args = {"caller": OWNER, "owner": OWNER, "assets": 2**256 - 1, "shares": 0}
    logs = [
        Log(31337, "0xPool", "CoverPool", "Deposit", args, 7, "0x" + "77" * 32, f"0x{number:064x}", number, 1_000)
        for number in range(1_203)
    ]
    store.advance(None, Head(7, "0x" + "77" * 32, 1_000), logs)
    store.record_job("watch", False, "no answer: “timeout”\n\x01", 9)
    with store.alone() as connection:
        connection.execute(
            insert(TimetableEntry), {"id": "watch", "next_run_time": 39.5, "job_state": bytes(range(256))}
        )
    tx_hash = "0x" + "ab" * 32
    store.record_signed(SentTransaction(tx_hash, "claim", OWNER, 3, 2**90, 900))
    store.record_fate(tx_hash, Fate.FINAL, Receipt(tx_hash, 7, 2**62, 1_000, 2**80))
    store.take_lease("sender", "this process", 1_000, 30)
    return store


def everything(store: Store) -> dict[str, list[tuple[object, ...]]]:
    with store.at_one_moment() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in Row.metadata.sorted_tables
        }


def test_what_is_restored_is_what_was_backed_up(database_url: str, tmp_path: Path, empty_database_url: str) -> None:
    store, path = filled(database_url), tmp_path / "monday.backup"
    rows = back_up(store, path)
    assert rows == sum(map(len, everything(store).values())) > 1_200
    other = Store(empty_database_url)
    assert restore(other, path) == rows
    assert everything(other) == everything(store)
    assert other.cursor() == store.cursor()
    assert other.logs("Deposit")[0].args["assets"] == 2**256 - 1
    assert not list(tmp_path.glob(".*")), "nothing unfinished is left"


def test_a_backup_shows_one_moment_though_others_write_meanwhile(database_url: str, tmp_path: Path) -> None:
    store, writer = filled(database_url), Store(database_url)
    with store.at_one_moment() as connection:
        leases = Row.metadata.tables["leases"]
        before = connection.execute(select(leases)).all()
        writer.take_lease("another", "another process", 1_000, 30)
        assert connection.execute(select(leases)).all() == before
    assert len(everything(store)["leases"]) == 2


def test_a_backup_never_replaces_a_file(tmp_path: Path) -> None:
    store, path = Store().create(), tmp_path / "monday.backup"
    back_up(store, path)
    with pytest.raises(InvalidInput, match=r"monday\.backup is there already"):
        back_up(store, path)
    with pytest.raises(InvalidInput, match="can't be written: No such file or directory"):
        back_up(store, tmp_path / "nowhere" / "monday.backup")


def test_a_database_that_has_tables_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "monday.backup"
    back_up(filled("sqlite://"), path)
    store = Store().create()
    with pytest.raises(InvalidInput, match="the database is not new"):
        restore(store, path)
    assert store.jobs() == []


def lines(path: Path) -> list[str]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return file.read().splitlines()


def written(path: Path, kept: list[str]) -> Path:
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write("\n".join(kept))
    return path


def test_a_file_that_is_no_whole_backup_restores_nothing(empty_database_url: str, tmp_path: Path) -> None:
    whole = tmp_path / "monday.backup"
    back_up(filled("sqlite://"), whole)
    told = lines(whole)
    head = json.loads(told[0])
    wrong = {
        "is no backup": ["{}"],
        "its first line must be": ["[]", *told[1:]],
        "which this version does not know": [json.dumps(head | {"revision": "r9999"}), *told[1:]],
        "breaks off": told[:-1],
        "rows and should have": [*told[:500], *told[501:]],
        "no backup: 'ghosts'": [told[0], '{"table": "ghosts", "columns": []}', *told[1:]],
    }
    for number, (right, kept) in enumerate(wrong.items()):
        store = Store(f"sqlite:///{tmp_path / str(number)}.sqlite")
        with pytest.raises(InvalidInput, match=right):
            restore(store, written(tmp_path / f"{number}.backup", kept))
        assert not store.table_names() or not any(everything(store).values())
    (tmp_path / "text.backup").write_text("not compressed")
    with pytest.raises(InvalidInput, match="can't be read"):
        restore(Store(empty_database_url), tmp_path / "text.backup")
    short = tmp_path / "short.backup"
    short.write_bytes(whole.read_bytes()[:-20])
    with pytest.raises(InvalidInput, match="can't be read"):
        restore(Store(empty_database_url), short)
