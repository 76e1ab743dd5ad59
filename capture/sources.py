"""What a user wrote for `--video` and `--audio` flows in, opened sources flow out.

| video | audio | opens |
|---|---|---|
| `0`, `1`, ... | `0`, `1`, ... | the device of that number in `ahdetect devices` |
| `/dev/video2` | `default` | a device by its path; the system's default microphone |
| `http://...`, `rtsp://...` | `pulse`, `Headset` | a stream address; a microphone whose name contains the text |
| | `sounddevice:NAME`, `pyaudio:NAME` | the same by a chosen backend |
| a file | a file | a clip, handed out in real time; the same file for both is opened once |
| `push`, `push:NAME` | `push`, `push:NAME` | what the program gives by `Session.push_video` and `push_audio` |
| `none` | `none` | nothing |
"""

from __future__ import annotations

from pathlib import Path

from ahdetect.capture.clock import Clock, ReplayClock
from ahdetect.capture.ledger import Ledger
from ahdetect.capture.replay import Replay
from ahdetect.capture.source import Source
from ahdetect.errors import ConfigError, MediaError

_BACKENDS = ("sounddevice", "pyaudio")


def open_video(
    spec: str, clock: Clock, ledger: Ledger, *, size: tuple[int, int] | None = None, fps: float | None = None
) -> Source | None:
    """Open what `spec` names; None for "none".

    Args:
        spec: see the table of this module.
        clock: stamps the packets; a clip runs in real time unless it is a `ReplayClock`.
        ledger: receives losses.
        size: width and height to ask a camera for, in pixels.
        fps: frames a second to ask a camera for.

    Raises:
        DeviceError: the camera or stream cannot be opened.
        MediaError: the clip cannot be read, or has no picture.
    """
    if spec == "none":
        return None
    if (name := _pushed(spec)) is not None:
        from ahdetect.capture.push import PushedPictures

        return PushedPictures(clock, ledger, device=name or "pushed video", fps=fps or 30.0)
    if spec.isdecimal() or "://" in spec or spec.startswith("/dev/"):
        from ahdetect.capture.camera import Camera  # loads OpenCV, which a replay does not need

        return Camera(int(spec) if spec.isdecimal() else spec, clock, ledger, size=size, fps=fps)
    replay = _replay(spec, clock, ledger)
    if not replay.info.has_video:
        raise MediaError(f"{spec} has sound but no picture; name a video, a camera or none for --video.", value=spec)
    return replay


def open_audio(spec: str, clock: Clock, ledger: Ledger) -> Source | None:
    """Open what `spec` names; None for "none".

    Args:
        spec: see the table of this module.
        clock: stamps the packets; a clip runs in real time unless it is a `ReplayClock`.
        ledger: receives losses.

    Raises:
        DeviceError: the microphone cannot be opened.
        MediaError: the clip cannot be read, or has no sound.
        ConfigError: the backend is not installed.
    """
    if spec == "none":
        return None
    if (name := _pushed(spec)) is not None:
        from ahdetect.capture.push import PushedSound

        return PushedSound(clock, ledger, device=name or "pushed sound")
    if _is_file(spec):
        replay = _replay(spec, clock, ledger)
        if not replay.info.has_audio:
            raise MediaError(f"{spec} has a picture but no sound; name a microphone or none for --audio.", value=spec)
        return replay
    from ahdetect.capture.microphone import open_microphone  # loads PortAudio

    backend, _, name = spec.partition(":")
    if backend in _BACKENDS:
        return open_microphone(name or "default", clock, ledger, backend=backend)
    return open_microphone(spec, clock, ledger)


def open_sources(
    video: str,
    audio: str,
    clock: Clock,
    ledger: Ledger,
    *,
    size: tuple[int, int] | None = None,
    fps: float | None = None,
) -> tuple[Source | None, Source | None]:
    """Open both; the same clip for both is one source, given twice, so that its picture and sound stay together.

    Raises:
        ConfigError: both are "none".
        AhdetectError: as `open_video` and `open_audio`.
    """
    if video == audio == "none":
        raise ConfigError("Neither video nor audio was chosen; give at least one of --video and --audio.")
    first = open_video(video, clock, ledger, size=size, fps=fps)
    if first is not None and isinstance(first, Replay) and video == audio and first.info.has_audio:
        return first, first
    try:
        return first, open_audio(audio, clock, ledger)
    except BaseException:
        if first is not None:
            first.finish()
        raise


def _pushed(spec: str) -> str | None:
    """The name that the host gives its device, "" without one; None where `spec` is no push."""
    kind, _, name = spec.partition(":")
    return name if kind == "push" else None


def _is_file(spec: str) -> bool:
    return Path(spec).exists() or "/" in spec


def _replay(spec: str, clock: Clock, ledger: Ledger) -> Replay:
    return Replay(spec, clock, ledger, realtime=not isinstance(clock, ReplayClock))
