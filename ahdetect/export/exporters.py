"""The one table of exporters: the material of an export and names of formats flow in; files (0600) flow out.

The command line, the app's menu and the documentation read `EXPORTERS`; a plug-in adds a row when it is first named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final

from ahdetect import plugins
from ahdetect.errors import ConfigError, StoreError
from ahdetect.export.material import Material
from ahdetect.export.tables import private_folder, whole_file

Writer = Callable[[Material, BinaryIO], None]
Files = dict[str, Writer]
"""What the name of a file ends with, after that of the session, and what writes it."""


class Holds(Enum):
    """What a file may hold of a person; each is dropped by an option or by what the session lacks."""

    ESTIMATES = "estimates and cues of one person over time"
    WORDS = "words as heard"
    NOTES = "initials and notes of annotators"
    LINKS = "names of media files"
    FACE = "the face"
    VOICE = "the voice"


@dataclass(frozen=True, slots=True)
class Exporter:
    """One row of the table.

    Attributes:
        what: one line, for a menu.
        extension: of its main file, with the point.
        files: which files it writes for a material.
        holds: what of the person is in them.
        needs: checks that what it needs is installed; raises `ConfigError`.
    """

    what: str
    extension: str
    files: Callable[[Material], Files]
    holds: tuple[Holds, ...]
    needs: Callable[[], Any] | None = None


def _from(module: str, function: str) -> Writer:
    """A writer whose libraries are loaded when it is called."""

    def write(material: Material, file: BinaryIO) -> None:
        from importlib import import_module

        getattr(import_module(f"ahdetect.export.{module}"), function)(material, file)

    return write


def _one(extension: str, module: str, function: str, **others: str) -> Callable[[Material], Files]:
    """One file, and `others`: further functions of the module by what their files end with (`_` for `.`)."""
    files = {extension: _from(module, function)}
    files |= {f".{end.replace('_', '.')}": _from(module, name) for end, name in others.items()}
    return lambda _: files


def _nova(material: Material) -> Files:
    from ahdetect.export.nova import ANNOTATION, annotations_of

    files: Files = {}
    for key, annotation in annotations_of(material).items():
        files[f".{key}{ANNOTATION}"] = partial(_header, annotation)
        files[f".{key}{ANNOTATION}~"] = partial(_data, annotation)
    return files


def _header(annotation: Any, _material: Material, file: BinaryIO) -> None:
    annotation.write_header(file)


def _data(annotation: Any, _material: Material, file: BinaryIO) -> None:
    annotation.write_data(file)


def _weasyprint() -> None:
    from ahdetect.export.report import load_weasyprint

    load_weasyprint()


_ALL_TEXT: Final = (Holds.ESTIMATES, Holds.WORDS, Holds.NOTES)
_CODEBOOK: Final = {"frames_codebook_csv": "write_codebook"}

EXPORTERS: Final[dict[str, Exporter]] = {
    "parquet": Exporter(
        "a row per frame, every column with meaning and unit, and a codebook (Parquet)",
        ".frames.parquet",
        _one(".frames.parquet", "frames", "write_parquet", **_CODEBOOK),
        (Holds.ESTIMATES,),
    ),
    "csv": Exporter(
        "a row per frame, the segments, and a codebook (CSV)",
        ".frames.csv",
        _one(".frames.csv", "frames", "write_csv", segments_csv="write_segments", **_CODEBOOK),
        (Holds.ESTIMATES, Holds.WORDS),
    ),
    "eaf": Exporter(
        "tiers of segments, words, cues, events and human corrections (ELAN)",
        ".eaf",
        _one(".eaf", "elan", "write_eaf"),
        (*_ALL_TEXT, Holds.LINKS),
    ),
    "nova": Exporter(
        "discrete, continuous and free annotations with confidence (NOVA, SSI)",
        ".ah.annotation",
        _nova,
        _ALL_TEXT,
    ),
    "textgrid": Exporter(
        "the same tiers as ELAN's (Praat)", ".TextGrid", _one(".TextGrid", "praat", "write_textgrid"), _ALL_TEXT
    ),
    "vtt": Exporter(
        "words as captions, each word with its time (WebVTT)",
        ".vtt",
        _one(".vtt", "captions", "write_vtt"),
        (Holds.WORDS,),
    ),
    "srt": Exporter("words as captions (SubRip)", ".srt", _one(".srt", "captions", "write_srt"), (Holds.WORDS,)),
    "xdf": Exporter(
        "estimate, channels, cues, words and markers as streams (XDF, LSL)",
        ".xdf",
        _one(".xdf", "xdf", "write_xdf"),
        _ALL_TEXT,
    ),
    "report-html": Exporter(
        "report to read or print (HTML)",
        ".report.html",
        _one(".report.html", "report", "write_html"),
        (*_ALL_TEXT, Holds.LINKS),
    ),
    "report-pdf": Exporter(
        "report to read or print (PDF, A4)",
        ".report.pdf",
        _one(".report.pdf", "report", "write_pdf"),
        (*_ALL_TEXT, Holds.LINKS),
        needs=_weasyprint,
    ),
    "mp4": Exporter(
        "pictures and sound in session time (H.264, AAC)",
        ".mp4",
        _one(".mp4", "film", "write_mp4"),
        (Holds.FACE, Holds.VOICE),
    ),
    "mkv": Exporter(
        "pictures and sound in session time (H.264, FLAC)",
        ".mkv",
        _one(".mkv", "film", "write_mkv"),
        (Holds.FACE, Holds.VOICE),
    ),
}
"""By the name that the command line takes."""


def films(names: Iterable[str]) -> list[str]:
    """Those of the formats that are pictures and sound themselves."""
    return [name for name in names if Holds.FACE in EXPORTERS[name].holds]


def chosen(names: Iterable[str]) -> list[str]:
    """Names of formats, each once, in the order of the table.

    Raises:
        ConfigError: none, or one that is not in the table.
    """
    wanted = [name.strip().lower() for name in names if name.strip()]
    for name in wanted:
        _plug_in(name)
    unknown = [name for name in wanted if name not in EXPORTERS]
    if unknown or not wanted:
        said = f"{unknown[0]!r} is no format to export to" if unknown else "No format was named"
        raise ConfigError(f"{said}; choose from {', '.join([*EXPORTERS, *_further()])}.", value=unknown or None)
    return [name for name in EXPORTERS if name in wanted]


def _further() -> list[str]:
    return [name for name in plugins.names("exporters") if name not in EXPORTERS]


def _plug_in(name: str) -> None:
    """Add a plug-in's exporter to the table, the first time that it is named.

    Raises:
        ConfigError: it cannot be loaded, or is no exporter.
    """
    if name in EXPORTERS or name not in plugins.names("exporters"):
        return
    found = plugins.load("exporters", name)
    if not isinstance(found, Exporter):
        raise ConfigError(f"The plug-in {name!r} names no exporter but a {type(found).__name__}.", value=name)
    EXPORTERS[name] = found


def held(material: Material, names: Iterable[str]) -> list[str]:
    """What of the person is in these formats of `material`, in words; what was left out is not named."""
    options = material.options
    found = {what for name in names for what in EXPORTERS[name].holds}
    pictures = options.stills and material.film is not None and material.film.video is not None
    if pictures and {"report-html", "report-pdf"} & set(names):
        found.add(Holds.FACE)
    absent = {
        Holds.WORDS: not (options.words and material.timeline.words),
        Holds.NOTES: not (material.human or any(e.get("note") for e in material.events)),
        Holds.LINKS: not _names_files(material),
        Holds.FACE: material.film is None or material.film.video is None,
        Holds.VOICE: material.film is None or material.film.audio is None,
    }
    said = {
        Holds.WORDS: "words as heard, names masked by a guess" if options.mask_names else Holds.WORDS.value,
        Holds.FACE: "the body and a blurred face" if options.blur_face else Holds.FACE.value,
    }
    return [said.get(what, what.value) for what in Holds if what in found and not absent.get(what)]


def _names_files(material: Material) -> bool:
    film, source = material.film, material.info.get("source")
    linked = (
        film is not None
        and not material.options.mask_names
        and any(isinstance(media, str | Path) for media in (film.video, film.audio))
    )
    return linked or (isinstance(source, Mapping) and bool(source.get("name")))


def export(material: Material, names: Iterable[str], folder: Path) -> list[Path]:
    """Write `material` in each format into `folder`; all files, or none where one of them fails.

    Args:
        material: what may leave, and no more.
        names: of formats, as in `EXPORTERS`.
        folder: made where it is missing; nothing in it is overwritten.

    Returns:
        The files, in order.

    Raises:
        ConfigError: a format is unknown, not installed, or would hold nothing with these options.
        StoreError: a file is there already, or cannot be written.
        MediaError: a film is wanted and the pictures or the sound cannot be read.
    """
    wanted = chosen(names)
    for name in wanted:
        _check(material, name)
    files: Files = {}
    for name in wanted:
        for end, write in EXPORTERS[name].files(material).items():
            files.setdefault(end, write)
    paths = {folder / f"{material.name}{end}": write for end, write in files.items()}
    _refuse_there(paths)
    written: list[Path] = []
    try:
        private_folder(folder)
        for path, write in paths.items():
            with whole_file(path) as file:
                write(material, file)
            written.append(path)
    except BaseException as error:
        for path in written:
            with suppress(OSError):
                path.unlink()
        if isinstance(error, OSError):
            raise StoreError(
                f"Cannot write to {folder}: {error.strerror or error}; free some space or choose another --out folder.",
                value=folder,
            ) from error
        raise
    return written


def _check(material: Material, name: str) -> None:
    exporter = EXPORTERS[name]
    if exporter.needs is not None:
        exporter.needs()
    if exporter.holds == (Holds.WORDS,) and not material.options.words:
        raise ConfigError(f"{name} holds nothing but words, which --no-words leaves out; drop one of them.", value=name)
    if films([name]) and not material.options.media:
        raise ConfigError(f"{name} is pictures and sound, which --no-media leaves out; drop one of them.", value=name)
    if films([name]) and material.film is None:
        raise ConfigError(f"{material.name} holds no pictures and no sound, so there is no {name} of it.", value=name)


def _refuse_there(paths: Mapping[Path, Writer]) -> None:
    there = [path.name for path in paths if path.exists()]
    if there:
        raise StoreError(
            f"{', '.join(there[:3])}{' ...' if len(there) > 3 else ''} stands there already, and an export never "
            "overwrites; choose another --out folder.",
            value=there,
        )
