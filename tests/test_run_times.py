"""What is kept of the timetable outlives the process, in APScheduler's own form, and runs nothing by itself."""

import logging
import math
import os
import pickle
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy import Column, Table, create_engine, select, text, update

from insure.errors import InvalidInput, Unreachable
from insure.jobs import Job, JobBoard
from insure.run_times import RunTimes
from insure.store import Store
from insure.store.tables import Row

NOW = 1_700_000_000
HOUR, DAY = 3_600.0, 86_400
HOURLY = IntervalTrigger(seconds=HOUR)
ENTRIES = Row.metadata.tables["timetable"]


@contextmanager
def started(*jobs: Job, store: Store, now: int = NOW) -> Iterator[JobBoard]:
    board = JobBoard(jobs, lambda: now, store)
    board.start()
    try:
        yield board
    finally:
        board.stop()


@contextmanager
def ran(name: str, store: Store, now: int = NOW, every: float = HOUR) -> Iterator[threading.Event]:
    """A board of one job, and whether that has run."""
    over = threading.Event()
    with started(Job(name, every, lambda now: over.set()), store=store, now=now):
        yield over


def nothing(now: int) -> None:
    pass


def times(store: Store) -> dict[str, float]:
    return RunTimes(store).read()


def keep(store: Store, name: str, at: float) -> None:
    RunTimes(store).keep(name, HOURLY, at)


def entries(store: Store) -> list[Any]:
    with store.at_one_moment() as connection:
        return list(connection.execute(select(ENTRIES).order_by(ENTRIES.c.id)))


# The table


def test_the_table_is_the_one_that_apscheduler_declares() -> None:
    def told(table: Table) -> list[tuple[Any, ...]]:
        def column(each: Column[Any]) -> tuple[Any, ...]:
            return each.name, repr(each.type), each.nullable, each.primary_key

        return [*map(column, table.columns), *sorted((each.name, each.unique) for each in table.indexes)]

    assert told(ENTRIES) == told(SQLAlchemyJobStore(engine=create_engine("sqlite://"), tablename="timetable").jobs_t)


def test_what_is_kept_is_read_back_and_the_newest_counts(database_url: str) -> None:
    store = Store(database_url).create()
    assert times(store) == {}
    for name, at in (("watch", NOW + 0.25), ("claim", NOW - HOUR), ("watch", NOW + 60.5)):
        keep(store, name, at)
    assert times(store) == {"watch": NOW + 60.5, "claim": NOW - HOUR}
    store.close()


def test_apscheduler_reads_what_is_kept_and_what_it_would_run_refuses(database_url: str) -> None:
    store = Store(database_url).create()
    with started(Job("watch", HOUR, nothing), store=store):
        pass
    engine = create_engine(database_url.replace("postgresql:", "postgresql+psycopg:"))
    (job,) = SQLAlchemyJobStore(engine=engine, tablename="timetable").get_all_jobs()
    assert (job.id, job.name, job.trigger.interval_length) == ("watch", "watch", HOUR)
    assert job.next_run_time.timestamp() == NOW + HOUR
    assert (job.coalesce, job.max_instances, job.misfire_grace_time) == (True, 1, None)
    with pytest.raises(InvalidInput, match="on the timetable of `insure run` only"):
        job.func(*job.args)
    engine.dispose()
    store.close()


@pytest.mark.parametrize("wrong", ["soon", b"\xff", None, math.inf, -math.inf, math.nan])
def test_what_is_no_time_is_told_and_taken_as_none(
    database_url: str, wrong: object, caplog: pytest.LogCaptureFixture
) -> None:
    if isinstance(wrong, str | bytes) and database_url.startswith("postgresql"):
        pytest.skip("its columns hold what they are for")
    store = Store(database_url).create()
    for name in ("watch", "claim"):
        keep(store, name, NOW - DAY)
    with store.alone() as connection:
        connection.execute(text("UPDATE timetable SET next_run_time = :wrong WHERE id = 'watch'"), {"wrong": wrong})
    with caplog.at_level(logging.WARNING, "insure.run_times"):
        assert times(store) == {"claim": NOW - DAY}
    assert "the next run time of job watch in the database is" in caplog.text
    with ran("watch", store) as over:
        assert not over.wait(0.05)
    assert times(store)["watch"] == NOW + HOUR
    store.close()


@pytest.mark.parametrize(("absurd", "at_once"), [(-1e300, True), (1e300, False)])
def test_a_time_beyond_all_calendars_is_overdue_or_an_interval_away(absurd: float, at_once: bool) -> None:
    store = Store().create()
    keep(store, "watch", NOW)
    with store.alone() as connection:
        connection.execute(update(ENTRIES).values(next_run_time=absurd))
    with ran("watch", store) as over:
        assert over.wait(30 if at_once else 0.05) == at_once
    assert times(store)["watch"] == pytest.approx(NOW + HOUR, abs=1)


class _Command:
    """A pickle that runs a command when it is loaded."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


def test_no_pickle_of_the_database_is_ever_loaded(database_url: str, tmp_path: Path) -> None:
    store, trap = Store(database_url).create(), tmp_path / "trap"
    poison = pickle.dumps(_Command(f"touch {trap}"))
    pickle.loads(poison)
    assert trap.exists(), "the poison works"
    trap.unlink()
    for name in ("watch", "claim", "a job of nobody"):
        keep(store, name, NOW - DAY)
    with store.alone() as connection:
        connection.execute(update(ENTRIES).values(job_state=poison))
        connection.execute(update(ENTRIES).where(ENTRIES.c.id == "claim").values(job_state=b"\x80no pickle"))
    over = threading.Semaphore(0)
    jobs = [Job(name, HOUR, lambda now: over.release(), on_head=True) for name in ("watch", "claim")]
    with started(*jobs, store=store) as board:
        assert over.acquire(timeout=30) and over.acquire(timeout=30)
        board.run_round(timeout=30)
    assert not trap.exists()
    assert pickle.loads(entries(store)[2].job_state)["id"] == "watch", "written anew, not read"
    store.close()


# Two at once


def test_of_two_processes_that_note_a_new_job_at_once_both_write_and_neither_fails(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = threading.Barrier(2)
    real, met = SQLAlchemyJobStore.add_job, threading.Semaphore(2)

    def together(self: SQLAlchemyJobStore, job: Any) -> None:
        if met.acquire(blocking=False):
            both.wait(30)
        real(self, job)

    monkeypatch.setattr(SQLAlchemyJobStore, "add_job", together)
    stores = [Store(database_url).create() for _ in range(2)]
    failed: list[Exception] = []

    def note(store: Store, at: int) -> None:
        try:
            keep(store, "watch", at)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=note, args=[store, NOW + at]) for at, store in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert times(stores[0])["watch"] in (NOW, NOW + 1)
    for store in stores:
        store.close()


def test_two_boards_on_one_database_go_on_side_by_side(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    stores = [Store(database_url).create() for _ in range(2)]
    runs = [threading.Semaphore(0) for _ in stores]

    def job(name: str, number: int) -> Job:
        return Job(name, 0.02, lambda now: runs[number].release())

    one, other = ([job("watch", number), job("claim", number)] for number in range(2))
    with started(*one, store=stores[0]), started(*other, store=stores[1]):
        for each in runs:
            assert all(each.acquire(timeout=30) for _ in range(10))
    assert "could not be" not in caplog.text
    assert set(times(stores[0])) == {"watch", "claim"}
    for store in stores:
        store.close()


# Over restarts


def test_a_board_notes_when_a_job_is_due_as_soon_as_it_has_it_and_after_each_run(database_url: str) -> None:
    store = Store(database_url).create()
    with ran("watch", store) as over:
        assert times(store) == {"watch": NOW + HOUR}
        assert not over.wait(0.05)
    with ran("watch", store, now=NOW + 60) as over:
        assert not over.wait(0.05)
    assert times(store) == {"watch": NOW + HOUR}, "as it was"
    later = NOW + DAY
    with ran("watch", store, now=later) as over:
        assert over.wait(30)
    assert times(store)["watch"] == pytest.approx(later + HOUR, abs=1)
    with ran("watch", store, now=later + 60) as over:
        assert not over.wait(0.05)
    store.close()


def test_a_job_that_has_never_run_is_not_put_off_by_restarts() -> None:
    store, week = Store().create(), 7 * DAY
    for day in range(8):
        with ran("retire", store, NOW + day * DAY, week) as over:
            assert over.wait(30 if day == 7 else 0.02) == (day == 7), f"day {day}"


def test_a_run_that_is_cut_off_stays_due_and_one_that_fails_does_not() -> None:
    store = Store().create()
    keep(store, "watch", NOW - 5)
    keep(store, "claim", NOW - 5)
    begun, go_on = threading.Event(), threading.Event()

    def hang(now: int) -> None:
        begun.set()
        assert go_on.wait(30)

    def fail(now: int) -> None:
        raise Unreachable("no endpoint answered")

    with started(Job("watch", HOUR, fail), Job("claim", HOUR, hang), store=store):
        assert begun.wait(30)
        assert times(store) == {"watch": pytest.approx(NOW + HOUR, abs=1), "claim": NOW - 5}
        go_on.set()
    assert times(store)["claim"] == pytest.approx(NOW + HOUR, abs=1), "a stop waits for what runs"


def test_what_a_stop_drops_from_the_line_stays_due() -> None:
    store = Store().create()
    for name in ("watch", "claim"):
        keep(store, name, NOW)
    board: JobBoard
    begun = threading.Event()

    def work(now: int) -> None:
        begun.set()
        assert board._stopping.wait(30)

    board = JobBoard([Job("watch", HOUR, work), Job("claim", HOUR, nothing)], lambda: NOW, store)
    board.start()
    assert begun.wait(30)
    board.stop()
    assert times(store) == {"watch": pytest.approx(NOW + HOUR, abs=1), "claim": NOW}


@pytest.mark.parametrize("kept", [NOW + 30 * DAY, 1e11], ids=["the interval was longer", "the clock was ahead"])
def test_no_job_waits_longer_than_its_interval_however_often_the_process_starts(kept: float) -> None:
    store = Store().create()
    keep(store, "retire", kept)
    for hour in (0, 0.5, 1):
        with ran("retire", store, NOW + int(hour * HOUR)) as over:
            assert over.wait(30 if hour == 1 else 0.05) == (hour == 1)


def test_times_are_kept_by_the_boards_clock() -> None:
    store, simulated = Store().create(), [500]
    over = threading.Event()
    board = JobBoard([Job("watch", HOUR, lambda now: over.set())], lambda: simulated[0], store)
    keep(store, "watch", 499)
    board.start()
    assert over.wait(30)
    board.stop()
    assert times(store)["watch"] == pytest.approx(500 + HOUR, abs=1)


def test_heads_and_rounds_change_nothing_of_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    store, over = Store().create(), threading.Event()
    with started(Job("pay", HOUR, lambda now: over.set(), on_head=True), store=store) as board:
        before = entries(store)
        kept: list[object] = []
        monkeypatch.setattr(RunTimes, "keep", lambda *noted: kept.append(noted))
        board.nudge()
        assert over.wait(30)
        board.run_round(timeout=30)
    assert (kept, entries(store)) == ([], before)


def test_a_database_that_cannot_be_written_holds_up_a_start_once_and_not_for_each_job(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store, tried = Store().create(), []

    def locked(self: RunTimes, name: str, *_: object) -> None:
        tried.append(name)
        raise OSError("database is locked")

    monkeypatch.setattr(RunTimes, "keep", locked)
    with started(*(Job(name, HOUR, nothing) for name in ("watch", "poke", "claim")), store=store) as board:
        assert tried == ["watch"]
        assert [each.runs for each in board.run_round(timeout=30)] == [1, 1, 1]
    assert "next run time of job watch could not be kept in the database" in caplog.text


def test_a_database_from_before_knows_by_its_last_runs_what_is_due(empty_database_url: str) -> None:
    store = Store(empty_database_url).create("r0005")
    store.record_job("watch", True, "", NOW - DAY)
    store.record_job("claim", True, "", NOW - 60)
    store.create()
    done: list[str] = []
    over = threading.Event()

    def job(name: str) -> Job:
        def run(now: int) -> None:
            done.append(name)
            over.set()

        return Job(name, HOUR, run)

    with started(*map(job, ("claim", "retire", "watch")), store=store):
        assert over.wait(30)
    assert done == ["watch"]
    assert times(store) == {
        "watch": pytest.approx(NOW + HOUR, abs=1),
        "claim": NOW - 60 + HOUR,
        "retire": NOW + HOUR,
    }
    store.close()
