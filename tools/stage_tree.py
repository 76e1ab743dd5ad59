"""The working tree in, `build/tree/ahdetect` out: the package as it is installed, where import path and folder agree.

mypy and import-linter take a module's name from its folder, and ours differ (`capture/` is `ahdetect.capture`). The
mapping is read from pyproject.toml, so that there is one of it. Files are linked, not copied: an error names a line of
the staged file and an editor that opens it edits the real one.
"""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def stage(target: Path) -> Path:
    """Bring the tree up to date (in place: a checker may be reading it); returns the folder for the import path."""
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    wanted: dict[Path, str] = {}
    for package, folder in setuptools["package-dir"].items():
        for source in (ROOT / folder).rglob("*"):
            if source.suffix == ".py" or source.name == "py.typed":
                place = target / package.replace(".", "/") / source.relative_to(ROOT / folder)
                wanted[place] = os.path.relpath(source, place.parent)
    for place in target.rglob("*"):
        if not place.is_dir() and (not place.is_symlink() or str(place.readlink()) != wanted.get(place)):
            place.unlink()
    for place, link in wanted.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.is_symlink():
            place.symlink_to(link)
    missing = [name for name in setuptools["packages"] if not (target / name.replace(".", "/")).is_dir()]
    if missing:
        sys.exit(f"pyproject.toml names packages that are not there: {', '.join(missing)}")
    return target


if __name__ == "__main__":
    stage(ROOT / "build" / "tree")
