"""The package as a guest: light to import, and at home beside a host that uses the same short names."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
HEAVY = ("torch", "mediapipe", "PyQt6", "pyqtgraph", "cv2", "av", "faster_whisper", "onnxruntime", "matplotlib")


def python(code: str, cwd: Path | None = None) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=cwd, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_ahdetect_loads_nothing_heavy() -> None:
    code = f"import sys, ahdetect; print([name for name in {HEAVY!r} if name in sys.modules])"
    assert python(code) == "[]"


@pytest.mark.parametrize("name", ["ahdetect.capture", "ahdetect.models", "ahdetect.assets", "ahdetect.gui"])
def test_importing_a_floor_does_not_load_the_engine(name: str) -> None:
    engine = ("ahdetect.engine", "ahdetect.session", "ahdetect.analysis", "ahdetect.timeline")
    code = f"import sys, {name}; print([n for n in {engine!r} if n in sys.modules])"
    assert python(code) == "[]"


def test_every_public_name_of_the_facade_can_be_had() -> None:
    python("import ahdetect\nassert ahdetect.__all__\nfor name in ahdetect.__all__: getattr(ahdetect, name)")


def test_a_host_with_modules_of_the_same_names_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text("WHOSE = 'the host'\n")
    (tmp_path / "capture.py").write_text("WHOSE = 'the host'\n")
    (tmp_path / "gui").mkdir()
    (tmp_path / "gui" / "__init__.py").write_text("WHOSE = 'the host'\n")
    (tmp_path / "assets").mkdir()
    code = (
        "import models, gui, capture\n"
        "import ahdetect.models.cues, ahdetect.capture.packets, ahdetect.gui\n"
        "assert models.WHOSE == gui.WHOSE == capture.WHOSE == 'the host'\n"
        "assert ahdetect.models is not models and ahdetect.gui is not gui\n"
        "import models as again\n"
        "assert again.WHOSE == 'the host'"
    )
    python(code, cwd=tmp_path)


def test_the_installed_package_puts_one_name_on_the_import_path(tmp_path: Path) -> None:
    """A wheel built from the tree, not the editable install of the developers."""
    source = tmp_path / "source"
    keep = [*PYPROJECT["tool"]["setuptools"]["package-dir"].values(), "pyproject.toml", "README.md", "LICENSE"]
    source.mkdir()
    for name in keep:
        place = ROOT / name
        copy = shutil.copytree if place.is_dir() else shutil.copy
        copy(place, source / name)
    build = "from setuptools import setup; setup()"
    command = [sys.executable, "-c", build, "-q", "install_lib", "-d", str(tmp_path / "lib"), "--no-compile"]
    subprocess.run(command, cwd=source, check=True, capture_output=True)

    assert [path.name for path in (tmp_path / "lib").iterdir()] == ["ahdetect"]
    installed = {path.relative_to(tmp_path / "lib").as_posix() for path in (tmp_path / "lib").rglob("*.py")}
    staged = {
        f"{package.replace('.', '/')}/{path.relative_to(ROOT / folder).as_posix()}"
        for package, folder in PYPROJECT["tool"]["setuptools"]["package-dir"].items()
        for path in (ROOT / folder).rglob("*.py")
    }
    assert installed == staged  # no package was forgotten in pyproject.toml
    assert (tmp_path / "lib" / "ahdetect" / "assets" / "manifest.toml").is_file()
    assert (tmp_path / "lib" / "ahdetect" / "assets" / "consent" / "1.en.md").is_file()
    assert (tmp_path / "lib" / "ahdetect" / "py.typed").is_file()


def test_constraints_pin_every_package_that_is_asked_for() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {canonicalize_name(line.split("==")[0]) for line in lines if "==" in line}
    project = PYPROJECT["project"]
    groups = (project["dependencies"], *project["optional-dependencies"].values())
    wished = {canonicalize_name(Requirement(wish).name) for group in groups for wish in group}
    assert wished - {"ahdetect"} <= pinned


@pytest.mark.parametrize("python_version", ["3.11.0", "3.12.3", "3.13.5"])
def test_every_pinned_package_that_is_installed_accepts_every_supported_python(python_version: str) -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    refused = []
    for name in (line.split("==")[0] for line in lines if "==" in line):
        with suppress(PackageNotFoundError):
            wish = metadata(name).get("Requires-Python", "")
            if not SpecifierSet(wish).contains(python_version):
                refused.append(f"{name}: {wish}")
    assert not refused
