"""The environment as one frozen value: the only place that reads it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from insure.errors import NotConfigured
from insure.records.onchain import FINALIZED, Confirmations

_PREFIX = "INSURE_"
_LAST_PORT = 65_535
_OR = {"confirmations": f" or {FINALIZED}"}
_SECRET = ("key", "keys", "secret")
"""Last words of the names of settings that nobody else may read."""
_WORDS = {"log_format": ("text", "json"), "log_level": ("debug", "info", "warning", "error")}


@dataclass(frozen=True)
class Settings:
    """What an installation is told from outside; built once at the start and passed down.

    Every field `x` is read from `INSURE_X`, or from the file that `INSURE_X_FILE` names (for secrets).
    Without a key the part that would use it stays dry: it computes and logs, and sends nothing.
    """

    rpc_url: str = field(default="", repr=False)
    """Endpoints of the host chain, separated by commas or white space; empty means an embedded chain."""
    private_rpc_url: str = field(default="", repr=False)
    """Endpoints that transactions are published by alone; separated as those of `rpc_url`, which are read from."""
    ws_url: str = field(default="", repr=False)
    """A WebSocket of the host chain that tells of new heads; without it the head is asked for."""
    deployment: Path = Path("deployment.json")
    """The manifest that `insure deploy` wrote."""
    database_url: str = field(default="sqlite:///insure.sqlite", repr=False)
    """SQLAlchemy URL of the mirror."""
    data: Path | None = None
    """Folder of the data set; the packaged one by default."""
    models: Path = Path("models")
    """Folder of stored fits, where `insure run` keeps the one that it sells by; its version is in every quote."""
    tail: Path | None = None
    """What `insure portfolio simulate --tail` wrote: quotes show the capital that the pool's tail needs for them."""
    archive: Path | None = None
    """Folder of what the sources of outages answered; `insure run` asks them only if it is given."""
    host: str = "127.0.0.1"
    port: int = 8050
    confirmations: Confirmations = 12
    """Blocks behind the head from which logs are taken, or `finalized`: those that the chain has as final."""
    least_interim_payment: int = 0
    """Least that is claimed for an incident that goes on, smallest units; its end has the rest claimed."""
    expense_fixed: int = 0
    """What gas of buying and claiming, and attestation, cost per policy, smallest units: part of every premium."""
    expense_per_day: int = 0
    """What beats cost per policy and day, smallest units: part of every premium."""
    fee_cap_gwei: int | None = None
    """Most that is paid for a unit of gas; by default there is no cap."""
    log_format: str = "text"
    """`text`, or `json` for an object a line."""
    log_level: str = "warning"
    """Least that is logged: debug, info, warning or error."""
    alert_url: str = field(default="", repr=False)
    """Receives alerts as signed JSON (Standard Webhooks); none are sent without it."""
    alert_secret: str = field(default="", repr=False)
    """Signs them: `whsec_` and 24 to 64 bytes in base64."""
    underwriter_key: str = field(default="", repr=False)
    """Signs quotes."""
    keeper_key: str = field(default="", repr=False)
    """Sends poke, propose, confirm, claim, settle."""
    relayer_key: str = field(default="", repr=False)
    """Relays heartbeats."""
    deployer_key: str = field(default="", repr=False)
    """Deploys, and owns what it deployed."""
    observer_keys: tuple[str, ...] = field(default=(), repr=False)
    """Sign what they see of the subjects; separated by commas or white space."""
    subject_nodes: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    """Nodes of insured chains: `eip155:42161=https://a,https://b eip155:10=https://c`."""

    @classmethod
    def from_env(cls, environment: Mapping[str, str] | None = None, require: tuple[str, ...] = ()) -> "Settings":
        """Reads the environment; raises `NotConfigured` with all that is missing of `require` or wrong, at once."""
        env = os.environ if environment is None else environment
        values: dict[str, object] = {}
        problems: list[str] = []
        for each in fields(cls):
            name = _PREFIX + each.name.upper()
            text = _from_env_or_file(env, name, problems)
            if text is None:
                if each.name in require:
                    problems.append(f"{name} (or {name}_FILE) is not set")
                continue
            try:
                values[each.name] = _convert(each.name, text)
            except ValueError as error:
                problems.append(f"{name}: {error}")
        if problems:
            raise NotConfigured("; ".join(problems))
        return cls(**values)  # type: ignore[arg-type]  # each value has its field's type by _convert


def secret_files(environment: Mapping[str, str] | None = None) -> dict[str, Path]:
    """The files that keys and secrets are read from, by the variable that names each."""
    env = os.environ if environment is None else environment
    names = [f"{_PREFIX}{each.name.upper()}_FILE" for each in fields(Settings) if each.name.split("_")[-1] in _SECRET]
    return {name: Path(env[name]) for name in names if env.get(name)}


def _from_env_or_file(env: Mapping[str, str], name: str, problems: list[str]) -> str | None:
    file = env.get(name + "_FILE")
    if file:
        try:
            return Path(file).read_text().strip() or None
        except OSError as error:
            problems.append(f"{name}_FILE: {file} can't be read: {error.strerror}")
        except UnicodeDecodeError:
            problems.append(f"{name}_FILE: {file} is no text")
        return None
    return env.get(name) or None


_WHOLE = {"port", "confirmations", "fee_cap_gwei", "least_interim_payment", "expense_fixed", "expense_per_day"}


def _convert(name: str, text: str) -> object:
    if name == "confirmations" and text == FINALIZED:
        return FINALIZED
    if name in _WHOLE:
        if not text.isdecimal():
            raise ValueError(f"{text!r} is not a whole number of at least 0{_OR.get(name, '')}")
        if name == "port" and int(text) > _LAST_PORT:
            raise ValueError(f"{text} is no port: must be 0 to {_LAST_PORT}")
        return int(text)
    if name == "data" and not Path(text).is_dir():
        raise ValueError(f"{text} is no folder")
    if name in {"deployment", "data", "models", "tail", "archive"}:
        return Path(text)
    if name in _WORDS:
        if text not in _WORDS[name]:
            raise ValueError(f"{text!r} must be one of {', '.join(_WORDS[name])}")
        return text
    if name == "observer_keys":
        return tuple(text.replace(",", " ").split())
    if name == "subject_nodes":
        nodes = [_nodes(entry) for entry in text.split()]
        if len(dict(nodes)) < len(nodes):
            raise ValueError("a subject is named twice: list its nodes in one entry, separated by commas")
        return dict(nodes)
    return text


def _nodes(entry: str) -> tuple[str, tuple[str, ...]]:
    subject, _, urls = entry.partition("=")
    if not subject or not all(url.startswith(("http://", "https://")) for url in urls.split(",")):
        raise ValueError("each entry must be <subject>=<http address>[,<http address>...], separated by spaces")
    return subject, tuple(urls.split(","))
