"""Private keys from the settings to accounts, without ever showing one."""

from eth_account import Account
from eth_account.signers.local import LocalAccount

from insure.errors import InvalidInput


def account_of(name: str, key: str) -> LocalAccount | None:
    """The account of a private key, None without one; raises `InvalidInput` naming the setting, never the key."""
    if not key:
        return None
    try:
        return Account.from_key(key)  # type: ignore[no-any-return]
    except Exception:  # whatever the library says may quote the key
        raise InvalidInput(f"{name} is no private key: must be 0x and 64 hex digits") from None
