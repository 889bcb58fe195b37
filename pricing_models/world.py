"""All that can halt, and what halts together: subjects, common causes, and how outages are passed on."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pricing_models.duration import DurationPosterior
from pricing_models.errors import InvalidData, UnknownSubject
from pricing_models.frequency import RatePosterior
from pricing_models.lengths import SplicedPosterior
from pricing_models.simulate.curves import firsts
from pricing_models.simulate.draws import BURR, LOGLOGISTIC, LOGNORMAL, WEIBULL

F64 = NDArray[np.float64]

BODY_CODES: Mapping[str, int] = {
    "lognormal": LOGNORMAL,
    "weibull": WEIBULL,
    "loglogistic": LOGLOGISTIC,
    "burr": BURR,
}
_COIN_BOUND = 2**32


@dataclass(frozen=True, slots=True)
class Process:
    """What begins outages of its own: a subject or a common cause.

    `rate` is halts a year, known or uncertain; processes that share a name of `group` share each block's draw of
    their group's hyper-parameters, so that their rates rise and fall together.
    """

    id: str
    rate: RatePosterior | float
    length: DurationPosterior
    group: str = "all"


@dataclass(frozen=True, slots=True)
class Link:
    """That an outage of `cause`, its own or passed on to it, stops `subject` as long, with a probability."""

    subject: str
    cause: str
    pass_through: float


@dataclass(frozen=True)
class World:
    """All that can halt, and what halts together.

    `subjects` can be covered; `causes` only make others halt. Raises `InvalidData` for an id that occurs twice, a cause
    without members, a link that occurs twice, a probability outside [0, 1] or dependencies in a circle,
    `UnknownSubject` for a link to nowhere.
    """

    subjects: tuple[Process, ...]
    causes: tuple[Process, ...] = ()
    links: tuple[Link, ...] = ()
    failover_probability: float = 1.0

    def __post_init__(self) -> None:
        ids = [process.id for process in self.processes]
        twice = sorted({each for each in ids if ids.count(each) > 1}) if len(set(ids)) < len(ids) else []
        if twice:
            raise InvalidData(f"process {twice[0]!r} occurs twice: an id may occur once")
        _require_probability("failover_probability", self.failover_probability)
        known, pairs = set(ids), set()
        for row, link in enumerate(self.links):
            _check_link(row, link, known)
            if (link.subject, link.cause) in pairs:
                raise InvalidData(f"link {row} from {link.cause!r} to {link.subject!r} occurs twice")
            pairs.add((link.subject, link.cause))
        barren = sorted({cause.id for cause in self.causes} - {link.cause for link in self.links})
        if barren:
            raise InvalidData(f"cause {barren[0]!r} has no members: name a subject that it can stop, or leave it out")
        for process in self.processes:
            _check_process(process)
        self.order  # noqa: B018  # refuses circles now

    @property
    def processes(self) -> tuple[Process, ...]:
        """Subjects, then causes."""
        return self.subjects + self.causes

    @cached_property
    def order(self) -> tuple[str, ...]:
        """All ids, causes before what they stop."""
        graph: dict[str, list[str]] = {each: [] for each in sorted(process.id for process in self.processes)}
        for link in self.links:
            graph[link.subject].append(link.cause)
        try:
            return tuple(TopologicalSorter(graph).static_order())
        except CycleError as error:
            circle: list[str] = error.args[1]
            pairs = set(zip(circle[1:], circle, strict=False))
            rows = ", ".join(str(i) for i, link in enumerate(self.links) if (link.subject, link.cause) in pairs)
            raise InvalidData(
                f"dependencies go round in a circle: {' -> '.join(circle)} (links {rows}); leave one of them out"
            ) from None

    @cached_property
    def place(self) -> Mapping[str, int]:
        """Index in `order` of each id."""
        return {each: i for i, each in enumerate(self.order)}

    @cached_property
    def stream(self) -> Mapping[str, int]:
        """Number of each id's random stream: its rank among the sorted ids, whatever depends on what."""
        return {each: i for i, each in enumerate(sorted(self.place))}

    @cached_property
    def arrays(self) -> tuple[Any, ...]:
        """The world as the kernels take it, in `order`: stream, group of rate, first node of rate, cumulated weights,
        shapes, rates, group of length, first node of length, cumulated weights, nodes (mu, sigma, shape, probability
        beyond the threshold), body, first link, causes, thresholds in 2^-32, slot of those that are causes (else -1),
        1 / (1 - share of permanent stops), first node of the tail, cumulated weights, nodes (xi, beta), where the tail
        begins in seconds. A shape of 0 is a known rate, a probability of 0 beyond the threshold a law without tail."""
        by_id = {process.id: process for process in self.processes}
        ordered = [by_id[each] for each in self.order]
        rate_groups, law_groups = _numbers(p.group for p in ordered), _numbers(_law_group(p) for p in ordered)
        rates = [_rate_nodes(process.rate) for process in ordered]
        laws = [process.length for process in ordered]
        tails = [_tail_nodes(law) for law in laws]
        links: dict[str, list[Link]] = {each: [] for each in self.order}
        for link in sorted(self.links, key=lambda link: self.place[link.cause]):
            links[link.subject].append(link)
        flat = [link for each in self.order for link in links[each]]
        used = {name: i for i, name in enumerate(sorted({link.cause for link in flat}))}
        return (
            np.array([self.stream[each] for each in self.order], np.int64),
            np.array([rate_groups[p.group] for p in ordered], np.int64),
            firsts([shapes.size for shapes, _, _ in rates]),
            np.concatenate([np.cumsum(weights) for _, _, weights in rates]),
            np.concatenate([shapes for shapes, _, _ in rates]),
            np.concatenate([each for _, each, _ in rates]),
            np.array([law_groups[_law_group(p)] for p in ordered], np.int64),
            firsts([law.weights.size for law in laws]),
            np.concatenate([np.cumsum(law.weights) for law in laws]),
            np.concatenate([_law_nodes(law) for law in laws]),
            np.array([BODY_CODES[law.body.name] for law in laws], np.int64),
            firsts([len(links[each]) for each in self.order]),
            np.array([self.place[link.cause] for link in flat], np.int64),
            np.array([coin(link.pass_through) for link in flat], np.uint64),
            np.array([used.get(each, -1) for each in self.order], np.int64),
            np.array([1.0 / (1.0 - law.permanent) for law in laws], np.float64),
            firsts([len(nodes) for nodes in tails]),
            np.concatenate([np.cumsum(nodes[:, 0]) for nodes in tails]),
            np.concatenate([nodes[:, 1:] for nodes in tails]),
            np.array([law.threshold if isinstance(law, SplicedPosterior) else 0.0 for law in laws], np.float64),
        )

    def stopped_by(self, cause: str) -> tuple[str, ...]:
        """`cause` and all that it can stop, directly or through others; raises `UnknownSubject`."""
        if cause not in self.place:
            raise UnknownSubject(f"cause {cause!r} is neither a subject nor a common cause of this world")
        found = {cause}
        for each in self.order:
            if any(link.subject == each and link.cause in found for link in self.links):
                found.add(each)
        return tuple(each for each in self.order if each in found)


def _require_probability(name: str, value: float) -> None:
    if not 0.0 <= value <= 1.0:
        raise InvalidData(f"{name} is {value}: must be from 0 to 1")


def _check_link(row: int, link: Link, known: set[str]) -> None:
    for name, value in (("subject", link.subject), ("cause", link.cause)):
        if value not in known:
            raise UnknownSubject(f"link {row}: {name} {value!r} is neither a subject nor a common cause")
    _require_probability(f"link {row} from {link.cause!r} to {link.subject!r}: pass_through", link.pass_through)


def _check_process(process: Process) -> None:
    if process.length.body.name not in BODY_CODES:
        right = ", ".join(BODY_CODES)
        raise InvalidData(f"process {process.id!r}: body {process.length.body.name!r} must be one of {right}")
    law = process.length
    _require_numbers(process.id, "mu", law.mu, np.isfinite(law.mu), "finite")
    for name, values in (("sigma", law.sigma), ("shape", law.shape)):
        _require_numbers(process.id, name, values, np.isfinite(values) & (values > 0.0), "positive and finite")
    if isinstance(law, SplicedPosterior):
        at, xi, beta = np.array([law.threshold]), law.tail.xi, law.tail.beta
        _require_numbers(process.id, "threshold", at, np.isfinite(at) & (at > 0.0), "positive and finite")
        _require_numbers(process.id, "xi", xi, np.isfinite(xi), "finite")
        _require_numbers(process.id, "beta", beta, np.isfinite(beta) & (beta > 0.0), "positive and finite")
    share = process.length.permanent
    if not 0.0 <= share < 1.0:
        raise InvalidData(f"process {process.id!r}: share of permanent stops {share} must be at least 0 and below 1")
    shapes, rates, _ = _rate_nodes(process.rate)
    if not (np.isfinite(rates).all() and (rates >= 0.0).all() and (shapes >= 0.0).all()):
        raise InvalidData(f"process {process.id!r}: rate must be finite and at least 0")


def _require_numbers(process: str, name: str, values: F64, right: NDArray[np.bool_], words: str) -> None:
    """Raises `InvalidData` with the first of a law's parameters that is not right."""
    if not right.all():
        raise InvalidData(f"process {process!r}: {name} of its lengths is {values[~right][0]:g}: must be {words}")


def _rate_nodes(rate: RatePosterior | float) -> tuple[F64, F64, F64]:
    if isinstance(rate, RatePosterior):
        return rate.shapes.astype(float), rate.rates.astype(float), rate.weights.astype(float)
    return np.zeros(1), np.array([float(rate)]), np.ones(1)


def _law_nodes(law: DurationPosterior) -> F64:
    """(mu, sigma, shape, probability that a halt that ends exceeds the threshold, 0 without tail), a row per node."""
    nodes = np.zeros((law.mu.size, 4))
    nodes[:, 0], nodes[:, 1], nodes[:, 2] = law.mu, law.sigma, law.shape
    if isinstance(law, SplicedPosterior):
        z = (np.log(law.threshold) - law.mu) / law.sigma
        nodes[:, 3] = np.exp(law.body.log_sf(z, law.shape))
    return nodes


def _tail_nodes(law: DurationPosterior) -> F64:
    """(weight, xi, beta) of the tail, a row per node; one that is never asked where there is none."""
    if isinstance(law, SplicedPosterior):
        return np.column_stack([law.tail.weights, law.tail.xi, law.tail.beta]).astype(np.float64)
    return np.array([[1.0, 0.0, 1.0]])


def _law_group(process: Process) -> str:
    """Processes with the very same nodes of the length's law share the draw."""
    law = process.length
    content = sha256(_law_nodes(law).tobytes() + law.weights.tobytes() + _tail_nodes(law).tobytes())
    return f"{law.source}|{law.mu.size}|{float(law.mu[0])!r}|{float(law.mu[-1])!r}|{content.hexdigest()}"


def _numbers(names: Any) -> dict[str, int]:
    return {name: i for i, name in enumerate(sorted(set(names)))}


def coin(probability: float) -> int:
    """The probability in units of 2^-32, to the nearest."""
    return round(probability * _COIN_BOUND)
