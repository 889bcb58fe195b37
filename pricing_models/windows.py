"""Windows: the spans of time in which a subject's halts are counted, half open, in order and apart."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Windows = tuple[tuple[float, float], ...]


def windows_of(subjects: pd.DataFrame) -> list[Windows]:
    """Each subject's windows: those of the column `windows` that lie between `observed_from` and `observed_to`, all of
    that time where there is no such column."""
    begins, ends = subjects["observed_from"].astype(float), subjects["observed_to"].astype(float)
    own = subjects["windows"] if "windows" in subjects else [((-np.inf, np.inf),)] * len(subjects)
    return [clip(each, begin, end) for each, begin, end in zip(own, begins, ends, strict=True)]


def clip(windows: Iterable[tuple[float, float]], begin: float, end: float) -> Windows:
    """What of the windows lies within [begin, end)."""
    parts = ((max(float(low), float(begin)), min(float(high), float(end))) for low, high in windows)
    return tuple((low, high) for low, high in parts if low < high)


def seconds(windows: Windows) -> float:
    """How long they are together."""
    return float(sum(high - low for low, high in windows))


def covers(windows: Windows, times: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of the times lie within them."""
    inside = np.zeros(times.shape, dtype=bool)
    for low, high in windows:
        inside |= (times >= low) & (times < high)
    return inside


def are_windows(value: object) -> bool:
    """Whether it is a tuple of pairs of finite numbers (no texts), each with its end after its beginning and not before
    the end of the one before."""
    if not isinstance(value, tuple) or not all(isinstance(pair, tuple) and len(pair) == 2 for pair in value):
        return False
    told = [edge for pair in value for edge in pair]
    if not all(isinstance(edge, int | float | np.integer | np.floating) for edge in told):
        return False
    edges = np.array(told, dtype=float)
    return bool(np.isfinite(edges).all() and (np.diff(edges) >= 0).all() and (edges[1::2] > edges[::2]).all())
