"""What the engine logs, as text for a person or as JSON for a machine; no key, and no address that may hold one."""

import logging
import sys

from pythonjsonlogger.json import JsonFormatter

from insure.settings import Settings

_CHATTY = ("httpx", "httpcore", "urllib3", "web3", "websockets", "apscheduler")
"""Libraries that log addresses they call, and those may hold a key: they are heard from warnings on."""


def configure(settings: Settings) -> None:
    """Sends the log to stderr in the format and from the level that the settings say."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(settings.log_format))
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def _formatter(form: str) -> logging.Formatter:
    if form == "json":
        names = {"asctime": "time", "levelname": "level", "name": "logger"}
        fields = "%(asctime)s %(levelname)s %(name)s %(message)s"
        return JsonFormatter(fields, datefmt="%Y-%m-%dT%H:%M:%S%z", rename_fields=names)
    return logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
