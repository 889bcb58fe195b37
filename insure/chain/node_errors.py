"""What nodes mean by their errors: that they were asked too often, or for too many blocks at once.

The wordings are those of geth, Erigon, Avalanche's and Polygon's nodes and of the hosted ones of Alchemy, Ankr, Infura,
QuickNode, Tenderly and others, as their users report them; no code stands for one meaning at all of them.
"""

import re
from typing import Any

_TOO_OFTEN = re.compile(
    r"too many requests|rate[ -]?limit|request rate|per second|/second|request limit|throughput limit|compute units"
    r"|capacity exceeded|daily request count|credits? (limit|exceeded)|quota|call rate|exceeded.{0,20}requests",
    re.IGNORECASE,
)
_TOO_OFTEN_CODES = frozenset({429, -32029, -32016, -32007})
_OF_LOGS = re.compile(r"block|range|result|response size|\blogs\b", re.IGNORECASE)

_HEX_RANGE = re.compile(r"(0x[0-9a-f]+)\W{1,6}(0x[0-9a-f]+)", re.IGNORECASE)
_RANGE = re.compile(r"range\D{0,10}(\d+)\s*(?:-|to)\s*(\d+)", re.IGNORECASE)
_LIMIT = re.compile(r"(?:limit(?:ed)?|max(?:imum)?|up to|at most)[a-z _=:]{0,30}?(\d[\d,]*)", re.IGNORECASE)


def asked_too_often(error: Any) -> bool:
    """Whether the error of an answer says that requests came too fast or a quota is used up."""
    if not isinstance(error, dict):
        return bool(_TOO_OFTEN.search(str(error)))
    message = str(error.get("message", ""))
    if _TOO_OFTEN.search(message):
        return True
    # the same codes stand for too many blocks or logs
    return error.get("code") in _TOO_OFTEN_CODES and not _OF_LOGS.search(message)


def allowed_blocks(message: str, asked: int) -> int | None:
    """How many blocks the node says that it would have answered for instead of `asked`; None if it does not say."""
    for pattern, base in ((_HEX_RANGE, 16), (_RANGE, 10)):
        for low, high in pattern.findall(message):
            blocks = int(high, base) - int(low, base) + 1
            if 1 <= blocks < asked:
                return blocks
    told = (int(number.replace(",", "")) for number in _LIMIT.findall(message))
    return max((blocks for blocks in told if 1 <= blocks < asked), default=None)
