"""When each job of the timetable is due next, kept beyond the life of a process. Nothing else."""

import logging
import math
from datetime import UTC, datetime
from types import SimpleNamespace

from apscheduler.job import Job as ScheduledJob
from apscheduler.jobstores.base import ConflictingIdError, JobLookupError
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy import select

from insure.errors import InvalidInput
from insure.store import Store
from insure.store.tables import TimetableEntry

_log = logging.getLogger(__name__)

POLICY = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
"""Of every job: runs that were missed are made up for by one, however late, and no two runs of it overlap."""


class RunTimes:
    """The next run times of jobs, as rows that APScheduler's `SQLAlchemyJobStore` writes into the table `timetable`.

    Each row is one transaction on the only connection that writes; of two processes that write one row the last wins,
    and neither fails.

    Beside the time a row holds a job as a pickle, for whoever looks at it with APScheduler. None is ever loaded here:
    what the database says runs nothing in the process that holds the keys.
    """

    def __init__(self, store: Store) -> None:
        self._database = store
        # no scheduler has it and it is never started, so all that it needs of an engine is how to write
        writer = SimpleNamespace(begin=store.alone)
        self._rows = SQLAlchemyJobStore(engine=writer, tablename=str(TimetableEntry.__tablename__))

    def read(self) -> dict[str, float]:
        """When each job is due next, UTC seconds by name; what is no time is told in the log and left out."""
        columns = self._rows.jobs_t.c
        with self._database.at_one_moment() as connection:
            rows = connection.execute(select(columns.id, columns.next_run_time)).all()
        times: dict[str, float] = {}
        for name, at in rows:
            # a database may hold anything: SQLite text in a column of numbers, PostgreSQL one that is none
            if isinstance(at, int | float) and math.isfinite(at):
                times[name] = float(at)
            else:
                _log.warning("the next run time of job %s in the database is %.80r: taken as none", name, at)
        return times

    def keep(self, name: str, trigger: IntervalTrigger, at: float) -> None:
        """Notes that a job is due next at `at`, UTC seconds, in place of what was noted before.

        Raises the database's error when it can't be written.
        """
        work = {"func": run_elsewhere, "args": (), "kwargs": {}, "executor": "default"}
        job = ScheduledJob(None, id=name, name=name, trigger=trigger, **work, **POLICY)
        job.next_run_time = datetime.fromtimestamp(at, UTC)
        try:
            self._rows.update_job(job)
        except JobLookupError:
            try:
                self._rows.add_job(job)
            except ConflictingIdError:  # another process was first
                self._rows.update_job(job)


def run_elsewhere() -> None:
    """What rows name as the work, so that a scheduler which goes by the table by mistake takes nothing for done.

    Raises `InvalidInput`.
    """
    raise InvalidInput("this job runs on the timetable of `insure run` only")
