"""Devices: what is plugged in is listed, levels and frame rates are measured, and nothing at all is no error."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from media import grey, tone, write_clip
from typer.testing import CliRunner

import ahdetect.capture.devices as devices
import ahdetect.commands.devices as command
from ahdetect.capture.clock import ManualClock
from ahdetect.capture.devices import SILENCE_DBFS, CameraDevice, level, meter
from ahdetect.capture.ledger import Ledger
from ahdetect.capture.portaudio import MicrophoneDevice
from ahdetect.capture.replay import Replay
from ahdetect.errors import ConfigError, DeviceError


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without any device."""
    monkeypatch.setattr(command, "cameras", lambda: [])
    monkeypatch.setattr(command, "microphones", lambda: ([], []))


def test_a_level_is_told_in_decibels_below_full_scale():
    loud = level(tone(1000, 1.0, level=1.0), 0)
    assert loud.peak_dbfs == pytest.approx(0, abs=0.01)
    assert loud.rms_dbfs == pytest.approx(-3.01, abs=0.05)
    assert loud.clipped > 0
    quiet = level(tone(1000, 1.0, level=0.1), 0)
    assert quiet.peak_dbfs == pytest.approx(-20, abs=0.05)
    assert quiet.clipped == 0
    assert level(np.zeros(640, np.int16), 0).peak_dbfs == SILENCE_DBFS
    assert level(np.array([-32768], np.int16), 0).peak_dbfs == 0


def test_cameras_are_read_from_the_system_without_opening_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for number, name in ((0, "Integrated Webcam"), (1, "Integrated Webcam"), (10, "Capture card")):
        node = tmp_path / f"video{number}"
        node.mkdir()
        (node / "name").write_text(f"{name}\n")
    monkeypatch.setattr(devices, "_SYSFS", tmp_path)
    monkeypatch.setattr(devices.os, "access", lambda path, _mode: path.name != "video10")
    monkeypatch.setattr(devices, "_captures", lambda path: path.name != "video1")  # a node for metadata
    assert list(devices._cameras_of_linux()) == [
        CameraDevice(0, "Integrated Webcam", "/dev/video0", True),
        CameraDevice(10, "Capture card", "/dev/video10", False),
    ]


def test_a_backend_that_cannot_be_loaded_is_a_note(monkeypatch: pytest.MonkeyPatch):
    def broken():
        raise ConfigError("The audio backend pyaudio cannot be loaded.")

    monkeypatch.setattr(devices, "BACKENDS", {"pyaudio": broken})
    assert devices.microphones() == ([], ["The audio backend pyaudio cannot be loaded."])


def test_the_meter_leaves_out_what_was_not_heard(tmp_path: Path):
    clock, ledger = ManualClock(), Ledger()
    clip = write_clip(tmp_path / "hole.mkv", pcm=tone(440, 1.0), audio_holes_s=((0.2, 0.8),))
    levels = list(meter(Replay(clip, clock, ledger), clock, ledger, 60.0))
    assert len(levels) == 10
    assert min(one.peak_dbfs for one in levels) > -7


def test_no_device_at_all_is_one_sentence_and_no_error(bare: None):
    done = CliRunner().invoke(command.app, [])
    assert done.exit_code == 0
    assert done.stdout.strip().replace("\n", " ") == (
        "No camera and no microphone was found; a stream address or a file works as well."
    )


def test_json_lists_devices_for_machines(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(command, "cameras", lambda: [CameraDevice(0, "Webcam", "/dev/video0")])
    mics = [MicrophoneDevice("sounddevice", 3, "Headset", 48_000, 1, True)]
    monkeypatch.setattr(command, "microphones", lambda: (mics, ["a note"]))
    told = json.loads(CliRunner().invoke(command.app, ["--json"]).stdout)
    assert told == {
        "cameras": [{"index": 0, "name": "Webcam", "path": "/dev/video0", "usable": True}],
        "microphones": [
            {
                "backend": "sounddevice",
                "index": 3,
                "name": "Headset",
                "rate": 48_000,
                "channels": 1,
                "default": True,
            }
        ],
        "notes": ["a note"],
    }
    listed = CliRunner().invoke(command.app, []).stdout
    assert "Webcam" in listed
    assert "sounddevice:3" in listed


def test_a_file_can_be_metered_and_measured_like_a_device(bare: None, tmp_path: Path):
    clip = write_clip(tmp_path / "clip.mkv", grey(30), tone(440, 1.2))
    arguments = ["--json", "--meter", "1", "--measure", "1", "--audio", str(clip), "--video", str(clip)]
    told = json.loads(CliRunner().invoke(command.app, arguments).stdout)
    assert told["level"]["peak_dbfs"] == pytest.approx(-6.0, abs=0.1)
    assert told["level"]["clipped"] == 0
    assert told["measured"]["fps"] == pytest.approx(25, rel=0.1)


def test_what_cannot_be_measured_is_refused(bare: None):
    for arguments, error in (
        (["--measure", "1", "--video", "none"], ConfigError),
        (["--meter", "1", "--audio", "none"], ConfigError),
        (["--measure", "1", "--video", "7"], DeviceError),
    ):
        done = CliRunner().invoke(command.app, arguments)
        assert isinstance(done.exception, error)
