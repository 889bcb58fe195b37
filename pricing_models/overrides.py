"""What an underwriter knows better than the history: a rate in the place of the fitted one, with the reason."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from pricing_models.errors import InvalidData


@dataclass(frozen=True)
class Override:
    """From `since` (epoch seconds) the subject's rate of halts a year is `rate`, because of `reason`, says `by`;
    without a rate an earlier override is lifted.

    The posterior's relative spread stays. Raises `InvalidData`.
    """

    subject_id: str
    rate: float | None
    reason: str
    by: str
    since: float

    def __post_init__(self) -> None:
        if self.rate is not None and not (np.isfinite(self.rate) and self.rate > 0.0):
            raise InvalidData(f"rate of the override on {self.subject_id} is {self.rate}: must be finite and positive")
        for name in ("subject_id", "reason", "by"):
            if not str(getattr(self, name)).strip():
                raise InvalidData(f"{name} of the override on {self.subject_id!r} is empty: must be given")
        if not np.isfinite(self.since):
            raise InvalidData(f"since of the override on {self.subject_id} is {self.since}: must be epoch seconds")


def in_force(overrides: Iterable[Override], as_of: float) -> dict[str, Override]:
    """Per subject the last override that was made by `as_of`, those that were lifted left out."""
    found: dict[str, Override] = {}
    for each in sorted((each for each in overrides if each.since <= as_of), key=lambda each: each.since):
        found[each.subject_id] = each
    return {name: each for name, each in found.items() if each.rate is not None}
