"""The timetable: which job runs how often, on one worker, and how each fares. Nothing else."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from insure.errors import InvalidInput
from insure.records.views import JobView
from insure.run_times import POLICY, RunTimes
from insure.store import Store

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """Something to be done every `every_seconds` of real time; `run` is given the board's now (UTC seconds),
    and what it returns is not looked at.

    With `on_head` it is done at once, too, when the board is told that the host chain has a new head.
    """

    name: str
    every_seconds: float
    run: Callable[[int], object]
    on_head: bool = False


@dataclass
class _Tally:
    """How a job fared since the board was made."""

    runs: int = 0
    failures: int = 0
    last_at: int | None = None
    last_error: str = ""
    last_seconds: float = 0.0


class JobBoard:
    """Runs jobs under APScheduler, one at a time, in the order they fall due.

    One policy holds for every job: a run that was missed is made up for once, however often and by however much, and
    no two runs overlap, of one job or of several. A job that fails is logged by name, counted, and runs again next
    time; nothing a job does stops the board.

    With a store, a run is counted there when it has ended, and then, too, the job's next run time is kept by
    APScheduler's `SQLAlchemyJobStore` (`RunTimes`), from which the next start takes it. What is due is decided by a
    `MemoryJobStore` all the same, for the other one (3.11), if the scheduler itself goes by it, ends the scheduler's
    thread, and with it every payment, at the first write that finds the database locked or its disk full; takes a run
    for done when it begins, so that one cut off by a crash is put off by a whole interval; runs what the database's
    rows say, which are pickles, in the process that holds the keys; and must not be shared by two schedulers, of which
    there may be two by mistake.

    Raises `InvalidInput` if two jobs have one name or a job is to run every nothing.
    """

    def __init__(self, jobs: Sequence[Job], clock: Callable[[], int], store: Store | None = None) -> None:
        self._jobs = tuple(jobs)
        self._clock = clock
        self._store = store
        self._run_times = None if store is None else RunTimes(store)
        self._tallies = {job.name: _Tally() for job in self._jobs}
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._rounds = 0
        self._nudges = 0
        self._nudged: set[str] = set()
        """Jobs that wait to run for a new head."""
        _check(self._jobs)
        self._scheduler = BackgroundScheduler(
            jobstores={"default": MemoryJobStore()},
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults=POLICY,
            timezone=UTC,
        )

    def start(self) -> None:
        """Starts the timetable, once.

        A job first runs when the database says that it is due, whichever process wrote that, and at the latest after
        its interval: what runs seldom is not put off by restarts, and what is overdue runs at once.
        """
        now, at = self._clock(), datetime.now(UTC)
        kept = {} if self._run_times is None else self._run_times.read()
        due = self._due(now, kept)
        triggers: dict[str, IntervalTrigger] = {}
        for place, job in enumerate(self._jobs):
            # microseconds keep the board's order among those that are overdue
            first = at + timedelta(seconds=max(0.0, due[job.name] - now), microseconds=place)
            triggers[job.name] = IntervalTrigger(seconds=job.every_seconds, start_date=first, timezone=UTC)
        for name, trigger in triggers.items():
            # a database that can't be written holds up the start for one wait, not for one of each job
            if due[name] != kept.get(name) and not self._keep(name, trigger, due[name]):
                break
        self.start_for_rounds()
        for job in self._jobs:
            trigger = triggers[job.name]
            self._scheduler.add_job(
                self._run_due,
                trigger,
                next_run_time=trigger.start_date,
                args=[job, trigger],
                id=job.name,
                name=job.name,
            )

    def _due(self, now: int, kept: Mapping[str, float]) -> dict[str, float]:
        # of what the timetable does not know, or no longer, the last run may be known all the same
        last = {} if self._store is None else {each.name: each.last_at for each in self._store.jobs()}
        return {
            job.name: min(kept.get(job.name, last.get(job.name, now) + job.every_seconds), now + job.every_seconds)
            for job in self._jobs
        }

    def start_for_rounds(self) -> None:
        """Starts the board without its timetable, for simulated time: jobs run in rounds alone, until `start`."""
        if not self._scheduler.running:
            self._scheduler.start()

    def stop(self) -> None:
        """Lets the job that runs come to its end, drops the rest, and returns when that is done."""
        self._stopping.set()
        if self._scheduler.running:
            # APScheduler trips over a one-off job that is under way while it shuts down
            self._scheduler.pause()
            self._scheduler.remove_all_jobs()
            self._scheduler.shutdown(wait=True)
        with self._changed:
            self._changed.notify_all()

    def nudge(self) -> None:
        """Has the jobs that are `on_head` run once, after what is due already, in the board's order.

        One that waits for such a run already is not put in line again: however fast heads come, no work piles up. A
        head that comes while it runs counts, for it may have read the chain before. A board that does not run ignores
        it: its jobs run by their interval when it does.
        """
        if not self._scheduler.running or self._stopping.is_set():
            return
        with self._changed:
            jobs = [job for job in self._jobs if job.on_head and job.name not in self._nudged]
            self._nudged |= {job.name for job in jobs}
            self._nudges += 1
            number = self._nudges
        self._add("head", number, self._run_nudged, jobs)

    def _run_nudged(self, job: Job) -> None:
        with self._changed:
            self._nudged.discard(job.name)
        self._run(job)

    def _add(self, kind: str, number: int, run: Callable[[Job], object], jobs: Sequence[Job]) -> None:
        # APScheduler fires jobs that are due at one instant in the order of their ids
        due = datetime.now(UTC)
        for place, job in enumerate(jobs):
            self._scheduler.add_job(
                run, "date", run_date=due, args=[job], id=f"{kind} {number:08d} {place:04d}", name=job.name
            )

    def run_round(self, timeout: float = 60.0) -> list[JobView]:
        """Has every job run once, in the board's order, in runs that start after this call; returns how they fare.

        For simulated time, which moves only between rounds. Jobs that fail have run too. Raises `TimeoutError`
        naming those that have not after `timeout` seconds, `InvalidInput` if the board isn't running or is stopped.
        """
        if not self._scheduler.running or self._stopping.is_set():
            raise InvalidInput("a round needs a running board: call start first")
        waiting = {job.name for job in self._jobs}
        with self._changed:
            self._rounds += 1
            number = self._rounds

        def run(job: Job) -> None:
            try:
                self._run(job)
            finally:
                with self._changed:
                    waiting.discard(job.name)
                    self._changed.notify_all()

        self._add("round", number, run, self._jobs)
        deadline = time.monotonic() + timeout
        with self._changed:
            while waiting and not self._stopping.is_set() and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            if self._stopping.is_set():
                raise InvalidInput("the board was stopped before the round was over")
            if waiting:
                raise TimeoutError(f"jobs not done after {timeout:g} s: {', '.join(sorted(waiting))}")
        return self.status()

    def status(self) -> list[JobView]:
        """How each job fares since the board was made, in the board's order."""
        with self._changed:
            return [
                JobView(
                    name=job.name,
                    every_seconds=job.every_seconds,
                    runs=tally.runs,
                    failures=tally.failures,
                    last_at=tally.last_at,
                    last_error=tally.last_error,
                    last_seconds=tally.last_seconds,
                )
                for job in self._jobs
                for tally in [self._tallies[job.name]]
            ]

    def _run_due(self, job: Job, trigger: IntervalTrigger) -> None:
        began = datetime.now(UTC)
        if self._run(job):
            # asking the scheduler for it would wait for a lock that it holds while it waits for us to stop
            left = trigger.get_next_fire_time(None, began) - datetime.now(UTC)
            self._keep(job.name, trigger, self._clock() + left.total_seconds())

    def _keep(self, name: str, trigger: IntervalTrigger, at: float) -> bool:
        try:
            if self._run_times is not None:
                self._run_times.keep(name, trigger, at)
        except Exception:
            # a job that is due by the database runs once more after the next start: no harm
            _log.exception("next run time of job %s could not be kept in the database", name)
            return False
        return True

    def _run(self, job: Job) -> bool:
        """Whether it ran, well or not, and could be counted."""
        if self._stopping.is_set():
            return False
        error = ""
        now, began = self._clock(), time.monotonic()
        try:
            job.run(now)
        except Exception as failure:
            # the edge: whatever a job raises, the others and its own next run go on
            error = f"{type(failure).__name__}: {failure}"
            _log.exception("job %s failed: %s", job.name, error)
        with self._changed:
            tally = self._tallies[job.name]
            tally.runs += 1
            tally.failures += 1 if error else 0
            tally.last_at, tally.last_error, tally.last_seconds = now, error, time.monotonic() - began
            self._changed.notify_all()
        if self._store is not None:
            try:
                self._store.record_job(job.name, not error, error, now)
            except Exception:
                # the database may be what fails; the tally above has the run all the same
                _log.exception("run of job %s could not be counted in the database", job.name)
                return False
        return True


def _check(jobs: Sequence[Job]) -> None:
    names = [job.name for job in jobs]
    for job in jobs:
        if job.every_seconds <= 0:
            raise InvalidInput(f"every_seconds of job {job.name!r} is {job.every_seconds}: must be above zero")
        if names.count(job.name) > 1:
            raise InvalidInput(f"job name {job.name!r} is used twice: names must differ")
