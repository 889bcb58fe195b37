"""Errors of the engine, by what the caller can do about them.

* InsureError
  - InvalidInput        fix the input; names the field and what would be right
    + DatasetError      fix the data file; names file, line and column
    + UnknownSubject    no such subject; names the nearest ones
  - NotConfigured       set the named environment variables
  - Refused             the contract or the desk says no, and why
  - SourceError         a person must look: a source of outages is gone, changed, or out of reach
  - ChainError          the chain can't do it
    + Unreachable       retry later or use another endpoint
      . RateLimited     ask less often
    + WrongChain        a person must look: the endpoint serves another chain
    + TransactionFailed the transaction reverted; carries the contract's reason as a sentence
    + FeeTooHigh        wait, or raise the cap on fees
    + KeyInUse          another process sends with the key: stop one of the two
"""


class InsureError(Exception):
    """Root of all errors raised by `insure`."""


class InvalidInput(InsureError, ValueError):
    """The input is wrong; the message names the field and what would be right."""


class DatasetError(InvalidInput):
    """A data file is wrong; the message names file, line, column and what would be right."""


class UnknownSubject(InvalidInput):
    """No such subject; the message names the nearest ones."""


class NotConfigured(InsureError):
    """Configuration is missing; the message lists all missing names."""


class Refused(InsureError):
    """The contract or the desk refuses, for the reason in the message."""


class SourceError(InsureError):
    """A source of outages does not answer as it should; the message names it."""


class ChainError(InsureError):
    """Something about a chain failed."""


class Unreachable(ChainError):
    """No endpoint answered."""


class RateLimited(Unreachable):
    """Endpoints are asked too often, or their quotas are used up: too few are left."""


class WrongChain(ChainError):
    """The endpoint serves another chain than the configured one."""


class TransactionFailed(ChainError):
    """A transaction reverted; the message is the contract's reason as a sentence."""


class FeeTooHigh(ChainError):
    """Gas costs more than may be paid for it; the message has both."""


class KeyInUse(ChainError):
    """Another process sends with the same key; the message names it."""
