"""A PostgreSQL server of the test run's own, from the machine's binaries, on a socket in a folder of its own."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from sqlalchemy import create_engine, text

from insure.store import Store

_FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/opt/postgresql@*/bin")


def binaries() -> Path | None:
    """The folder with `initdb` and `pg_ctl`; None where PostgreSQL is not installed."""
    found = shutil.which("initdb")
    if found is not None and shutil.which("pg_ctl") is not None:
        return Path(found).parent
    folders = [each for pattern in _FOLDERS for each in sorted(Path("/").glob(pattern.lstrip("/")))]
    return next((each for each in reversed(folders) if (each / "initdb").exists() and (each / "pg_ctl").exists()), None)


class PostgresServer:
    """Gives out databases; each is new and has the newest schema."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count()
        self._admin = create_engine(self._url("postgres"), isolation_level="AUTOCOMMIT")
        self._run("CREATE DATABASE newest")
        Store(self._url("newest")).create().close()

    def database(self, empty: bool = False) -> str:
        """The URL of a database that nobody has used."""
        name = f"test_{next(self._numbers)}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {'template0' if empty else 'newest'}")
        return self._url(name)

    def close(self) -> None:
        self._admin.dispose()

    def _url(self, name: str) -> str:
        return f"postgresql://insure@/{name}?host={self._folder}"

    def _run(self, statement: str) -> None:
        with self._admin.connect() as connection:
            connection.execute(text(statement))


@contextmanager
def postgres() -> Iterator[PostgresServer]:
    """A running server; needs `binaries`."""
    found = binaries()
    assert found is not None
    # the server refuses to run as root
    user = "postgres" if os.getuid() == 0 and _exists("postgres") else "nobody" if os.getuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="insure-postgres-"))
    data = folder / "data"
    if user is not None:
        os.chown(folder, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)

    def run(program: str, *arguments: str) -> None:
        command = [str(found / program), *arguments]
        done = subprocess.run(command, user=user, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{program}: {done.stdout}{done.stderr}")

    options = f"-k {folder} -c listen_addresses= -c fsync=off -c full_page_writes=off"
    try:
        run("initdb", "-D", str(data), "-U", "insure", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
        run("pg_ctl", "-D", str(data), "-l", str(folder / "log"), "-o", options, "-w", "start")
        server = PostgresServer(folder)
        try:
            yield server
        finally:
            server.close()
            run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True
