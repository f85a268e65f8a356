"""The package as somebody gets it: a wheel built from the source distribution, in an environment of its own."""

from __future__ import annotations

import os
import site
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("loaders", "graph", "training", "queries")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the sdist, with the build tools that are installed (nothing is downloaded)."""
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(out.glob("*.whl"))


def expected_files() -> set[str]:
    """Everything that Git knows of the package, by its name inside it."""
    listed = subprocess.run(
        ["git", "ls-files", *FOLDERS, "src/graphfeed"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    files = {name for name in listed.stdout.splitlines() if (ROOT / name).is_file()}
    return {f"graphfeed/{name.removeprefix('src/graphfeed/')}" for name in files}


def test_the_wheel_has_every_file(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    expected = expected_files()
    assert len(expected) > 60
    assert expected <= names
    assert "graphfeed/py.typed" in names
    assert not [n for n in names if n.split("/")[0] not in ("graphfeed",) and ".dist-info" not in n]


def test_the_source_distribution_has_the_tests_and_the_makefile(wheel: Path) -> None:
    with tarfile.open(next(wheel.parent.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"Makefile", "pyproject.toml", "README.md", "tests/test_package.py", "src/graphfeed/cli.py"} <= names


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment with the wheel; what it depends on comes from the one that runs the tests."""
    home = tmp_path_factory.mktemp("venv") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    python = home / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True)
    packages = next(home.glob("lib/python*/site-packages"))
    # Read as a plain path, so that this environment's .pth files, and with them the editable install, are not followed.
    (packages / "dependencies.pth").write_text("\n".join(site.getsitepackages()) + "\n", encoding="utf-8")
    return home / "bin"


def run_in(folder: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("GRAPHFEED_", "PYTHON"))}
    return subprocess.run(
        list(map(str, command)), cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_it_is_the_wheel_that_runs(installed: Path, tmp_path: Path) -> None:
    where = run_in(tmp_path, installed / "python", "-c", "import graphfeed.loaders; print(graphfeed.loaders.__file__)")
    assert Path(where.stdout.strip()).is_relative_to(installed.parent), where.stderr
    assert "Usage: graphfeed" in run_in(tmp_path, installed / "graphfeed", "--help").stdout


@pytest.mark.timeout(900)
def test_the_demo_runs_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    done = run_in(tmp_path, installed / "graphfeed", "demo", "--store", tmp_path / "feed")
    assert done.returncode == 0, done.stderr
    for sentence in (
        "This is a sample",
        "best reachable (planted)",
        "linear",
        "What to type next",
        "graphfeed explain",
    ):
        assert sentence in done.stdout
    ranks = [line.split()[0] for line in done.stdout.splitlines() if line[:3].strip().isdigit() and line[3:5] == "  "]
    assert ranks == [str(n) for n in range(1, 11)]
