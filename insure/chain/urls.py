"""Addresses of nodes, as they are checked and shown: a path, a query or a user may hold a key."""

from urllib.parse import urlsplit

from urllib3.util import parse_url

from insure.errors import InvalidInput


def split_urls(urls: str) -> list[str]:
    """The addresses of a list that is separated by commas or white space; the text itself if there are none."""
    return urls.replace(",", " ").split() or [urls]


def require_url(url: str, what: str = "endpoint", schemes: tuple[str, str] = ("http", "https")) -> None:
    """Raises `InvalidInput`, naming `what`, for what is no URL with one of the schemes and a host."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
        parse_url(url)
    except ValueError:  # brackets that don't close, a port that is no number, a name that no host can have
        valid = False
    if not valid:
        raise InvalidInput(f"{what}{_shown(url)} must begin with {schemes[0]}:// or {schemes[1]}:// and name a host")


def _shown(url: str) -> str:
    """Scheme and host, or host and port where the scheme is missing: anything else may hold a key."""
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
        host, port = parts.hostname, None if parts.scheme else parts.port
    except ValueError:
        return ""
    if host and (parts.scheme or port):
        return f" '{parts.scheme}://{host}'" if parts.scheme else f" '{host}:{port}'"
    return ""
