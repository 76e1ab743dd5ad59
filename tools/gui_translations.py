"""The sources of the desktop app in, `gui/translations/ahdetect_*.ts` out, brought up to date for Qt Linguist.

    python tools/gui_translations.py            extract the strings, keep what is translated, list what is not
    python tools/gui_translations.py --check    change nothing; exit 1 where a string is new, gone or not translated

Translate with Qt Linguist, or by hand: fill in `<translation>` and remove `type="unfinished"`. The app reads the `.ts`
file itself. Line numbers are left out of the files, so that a change of the code does not change them.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

from PyQt6.lupdate.lupdate import lupdate

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "gui" / "translations"
CODES = ("fr",)

Message = tuple[str, str, str]


def extract(path: Path) -> None:
    """Bring one `.ts` file up to date; strings that are gone are taken out."""
    sources = [str(p) for p in sorted((ROOT / "gui").rglob("*.py"))]
    lupdate(sources, [str(path)], no_obsolete=True, no_summary=True)
    tree = ET.parse(path)
    for message in tree.getroot().iter("message"):
        for location in message.findall("location"):
            message.remove(location)
    ET.indent(tree, "  ")
    body = ET.tostring(tree.getroot(), encoding="unicode")
    path.write_text(f'<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n{body}\n', encoding="utf-8")


def messages(path: Path) -> dict[Message, bool]:
    """Every message of a `.ts` file, and whether it is translated."""
    found: dict[Message, bool] = {}
    for context in ET.parse(path).getroot().iter("context"):
        for message in context.iter("message"):
            key = context.findtext("name") or "", message.findtext("source") or "", message.findtext("comment") or ""
            node = message.find("translation")
            done = node is not None and node.get("type") is None and bool("".join(node.itertext()).strip())
            found[key] = done
    return found


def look(path: Path) -> list[str]:
    """What is wrong with a `.ts` file, in lines."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / path.name
        shutil.copy(path, fresh)
        extract(fresh)
        now, was = messages(fresh), messages(path)
    return [
        *(f"new: {c}: {s}" for c, s, _ in now.keys() - was.keys()),
        *(f"gone: {c}: {s}" for c, s, _ in was.keys() - now.keys()),
        *(f"not translated: {c}: {s}" for (c, s, _), done in was.items() if not done and (c, s, _) in now),
    ]


def main() -> int:
    """Returns 1 where `--check` found something."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 where something is to be done")
    check = parser.parse_args().check
    wrong = []
    for code in CODES:
        path = FOLDER / f"ahdetect_{code}.ts"
        if not check:
            FOLDER.mkdir(exist_ok=True)
            if not path.exists():
                path.write_text(f'<!DOCTYPE TS><TS version="2.1" language="{code}"></TS>\n', encoding="utf-8")
            extract(path)
        wrong += [f"{path.name}: {line}" for line in look(path)]
    print("\n".join(wrong) if wrong else "Every string is translated.")
    return int(check and bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
