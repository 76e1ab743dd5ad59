"""Languages: Qt Linguist files (`gui/translations/*.ts`) flow in, translated strings of the app flow out.

The `.ts` files are read as they are: a step that compiles them (`lrelease`) is not in PyQt6, and reading takes a few
milliseconds. `tools/gui_translations.py` extracts the strings and says what is not translated.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Final

from PyQt6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QTranslator

FOLDER: Final = Path(__file__).parent / "translations"
LANGUAGES: Final = {"en": "English", "fr": "Français"}
"""Code and name in the language itself."""

Messages = dict[tuple[str, str, str], list[str]]
"""(context, source, comment) to the forms of its translation: one, or singular and plural."""


def read_ts(path: Path) -> Messages:
    """Finished translations of a Qt Linguist file.

    Args:
        path: a `.ts` file, version 2.

    Returns:
        Only messages that are translated.
    """
    found: Messages = {}
    for context in ET.parse(path).getroot().iter("context"):
        name = context.findtext("name") or ""
        for message in context.iter("message"):
            node = message.find("translation")
            if node is None or node.get("type") in ("unfinished", "obsolete", "vanished"):
                continue
            forms = [form.text or "" for form in node.iter("numerusform")] or [node.text or ""]
            if all(forms):
                found[name, message.findtext("source") or "", message.findtext("comment") or ""] = forms
    return found


class TsTranslator(QTranslator):
    """Translates from a `.ts` file, without a compiled `.qm`.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._messages = read_ts(path)

    def isEmpty(self) -> bool:  # noqa: N802  Qt's name
        """Whether there is nothing to translate with."""
        return not self._messages

    def translate(  # type: ignore[override]  # None lets Qt go on to the next translator
        self, context: str | None, source: str | None, comment: str | None = None, n: int = -1
    ) -> str | None:
        """The string in the other language, None where it is not known."""
        forms = self._messages.get((context or "", source or "", comment or ""))
        if forms is None:
            return None
        return forms[0] if n < 0 or len(forms) == 1 or n in (0, 1) else forms[1]  # French: 0 is singular too


def install(app: QCoreApplication, code: str = "") -> list[QTranslator]:
    """Let the app speak a language.

    Args:
        app: the application, before its first widget.
        code: one of `LANGUAGES`; "" takes the desktop's, where there is a translation, else English.

    Returns:
        The translators in force; the caller keeps them alive.
    """
    QLocale.setDefault(QLocale(QLocale.Language.English))  # numbers as in the files: 0.55, in every language
    locale = QLocale(code) if code else QLocale.system()
    code = locale.name().split("_")[0]
    if code not in LANGUAGES or code == "en":
        return []
    made: list[QTranslator] = []
    base = QTranslator()  # Qt's own: buttons of dialogs
    if base.load(f"qtbase_{code}", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
        made.append(base)
    made.append(TsTranslator(FOLDER / f"ahdetect_{code}.ts"))
    for translator in made:
        app.installTranslator(translator)
    return made
