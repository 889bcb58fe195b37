"""Errors of the models, by what the caller can do about them.

* ModelError
  - InvalidTerms     the terms can't be priced: change the named field
  - InvalidData      the table can't be fitted: mend the named column or row
  - UnknownSubject   no such subject in the fit
  - FitFailed        the optimiser did not reach a maximum: look at the data
"""


class ModelError(Exception):
    """Root of all errors raised by `pricing_models`."""


class InvalidTerms(ModelError, ValueError):
    """The terms can't be priced; the message names the field, its value and what would be right."""


class InvalidData(ModelError, ValueError):
    """The table can't be fitted; the message names the column and the row."""


class UnknownSubject(ModelError, KeyError):
    """The fit holds no such subject."""

    def __str__(self) -> str:  # KeyError would print the repr
        return str(self.args[0]) if self.args else ""


class FitFailed(ModelError, RuntimeError):
    """The optimiser did not reach a maximum."""
