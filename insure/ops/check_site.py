"""Whether what a running engine needs is there: endpoints, the clock, keys with gas and powers, and the database."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from insure.chain.contracts import HeartbeatPath, PolicyBook, WatcherPath
from insure.chain.rpc import Chain
from insure.errors import ChainError, InvalidInput, NotConfigured
from insure.ops.check_endpoints import check_endpoints
from insure.ops.checking import Check, compared, failed
from insure.ops.keys import account_of
from insure.records.deployment import Deployment
from insure.records.onchain import LOW_GAS_WEI, Address, Head
from insure.settings import Settings
from insure.store import Store
from insure.store.database import newest_revision

CLOCK_AHEAD_SECONDS = 15
"""How far the chain may be ahead of this machine: more than that no node takes from a block's maker."""
_OTHERS = 0o077
"""Mode bits by which others than the owner reach a file."""


def check_site(
    settings: Settings, deployment: Deployment, now: int, secrets: Mapping[str, Path] | None = None
) -> list[Check]:
    """All that can be seen of this process's surroundings; what is not set is left out, nothing is changed.

    `now` is this machine's clock, UTC seconds; `secrets` are the files with keys by the variable that names each.
    """
    checks, last = check_endpoints(settings, deployment)
    if last is not None:
        checks += [_clock(last, now)]
        checks += _keys(settings, Chain.connect(settings.rpc_url, deployment.chain_id), deployment)
    return [*checks, *_files(secrets or {}), *_database(settings, deployment, last)]


def _clock(last: Head, now: int) -> Check:
    """A block from the future tells a clock that is slow; one from the past may be a chain that stands still."""
    at = last.timestamp
    found = f"the last block is {abs(now - at):,} s {'old' if at <= now else 'ahead of it'}"
    right = f"no block more than {CLOCK_AHEAD_SECONDS} s ahead of this machine's clock"
    return Check("clock", at - now <= CLOCK_AHEAD_SECONDS, found, right)


def _keys(settings: Settings, chain: Chain, deployment: Deployment) -> Iterator[Check]:
    """What each key that is given can do."""
    keeper, relayer = (_address(settings, role) for role in ("keeper", "relayer"))
    for role, address in (("keeper", keeper), ("relayer", relayer)):
        if address is not None:
            yield _gas(role, chain, address)
    if relayer is not None:
        yield Check("relayer: is not the keeper", relayer != keeper, relayer, "a key of its own")
        for name, path in deployment.heartbeat_paths.items():
            yield compared(f"relayer: of {name}", relayer, HeartbeatPath(chain, path).relayer)
    underwriter = _address(settings, "underwriter")
    if underwriter is not None:
        book = PolicyBook(chain, deployment.policy_book)
        yield compared(
            f"underwriter {underwriter}: may sell", True, lambda: book.underwriter_limits(underwriter)[0] > 0
        )
    for key in settings.observer_keys:
        account = account_of("observer_keys", key)
        if account is not None:
            yield _observer(account.address, chain, deployment)


def _address(settings: Settings, role: str) -> Address | None:
    account = account_of(f"{role}_key", getattr(settings, f"{role}_key"))
    return None if account is None else account.address


def _gas(role: str, chain: Chain, address: Address) -> Check:
    name, right = f"{role} {address}: gas", f"{LOW_GAS_WEI} wei or more"
    try:
        balance = chain.balance(address)
    except ChainError as error:
        return failed(name, error, right)
    return Check(name, balance >= LOW_GAS_WEI, f"{balance} wei", right)


def _observer(address: Address, chain: Chain, deployment: Deployment) -> Check:
    name, right = f"observer {address}", "an observer of one of the watcher paths"
    try:
        of = [path for path, at in deployment.watcher_paths.items() if address in WatcherPath(chain, at).observers()]
    except ChainError as error:
        return failed(name, error, right)
    return Check(name, bool(of), ", ".join(of) or "of no path", right)


def _files(secrets: Mapping[str, Path]) -> Iterator[Check]:
    """Files with keys and secrets must be their owner's alone."""
    for name, file in sorted(secrets.items()):
        mode = file.stat().st_mode
        yield Check(f"{name}: mode", not mode & _OTHERS, f"{mode & 0o777:o}", "600 or less: the owner's alone")


def _database(settings: Settings, deployment: Deployment, last: Head | None) -> Iterator[Check]:
    """It opens, has this version's schema, and mirrors this installation."""
    newest = newest_revision()
    try:
        store = Store(settings.database_url)
        revision = store.revision()
    except (InvalidInput, NotConfigured) as error:
        yield failed("database: opens", error, "a database")
        return
    if revision is None:
        yield Check("database: schema", True, "new: `insure run` makes it", newest)
        return
    yield Check("database: schema", revision == newest, revision, newest)
    if revision == newest:
        yield from _mirror(store, deployment, last)
    store.close()


def _mirror(store: Store, deployment: Deployment, last: Head | None) -> Iterator[Check]:
    mirrored, cursor = store.installation(), store.cursor()
    if mirrored is not None:
        right = deployment.installation
        yield Check("database: mirrors", mirrored == right, mirrored, right)
    if cursor is not None and last is not None:
        behind = last.number - cursor.number
        yield Check("database: mirror", behind >= 0, f"{behind} blocks behind the head", "not ahead of the chain")
