"""Provenance: settings and loaded models flow in; what a session file must say about how it was made flows out."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final

from ahdetect.assets.manifest import entry
from ahdetect.config import Settings
from ahdetect.models.effects import EFFECTS

if TYPE_CHECKING:
    from ahdetect.person import Person

LIBRARIES: Final = ("mediapipe", "faster-whisper", "ctranslate2", "onnxruntime", "opencv-python", "av", "numpy", "soxr")
"""Packages whose version may change a figure."""

NOTE: Final = (
    "Signs consistent with ambivalence/hesitancy, a model estimate, not a diagnosis. Words weigh by weights trained on "
    "labels of whole answers, face and voice by published effect sizes, body and discord by small assumed ones. "
    "It was not validated on BAH frame labels."
)
"""Stands in every session file and under every picture."""

NETWORK_NOTE: Final = (
    "Signs consistent with ambivalence/hesitancy, a model estimate, not a diagnosis. A fusion network joined the "
    "channels; it was trained on {source}. What each channel adds is approximate."
)
"""Stands there instead where the fusion network ran."""


PLUGIN_NOTE: Final = (
    "Signs consistent with ambivalence/hesitancy, a model estimate, not a diagnosis. The fuser of a plug-in ({name}) "
    "joined the channels; what it was trained or validated on, its maker knows."
)
"""Stands there instead where a plug-in's fuser ran."""


def _note(fuser: str, network: Any) -> str:
    if fuser.startswith("plugin:"):
        return PLUGIN_NOTE.format(name=fuser.removeprefix("plugin:"))
    return NOTE if network is None else NETWORK_NOTE.format(source=network.source)


def provenance(settings: Settings, models: Any, person: Person | None = None) -> dict[str, Any]:
    """Versions, settings, model hashes and the profile in use, JSON-ready; a clip and a recording say the same."""
    network = models.fusion if settings.fusion.fuser == "network" else None
    return {
        "versions": {name: _version(name) for name in ("ahdetect", *LIBRARIES)},
        "configuration": settings.model_dump(),
        "fuser": {
            "name": settings.fusion.fuser,
            "note": _note(settings.fusion.fuser, network),
            "effects": len(EFFECTS),
            "assumed": sum(e.assumed for e in EFFECTS),
        },
        "models": model_hashes(models),
        "profile": person.info() if person is not None else None,
    }


_ASSET_OF: Final = {"face": "face_landmarker", "body": "pose_landmarker_full", "speech": "whisper_tiny_en"}


def model_hashes(models: Any) -> dict[str, str]:
    """sha256 of each model file in use, from the manifest that it was verified against; a network's own is computed."""
    used = (entry(name) for attribute, name in _ASSET_OF.items() if getattr(models, attribute) is not None)
    found = {f"{e.name}/{f.name}" if e.directory else f.name: f.sha256 for e in used for f in e.files}
    return found if models.fusion is None else {**found, "fusion.onnx": models.fusion.sha256}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
