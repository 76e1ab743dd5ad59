"""`ahdetect devices`: the machine in, a list of its cameras and microphones out; level and frame rate on request."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ahdetect.capture.clock import SessionClock
from ahdetect.capture.devices import (
    SILENCE_DBFS,
    CameraDevice,
    FrameRate,
    Level,
    cameras,
    measure,
    meter,
    microphones,
)
from ahdetect.capture.ledger import Ledger
from ahdetect.capture.portaudio import MicrophoneDevice
from ahdetect.capture.sources import open_audio, open_video
from ahdetect.errors import ConfigError, DeviceError

app = typer.Typer()

BAR = 40
"""Characters of the level bar, for 60 dB."""
FLOOR_DBFS = -60.0
LOUD_DBFS = -6.0
"""Above this a voice that grows louder will clip."""
QUIET_DBFS = -40.0
"""A voice whose peaks stay below this is hard to hear for any recogniser."""


@app.command()
def main(
    meter_s: Annotated[
        float | None, typer.Option("--meter", min=0.5, help="Show the level of the microphone for so many seconds.")
    ] = None,
    measure_s: Annotated[
        float | None, typer.Option("--measure", min=0.5, help="Measure the camera's frame rate for so many seconds.")
    ] = None,
    audio: Annotated[str, typer.Option(help="Which microphone to meter (default, a number, a name).")] = "default",
    video: Annotated[str, typer.Option(help="Which camera to measure (a number or a stream address).")] = "0",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")] = False,
) -> None:
    """List cameras and microphones; on request, show a level meter and measure a frame rate."""
    seen, (heard, notes) = cameras(), microphones()
    console = Console()
    told: dict[str, Any] = {
        "cameras": [asdict(c) for c in seen],
        "microphones": [asdict(m) for m in heard],
        "notes": notes,
    }
    if not as_json:
        _list(console, seen, heard, notes)
    if measure_s is not None:
        rate = _measure(video, measure_s)
        told["measured"] = asdict(rate)
        if not as_json:
            console.print(
                f"{video}: {rate.fps:.1f} frames a second over {rate.seconds:.1f} s ({rate.frames} frames, "
                f"{rate.width}x{rate.height}, longest gap {rate.longest_gap_ms:.0f} ms, {rate.driver})",
                highlight=False,
                markup=False,
            )
    if meter_s is not None:
        told["level"] = _meter(audio, meter_s, None if as_json else console)
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))


def _list(console: Console, seen: list[CameraDevice], heard: list[MicrophoneDevice], notes: list[str]) -> None:
    if seen:
        table = Table("--video", "camera", "device", title="Cameras", title_justify="left", box=None)
        for camera in seen:
            note = camera.path if camera.usable else f"{camera.path} (you may not open it: join the group video)"
            table.add_row(str(camera.index), Text(camera.name), note)
        console.print(table)
    if heard:
        table = Table(
            "--audio", "microphone", "rate", "channels", "", title="Microphones", title_justify="left", box=None
        )
        for device in heard:
            spec = f"{device.backend}:{device.index}"
            mark = "default" if device.default else ""
            table.add_row(spec, Text(device.name), f"{device.rate} Hz", str(device.channels), mark)
        console.print(table)
    for note in notes:
        console.print(Text(note))
    if not seen and not heard:
        console.print("No camera and no microphone was found; a stream address or a file works as well.")
    elif not seen:
        console.print("No camera was found; a stream address or a file works for --video as well.")
    elif not heard:
        console.print("No microphone was found; a file works for --audio as well, or choose --audio none.")


def _measure(video: str, seconds: float) -> FrameRate:
    clock, ledger = SessionClock(), Ledger()
    source = open_video(video, clock, ledger)
    if source is None:
        raise ConfigError("There is nothing to measure with --video none; name a camera or a stream.", value=video)
    return measure(source, clock, ledger, seconds)


def _meter(audio: str, seconds: float, console: Console | None) -> dict[str, Any]:
    clock, ledger = SessionClock(), Ledger()
    source = open_audio(audio, clock, ledger)
    if source is None:
        raise ConfigError("There is nothing to meter with --audio none; name a microphone.", value=audio)
    peak, clipped, blocks = SILENCE_DBFS, 0, 0
    show = Live(Text(""), console=console, transient=True, auto_refresh=False) if console else None
    if show:
        show.start()
    try:
        for now in meter(source, clock, ledger, seconds):
            peak, clipped, blocks = max(peak, now.peak_dbfs), clipped + now.clipped, blocks + 1
            if show:
                show.update(_bar(source.info.name, now, peak, clipped), refresh=True)
    finally:
        if show:
            show.stop()
    if not blocks:
        raise DeviceError(
            f"The microphone {source.info.name!r} opened but sent nothing in {seconds:g} s; check its connection.",
            value=audio,
            permanent=False,
        )
    if console:
        console.print(
            f"{source.info.name}: peak {peak:.0f} dBFS, {clipped} samples clipped. {_advice(peak, clipped)}",
            highlight=False,
            markup=False,
        )
    return {
        "device": source.info.name,
        "peak_dbfs": round(peak, 1),
        "clipped": clipped,
        "seconds": round(blocks * 0.04, 2),
    }


def _bar(name: str, now: Level, peak: float, clipped: int) -> Text:
    filled = round(BAR * (max(now.peak_dbfs, FLOOR_DBFS) - FLOOR_DBFS) / -FLOOR_DBFS)
    colour = "red" if now.clipped else "yellow" if now.peak_dbfs > LOUD_DBFS else "green"
    line = Text(f"{name} ")
    line.append("█" * filled, style=colour)
    line.append("░" * (BAR - filled), style="dim")
    line.append(f" {now.peak_dbfs:6.1f} dBFS, peak {peak:.1f}")
    if clipped:
        line.append(f", {clipped} clipped", style="red")
    return line


def _advice(peak: float, clipped: int) -> str:
    if clipped:
        return "Turn the microphone down: loud parts are cut off."
    if peak <= SILENCE_DBFS:
        return "Nothing was heard: is it muted?"
    if peak < QUIET_DBFS:
        return "Very quiet: turn it up or come nearer."
    return "Good."
