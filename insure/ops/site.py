"""Where an installation comes to stand: contracts and their libraries put at their places, or found there."""

from dataclasses import dataclass, field

from eth_utils.crypto import keccak

from insure.chain.artifacts import artifact
from insure.chain.codec import abi, word
from insure.chain.factory import Creation, Deployer, ensure_by_content, ensure_deployer
from insure.chain.rpc import Chain
from insure.chain.sender import Sender
from insure.errors import ChainError, InvalidInput, TransactionFailed
from insure.records.deployment import DeployedContract, DeployedLibrary
from insure.records.onchain import Address, Bytes32


@dataclass(frozen=True)
class Part:
    """One contract of an installation: its name there, what it is, and its constructor's arguments."""

    name: str
    artifact: str
    args: tuple[object, ...] = ()


@dataclass
class Site:
    """The places of one installation: of one key and salt on one chain."""

    sender: Sender
    salt: str
    deployer: Deployer
    contracts: dict[str, DeployedContract] = field(default_factory=dict)
    libraries: dict[str, DeployedLibrary] = field(default_factory=dict)
    first_block: int | None = None
    """In which the first of its contracts was created, by the count that the chain shows to contracts."""
    fresh: bool = True
    """Whether none of its contracts was there before."""
    _places: dict[str, Address] = field(default_factory=dict)

    @classmethod
    def open(cls, sender: Sender, salt: str) -> "Site":
        """The site, with the factory made ready; raises as `ensure_deployer` does."""
        return cls(sender, salt, ensure_deployer(sender))

    @property
    def chain(self) -> Chain:
        """The host chain."""
        return self.sender.chain

    def at(self, name: str) -> Address:
        """Where the contract of that name is, or will be."""
        if name not in self._places:
            self._places[name] = self.deployer.address_of(self.sender.address, salt_of(self.salt, name))
        return self._places[name]

    def place(self, part: Part) -> Address:
        """Creates a contract with the libraries it links, or finds that it is there already.

        Raises `TransactionFailed` with the constructor's reason, `InvalidInput` if something else is there.
        """
        libraries = {name: self._library(name) for name in artifact(part.artifact).libraries}
        code = abi(part.artifact).creation(*part.args, libraries=libraries)
        address, salt = self.at(part.name), salt_of(self.salt, part.name)
        found = self.deployer.creation_of(address)
        self.fresh = self.fresh and found is None
        if found is None:
            found = self._create(part.name, salt, code)
        if found.code_hash != word(keccak(code)):
            raise InvalidInput(
                f"{part.name} is at {address} already, made from other code or arguments than the plan's: "
                f"go on with the earlier plan, or choose another salt than {self.salt!r}"
            )
        self.first_block = min(found.block, found.block if self.first_block is None else self.first_block)
        self.contracts[part.name] = DeployedContract(
            artifact=part.artifact,
            address=address,
            arguments=abi(part.artifact).arguments(*part.args),
            code_hash=word(keccak(self.chain.code(address))),
            creation_hash=found.code_hash,
            salt=salt,
            libraries=libraries,
        )
        return address

    def _create(self, name: str, salt: Bytes32, code: bytes) -> Creation:
        try:
            self.sender.send(self.deployer.deploy(salt, code))
        except TransactionFailed as error:
            raise TransactionFailed(f"creation of {name}: {error}") from error
        found = self.deployer.creation_of(self.at(name))
        if found is None:
            raise ChainError(f"{name} was created, and the node does not know of it yet: run the same again")
        return found

    def _library(self, name: str) -> Address:
        if name not in self.libraries:
            own = {inner: self._library(inner) for inner in artifact(name).libraries}
            address = ensure_by_content(self.sender, name, artifact(name).creation_code(own))
            self.libraries[name] = DeployedLibrary(address, word(keccak(self.chain.code(address))))
        return self.libraries[name].address


def salt_of(salt: str, name: str) -> Bytes32:
    """The factory's salt of one contract of an installation."""
    return word(keccak(keccak(text=salt) + keccak(text=name)))
