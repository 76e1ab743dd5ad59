"""Messages: text and bytes of a WebSocket flow in, checked messages flow out.

Text is JSON with a "type". Bytes are one picture or one chunk of sound behind a header of 20 bytes, little endian:

| bytes | type | what |
|---|---|---|
| 0 | u8 | 1: JPEG picture, 2: raw RGB picture, 3: sound, 16-bit PCM |
| 1 | u8 | channels of sound (interleaved), else 0 |
| 2-3 | u16 | 0 |
| 4-11 | i64 | session time, ns: when it was taken, or its first sample heard; -1: now |
| 12-15 | u32 | width in pixels, or samples a second |
| 16-19 | u32 | height in pixels, or 0 |
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ahdetect.capture.packets import Frame
from ahdetect.config import PromptKind
from ahdetect.errors import ConfigError
from ahdetect.rules import Rule, first_of

HEADER: Final = struct.Struct("<BBHqII")
NOW: Final = -1
LONGEST_TEXT: Final = 64 * 1024
"""Bytes of a text message, at most: a start with a record of consent and some rules has under 10 kB."""


LATEST_NS: Final = 1 << 62
"""A century and a half; no time of a session is later, and all fit into 64 bits."""


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Start(_Message):
    """The first message: what will be pushed, and what is to come back."""

    type: Literal["start"]
    video: bool = Field(default=True, description="pictures will be pushed")
    audio: bool = Field(default=True, description="sound will be pushed")
    live: bool = Field(default=True, description="false: nothing is dropped, pushing waits for room; settled rows only")
    prompt: PromptKind | None = Field(default=None, description="kind of prompt answered from the start")
    rows: Literal["settled", "provisional", "none"] = Field(
        default="settled", description="provisional: the first of each row"
    )
    events: bool = Field(default=True, description="also send prompts, markers, onsets and offsets of segments")
    words: bool = Field(default=False, description="also send what is said")
    rules: tuple[Rule, ...] = Field(default=(), max_length=100, description="triggers, beside those of the service")
    record: bool = Field(default=False, description="store the session, where the service may; needs a consent")
    consent: dict[str, Any] | None = Field(
        default=None, description="record of consent, as of `ahdetect session consent`"
    )


class Prompt(_Message):
    """A question has ended."""

    type: Literal["prompt"]
    kind: PromptKind | None = None
    text: str = Field(default="", max_length=2000)
    t_ns: int | None = Field(default=None, ge=0, le=LATEST_NS)


class Mark(_Message):
    """A marker."""

    type: Literal["mark"]
    note: str = Field(default="", max_length=2000)
    t_ns: int | None = Field(default=None, ge=0, le=LATEST_NS)


class Time(_Message):
    """What time is it in the session? `echo` comes back, to measure the way."""

    type: Literal["time"]
    echo: float | None = None


class End(_Message):
    """Nothing more will be pushed."""

    type: Literal["end"]


Text: TypeAlias = Start | Prompt | Mark | Time | End
_TEXT: Final[TypeAdapter[Text]] = TypeAdapter(Annotated[Text, Field(discriminator="type")])


def text_of(raw: str) -> Text:
    """A checked text message.

    Raises:
        ConfigError: it is none.
    """
    if len(raw) > LONGEST_TEXT:
        raise ConfigError(f"A text message has {LONGEST_TEXT} characters at most; this one has {len(raw)}.")
    try:
        return _TEXT.validate_json(raw)
    except ValidationError as error:
        raise ConfigError(f"No valid message: {first_of(error)} (docs/serve.md).") from error


class Media(IntEnum):
    """What a binary message holds."""

    JPEG = 1
    RGB = 2
    PCM = 3


@dataclass(frozen=True, slots=True)
class Picture:
    """A pushed picture.

    Attributes:
        t_ns: session time, None for now.
        frame: RGB, uint8, shape (height, width, 3).
    """

    t_ns: int | None
    frame: Frame


@dataclass(frozen=True, slots=True)
class Sound:
    """A pushed chunk of sound.

    Attributes:
        t_ns: session time of its first sample, None for: it ends now.
        pcm: int16, shape (n, channels).
        rate: samples a second.
    """

    t_ns: int | None
    pcm: NDArray[np.int16]
    rate: int


def media_of(raw: bytes, most_pixels: int) -> Picture | Sound:
    """A checked and decoded binary message.

    Args:
        raw: header and content.
        most_pixels: of a picture; also of a JPEG, which may be small and unfold.

    Raises:
        ConfigError: it is none.
    """
    if len(raw) <= HEADER.size:
        raise ConfigError(f"A binary message has a header of {HEADER.size} bytes and then its content.")
    kind, channels, zero, t_ns, a, b = HEADER.unpack_from(raw)
    at = None if t_ns == NOW else t_ns
    content = memoryview(raw)[HEADER.size :]
    if kind not in set(Media) or zero:
        raise ConfigError(f"A binary message of kind {kind} is not known; 1 is JPEG, 2 is RGB, 3 is sound.")
    if kind == Media.PCM:
        if not channels or len(content) % (2 * channels):
            raise ConfigError(f"{len(content)} bytes are no 16-bit sound with {channels} channels.")
        return Sound(at, np.frombuffer(content, np.dtype("<i2")).astype(np.int16).reshape(-1, channels), a)
    if kind == Media.RGB:
        if len(content) != a * b * 3 or not 0 < a * b <= most_pixels:
            raise ConfigError(f"{len(content)} bytes are no RGB picture of {a} x {b} px (at most {most_pixels} px).")
        return Picture(at, np.frombuffer(content, np.uint8).reshape(b, a, 3))
    width, height = jpeg_size(content)
    if not 0 < width * height <= most_pixels:
        raise ConfigError(f"A JPEG of {width} x {height} px is larger than the {most_pixels} px that are taken.")
    return Picture(at, _decoded(content))


def jpeg_size(content: memoryview) -> tuple[int, int]:
    """Width and height that a JPEG says it has, before anything is decoded (ITU T.81, B.2.2).

    Raises:
        ConfigError: it is no JPEG.
    """
    at = 2
    while bytes(content[:2]) == b"\xff\xd8" and at + 9 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", content, at + 5)
            return width, height
        at += 2 + struct.unpack_from(">H", content, at + 2)[0]
    raise ConfigError("A picture is no JPEG.")


def _decoded(content: memoryview) -> Frame:
    import cv2  # only for hosts that push JPEG

    try:
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error:
        picture = None
    if picture is None:
        raise ConfigError("A JPEG could not be decoded.")
    return np.asarray(picture, np.uint8)
