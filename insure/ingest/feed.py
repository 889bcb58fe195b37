"""History feeds of status pages, Atom and RSS 2.0: more than the newest fifty, with every update of each incident."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from html import unescape
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from insure.errors import InvalidInput
from insure.ingest.incidents import (
    Fields,
    Incident,
    Reading,
    address_of,
    check_times,
    gather,
    require_size,
    seconds,
    stamp,
    text_of,
)

_ATOM = "{http://www.w3.org/2005/Atom}"
_OVER = frozenset({"resolved", "completed", "postmortem"})
_PLANNED = frozenset({"scheduled", "in progress", "verifying", "completed"})
_UPDATE = re.compile(r"<small>(.*?)</small>.{0,40}?<strong>([^<]{1,40})</strong>", re.DOTALL)
_CLOCK = re.compile(r"([A-Z][a-z]{2})\s+(\d{1,2}),\s+(\d{1,2}):(\d{2})\s*(\w+)")
_TAG = re.compile(r"<[^>]*>")


def read_incidents(payload: bytes, now: int) -> Reading:
    """Incidents of `/history.atom` or `/history.rss` as of `now`.

    Updates within an entry tell start and end, where they do so in UTC; else it starts when it was published and
    nothing tells its end. Planned work is rejected then: it is published long before. Raises `InvalidInput` if the
    answer is too large, is no well-formed XML or declares entities, or is no feed.
    """
    require_size(payload)
    try:
        root = fromstring(payload, forbid_dtd=True)
    except (ParseError, DefusedXmlException, LookupError, ValueError):
        raise InvalidInput(f"answer begins with {payload[:20]!r}: must be a feed in XML") from None
    if root.tag == f"{_ATOM}feed":
        entries = [_fields_of_atom(entry) for entry in root.findall(f"{_ATOM}entry")]
    elif root.tag == "rss":
        entries = [_fields_of_rss(item) for item in root.findall("channel/item")]
    else:
        raise InvalidInput(f"answer is <{root.tag[:40]}>: must be an Atom or RSS feed")
    return gather(entries, lambda fields: _incident(fields, now))


def _fields_of_atom(entry: Element) -> Fields:
    link = entry.find(f"{_ATOM}link")
    return {
        "id": entry.findtext(f"{_ATOM}id"),
        "title": entry.findtext(f"{_ATOM}title"),
        "link": None if link is None else link.get("href"),
        "published": entry.findtext(f"{_ATOM}published"),
        "updated": entry.findtext(f"{_ATOM}updated"),
        "content": entry.findtext(f"{_ATOM}content") or entry.findtext(f"{_ATOM}summary"),
    }


def _fields_of_rss(item: Element) -> Fields:
    return {
        "id": item.findtext("guid") or item.findtext("link"),
        "title": item.findtext("title"),
        "link": item.findtext("link"),
        "pubDate": item.findtext("pubDate"),
        "content": item.findtext("description"),
    }


def _incident(fields: Fields, now: int) -> tuple[int, Incident]:
    published = stamp(fields, "published") if fields.get("pubDate") is None else _mail_time(fields, "pubDate")
    if published is None:
        raise InvalidInput("has neither published nor pubDate")
    title = text_of(fields, "title")
    words, updates = _updates(text_of(fields, "content", ""), published)
    planned = bool(words) and words <= _PLANNED
    begins = [at for at, word in updates if word == "in progress" or not (planned or word in _OVER)]
    if planned and not begins:
        raise InvalidInput("tells nothing of when the planned work begins")
    if not updates and title.lower().startswith(("[resolved]", "resolved:", "[completed]")):
        raise InvalidInput("tells an end, and nothing of the start")
    start = min(begins if planned else [published, *begins])
    end = min((at for at, word in updates if word in _OVER and at > start), default=None)
    check_times(start, end, planned, now)
    incident = Incident(
        id=text_of(fields, "id"),
        title=title,
        url=address_of(fields, "link"),
        start=start,
        end=end,
        impact="unknown",
        planned=planned,
        components=(),
    )
    return max([published, stamp(fields, "updated") or 0, *(at for at, _ in updates)]), incident


def _updates(content: str, published: int) -> tuple[frozenset[str], list[tuple[int, str]]]:
    """Statuses of the updates in an entry's HTML, and each with its time; no times, if one is in another zone than UTC.

    They tell no year: it is the one that lies nearest to when the entry was published.
    """
    found = [(_time(small, published), status.strip().lower()) for small, status in _UPDATE.findall(unescape(content))]
    timed = [(at, word) for at, word in found if at is not None]
    return frozenset(word for _, word in found), timed if len(timed) == len(found) else []


def _time(text: str, published: int) -> int | None:
    clock = _CLOCK.search(_TAG.sub("", text))
    return None if clock is None or clock[5] not in {"UTC", "GMT"} else _nearest(clock, published)


def _nearest(clock: re.Match[str], published: int) -> int | None:
    month, day, hour, minute = clock[1], clock[2], clock[3], clock[4]
    around = datetime.fromtimestamp(published, UTC).year
    times: list[int] = []
    for year in (around - 1, around, around + 1):
        try:
            moment = datetime.strptime(f"{year} {month} {day} {hour}:{minute} +0000", "%Y %b %d %H:%M %z")
        except ValueError:
            continue
        times.append(int(moment.timestamp()))
    near = [at for at in times if abs(at - published) < timedelta(days=180).total_seconds()]
    return min(near, key=lambda at: abs(at - published), default=None)


def _mail_time(fields: Fields, key: str) -> int:
    """UTC seconds of a time as mails have it (RFC 5322)."""
    text = text_of(fields, key)
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        raise InvalidInput(f"{key} is {text[:40]!r}: must be a time such as Tue, 17 Sep 2024 17:25:32 +0000") from None
    return seconds(key, text, moment)
