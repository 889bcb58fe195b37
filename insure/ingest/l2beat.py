"""L2BEAT's liveness: spells in which a rollup posted no batches, state or proofs to its parent chain."""

from typing import Any

from insure.errors import InvalidInput
from insure.ingest.beside import FIRST_SECOND
from insure.ingest.incidents import Fields, decode, list_of, text_of
from insure.ingest.reports import Report, on_chain
from insure.records.history import Stopped

_STOPPED = {
    "batchSubmissions": Stopped.BATCH_POSTING,
    "stateUpdates": Stopped.FINALITY,
    "proofSubmissions": Stopped.FINALITY,
}


def read_anomalies(
    payload: bytes, project: str, source: str, subject: str, address: str, seen_at: int
) -> tuple[tuple[Report, ...], tuple[str, ...]]:
    """Reports of one project's anomalies, old to new, and a line for each that can't be trusted.

    The answer is an object of projects by name, or holds one as `projects`. An anomaly has `start` (or `timestamp`) in
    UTC seconds, `end` or `durationInSeconds`, and `subtype` (or `type`). One of 'ongoing' has no end. That nothing was
    posted says nothing of blocks: the sequencer may have run. Raises `InvalidInput` for another shape, and if the
    project is not in it.
    """
    answer = decode(payload)
    projects = answer.get("projects", answer) if isinstance(answer, dict) else None
    if not isinstance(projects, dict):
        raise InvalidInput("answer is no object of projects")
    found = projects.get(project)
    if not isinstance(found, dict) or not isinstance(found.get("anomalies"), list):
        raise InvalidInput(f"answer has no anomalies of a project {project!r}")
    reports: dict[str, Report] = {}
    rejected: list[str] = []
    for place, anomaly in enumerate(list_of(found, "anomalies"), 1):
        try:
            report = _report(anomaly, project, source, subject, address, seen_at)
        except InvalidInput as error:
            rejected.append(f"anomaly {place} of {project}: {error}")
            continue
        known = reports.get(report.reference)
        reports[report.reference] = report if known is None else max(known, report, key=repr)
    return tuple(sorted(reports.values(), key=lambda each: (each.start, each.reference))), tuple(rejected)


def _report(anomaly: Any, project: str, source: str, subject: str, address: str, seen_at: int) -> Report:
    if not isinstance(anomaly, dict):
        raise InvalidInput(f"is a {type(anomaly).__name__}: must be an object")
    kind = text_of(anomaly, "subtype" if "subtype" in anomaly else "type")
    if kind not in _STOPPED:
        raise InvalidInput(f"subtype is {kind!r}: must be one of {', '.join(_STOPPED)}")
    start = _seconds(anomaly, "start" if "start" in anomaly else "timestamp", seen_at)
    end = _end(anomaly, start, seen_at)
    reference, text = f"{project} {kind} {start}", f"no {kind} on the parent chain"
    return on_chain(source, reference, address, seen_at, subject, (start, end), _STOPPED[kind], text)


def _end(anomaly: Fields, start: int, now: int) -> int | None:
    """None for one that goes on: L2BEAT gives it no end, and a duration up to its own now."""
    if anomaly.get("end") is not None:
        end = _seconds(anomaly, "end", now)
    elif "start" in anomaly or "durationInSeconds" not in anomaly:
        return None
    else:
        end = start + _number(anomaly, "durationInSeconds")
    if not start < end <= now:
        raise InvalidInput(f"ends at {end}: must be after its start at {start} and by now ({now})")
    return end


def _seconds(anomaly: Fields, key: str, now: int) -> int:
    value = _number(anomaly, key)
    if not FIRST_SECOND <= value <= now:
        raise InvalidInput(f"{key} is {value}: must be UTC seconds up to now ({now})")
    return value


def _number(anomaly: Fields, key: str) -> int:
    value = anomaly.get(key)
    if type(value) is not int:
        raise InvalidInput(f"{key} is {str(value)[:40]!r}: must be a whole number of seconds")
    return value
