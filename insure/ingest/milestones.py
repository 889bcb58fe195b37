"""L2BEAT's milestones: the incidents that its project files name, good to a day.

L2BEAT serves them as pages only; what machines can read is the project's source, a file of TypeScript such as
https://raw.githubusercontent.com/l2beat/l2beat/main/packages/config/src/projects/base/base.ts, of which the list
`milestones` is read and nothing else is understood.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from insure.errors import InvalidInput
from insure.ingest.incidents import Fields, address_of, printable, require_size, stamp, text_of
from insure.ingest.reports import Moment, Report, SourceKind
from insure.records.history import DAY_SECONDS, Precision

_TOKEN = re.compile(
    r"""(?P<blank>\s+|//[^\n]*|/\*.*?\*/)
    |(?P<text>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`)
    |(?P<word>[A-Za-z_$][\w$]*)
    |(?P<sign>.)""",
    re.DOTALL | re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|\r?\n|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "\n": "", "\r\n": ""}
_OPEN, _CLOSE = "[{(", "]})"

Token = tuple[str, str]
"""What it is (text, word or sign), and how it is written."""


def read_milestones(
    payload: bytes, project: str, source: str, subject: str, address: str, seen_at: int
) -> tuple[tuple[Report, ...], tuple[str, ...]]:
    """Reports of the incidents among a project file's milestones, old to new, and a line for each milestone that can't
    be read.

    A milestone has `title`, `url`, `date` (ISO 8601, of which the day counts), `type` (`incident` or `general`) and
    perhaps `description`. What stopped and for how long is for a person to read there: many are no halts. Raises
    `InvalidInput` if the file is too large, is no text, or has no list of milestones.
    """
    reports: dict[str, Report] = {}
    rejected: list[str] = []
    for place, tokens in enumerate(_milestones(_tokens(payload)), 1):
        try:
            fields = _fields(tokens)
            if text_of(fields, "type") == "incident":
                report = _report(fields, project, source, subject, address, seen_at)
                reports[report.reference] = max(report, reports.get(report.reference, report), key=repr)
        except InvalidInput as error:
            rejected.append(f"milestone {place} of {project}: {error}")
    return tuple(sorted(reports.values(), key=lambda each: (each.start, each.reference))), tuple(rejected)


def _report(fields: Fields, project: str, source: str, subject: str, address: str, seen_at: int) -> Report:
    at = stamp(fields, "date")
    if at is None or at > seen_at:
        raise InvalidInput(f"date is {fields.get('date')!r}: must be a time up to now ({seen_at})")
    day = Moment(at // DAY_SECONDS * DAY_SECONDS, Precision.DAY)
    url, more = address_of(fields, "url"), text_of(fields, "description", "")
    title = text_of(fields, "title")
    return Report(
        source=source,
        reference=f"{project} {datetime.fromtimestamp(day.at, UTC):%Y-%m-%d} {url or title}",
        kind=SourceKind.PRESS,
        url=url or address,
        seen_at=seen_at,
        subject=subject,
        start=day,
        text=f"{title}: {more}" if more else title,
    )


# As much TypeScript as a list of milestones needs


def _tokens(payload: bytes) -> list[Token]:
    require_size(payload)
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        raise InvalidInput("answer is no text: must be a project file in TypeScript") from None
    found = ((match.lastgroup or "", match[0]) for match in _TOKEN.finditer(text))
    return [(kind, written) for kind, written in found if kind != "blank"]


def _milestones(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """The tokens of each milestone of each list."""
    ends = -1
    for place in range(len(tokens) - 2):
        if place > ends and _begins_list(tokens, place):
            ends = place
            for begin, end in _parts(tokens, place + 3):
                ends = end
                yield tokens[begin:end]
    if ends < 0:
        raise InvalidInput("answer has no list of milestones: must have milestones: [...] as L2BEAT's project files do")


def _begins_list(tokens: Sequence[Token], place: int) -> bool:
    return (
        tokens[place][1].strip("'\"") == "milestones"
        and tokens[place + 1] == ("sign", ":")
        and tokens[place + 2] == ("sign", "[")
    )


def _parts(tokens: Sequence[Token], begin: int) -> Iterator[tuple[int, int]]:
    """Where what lies between commas begins and ends, from a place behind an opening bracket to the closing one."""
    depth = 0
    for place in range(begin, len(tokens)):
        kind, written = tokens[place]
        closes = kind == "sign" and written in _CLOSE
        if depth == 0 and (closes or (kind == "sign" and written == ",")):
            if place > begin:
                yield begin, place
            if closes:
                return
            begin = place + 1
        elif kind == "sign":
            depth += (written in _OPEN) - (written in _CLOSE)
    raise InvalidInput("answer ends within a list or object: it is not whole")


def _fields(tokens: Sequence[Token]) -> Fields:
    """An object's fields whose values are texts; what else they are is passed over."""
    if tokens[0] != ("sign", "{") or tokens[-1] != ("sign", "}"):
        raise InvalidInput(f"begins with {tokens[0][1][:20]!r}: must be an object")
    fields: Fields = {}
    for begin, end in _parts(tokens, 1):
        part = tokens[begin:end]
        if len(part) > 2 and part[0][0] in ("word", "text") and part[1] == ("sign", ":"):
            key = part[0][1] if part[0][0] == "word" else _text(part[0][1])
            value = _joined(part[2:])
            if value is not None:
                fields[key] = value
    return fields


def _joined(value: Sequence[Token]) -> str | None:
    """A text, or several with a plus between; None for anything else, such as one that is put together at run time."""
    texts, signs = value[::2], value[1::2]
    if any(kind != "text" or (written[0] == "`" and "${" in written) for kind, written in texts):
        return None
    if len(texts) != len(signs) + 1 or any(sign != ("sign", "+") for sign in signs):
        return None
    return printable("".join(_text(written) for _, written in texts))


def _text(written: str) -> str:
    return _ESCAPE.sub(lambda found: _unescaped(found[1]), written[1:-1])


def _unescaped(code: str) -> str:
    if len(code) == 5:
        return chr(int(code[1:], 16))
    return _ESCAPED.get(code, code)
