"""Where the contracts of one installation are: the manifest that `insure deploy` writes and everything else reads."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from insure.errors import InvalidInput
from insure.records.onchain import Address, Bytes32


@dataclass(frozen=True)
class ListedTrigger:
    """A trigger that is sold: its id, its subject's id, and the addresses of its paths by name."""

    trigger_id: Bytes32
    subject_id: str
    paths: dict[str, Address]


@dataclass(frozen=True)
class Deployment:
    """Addresses of one installation on its host chain; `block` is where reading its logs begins."""

    chain_id: int
    block: int
    asset: Address
    asset_symbol: str
    asset_decimals: int
    incident_book: Address
    policy_book: Address
    cover_pool: Address
    watcher_paths: dict[str, Address]
    heartbeat_paths: dict[str, Address]
    triggers: tuple[ListedTrigger, ...] = ()

    def to_json(self) -> str:
        """The manifest's text."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Deployment":
        """Reads a manifest; raises `InvalidInput` naming what is missing or unknown."""
        try:
            fields = json.loads(text)
            triggers = tuple(ListedTrigger(**trigger) for trigger in fields.pop("triggers"))
            return cls(**fields, triggers=triggers)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidInput(f"deployment manifest: {error}") from error

    @classmethod
    def read(cls, path: Path) -> "Deployment":
        """Reads a manifest file; raises `InvalidInput` when there is none."""
        if not path.is_file():
            raise InvalidInput(f"deployment manifest {path}: no such file; `insure deploy` writes it")
        return cls.from_json(path.read_text())

    def trigger_for(self, subject_id: str) -> ListedTrigger:
        """The trigger listed for a subject; raises `InvalidInput` naming those that are."""
        for trigger in self.triggers:
            if trigger.subject_id == subject_id:
                return trigger
        listed = ", ".join(trigger.subject_id for trigger in self.triggers) or "none"
        raise InvalidInput(f"subject {subject_id!r}: no cover is sold on it; listed: {listed}")
