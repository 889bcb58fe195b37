"""One database: made and brought up to date whole or not at all, named without its secrets, one writer at a time."""

import threading
import time
import traceback
from pathlib import Path
from typing import Any

import pytest
from alembic import op
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from insure.errors import InvalidInput, NotConfigured
from insure.store import Store
from insure.store.database import migration_config
from insure.store.tables import Amount, Row


def test_an_empty_database_in_memory_is_ready_within_a_second_of_work() -> None:
    began = time.process_time()
    assert Store().create().policies() == []
    assert time.process_time() - began < 1


REVISIONS = [each.revision for each in ScriptDirectory.from_config(migration_config()).walk_revisions()]


@pytest.mark.parametrize("revision", REVISIONS)
def test_the_migrations_make_of_every_revision_exactly_the_tables_that_the_code_uses(
    empty_database_url: str, revision: str
) -> None:
    store = Store(empty_database_url).create(revision)
    store.record_job("watch", True, "", 1)
    assert [job.name for job in store.create().jobs()] == ["watch"], "nothing is lost"
    with store._engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Row.metadata) == []
    store.close()


@pytest.mark.parametrize("made", [0, 1, 5, 12])
def test_a_creation_that_breaks_off_leaves_nothing_behind(
    empty_database_url: str, made: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, left = op.create_table, made

    def filling_up(*args: Any, **options: Any) -> Any:
        nonlocal left
        if left == 0:
            raise OSError("no space left on device")
        left -= 1
        return real(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(op, "create_table", filling_up)
        store = Store(empty_database_url)
        with pytest.raises(OSError, match="no space"):
            store.create()
    assert store.table_names() == []
    assert store.create().jobs() == []
    store.close()


def test_creating_twice_keeps_what_is_there(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'mirror.sqlite'}"
    first = Store(url).create()
    first.record_job("watch", True, "", 1)
    first.close()
    assert Store(url).create().jobs()[0].runs == 1


@pytest.mark.parametrize(
    ("url", "error", "message"),
    [
        ("nonsense", InvalidInput, "must be an SQLAlchemy URL"),
        ("oracle9://x", InvalidInput, "must be sqlite or postgresql"),
        ("sqlite:////nowhere/at/all.sqlite", NotConfigured, "/nowhere/at/all.sqlite' can't be opened"),
        ("postgresql://u:p@h:54x/db", InvalidInput, "must be an SQLAlchemy URL"),
    ],
)
def test_a_url_that_opens_nothing_is_named_with_its_reason(url: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"database_url.*{message}"):
        Store(url).create()


@pytest.mark.parametrize(
    "url",
    [
        "postgres//user:SECRET@host/db",
        "postgresql://user:SECRET@host:54x/db",
        "postgresql://user@host:SECRET/db",
        "sqlite:////nowhere/at/all.sqlite?key=SECRET",
    ],
)
@pytest.mark.filterwarnings("ignore:Query string argument:sqlalchemy.exc.SAWarning")
def test_a_wrong_url_is_told_without_its_secrets(url: str) -> None:
    with pytest.raises((InvalidInput, NotConfigured)) as caught:
        Store(url).create()
    assert "SECRET" not in "".join(traceback.format_exception(caught.value))


@given(st.lists(st.integers(0, 2**256 - 1), min_size=1, max_size=20))
def test_amounts_keep_value_and_order_as_text(amounts: list[int]) -> None:
    kind, dialect = Amount(), create_engine("sqlite://").dialect
    texts = [kind.process_bind_param(amount, dialect) for amount in amounts]
    assert [kind.process_result_value(each, dialect) for each in texts] == amounts
    assert sorted(each for each in texts if each) == [kind.process_bind_param(a, dialect) for a in sorted(amounts)]


@pytest.mark.parametrize("value", [-1, 2**256, 1.5, True])
def test_what_is_no_amount_is_not_stored(value: int) -> None:
    with pytest.raises(ValueError, match=r"must be an int of \[0, 2\*\*256\)"):
        Amount().process_bind_param(value, create_engine("sqlite://").dialect)


@pytest.mark.parametrize("in_memory", [True, False])
def test_many_threads_may_use_one_store(in_memory: bool, tmp_path: Path) -> None:
    store = Store("sqlite://" if in_memory else f"sqlite:///{tmp_path / 'mirror.sqlite'}").create()

    def work(name: str) -> None:
        for at in range(20):
            store.record_job(name, True, "", at)
            store.policies()

    threads = [threading.Thread(target=work, args=[f"job {i}"]) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [job.runs for job in store.jobs()] == [20] * 4


def test_of_two_processes_one_waits_with_all_that_it_reads_until_the_other_has_written(database_url: str) -> None:
    one, other = Store(database_url).create(), Store(database_url).create()
    done = threading.Event()

    def count() -> None:
        other.record_job("claim", True, "", 20)
        done.set()

    thread = threading.Thread(target=count)
    with one.alone() as connection:
        connection.execute(text("INSERT INTO jobs VALUES ('claim', 7, 1, 10, '')"))
        thread.start()
        assert not done.wait(0.2)
        assert other.jobs() == [], "who only reads waits for nobody"
    thread.join()
    assert [job.runs for job in one.jobs()] == [8]
    for each in (one, other):
        each.close()
