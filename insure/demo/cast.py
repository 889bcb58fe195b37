"""Who plays in the demo: keys by role, and the watchers with keys of their own."""

from dataclasses import dataclass

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from insure.demo.world import World

TEAMS = ("watchers-a", "watchers-b")
"""Two teams of observers that share no key: two families of evidence. The heartbeat is the third."""
TEAM_SIZE = 3
TEAM_THRESHOLD = 2


@dataclass(frozen=True)
class Cast:
    """The funded keys on the host chain, by what they may do."""

    owner: LocalAccount
    underwriter: LocalAccount
    keeper: LocalAccount
    relayer: LocalAccount
    buyer: LocalAccount
    late_buyer: LocalAccount
    stakers: tuple[LocalAccount, LocalAccount, LocalAccount]
    governor: LocalAccount
    """Whom the timelock obeys, after its delay."""


def cast_of(world: World) -> Cast:
    """Roles given to the host's development accounts."""
    owner, underwriter, keeper, relayer, buyer, late_buyer, *rest = world.accounts
    return Cast(owner, underwriter, keeper, relayer, buyer, late_buyer, (rest[0], rest[1], rest[2]), rest[3])


def observer_account(team: str, index: int) -> LocalAccount:
    """An observer's key; it only signs, so it needs no coin."""
    return Account.from_key(keccak(text=f"demo observer {team} {index}"))  # type: ignore[no-any-return]


def observer_accounts(team: str) -> list[LocalAccount]:
    """A team's keys by ascending address, as its path wants them."""
    accounts = [observer_account(team, index) for index in range(TEAM_SIZE)]
    return sorted(accounts, key=lambda account: int(account.address, 16))
