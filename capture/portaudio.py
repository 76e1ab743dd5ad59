"""Names of microphones flow in, open streams that bring interleaved int16 flow out, by sounddevice and by PyAudio."""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from ahdetect.capture.quiet import quiet_stderr
from ahdetect.errors import ConfigError, DeviceError

OnBlock: TypeAlias = Callable[[bytes, int, "float | None", bool], None]
"""Called on PortAudio's thread: interleaved int16, samples per channel, seconds since its first sample as the driver
tells (None: it does not), whether samples before it were lost."""

RATES = (48_000, 44_100, 16_000, 8_000)
"""Hz, tried after the device's own: what USB, built-in and telephone microphones offer."""


@dataclass(frozen=True, slots=True)
class MicrophoneDevice:
    """A microphone as its backend lists it.

    Attributes:
        backend: "sounddevice" or "pyaudio".
        index: number in that backend's list.
        name: as the driver calls it.
        rate: samples a second that it prefers.
        channels: at most.
        default: whether it is the system's default.
    """

    backend: str
    index: int
    name: str
    rate: int
    channels: int
    default: bool = False


class MicrophoneStream(Protocol):
    """An open microphone."""

    device: MicrophoneDevice
    rate: int
    channels: int

    @property
    def active(self) -> bool:
        """Whether callbacks may still come."""
        ...

    def close(self) -> None:
        """Stop the callbacks and let the device go."""
        ...


class MicrophoneBackend(Protocol):
    """A way to reach microphones."""

    name: str

    def devices(self) -> list[MicrophoneDevice]:
        """What is there."""
        ...

    def open(self, device: MicrophoneDevice, on_block: OnBlock) -> MicrophoneStream:
        """Open and start a device; raises DeviceError."""
        ...

    def rescan(self) -> None:
        """Look for devices anew: PortAudio freezes its list when it is loaded."""
        ...


def _missing(package: str, error: BaseException) -> ConfigError:
    hint = "install libportaudio2" if isinstance(error, OSError) else f"pip install {package} (needs portaudio19-dev)"
    return ConfigError(f"The audio backend {package} cannot be loaded ({error}); {hint}.", value=package)


def _settings(device: MicrophoneDevice) -> Iterator[tuple[int, int]]:
    """Rates and channel counts to try: mono at its own rate first; some devices only do what they are built for."""
    rates = dict.fromkeys((device.rate, *RATES))
    counts = dict.fromkeys(n for n in (1, 2, device.channels) if n <= device.channels)
    for rate in rates:
        for channels in counts:
            yield rate, channels


def _refused(device: MicrophoneDevice, reasons: list[str]) -> DeviceError:
    reason = reasons[0] if reasons else "no format fits"
    return DeviceError(
        f"The microphone {device.name!r} cannot be opened ({reason}); close other programs that use it or choose "
        "another one from `ahdetect devices`.",
        value=device.name,
        permanent=False,
    )


class SoundDeviceBackend:
    """Microphones by sounddevice."""

    name = "sounddevice"

    def __init__(self) -> None:
        try:
            with quiet_stderr():
                self._sd: Any = importlib.import_module("sounddevice")
        except (ImportError, OSError) as error:
            raise _missing("sounddevice", error) from error

    def devices(self) -> list[MicrophoneDevice]:
        """What is there."""
        with quiet_stderr():
            listed = self._sd.query_devices()
        default = self._sd.default.device[0]
        return [
            MicrophoneDevice(
                self.name, i, str(d["name"]), round(d["default_samplerate"]), d["max_input_channels"], i == default
            )
            for i, d in enumerate(listed)
            if d["max_input_channels"] > 0
        ]

    def open(self, device: MicrophoneDevice, on_block: OnBlock) -> MicrophoneStream:
        """Open and start a device."""

        def callback(data: Any, count: int, time: Any, status: Any) -> None:
            told = time.inputBufferAdcTime and time.currentTime
            on_block(
                bytes(data), count, time.currentTime - time.inputBufferAdcTime if told else None, status.input_overflow
            )

        reasons: list[str] = []
        with quiet_stderr():
            for rate, channels in _settings(device):
                try:
                    stream = self._sd.RawInputStream(
                        device=device.index,
                        samplerate=rate,
                        channels=channels,
                        dtype="int16",
                        latency="high",
                        callback=callback,
                    )
                    stream.start()
                except (self._sd.PortAudioError, ValueError) as error:
                    reasons.append(str(error.args[0] if error.args else error).split("[")[0].strip())
                    continue
                return _SoundDeviceStream(device, rate, channels, stream)
        raise _refused(device, reasons)

    def rescan(self) -> None:
        """Load PortAudio anew, unless a stream of ours is open: that would end it."""
        _reload_portaudio()


class _SoundDeviceStream:
    def __init__(self, device: MicrophoneDevice, rate: int, channels: int, stream: Any) -> None:
        self.device, self.rate, self.channels, self._stream = device, rate, channels, stream
        _in_use.add(self)

    @property
    def active(self) -> bool:
        return bool(self._stream.active)

    def close(self) -> None:
        _close_in_time(self, self._stream.abort, self._stream.close)


def _reload_portaudio() -> None:
    """Make the one PortAudio of the process look for devices anew, unless a stream is in use: that would end it."""
    sounddevice: Any = sys.modules.get("sounddevice")
    if sounddevice is None or _in_use:
        return
    with quiet_stderr(), suppress(sounddevice.PortAudioError):
        sounddevice._terminate()  # there is no public way
        sounddevice._initialize()


class PyAudioBackend:
    """Microphones by PyAudio. PortAudio is let go after each call, so that a device that returns can be seen."""

    name = "pyaudio"

    def __init__(self) -> None:
        try:
            with quiet_stderr():
                self._module: Any = importlib.import_module("pyaudio")
        except (ImportError, OSError) as error:
            raise _missing("PyAudio", error) from error

    def devices(self) -> list[MicrophoneDevice]:
        """What is there."""
        with quiet_stderr():
            pa = self._module.PyAudio()
        try:
            default = pa.get_default_input_device_info()["index"]
        except OSError:
            default = -1
        listed = [pa.get_device_info_by_index(i) for i in range(pa.get_device_count())]
        pa.terminate()
        return [
            MicrophoneDevice(
                self.name,
                int(d["index"]),
                str(d["name"]),
                round(d["defaultSampleRate"]),
                int(d["maxInputChannels"]),
                d["index"] == default,
            )
            for d in listed
            if d["maxInputChannels"] > 0
        ]

    def open(self, device: MicrophoneDevice, on_block: OnBlock) -> MicrophoneStream:
        """Open and start a device."""
        go_on = self._module.paContinue
        overflow = self._module.paInputOverflow

        def callback(data: bytes, count: int, time: dict[str, float], status: int) -> tuple[None, int]:
            told = time["input_buffer_adc_time"] and time["current_time"]
            age = time["current_time"] - time["input_buffer_adc_time"] if told else None
            on_block(data, count, age, bool(status & overflow))
            return None, go_on

        reasons: list[str] = []
        with quiet_stderr():
            pa = self._module.PyAudio()
            for rate, channels in _settings(device):
                try:
                    stream = pa.open(
                        rate=rate,
                        channels=channels,
                        format=self._module.paInt16,
                        input=True,
                        input_device_index=device.index,
                        frames_per_buffer=rate // 50,
                        stream_callback=callback,
                    )
                except (OSError, ValueError) as error:
                    reasons.append(str(error.args[-1] if error.args else error))
                    continue
                return _PyAudioStream(device, rate, channels, stream, pa)
            pa.terminate()
        raise _refused(device, reasons)

    def rescan(self) -> None:
        """PyAudio loads PortAudio for each call; but where sounddevice holds it too, that does not look anew."""
        _reload_portaudio()


class _PyAudioStream:
    def __init__(self, device: MicrophoneDevice, rate: int, channels: int, stream: Any, pa: Any) -> None:
        self.device, self.rate, self.channels, self._stream, self._pa = device, rate, channels, stream, pa
        _in_use.add(self)

    @property
    def active(self) -> bool:
        try:
            return bool(self._stream.is_active())
        except OSError:
            return False

    def close(self) -> None:
        _close_in_time(self, self._stream.close, self._pa.terminate)


_in_use: set[MicrophoneStream] = set()
"""Streams that PortAudio has not let go of: open ones, and closed ones whose driver has not answered yet. Ending
PortAudio while one of them is in its hands can hang the process."""


def _close_in_time(stream: MicrophoneStream, *calls: Callable[[], Any], seconds: float = 3.0) -> None:
    """Close a stream, but do not wait for ever: the driver of a device that was pulled out may never answer."""

    def close() -> None:
        for call in calls:
            with suppress(Exception):  # it is going away; whatever it says about that helps nobody
                call()
        _in_use.discard(stream)

    # No name of a stage: a driver that never answers keeps this thread, and nobody waits for it.
    thread = threading.Thread(target=close, name="close-microphone", daemon=True)
    thread.start()
    thread.join(seconds)


BACKENDS: dict[str, Callable[[], MicrophoneBackend]] = {
    "sounddevice": SoundDeviceBackend,
    "pyaudio": PyAudioBackend,
}
"""By the name that the user writes; the first is the default."""
