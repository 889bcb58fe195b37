"""Whether an installation on a chain is what its manifest and the committed artifacts say."""

from collections.abc import Iterator, Mapping

from eth_utils.crypto import keccak

from insure.chain.artifacts import Artifact, artifact, names
from insure.chain.codec import abi, word
from insure.chain.contracts import Asset
from insure.chain.factory import Deployer, deployer_address
from insure.chain.rpc import Chain
from insure.errors import ChainError, InvalidInput
from insure.ops.check_powers import powers
from insure.ops.check_rules import rules
from insure.ops.checking import Check, compared, failed
from insure.records.deployment import DeployedContract, Deployment
from insure.records.onchain import Address, Bytes32

__all__ = ["Check", "check"]

_FIRST_OWNER = "owner_"
"""The constructor's argument that names who sets up; who owns now is a check of its own."""


def check(chain: Chain, deployment: Deployment) -> list[Check]:
    """All that can be seen to be right or wrong, in an order to be read; raises nothing.

    On another chain than the manifest's only that is said.
    """
    same = compared("chain id", deployment.chain_id, lambda: chain.chain_id)
    if not same.ok:
        return [same]
    return [
        same,
        *_factory(chain, deployment),
        *_libraries(chain, deployment),
        *(each for name in deployment.contracts for each in _contract(chain, deployment, name)),
        *_wiring(chain, deployment),
        *powers(chain, deployment),
        *rules(chain, deployment),
    ]


def _factory(chain: Chain, deployment: Deployment) -> Iterator[Check]:
    yield compared("factory: address", deployer_address(), str, deployment.deployer)
    yield _code(chain, "factory", Deployer.artifact, deployment.deployer, {})


def _libraries(chain: Chain, deployment: Deployment) -> Iterator[Check]:
    addresses = {name: each.address for name, each in deployment.libraries.items()}
    for name, library in deployment.libraries.items():
        yield _code(chain, f"library {name}", name, library.address, addresses)
        yield compared(f"library {name}: code hash", library.code_hash, _code_hash, chain, library.address)


def _contract(chain: Chain, deployment: Deployment, name: str) -> Iterator[Check]:
    """Its code, what the factory made it from, and what it says of its constructor's arguments."""
    contract = deployment.contracts[name]
    code = _code(chain, name, contract.artifact, contract.address, contract.libraries)
    yield code
    if not code.ok:
        return
    yield compared(f"{name}: code hash", contract.code_hash, _code_hash, chain, contract.address)
    for library, address in contract.libraries.items():
        listed = deployment.libraries.get(library)
        yield compared(f"{name}: library {library}", listed and listed.address, str, address)
    deployer = Deployer(chain, deployment.deployer)
    place = f"{name}: address by creator and salt"
    yield compared(place, contract.address, deployer.address_of, deployment.creator, contract.salt)
    yield from _creation(deployer, name, contract)
    yield from _arguments(chain, name, contract)


def _code(chain: Chain, what: str, name: str, address: Address, libraries: Mapping[str, Address]) -> Check:
    """Whether the code at an address is an artifact's, linked and with immutables masked; else what it is."""
    label, right = f"{what}: code", f"{name} of the artifacts"
    try:
        known, code = artifact(name), chain.code(address)
        if known.masked(code) == known.runtime_code(libraries):
            return Check(label, True, f"{name}, {len(code):,} bytes", right)
    except (ChainError, InvalidInput) as error:
        return failed(label, error, right)
    return Check(label, False, f"{_identified(code, known)} at {address}", right)


def _identified(code: bytes, wanted: Artifact) -> str:
    if not code:
        return "no contract"
    if wanted.is_code(code):
        return f"{wanted.name} with other libraries"
    for name in names():
        if artifact(name).is_code(code):
            return f"a {name}"
    return f"a contract that is not of these artifacts, {len(code):,} bytes,"


def _code_hash(chain: Chain, address: Address) -> Bytes32:
    return word(keccak(chain.code(address)))


def _creation(deployer: Deployer, name: str, contract: DeployedContract) -> Iterator[Check]:
    """The factory's record proves the constructor's arguments, those included that no view shows."""
    made, right = f"{name}: made from this code and these arguments", contract.creation_hash
    yield compared(made, right, _planned, contract)
    yield compared(f"{name}: the factory's record of it", right, _recorded, deployer, contract.address)


def _planned(contract: DeployedContract) -> Bytes32:
    args = contract.arguments.values()
    try:
        return word(keccak(abi(contract.artifact).creation(*args, libraries=contract.libraries)))
    except (TypeError, AttributeError) as error:  # a number where a list belongs, say
        raise InvalidInput(f"the manifest's arguments are not those of its constructor: {error}") from error


def _recorded(deployer: Deployer, address: Address) -> Bytes32:
    found = deployer.creation_of(address)
    if found is None:
        raise InvalidInput("the factory did not create it")
    return found.code_hash


def _arguments(chain: Chain, name: str, contract: DeployedContract) -> Iterator[Check]:
    """Each argument of which a view of the same name tells."""
    for argument, value in contract.arguments.items():
        view = argument.strip("_")
        if view in abi(contract.artifact).views and argument != _FIRST_OWNER:
            yield compared(f"{name}: {view}", value, _told, chain, contract.artifact, contract.address, view)


def _told(chain: Chain, name: str, address: Address, view: str) -> object:
    """What a view without arguments answers."""
    return abi(name).value(view, chain.call(address, abi(name).encode(view)))


def _wiring(chain: Chain, deployment: Deployment) -> Iterator[Check]:
    """That the parts know each other and the asset, and the manifest's short names are of its contracts."""
    named = {each.address: each.artifact for each in deployment.contracts.values()}
    for name, kind, address in _short_names(deployment):
        yield compared(f"manifest: {name}", kind, named.get, address)
    policies, pool, book = deployment.policy_book, deployment.cover_pool, deployment.incident_book
    for name, address, view, right in (
        ("PolicyBook", policies, "pool", pool),
        ("PolicyBook", policies, "incidentBook", book),
        ("CoverPool", pool, "policyBook", policies),
        ("CoverPool", pool, "incidentBook", book),
        ("CoverPool", pool, "asset", deployment.asset),
    ):
        yield compared(f"wiring: {view} of {name}", right, _told, chain, name, address, view)
    asset = Asset(chain, deployment.asset)
    yield compared("asset: decimals", deployment.asset_decimals, asset.decimals)
    yield compared("asset: symbol", deployment.asset_symbol, asset.symbol)


def _short_names(deployment: Deployment) -> Iterator[tuple[str, str, Address]]:
    """The manifest's fields that name one of its contracts, what that must be, and the address given."""
    yield "incident_book", "IncidentBook", deployment.incident_book
    yield "policy_book", "PolicyBook", deployment.policy_book
    yield "cover_pool", "CoverPool", deployment.cover_pool
    for name, address in deployment.watcher_paths.items():
        yield f"watcher_paths.{name}", "WatcherPath", address
    for name, address in deployment.heartbeat_paths.items():
        yield f"heartbeat_paths.{name}", "HeartbeatPath", address
