"""`ahdetect record` measured: what of sound and pictures is lost, and how far they are apart; JSON flows out.

    .venv/bin/python tools/measure_record.py --seconds 60

One ffmpeg plays a clip of flashes and beeps as an MJPEG camera over loopback and into a null sink of a Pulse server of
our own, from one clock; the command records both. Skew is the time of a flash's first bright picture minus the time of
its beep in the recorded session, so it holds whatever the stream and the sink add on their way. Linux, ffmpeg, Pulse.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, Final

import numpy as np
from measure_gui import SoundServer, percentiles
from measure_review import BRIGHT, LOUD, QUIET_S, flashes

from ahdetect.capture.clock import NS_PER_S
from ahdetect.capture.media import VideoReader
from ahdetect.capture.packets import SAMPLE_RATE
from ahdetect.store.media import read_pcm
from ahdetect.store.reader import Session, open_session

PAIR_S: Final = 0.5
"""A flash and a beep nearer than this belong together; they come every 2 s."""


def play(clip: Path) -> tuple[subprocess.Popen[bytes], str]:
    """The clip as a camera and a microphone of one clock; the process and the camera's address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/cam.mjpg"
    command = [
        "ffmpeg", "-v", "quiet", "-threads", "1", "-re", "-stream_loop", "-1", "-i", str(clip),
        "-map", "0:v", "-c:v", "mjpeg", "-q:v", "3", "-f", "mpjpeg", "-listen", "1", url,
        "-map", "0:a", "-ar", "48000", "-f", "pulse", "-device", "vmic", "-buffer_duration", "20", "flashes",
    ]  # fmt: skip
    return subprocess.Popen(command, stdin=subprocess.DEVNULL), url


def bright_at(session: Session) -> list[float]:
    """Session times of first bright pictures, s."""
    assert session.video is not None
    reader, found, before = VideoReader(session.video), [], True
    for picture in reader:
        bright = float(reader.rgb(picture)[::40, ::40].mean()) > BRIGHT
        if bright and not before:
            found.append((picture.t_ns + session.video_offset_ns) / NS_PER_S)
        before = bright
    reader.close()
    return found


def loud_at(session: Session) -> list[float]:
    """Session times of first loud samples, s."""
    assert session.audio is not None
    loud = np.flatnonzero(np.abs(read_pcm(session.audio).astype(np.int32)) > LOUD)
    first = loud[np.diff(loud, prepend=-SAMPLE_RATE) > QUIET_S * SAMPLE_RATE]
    return [float(t) for t in session.audio_offset_ns / NS_PER_S + first / SAMPLE_RATE]


def measure(seconds: float, folder: Path) -> dict[str, Any]:
    """Record, then look at what was recorded."""
    clip = folder / "flashes.mp4"
    flashes(clip)
    server = SoundServer(folder)
    server.serve()
    player, url = play(clip)
    out = folder / "session"
    try:
        threading.Event().wait(1.0)
        done = subprocess.run(
            [
                sys.executable, "-m", "ahdetect.cli", "record", "--video", url, "--audio", "pulse", "--seconds",
                str(seconds), "--out", str(out), "--consent-given", "recording,analysis", "--plaintext", "--json",
                "--no-plot",
            ],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    finally:
        player.kill()
        player.wait()
        server.unplug()
    if done.returncode:
        raise SystemExit(done.stderr)
    report, session = json.loads(done.stdout), open_session(out)
    books, beeps = report["ledger"], loud_at(session)
    near = [min((flash - beep for beep in beeps), key=abs, default=9.0) * 1e3 for flash in bright_at(session)]
    skew = [ms for ms in near if abs(ms) < PAIR_S * 1e3]
    recorded = books["edges"]["camera->video file"]
    return {
        "load": [round(v, 2) for v in os.getloadavg()],
        "seconds": seconds,
        "audio": books["audio"],
        "video": {**books["video"], "recorded": recorded["delivered"], "dropped": recorded["dropped"]},
        "balances": books["balances"],
        "latency_ms": report.get("latency_ms"),
        "picture_minus_sound_ms": {**percentiles(skew), "min": round(min(skew), 1)} if skew else None,
    }


def main() -> int:
    """Measure, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    with tempfile.TemporaryDirectory() as name:
        print(json.dumps(measure(parser.parse_args().seconds, Path(name)), indent=2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
