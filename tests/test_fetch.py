"""Asking a page with manners: conditionally, seldom, patiently, and never more than it should be believed."""

from collections.abc import Callable, Iterator, Mapping
from email.utils import formatdate
from pathlib import Path

import pytest

from insure.errors import SourceError
from insure.ingest.archive import Archive
from insure.ingest.fetch import Fetcher, Manners
from tests.scripted_page import Play, Script, ScriptedPage

pytestmark = pytest.mark.network

NOW = 1_760_000_000
QUICK = Manners(
    between=0.0, timeout=2.0, patience=5.0, attempts=3, first_wait=1.0, longest_wait=60.0, largest_bytes=1_000
)


class Time:
    """A clock that only sleeping moves; `slept` keeps each pause."""

    def __init__(self) -> None:
        self.at = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive")


class Asking:
    """A fetcher towards a scripted page."""

    def __init__(self, archive: Archive, page: ScriptedPage, manners: Manners = QUICK) -> None:
        self.time, self.page, self.archive = Time(), page, archive
        self.fetcher = Fetcher(
            archive, lambda: NOW, manners, clock=lambda: self.time.at, sleep=self.time.sleep, chance=lambda: 0.5
        )

    def ask(self, path: str = "/api") -> bytes:
        return self.fetcher.fetch("statuspage:x", self.page.url + path)


Start = Callable[..., Asking]
"""Starts a page that plays a script, and asks it with the manners given or `QUICK` ones."""


@pytest.fixture
def asking(archive: Archive) -> Iterator[Start]:
    opened: list[Asking] = []

    def start(script: Script, manners: Manners = QUICK) -> Asking:
        opened.append(Asking(archive, ScriptedPage(script), manners))
        return opened[-1]

    yield start
    for each in opened:
        each.page.close()
        each.fetcher.close()


def test_an_answer_is_archived_before_anything_is_made_of_it(asking: Start, archive: Archive) -> None:
    one = asking(lambda n, h: Play(b"<html>not even JSON</html>"))
    assert one.ask() == b"<html>not even JSON</html>"
    (entry,) = archive.entries()
    assert (entry.source, entry.at) == ("statuspage:x", NOW)
    assert archive.body(entry.sha256) == b"<html>not even JSON</html>"


def test_what_has_not_changed_is_not_sent_again(asking: Start, archive: Archive) -> None:
    def script(n: int, headers: Mapping[str, str]) -> Play:
        if headers.get("if-none-match") == '"v1"' and headers.get("if-modified-since") == "yesterday":
            return Play(status=304)
        return Play(b"whole", headers={"ETag": '"v1"', "Last-Modified": "yesterday"})

    one = asking(script)
    assert [one.ask(), one.ask(), one.ask()] == [b"whole"] * 3
    assert len(archive.entries()) == 1
    assert len(one.page.requests) == 3


def test_a_page_without_validators_is_asked_plainly(asking: Start, archive: Archive) -> None:
    one = asking(lambda n, h: Play(b"same"))
    one.ask()
    one.ask()
    assert all("if-none-match" not in headers for _, headers in one.page.requests)
    assert len({entry.sha256 for entry in archive.entries()}) == 1, "stored once"


def test_a_host_is_not_asked_more_often_than_agreed(asking: Start) -> None:
    one = asking(lambda n, h: Play(), Manners(between=2.0, largest_bytes=1_000))
    for path in ("/a", "/b", "/c"):
        one.ask(path)
    assert one.time.slept == [2.0, 2.0]


def test_a_busy_page_is_asked_again_when_it_says(asking: Start) -> None:
    one = asking(lambda n, h: Play(status=429, headers={"Retry-After": "17"}) if n == 0 else Play(b"now"))
    assert one.ask() == b"now"
    assert one.time.slept == [17.0]


def test_a_busy_page_may_name_a_time(asking: Start) -> None:
    later = formatdate(NOW + 30, usegmt=True)
    one = asking(lambda n, h: Play(status=503, headers={"Retry-After": later}) if n == 0 else Play(b"now"))
    assert one.ask() == b"now"
    assert one.time.slept == [30.0]


def test_who_asks_for_too_long_a_wait_is_left_until_next_time(asking: Start) -> None:
    one = asking(lambda n, h: Play(status=429, headers={"Retry-After": "86400"}))
    with pytest.raises(SourceError, match=r"statuspage:x: 127\.0\.0\.1:\d+ answers 429, after 1 attempts"):
        one.ask()
    assert one.time.slept == []


def test_waits_double_with_jitter(asking: Start) -> None:
    one = asking(lambda n, h: Play(status=500))
    with pytest.raises(SourceError, match="answers 500, after 3 attempts"):
        one.ask()
    assert one.time.slept == [1.0, 2.0]


def test_a_cut_answer_is_asked_for_again(asking: Start, archive: Archive) -> None:
    one = asking(lambda n, h: Play(b"half", promise=8) if n == 0 else Play(b"all of it"))
    assert one.ask() == b"all of it"
    assert len(archive.entries()) == 1, "half an answer is none"


def test_a_page_that_never_answers_is_given_up(asking: Start) -> None:
    slow = Manners(between=0.0, timeout=0.05, attempts=2, largest_bytes=1_000)
    one = asking(lambda n, h: Play(pause=0.5), slow)
    with pytest.raises(SourceError, match="does not answer as it should \\(ReadTimeout\\), after 2 attempts"):
        one.ask()


def test_a_page_that_drips_is_given_up(archive: Archive) -> None:
    class Running(Time):
        """Each look at it is a second later."""

        def __call__(self) -> float:
            self.at += 1.0
            return self.at

    ticking = Running()
    manners = Manners(between=0.0, patience=0.5, attempts=1, largest_bytes=1_000)
    with ScriptedPage(lambda n, h: Play(b"drip drop", pause=0.01)) as page:
        fetcher = Fetcher(archive, lambda: NOW, manners, clock=ticking, sleep=ticking.sleep)
        with pytest.raises(SourceError, match=r"not whole after 0\.5 s"):
            fetcher.fetch("statuspage:x", page.url)
        fetcher.close()


def test_too_large_an_answer_is_refused_at_once(asking: Start, archive: Archive) -> None:
    one = asking(lambda n, h: Play(b"x" * 1_001))
    with pytest.raises(SourceError, match="more than 1,000 bytes"):
        one.ask()
    assert len(one.page.requests) == 1
    assert archive.entries() == ()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_page_that_is_gone_is_not_asked_again(asking: Start, status: int) -> None:
    one = asking(lambda n, h: Play(status=status))
    with pytest.raises(SourceError, match=f"answers {status}: must be 200"):
        one.ask()
    assert len(one.page.requests) == 1


def test_a_page_that_has_moved_is_told_with_where_to(asking: Start) -> None:
    one = asking(lambda n, h: Play(status=301, headers={"Location": "https://elsewhere.example/"}))
    with pytest.raises(SourceError, match=r"answers 301 to https://elsewhere\.example/"):
        one.ask()


def test_an_empty_answer_is_none(asking: Start) -> None:
    with pytest.raises(SourceError, match="answers with nothing"):
        asking(lambda n, h: Play(b" \n")).ask()


def test_a_page_nobody_serves_is_out_of_reach(archive: Archive) -> None:
    page = ScriptedPage(lambda n, h: Play())
    page.close()
    waiting = Time()
    fetcher = Fetcher(archive, lambda: NOW, QUICK, clock=lambda: waiting.at, sleep=waiting.sleep)
    with pytest.raises(SourceError, match="ConnectError"):
        fetcher.fetch("statuspage:x", page.url)
    fetcher.close()


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/", "https://", "status.example"])
def test_only_web_addresses_are_asked(archive: Archive, url: str) -> None:
    fetcher = Fetcher(archive, lambda: NOW, QUICK)
    with pytest.raises(SourceError, match="must begin with http"):
        fetcher.fetch("statuspage:x", url)
    fetcher.close()
