"""How kernels are compiled: without the interpreter's lock, and with IEEE arithmetic only, so results are the same."""

import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from numba import config, njit, types
from numba.extending import intrinsic

_FOLDER = Path(__file__).parent


_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
_log = logging.getLogger(__name__)


def compiled(function: Callable[..., Any]) -> Any:
    """`function` as machine code; division follows IEEE, because a check for zero would forbid vector code."""
    return _kept(function, _OPTIONS)


def inlined(function: Callable[..., Any]) -> Any:
    """`compiled`, for what is called once an outage: without a call, which would hand over arrays word by word."""
    return _kept(function, _OPTIONS | {"forceinline": True})


def _kept(function: Callable[..., Any], options: dict[str, Any]) -> Any:
    with _own_cache():
        try:
            return njit(cache=True, **options)(function)
        except RuntimeError:
            _told_once()
            return njit(**options)(function)


@cache
def _told_once() -> None:
    _log.warning("machine code can be kept nowhere, so each start compiles anew: NUMBA_CACHE_DIR may name a folder")


@contextmanager
def _own_cache() -> Iterator[None]:
    """Keep machine code under the hash of all files of this package that hold kernels.

    numba looks at a kernel's own file only, and would go on using one whose callee in another file has changed. Where
    nothing can be written here it keeps its own way, for then files don't change one by one; where nothing can be
    written at all it refuses to keep anything.
    """
    settings: Any = config
    before = settings.CACHE_DIR
    folder = Path(before or _FOLDER / "__pycache__") / f"kernels-{_fingerprint()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        yield
        return
    settings.CACHE_DIR = str(folder)
    try:
        yield
    finally:
        settings.CACHE_DIR = before


@cache
def _fingerprint() -> str:
    content = hashlib.sha256()
    for each in sorted(_FOLDER.rglob("*.py")):
        code = each.read_bytes()
        if b"jit import" in code or each.name == Path(__file__).name:
            content.update(str(each.relative_to(_FOLDER)).encode() + b"\0" + code + b"\0")
    return content.hexdigest()[:16]


@intrinsic
def bits_of(typing_context: Any, value: Any) -> Any:
    """The 64 bits of a float as an unsigned integer."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(types.uint64))

    return types.uint64(types.float64), generate


@intrinsic
def float_of(typing_context: Any, value: Any) -> Any:
    """The float that 64 bits stand for."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(types.float64))

    return types.float64(types.uint64), generate
