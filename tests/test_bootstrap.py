"""deploy/bootstrap.py in a folder of its own, with a lock that names one small local wheel."""

from __future__ import annotations

import ast
import base64
import hashlib
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

BOOTSTRAP = Path(__file__).resolve().parent.parent / "deploy" / "bootstrap.py"
RUN_WITH = "import runpy, sys\n{change}\nrunpy.run_path({script!r}, run_name='__main__')"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project folder with the script and a lock of one package, `tinything`."""
    requirements = tmp_path / "deploy" / "requirements"
    requirements.mkdir(parents=True)
    shutil.copy(BOOTSTRAP, tmp_path / "deploy")
    wheel = _wheel(tmp_path)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    lock = f"tinything @ {wheel.as_uri()} --hash=sha256:{digest}\n"
    (requirements / "dev.txt").write_text(lock)
    return tmp_path


def _wheel(folder: Path) -> Path:
    files = {
        "tinything.py": b"SIZE = 1\n",
        "tinything-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: tinything\n"
        b"Version: 1.0\n",
        "tinything-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\n"
        b"Tag: py3-none-any\n",
    }
    record = "".join(
        f"{name},sha256={_digest(content)},{len(content)}\n" for name, content in files.items()
    )
    wheel = folder / "tinything-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr("tinything-1.0.dist-info/RECORD", record)
    return wheel


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")


def _run(project: Path, change: str = "pass") -> subprocess.CompletedProcess[str]:
    code = RUN_WITH.format(change=change, script=str(project / "deploy" / "bootstrap.py"))
    return subprocess.run(
        [sys.executable, "-c", code], cwd=project, capture_output=True, text=True, timeout=50
    )


def test_the_first_run_builds_and_the_second_returns_at_once(project: Path) -> None:
    first = _run(project)
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("building .venv with Python 3.")
    python = project / ".venv" / "bin" / "python"
    subprocess.run([python, "-c", "import tinything"], check=True, timeout=20)

    second = _run(project, change="import venv; venv.create = None")
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")

    from_inside = subprocess.run(
        [python, project / "deploy" / "bootstrap.py"], capture_output=True, text=True, timeout=20
    )
    assert (from_inside.returncode, from_inside.stdout, from_inside.stderr) == (0, "", "")


@pytest.mark.parametrize("damage", ["lock", "stamp", "interpreter"])
def test_a_changed_lock_or_a_half_built_venv_is_built_again(project: Path, damage: str) -> None:
    script = project / "deploy" / "bootstrap.py"
    interpreter = project / ".venv" / "bin" / "python"
    interpreter.parent.mkdir(parents=True)
    interpreter.touch()
    lock = project / "deploy" / "requirements" / "dev.txt"
    stamp = project / ".venv" / "built-from"
    code = "import runpy, sys; print(runpy.run_path(sys.argv[1])['stamp_of'](sys.argv[2]), end='')"
    stamp.write_text(
        subprocess.check_output([sys.executable, "-c", code, script, lock], text=True, timeout=20)
    )
    no_building = "import venv; venv.create = lambda *a, **k: sys.exit('builds')"
    assert _run(project, change=no_building).returncode == 0

    match damage:
        case "lock":
            lock.write_text("# another\n")
        case "stamp":
            stamp.unlink()
        case "interpreter":
            interpreter.unlink()
    assert _run(project, change=no_building).stderr == "builds\n"


@pytest.mark.parametrize("version", ["(3, 10, 14, 'final', 0)", "(2, 7, 18, 'final', 0)"])
def test_an_old_python_gets_one_line(project: Path, version: str) -> None:
    result = _run(project, change=f"sys.version_info = {version}")

    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert "needs Python 3.11 or later" in result.stderr
    assert "PYTHON=" in result.stderr
    assert not (project / ".venv").exists()


@pytest.mark.parametrize("module", ["ensurepip", "venv"])
def test_a_missing_venv_module_gets_one_line(project: Path, module: str) -> None:
    result = _run(project, change=f"sys.modules[{module!r}] = None")

    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "apt install python3." in result.stderr
    assert not (project / ".venv").exists()


def test_a_venv_that_cannot_be_made_gets_one_line(project: Path) -> None:
    change = (
        "import venv\ndef full(*a, **k): raise OSError(28, 'No space left on device')\n"
        "venv.create = full\n"
    )
    result = _run(project, change=change)

    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "No space left on device" in result.stderr


def test_a_package_that_is_not_what_the_lock_says_is_refused(project: Path) -> None:
    lock = project / "deploy" / "requirements" / "dev.txt"
    lock.write_text(lock.read_text().rpartition(":")[0] + ":" + "0" * 64 + "\n")
    result = _run(project)

    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("the requirements could not be installed")
    assert not (project / ".venv" / "built-from").exists()


def test_any_python_3_can_read_the_script() -> None:
    ast.parse(BOOTSTRAP.read_text("utf-8"), feature_version=(3, 4))
    assert BOOTSTRAP.read_text("utf-8").isascii()
