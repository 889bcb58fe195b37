"""The mirror of the chain and our own record: tables, and the only sessions."""

from insure.store.store import Store

__all__ = ["Store"]
