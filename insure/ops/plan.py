"""What to put on a chain: the plan of an installation, from Python or from a JSON file, refused while it is wrong."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from itertools import combinations
from pathlib import Path

from eth_utils.address import is_address, is_checksum_address
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from insure.errors import InvalidInput
from insure.records.history import parse_subject_id
from insure.records.onchain import ZERO_ADDRESS, Address, Listing, Trigger

HEARTBEAT = "heartbeat"
"""Name of the heartbeat path in a manifest."""


_USUAL_RULES = Trigger("", ())
_USUAL_LISTING = Listing(
    floor_rate_bps=50,
    minimum_waiting=600,
    minimum_seconds_to_limit=2 * 3_600,
    minimum_term=7 * 86_400,
    maximum_term=366 * 86_400,
    cap=0,
)


_DAY = 86_400
_MOST_DECIMALS = 18
_MOST_CAP = 10**10
"""Whole tokens: with 18 decimals still well within the contracts' 96 bits."""
_LONGEST_DELAY = 30 * _DAY
_LONGEST_SALT = 64


@dataclass(frozen=True)
class TimelockPlan:
    """Who governs, after which delay (seconds); raises `InvalidInput` for a timelock that can't be used or undone."""

    proposers: Sequence[Address]
    """Who may schedule, and cancel."""
    minimum_delay: int = 2 * _DAY
    executors: Sequence[Address] = (ZERO_ADDRESS,)
    """Who may execute what is due; the zero address stands for anyone."""
    cancellers: Sequence[Address] = ()
    """Who may cancel besides the proposers."""

    def __post_init__(self) -> None:
        if not 1 <= self.minimum_delay <= _LONGEST_DELAY:
            raise InvalidInput(
                f"timelock.minimum_delay is {self.minimum_delay}: must be 1 to {_LONGEST_DELAY} seconds (30 days)"
            )
        for name in ("proposers", "executors", "cancellers"):
            accounts = getattr(self, name)
            for account in accounts:
                _require_address(f"timelock.{name}", account, or_zero=name == "executors")
            if not accounts and name != "cancellers":
                raise InvalidInput(
                    f"timelock.{name} is empty: must name at least one address, or nothing could be done"
                )
            if len(_lower(accounts)) != len(accounts):
                raise InvalidInput(f"timelock.{name} names an address twice")

    def accounts(self) -> set[str]:
        """All that have a role, in lower case."""
        return _lower([*self.proposers, *self.executors, *self.cancellers])


@dataclass(frozen=True)
class DeploymentPlan:
    """What to deploy; times in seconds, `cap` in whole tokens of the asset.

    The subject's downtime is attested by teams of observers (`watcher_threshold` of each must agree) and by the
    silence of its heartbeat, which counts while the control's beats are heard. Raises `InvalidInput` for a plan that
    the contracts would refuse half-way.
    """

    subject_id: str
    watcher_teams: Mapping[str, Sequence[Address]]
    watcher_threshold: int
    relayer: Address
    control_id: str
    underwriter: Address
    further_subjects: Sequence[str] = ()
    """More subjects to sell, each with a trigger of its own on the same paths."""
    scenarios: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Subjects that one cause can stop together; a sold subject that is in none gets one for itself."""
    asset: Address | None = None
    """The token that is paid in; a test token by default."""
    asset_symbol: str = "USDT"
    asset_decimals: int = 6
    rules: Trigger = _USUAL_RULES
    """The triggers' numbers and guardian; subject and paths are filled in."""
    listing: Listing = _USUAL_LISTING
    """Bounds of what is sold on each trigger; a cap of 0 stands for the plan's `cap`."""
    cap: int = 10_000_000
    """Most aggregate limits in force, on each trigger and by the underwriter."""
    permit2: Address = ZERO_ADDRESS
    """Permit2 on the host chain, through which premium and deposits may be paid; the zero address for none."""
    minimum_bond: int = 1_000
    """Least bond of each side of a dispute, in whole tokens."""
    bond_bps: int = 100
    """Which part of a trigger's incident limits in force a bond is, basis points."""
    beat_cost: int = 0
    """What the relayer is paid back for a beat, in the host's smallest coin; 0 if beats are not paid on the chain."""
    beat_period: int = 300
    beat_latency: int = 900
    beat_alarm_after: int = 600
    grace: int = 900
    """Longest lateness of any path's evidence."""
    maximum_silence: int = 30 * 86_400
    """After which silence a path may be retired."""
    cooldown: int = 7 * 86_400
    """How long a redemption waits at least."""
    timelock: TimelockPlan | None = None
    """Who owns policy book and pool afterwards; without one (a chain of one's own) the deployer stays the owner."""
    salt: str = "insure"
    """Names the installation: the same key, plan and salt find it again, another salt makes another one."""

    def __post_init__(self) -> None:
        self._check_values()
        for subject in (*self.subjects, self.control_id):
            parse_subject_id(subject)
        if len(set(self.subjects)) != len(self.subjects):
            raise InvalidInput(
                f"further_subjects {list(self.further_subjects)} must be distinct from each other and subject_id"
            )
        if self.control_id in self.subjects:
            raise InvalidInput(f"control_id {self.control_id} must be another chain than the insured ones")
        needed = max(self.rules.quorum, 2)  # any one path may be silent, and the heartbeat alone is no witness
        if len(self.watcher_teams) < needed:
            raise InvalidInput(f"watcher_teams has {len(self.watcher_teams)} teams: must have {needed} or more")
        for name, team in self.watcher_teams.items():
            self._check_team(name, team)
        for (one, first), (other, second) in combinations(self.watcher_teams.items(), 2):
            shared = _lower(first) & _lower(second)
            if shared:
                raise InvalidInput(f"watcher_teams {one} and {other} share {', '.join(shared)}: must be independent")

    def _check_values(self) -> None:
        if not (1 <= len(self.salt) <= _LONGEST_SALT and self.salt.isascii() and self.salt.isprintable()):
            raise InvalidInput(f"salt is {self.salt!r}: must be 1 to {_LONGEST_SALT} printable ASCII characters")
        _require_address("relayer", self.relayer)
        _require_address("underwriter", self.underwriter)
        for name in ("guardian", "arbiter", "calendar_signer"):
            _require_address(f"rules.{name}", getattr(self.rules, name), or_zero=True)
        _require_address("permit2", self.permit2, or_zero=True)
        if self.rules.court != ZERO_ADDRESS:
            raise InvalidInput("rules.court is filled in: name an arbiter, and the pool's own court is used")
        if self.minimum_bond < 1:
            raise InvalidInput(f"minimum_bond is {self.minimum_bond}: must be at least 1 whole token")
        if not 1 <= self.bond_bps <= 10_000:
            raise InvalidInput(f"bond_bps is {self.bond_bps}: must be 1 to 10000 basis points")
        if self.beat_cost < 0:
            raise InvalidInput(f"beat_cost is {self.beat_cost}: must be 0 or more of the host's smallest coin")
        if self.asset is not None:
            _require_address("asset", self.asset)
        if not 0 <= self.asset_decimals <= _MOST_DECIMALS:
            raise InvalidInput(f"asset_decimals is {self.asset_decimals}: must be 0 to {_MOST_DECIMALS}")
        if not self.asset_symbol.strip():
            raise InvalidInput("asset_symbol is empty: must be the token's symbol, such as USDT")
        if not 0 < self.cap <= _MOST_CAP:
            raise InvalidInput(f"cap is {self.cap}: must be 1 to {_MOST_CAP} whole tokens")
        for name, members in self.scenarios.items():
            if not members:
                raise InvalidInput(f"scenarios[{name}] has no subject: must name what one cause can stop together")
            for subject in members:
                parse_subject_id(subject)

    def _check_team(self, name: str, team: Sequence[Address]) -> None:
        for observer in team:
            _require_address(f"watcher_teams[{name}]", observer)
        if name == HEARTBEAT:
            raise InvalidInput(f"watcher_teams can't have a team named {HEARTBEAT}: that is the heartbeat path's name")
        if len(_lower(team)) != len(team):
            raise InvalidInput(f"watcher_teams[{name}] names an observer twice")
        if not 1 <= self.watcher_threshold <= len(team):
            raise InvalidInput(
                f"watcher_threshold {self.watcher_threshold} must be from 1 to the {len(team)} observers of {name}"
            )
        if self.relayer.lower() in _lower(team):
            raise InvalidInput(f"relayer {self.relayer} observes for {name}: must be independent")

    @property
    def subjects(self) -> tuple[str, ...]:
        """All that is sold."""
        return (self.subject_id, *self.further_subjects)


def read_plan(path: Path) -> DeploymentPlan:
    """A plan from a JSON file; raises `InvalidInput` naming the field that is missing, unknown or wrong.

    A file must say who governs: `timelock` is missing otherwise.
    """
    try:
        given = json.loads(path.read_text())
    except OSError as error:
        raise InvalidInput(f"plan {path}: {error.strerror}") from error
    except ValueError as error:
        raise InvalidInput(f"plan {path}: not JSON: {error}") from error
    if not isinstance(given, dict):
        raise InvalidInput(f"plan {path}: must be a JSON object with the fields of a plan")
    problems = _missing_and_unknown("plan", DeploymentPlan, given, also_needed="timelock")
    for name, usual in (("rules", _USUAL_RULES), ("listing", _USUAL_LISTING)):
        if isinstance(given.get(name), dict):
            whole = asdict(usual)
            problems += [f"{name}.{key} is no field of {name}" for key in given[name] if key not in whole]
            given[name] = whole | given[name]
    if isinstance(given.get("timelock"), dict):
        problems += _missing_and_unknown("timelock", TimelockPlan, given["timelock"])
    try:
        plan = TypeAdapter(DeploymentPlan).validate_python(given)
    except ValidationError as error:
        problems += [_told(each) for each in error.errors() if each["type"] != "missing"]
    if problems:
        raise InvalidInput(f"plan {path}: {'; '.join(problems)}")
    return plan


def _missing_and_unknown(what: str, kind: type, given: Mapping[str, object], also_needed: str = "") -> list[str]:
    """What a JSON object lacks of a dataclass's fields without default, and what it has besides."""
    known = {each.name: each.default is MISSING and each.default_factory is MISSING for each in fields(kind)}
    where = "" if what == "plan" else f"{what}."
    missing = [name for name, needed in known.items() if (needed or name == also_needed) and given.get(name) is None]
    unknown = [name for name in given if name not in known]
    told = [f"{where}{name} is missing" for name in missing]
    return told + [f"{where}{name} is no field of a {what}" for name in unknown]


def _told(error: ErrorDetails) -> str:
    """A complaint of the validator; those that are ours name their field themselves."""
    ours = error.get("ctx", {}).get("error")
    if isinstance(ours, InvalidInput):
        return str(ours)
    where = ".".join(map(str, error["loc"]))
    return f"{where}: {error['msg']}" if where else error["msg"]


def _require_address(name: str, given: object, *, or_zero: bool = False) -> None:
    """Raises `InvalidInput` for what is no address, or the zero address where that means nobody."""
    if not (isinstance(given, str) and given.startswith("0x") and is_address(given) and _is_spelled(given[2:])):
        raise InvalidInput(f"{name} has {given!r}: must be an address, 0x and 40 hex digits with a right checksum")
    if given == ZERO_ADDRESS and not or_zero:
        raise InvalidInput(f"{name} has the zero address: must be somebody's")


def _is_spelled(digits: str) -> bool:
    """Whether hex digits are in one case, or in that of the checksum, which guards against a slip."""
    return digits in (digits.lower(), digits.upper()) or is_checksum_address(f"0x{digits}")


def _lower(addresses: Sequence[Address]) -> set[str]:
    return {address.lower() for address in addresses}
