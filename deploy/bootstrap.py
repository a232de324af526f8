"""Build .venv from the locked requirements, once; the standard library is all it needs.

Usage: python deploy/bootstrap.py [requirements file]. A second run with the same interpreter and
the same lock returns at once. Every refusal is one line that says what to do.
"""

import hashlib
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
OLDEST = (3, 11)


def refuse(text):
    """Say `text` and end with exit code 1."""
    sys.stderr.write(text + "\n")
    sys.exit(1)


def stamp_of(requirements):
    """Return what `.venv` is built from: the interpreter, its version and the lock's digest."""
    with open(requirements, "rb") as lock:
        digest = hashlib.sha256(lock.read()).hexdigest()
    # Inside an activated .venv the interpreter is a link to the one that built it.
    interpreter = os.path.realpath(sys.executable)
    version = "%d.%d.%d" % sys.version_info[:3]
    return "%s %s %s" % (interpreter, version, digest)


def is_built(stamp_file, stamp):
    """Tell whether `.venv` stands whole, from the same interpreter and lock."""
    if not os.path.exists(stamp_file) or not os.path.exists(PYTHON):
        return False
    with open(stamp_file) as built:
        return built.read() == stamp


def main():
    """Build `.venv` where it is missing, half built or out of date."""
    name = sys.argv[1] if len(sys.argv) > 1 else "deploy/requirements/dev.txt"
    requirements = os.path.join(ROOT, name)
    if sys.version_info < OLDEST:
        refuse(
            "voicecore needs Python 3.11 or later and this is %d.%d: run make with "
            "PYTHON=/path/to/python3.11" % sys.version_info[:2]
        )
    try:
        import ensurepip  # noqa: F401
        import venv
    except ImportError:
        refuse(
            "this Python has no venv module: install it (Debian, Ubuntu: apt install "
            "python%d.%d-venv) or run make with another PYTHON=" % sys.version_info[:2]
        )
    stamp_file = os.path.join(VENV, "built-from")
    stamp = stamp_of(requirements)
    if is_built(stamp_file, stamp):
        return
    sys.stdout.write("building .venv with Python %d.%d (once)\n" % sys.version_info[:2])
    sys.stdout.flush()
    try:
        shutil.rmtree(VENV, ignore_errors=True)
        venv.create(VENV, with_pip=True, symlinks=os.name != "nt")
    except (OSError, subprocess.CalledProcessError) as error:
        refuse("%s could not be made: %s; mend that and run make again" % (VENV, error))
    install = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check"]
    install += ["--no-input", "--prefer-binary", "--require-hashes", "-r", requirements]
    if subprocess.call(install) != 0:
        refuse("the requirements could not be installed: see the lines above, then run make again")
    with open(stamp_file, "w") as built:
        built.write(stamp)


if __name__ == "__main__":
    main()
