"""Settings: a TOML file or keyword arguments flow in, validated models flow out; a typo is one clear sentence."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ahdetect.errors import ConfigError

PromptKind = Literal["neutral", "positive", "negative", "ambivalent", "willing", "resistant", "hesitant"]
"""The seven kinds of prompt of BAH."""


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CameraSettings(_Settings):
    """What to ask of a camera; what it gives stands in the session file."""

    width: int = Field(default=640, ge=16, le=7680)
    height: int = Field(default=480, ge=16, le=4320)
    fps: float = Field(default=30.0, gt=0, le=240)


class ChannelSettings(_Settings):
    """Which channels to compute."""

    face: bool = True
    body: bool = True
    voice: bool = True
    words: bool = True
    body_every: int | None = Field(
        default=None,
        ge=1,
        le=30,
        description="body landmarks on every n-th frame; by default 3 live and 8 in an analysis",
    )


class SpeechSettings(_Settings):
    """Transcription."""

    weights: Literal["whisper_tiny_en"] = "whisper_tiny_en"
    threads: int = Field(default=1, ge=1, le=16)


class FusionSettings(_Settings):
    """The fuser and its prior."""

    fuser: str = Field(default="evidence", pattern=r"^(evidence|network|plugin:[\w.-]+)$", description="or plugin:NAME")
    network: str | None = Field(
        default=None, description="the fusion.onnx of `ahdetect train fusion`; for fuser = network"
    )
    prompt_kind: PromptKind | None = Field(
        default=None, description="kind of prompt answered from the start; None: blind"
    )
    prevalence: float = Field(
        default=0.18, gt=0.0, lt=1.0, description="share of time in A/H, prompt-blind (BAH v1: .184)"
    )
    segment_s: float = Field(default=4.25, gt=0.1, le=60, description="mean length of an A/H segment (BAH)")
    personal: bool = Field(default=True, description="measure cues against the person's own running mean")
    adapt: bool = Field(default=True, description="where a profile is in use, go on adapting to the person")

    @model_validator(mode="after")
    def _has_network(self) -> FusionSettings:
        if self.fuser == "network" and not self.network:
            raise ValueError('fuser = "network" needs network = "path of a fusion.onnx"')
        return self


class PluginSettings(_Settings):
    """What of other packages takes part; nothing does because it is installed."""

    cue_extractors: tuple[str, ...] = Field(default=(), description="names of plug-ins that measure pictures or sound")


class Settings(_Settings):
    """Everything that may be configured of a session; stored with it."""

    camera: CameraSettings = CameraSettings()
    channels: ChannelSettings = ChannelSettings()
    speech: SpeechSettings = SpeechSettings()
    fusion: FusionSettings = FusionSettings()
    plugins: PluginSettings = PluginSettings()

    def with_prompt(self, kind: str | None) -> Settings:
        """The same settings for a session whose kind of prompt is known."""
        if kind is None:
            return self
        if kind not in get_args(PromptKind):
            raise ConfigError(
                f"{kind!r} is no kind of prompt; choose one of {', '.join(get_args(PromptKind))}.", value=kind
            )
        return validated(
            {**self.model_dump(), "fusion": {**self.fusion.model_dump(), "prompt_kind": kind}}, "kind of prompt"
        )


def validated(values: dict[str, object], where: str) -> Settings:
    """Settings from plain values.

    Raises:
        ConfigError: names `where`, the key and what is allowed.
    """
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            what = f"is not a setting; there are {', '.join(_keys(first['loc'][:-1]))}"
        elif first["type"] == "model_type":
            what = f"is a table; write [{key}]"
        else:
            what = f"= {first['input']!r}: {first['msg']}"
        raise ConfigError(f"{where}: {key} {what} (docs/settings.md).", value=key) from error


def _keys(path: tuple[int | str, ...]) -> list[str]:
    """The settings there are under `path`."""
    model: Any = Settings
    for part in path:
        model = model.model_fields[part].annotation
    return list(model.model_fields)


def load_settings(path: Path) -> Settings:
    """Settings from a TOML file.

    Raises:
        ConfigError: the file is missing, is no TOML, or holds a key or value that is not allowed.
    """
    try:
        return validated(tomllib.loads(path.read_text(encoding="utf-8")), str(path))
    except OSError as error:
        raise ConfigError(
            f"Cannot read the settings file {path}: {error.strerror}; check its name.", value=path
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.", value=path) from error
