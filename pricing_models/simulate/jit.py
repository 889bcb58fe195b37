"""How kernels are compiled: without the interpreter's lock, and with IEEE arithmetic only, so results are the same."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit, types
from numba.extending import intrinsic

_STAMP = tuple(
    (each.name, each.stat().st_mtime, each.stat().st_size) for each in sorted(Path(__file__).parent.glob("*.py"))
)
"""Of all files of this folder: machine code kept on disk is used again only while none of them changes."""


def compiled(function: Callable[..., Any]) -> Any:
    """`function` as machine code; division follows IEEE, because a check for zero would forbid vector code."""
    dispatcher: Any = njit(nogil=True, error_model="numpy", cache=True)(function)
    # numba looks at the one file only, and would go on using a kernel whose callee in another file has changed
    dispatcher._cache._cache_file._source_stamp = _STAMP
    return dispatcher


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
