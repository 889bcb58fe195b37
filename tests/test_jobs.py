"""The timetable: jobs run on time, one at a time; a failing one harms nobody."""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from apscheduler.triggers.interval import IntervalTrigger

from insure.errors import InvalidInput, Unreachable
from insure.jobs import Job, JobBoard
from insure.run_times import RunTimes
from insure.store import Store, database

NOW = 1_700_000_000
SELDOM = 3_600.0


@pytest.fixture
def boards() -> Iterator[Callable[..., JobBoard]]:
    made: list[JobBoard] = []

    def make(*jobs: Job, store: Store | None = None, clock: Callable[[], int] = lambda: NOW) -> JobBoard:
        board = JobBoard(jobs, clock, store)
        made.append(board)
        board.start()
        return board

    yield make
    for board in made:
        board.stop()


def kept(store: Store, name: str, at: float) -> None:
    RunTimes(store).keep(name, IntervalTrigger(seconds=SELDOM), at)


def fail(now: int) -> None:
    raise Unreachable(f"no endpoint answered at {now}")


def test_jobs_run_again_and_again_by_their_interval_without_a_round(boards: Callable[..., JobBoard]) -> None:
    thrice = threading.Semaphore(0)
    boards(Job("watch", 0.02, lambda now: thrice.release()))
    for _ in range(3):
        assert thrice.acquire(timeout=30)


def test_a_job_that_is_overdue_since_before_the_start_runs_at_once_and_others_wait_for_the_rest_of_their_interval(
    boards: Callable[..., JobBoard],
) -> None:
    store = Store().create()
    kept(store, "overdue", NOW - SELDOM)
    kept(store, "due in a minute", NOW + 60)
    kept(store, "due in the far future", NOW + 10**6)
    ran: list[str] = []
    overdue = threading.Event()

    def note(name: str) -> None:
        ran.append(name)
        overdue.set()

    names = ("due in a minute", "due in the far future", "never ran", "overdue")
    boards(*(Job(name, SELDOM, lambda now, name=name: note(name)) for name in names), store=store)  # type: ignore[misc]
    assert overdue.wait(30)
    time.sleep(0.05)
    assert ran == ["overdue"]


def test_a_run_that_never_ended_counts_as_none_and_is_made_up_for_at_the_next_start(
    boards: Callable[..., JobBoard],
) -> None:
    store = Store().create()
    kept(store, "ingest", NOW - SELDOM)
    begun, cut_off, again = threading.Event(), threading.Event(), threading.Event()

    def never_ends(now: int) -> None:
        begun.set()
        assert cut_off.wait(30)

    try:
        boards(Job("ingest", SELDOM, never_ends), store=store)
        assert begun.wait(30)
        boards(Job("ingest", SELDOM, lambda now: again.set()), store=store)
        assert again.wait(30)
    finally:
        cut_off.set()


def test_what_is_overdue_runs_in_the_boards_order(boards: Callable[..., JobBoard]) -> None:
    store = Store().create()
    names = ["watch", "poke", "claim"]
    for late, name in enumerate(names):
        kept(store, name, NOW - late * SELDOM)
    ran: list[str] = []
    boards(*(Job(name, SELDOM, lambda now, name=name: ran.append(name)) for name in names), store=store)  # type: ignore[misc]
    deadline = time.monotonic() + 30
    while len(ran) < len(names) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert ran == names


def test_a_board_for_rounds_runs_nothing_by_itself_until_it_is_started() -> None:
    ran, by_itself = [0], threading.Event()

    def work(now: int) -> None:
        ran[0] += 1
        if ran[0] > 1:
            by_itself.set()

    board = JobBoard([Job("watch", 0.02, work)], lambda: NOW)
    board.start_for_rounds()
    board.run_round(timeout=30)
    assert not by_itself.wait(0.2)
    board.start()
    assert by_itself.wait(30)
    board.stop()


def test_a_round_runs_every_job_once_in_the_boards_order_with_the_boards_now(
    boards: Callable[..., JobBoard],
) -> None:
    seen: list[tuple[str, int]] = []
    names = ["watch", "poke", "propose", "confirm", "claim"]
    now = [NOW]
    board = boards(
        *(Job(name, SELDOM, lambda at, name=name: seen.append((name, at))) for name in names),  # type: ignore[misc]
        clock=lambda: now[0],
    )
    board.run_round(timeout=30)
    now[0] += 60
    board.run_round(timeout=30)
    assert seen == [(name, NOW) for name in names] + [(name, NOW + 60) for name in names]


def test_a_round_does_not_count_a_run_that_was_already_under_way(boards: Callable[..., JobBoard]) -> None:
    started, go_on = threading.Event(), threading.Event()
    moved = threading.Event()
    runs_seeing_the_move: list[bool] = []

    def slow(now: int) -> None:
        runs_seeing_the_move.append(moved.is_set())
        started.set()
        assert go_on.wait(30)

    board = boards(Job("slow", SELDOM, slow))
    first = threading.Thread(target=lambda: board.run_round(timeout=30))
    first.start()
    assert started.wait(30)
    moved.set()
    threading.Timer(0.05, go_on.set).start()
    board.run_round(timeout=30)
    first.join()
    assert runs_seeing_the_move == [False, True]


def test_jobs_never_run_at_the_same_time(boards: Callable[..., JobBoard]) -> None:
    at_once, most = [0], [0]

    def work(now: int) -> None:
        at_once[0] += 1
        most[0] = max(most[0], at_once[0])
        time.sleep(0.002)
        at_once[0] -= 1

    board = boards(Job("a", 0.003, work), Job("b", 0.003, work), Job("c", 0.003, work))
    for _ in range(5):
        board.run_round(timeout=30)
    assert most[0] == 1


def test_a_failing_job_is_logged_by_name_counted_and_run_again_and_the_others_go_on(
    boards: Callable[..., JobBoard], caplog: pytest.LogCaptureFixture
) -> None:
    done: list[int] = []
    store = Store().create()
    board = boards(Job("watch", SELDOM, fail), Job("claim", SELDOM, done.append), store=store)
    with caplog.at_level(logging.ERROR, "insure.jobs"):
        board.run_round(timeout=30)
        watch, claim = board.run_round(timeout=30)
    assert done == [NOW, NOW]
    assert (watch.runs, watch.failures, watch.last_at) == (2, 2, NOW)
    assert watch.last_error == f"Unreachable: no endpoint answered at {NOW}"
    assert (claim.runs, claim.failures, claim.last_error) == (2, 0, "")
    assert "job watch failed: Unreachable: no endpoint answered" in caplog.text
    assert {job.name: (job.runs, job.failures) for job in store.jobs()} == {"watch": (2, 2), "claim": (2, 0)}


def test_the_timetable_goes_on_by_itself_while_and_after_the_database_is_locked(
    boards: Callable[..., JobBoard],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(database, "_BUSY_SECONDS", 0.05)
    store = Store(f"sqlite:///{tmp_path}/insure.sqlite").create()
    ran = threading.Semaphore(0)
    with closing(sqlite3.connect(tmp_path / "insure.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        board = boards(Job("claim", 0.02, lambda now: ran.release()), store=store)
        assert all(ran.acquire(timeout=30) for _ in range(3))
        other.execute("ROLLBACK")
    assert "run of job claim could not be counted" in caplog.text
    assert "next run time of job claim could not be kept" in caplog.text
    deadline = time.monotonic() + 30
    while not (store.jobs() and RunTimes(store).read()) and time.monotonic() < deadline:
        time.sleep(0.01)
    board.stop()
    assert 0 < store.jobs()[0].runs < board.status()[0].runs
    assert set(RunTimes(store).read()) == {"claim"}


def test_a_good_run_clears_the_last_error_but_not_the_count(boards: Callable[..., JobBoard]) -> None:
    outcomes = iter([True, False])
    store = Store().create()
    board = boards(Job("watch", SELDOM, lambda now: fail(now) if next(outcomes) else None), store=store)
    board.run_round(timeout=30)
    (view,) = board.run_round(timeout=30)
    assert (view.runs, view.failures, view.last_error) == (2, 1, "")
    (record,) = store.jobs()
    assert (record.runs, record.failures, record.last_error) == (2, 1, "")


def test_a_round_that_takes_too_long_names_the_jobs_that_have_not_run(boards: Callable[..., JobBoard]) -> None:
    go_on = threading.Event()

    def stuck(now: int) -> None:
        go_on.wait(30)

    board = boards(Job("quick", SELDOM, lambda now: None), Job("stuck", SELDOM, stuck))
    with pytest.raises(TimeoutError, match=r"after 0\.5 s: stuck$"):
        board.run_round(timeout=0.5)
    go_on.set()


def test_stopping_lets_the_running_job_end_and_drops_what_waits(boards: Callable[..., JobBoard]) -> None:
    started, ended, dropped = threading.Event(), threading.Event(), threading.Event()

    def slow(now: int) -> None:
        started.set()
        time.sleep(0.05)
        ended.set()

    board = boards(Job("slow", SELDOM, slow), Job("next", SELDOM, lambda now: dropped.set()))
    refused: list[InvalidInput] = []

    def round_that_is_cut_short() -> None:
        with pytest.raises(InvalidInput, match="stopped before the round was over") as caught:
            board.run_round(timeout=30)
        refused.append(caught.value)

    waiting = threading.Thread(target=round_that_is_cut_short)
    waiting.start()
    assert started.wait(30)
    board.stop()
    waiting.join()
    assert ended.is_set()
    assert not dropped.is_set()
    assert len(refused) == 1


# New heads


def test_a_new_head_runs_at_once_what_waits_for_heads_in_the_boards_order_and_nothing_else(
    boards: Callable[..., JobBoard],
) -> None:
    seen: list[str] = []
    over = threading.Semaphore(0)

    def note(name: str) -> Callable[[int], None]:
        def run(now: int) -> None:
            seen.append(f"{name} {now}")
            over.release()

        return run

    board = boards(
        Job("poke", SELDOM, note("poke")),
        Job("mirror", SELDOM, note("mirror"), on_head=True),
        Job("claim", SELDOM, note("claim"), on_head=True),
    )
    for _ in range(2):
        board.nudge()
        assert over.acquire(timeout=30) and over.acquire(timeout=30)
    assert seen == [f"mirror {NOW}", f"claim {NOW}"] * 2
    board.run_round(timeout=30)
    assert [(job.name, job.runs) for job in board.status()] == [("poke", 1), ("mirror", 3), ("claim", 3)]


def test_heads_that_come_while_a_job_runs_make_for_one_more_run(boards: Callable[..., JobBoard]) -> None:
    started, go_on = threading.Semaphore(0), threading.Semaphore(0)

    def slow(now: int) -> None:
        started.release()
        assert go_on.acquire(timeout=30)

    board = boards(Job("mirror", SELDOM, slow, on_head=True))
    board.nudge()
    assert started.acquire(timeout=30)
    for _ in range(100):
        board.nudge()
    go_on.release()
    assert started.acquire(timeout=30)
    go_on.release()
    go_on.release()
    board.run_round(timeout=30)
    assert board.status()[0].runs == 3, "the first, one for all the heads since, and the round's"


def test_heads_hold_up_no_job_that_is_due(boards: Callable[..., JobBoard]) -> None:
    board: JobBoard

    def restless(now: int) -> None:
        board.nudge()

    board = boards(Job("mirror", SELDOM, restless, on_head=True), Job("snapshot", SELDOM, lambda now: None))
    board.nudge()
    for _ in range(3):
        board.run_round(timeout=30)
    assert board.status()[1].runs == 3


def test_a_job_that_fails_on_a_head_runs_on_the_next(boards: Callable[..., JobBoard]) -> None:
    failed = threading.Semaphore(0)

    def failing(now: int) -> None:
        failed.release()
        fail(now)

    board = boards(Job("mirror", SELDOM, failing, on_head=True))
    for _ in range(2):
        board.nudge()
        assert failed.acquire(timeout=30)
    board.run_round(timeout=30)
    assert board.status()[0].failures == 3


def test_a_head_before_the_start_and_after_the_stop_is_nothing() -> None:
    ran: list[int] = []
    board = JobBoard([Job("mirror", SELDOM, ran.append, on_head=True)], lambda: NOW)
    board.nudge()
    board.start()
    board.stop()
    board.nudge()
    assert ran == []


def test_a_round_on_a_board_that_is_not_running_is_refused() -> None:
    board = JobBoard([Job("watch", 1, lambda now: None)], lambda: NOW)
    with pytest.raises(InvalidInput, match="call start first"):
        board.run_round(timeout=1)
    board.stop()


def test_two_jobs_of_one_name_and_an_interval_of_nothing_are_refused() -> None:
    with pytest.raises(InvalidInput, match="'watch' is used twice"):
        JobBoard([Job("watch", 1, lambda now: None)] * 2, lambda: NOW)
    with pytest.raises(InvalidInput, match=r"every_seconds of job 'watch' is 0: must be above zero"):
        JobBoard([Job("watch", 0, lambda now: None)], lambda: NOW)
