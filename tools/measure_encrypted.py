"""A made-up hour flows in; what its encrypted folder costs to open, to seek in and to write flows out.

Run: `PYTHONPATH=tests python tools/measure_encrypted.py open CLIP [--folder DIR]` (pictures are those of the clip, over
and over; sound is noise; rows are made up) and `... cost CLIP` for CPU time of the sealing while recording.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
from timelines import FRAME_NS, make_rows, make_words

from ahdetect.capture.packets import SAMPLE_RATE, AudioBlock, Packet
from ahdetect.export.stills import Stills
from ahdetect.export.tables import put_parquet
from ahdetect.gui.opening import load, make_player
from ahdetect.models.cues import CUES
from ahdetect.sealing import new_key
from ahdetect.store.files import Files
from ahdetect.store.keys import Keys
from ahdetect.store.media import VideoFile, VideoFormat
from ahdetect.store.schema import FRAMES, rows_to_table
from ahdetect.store.vault import Vault
from ahdetect.store.writer import STREAMS, SessionWriter

HOUR = 3600


def pictures(clip: Path, count: int) -> list[Any]:
    with Stills(clip) as stills:
        found = [stills.at(i * FRAME_NS / 1e9, height=480) for i in range(count)]
    return [p for p in found if p is not None]


def make_hour(folder: Path, clip: Path, keys: Keys) -> None:
    """Write the folder of a session of an hour without recording for an hour."""
    vault = Vault.new(keys)
    writer = SessionWriter(folder, {}, started_at=datetime.now(UTC), video=VideoFormat(), audio=True, vault=vault)
    sound = np.random.default_rng(0).integers(-3000, 3000, SAMPLE_RATE).astype(np.int16)
    for second in range(HOUR):
        block = AudioBlock(sound, second * SAMPLE_RATE)
        writer.write_audio(Packet("audio", second, second * 10**9, 10**9, 0, block))
    for word in make_words(float(HOUR)):
        writer.write_word(word)
    writer.close()
    files = Files(folder, vault)
    part = rows_to_table(list(make_rows(3000)))
    rows = pa.concat_tables([part] * (HOUR * 30 // 3000)).combine_chunks()
    ids = np.arange(rows.num_rows)
    rows = rows.set_column(0, rows.schema.field(0), pa.array(ids)).set_column(
        1, rows.schema.field(1), pa.array(ids * (10**9 // 30) // 10**6 * 10**6)
    )
    noise = np.random.default_rng(1)  # real cues do not repeat: 70 MB an hour
    for name in (cue.name for cue in CUES):
        at = rows.schema.get_field_index(name)
        values = pa.array(noise.standard_normal(rows.num_rows, dtype=np.float32))
        rows = rows.set_column(at, rows.schema.field(at), values)
    with files.whole(FRAMES) as file:
        put_parquet(rows, file)
    short = folder / "short.mkv"
    short.unlink(missing_ok=True)
    film = VideoFile(short.open("xb"), 30.0)
    for i, picture in enumerate(pictures(clip, 300)):
        film.write(Packet("video", i, i * FRAME_NS, FRAME_NS, 0, picture))
    film.close()
    with files.whole("video.mkv") as file, av.open(file, "w", format="matroska") as target:
        repeat(short, target)
    short.unlink()
    writer.info["files"] = files.ids(STREAMS)
    files.save_info(writer.info | {"duration_s": float(HOUR)})


def repeat(short: Path, target: Any) -> None:
    """The packets of a short film, again and again, until the hour is full."""
    with av.open(str(short)) as source:
        given = source.streams.video[0]
        stream = target.add_stream_from_template(given)
        packets = [(bytes(p), p.pts, p.is_keyframe) for p in source.demux(given) if p.pts is not None]
    length = packets[-1][1] + 33
    for turn in range(HOUR * 1000 // length + 1):
        for data, pts, key in packets:
            packet = av.Packet(data)
            packet.stream, packet.pts, packet.dts = stream, pts + turn * length, pts + turn * length
            packet.time_base, packet.is_keyframe = stream.time_base, key
            target.mux(packet)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found


def opened(folder: Path, keys: Keys) -> None:
    first_s, loaded = timed(lambda: load(folder, keys=keys))
    spent = time.process_time()
    again = [timed(lambda: load(folder, keys=keys))[0] for _ in range(3)]
    spent = (time.process_time() - spent) / len(again)
    print(f"load: first {first_s * 1e3:.0f} ms, then {', '.join(f'{s * 1e3:.0f}' for s in again)} ms")
    print(f"  CPU {spent * 1e3:.0f} ms; load average of the machine {os.getloadavg()[0]:.1f}")
    open_s, player = timed(lambda: make_player(loaded))
    shown_s, _ = timed(lambda: wait_for(player, 0.0))
    print(f"player {open_s * 1e3:.0f} ms, first picture {shown_s * 1e3:.0f} ms")
    seeks, rng = [], random.Random(0)
    for _ in range(40):
        at = rng.uniform(1.0, HOUR - 1.0)
        player.seek(at)
        seeks.append(timed(lambda at=at: wait_for(player, at))[0] * 1e3)  # type: ignore[misc]
    player.close()
    seeks.sort()
    print(f"seek: median {statistics.median(seeks):.0f} ms, 95 % {seeks[37]:.0f} ms, longest {seeks[-1]:.0f} ms")


def wait_for(player: Any, at: float) -> None:
    """Until the picture of a moment is on."""
    deadline = time.perf_counter() + 10
    while time.perf_counter() < deadline:
        shown = player.picture()
        if shown is not None and shown.t_s - 0.001 <= at < shown.until_s + 0.001:
            return
        time.sleep(0.001)
    raise SystemExit(f"no picture of {at:.1f} s")


def recorded(place: Path, sealed: bool, keys: Keys, film: list[Any], rows: list[Any]) -> float:
    """CPU seconds of writing what was recorded."""
    writer = SessionWriter(
        place,
        {},
        started_at=datetime.now(UTC),
        video=VideoFormat(),
        audio=True,
        vault=Vault.new(keys) if sealed else None,
    )
    sound = np.random.default_rng(0).integers(-3000, 3000, len(film) * 640).astype(np.int16)
    began = time.process_time()
    for i, picture in enumerate(film):
        writer.write_video(Packet("video", i, i * FRAME_NS, FRAME_NS, 0, picture))
        writer.write_row(rows[i])
    for i in range(len(film) * 25 // 30):
        block = AudioBlock(sound[i * 640 : (i + 1) * 640], i * 640)
        writer.write_audio(Packet("audio", i, i * 40_000_000, 40_000_000, 0, block))
    spent = time.process_time() - began
    writer.close()
    return spent


def cost(clip: Path, keys: Keys, seconds: int = 10, turns: int = 7) -> None:
    film, rows = pictures(clip, seconds * 30), list(make_rows(seconds * 30))
    found: dict[bool, list[float]] = {False: [], True: []}
    with tempfile.TemporaryDirectory() as place:
        for turn in range(turns):
            for sealed in (False, True):
                found[sealed].append(recorded(Path(place) / f"{turn}{sealed}", sealed, keys, film, rows))
    plain, sealed_s = (100 * statistics.median(found[k]) / seconds for k in (False, True))
    print(f"{film[0].shape[1]}x{film[0].shape[0]}, {seconds} s at 30 fps, median of {turns}, share of one core:")
    print(f"plain {plain:.2f} %, sealed {sealed_s:.2f} %, sealing {sealed_s - plain:.2f} %")
    alone = sealing_alone(keys, film, seconds)
    print(f"sealing alone (the bytes that were written, replayed) {alone:.2f} %")


def sealing_alone(keys: Keys, film: list[Any], seconds: int) -> float:
    """The writes and flushes of a recording, noted once, given to sealed files that write to nowhere."""
    notes: list[tuple[str, bytes]] = []

    class Noting:
        def __init__(self, path: Path) -> None:
            self._file, self._name = path.open("xb"), path.name

        def write(self, data: Any) -> int:
            notes.append((self._name, bytes(data)))
            return self._file.write(data)

        def flush(self) -> None:
            notes.append((self._name, b""))
            self._file.flush()

        def __enter__(self) -> Noting:
            return self

        def __exit__(self, *_: object) -> None:
            self._file.close()

        def __getattr__(self, name: str) -> Any:
            return getattr(self._file, name)

    with tempfile.TemporaryDirectory() as place:
        writer = SessionWriter(
            Path(place) / "s",
            {},
            started_at=datetime.now(UTC),
            video=VideoFormat(),
            audio=True,
            opener=Noting,  # type: ignore[arg-type]
        )
        sound = np.random.default_rng(0).integers(-3000, 3000, len(film) * 640).astype(np.int16)
        for i, (picture, row) in enumerate(zip(film, make_rows(len(film)), strict=True)):
            writer.write_video(Packet("video", i, i * FRAME_NS, FRAME_NS, 0, picture))
            writer.write_row(row)
        for i in range(len(film) * 25 // 30):
            block = AudioBlock(sound[i * 640 : (i + 1) * 640], i * 640)
            writer.write_audio(Packet("audio", i, i * 40_000_000, 40_000_000, 0, block))
        noted = list(notes)
        writer.close()
    vault = Vault.new(keys)
    spent = []
    for _ in range(7):
        with Path(os.devnull).open("wb") as nowhere:
            targets = {name: vault.writer(nowhere, name) for name in {name for name, _ in noted}}
            began = time.process_time()
            for name, data in noted:
                targets[name].write(data) if data else targets[name].flush()
            spent.append(time.process_time() - began)
    return 100 * statistics.median(spent) / seconds


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["open", "cost"])
    parser.add_argument("clip", type=Path)
    parser.add_argument("--folder", type=Path)
    args = parser.parse_args()
    keys = Keys(store=(new_key(),))
    if args.what == "cost":
        cost(args.clip, keys)
        return
    with tempfile.TemporaryDirectory() as place:
        folder = args.folder or Path(place) / "hour"
        key = folder.parent / (folder.name + ".testkey")
        if folder.exists():
            keys = Keys(store=(bytes.fromhex(json.loads(key.read_text())),))
        else:
            make_hour(folder, args.clip, keys)
            key.write_text(json.dumps(keys.store[0].hex()))
        for path in sorted(folder.iterdir()):
            print(f"{path.name:20} {path.stat().st_size / 1e6:8.1f} MB")
        opened(folder, keys)


if __name__ == "__main__":
    main()
