"""The local service: who may come in, what may be pushed, and that a session there is a session."""

from __future__ import annotations

import asyncio
import http.client
import json
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agreed import AGREED
from hypothesis import given
from hypothesis import strategies as st
from media import beginning, grey, tone

pytest.importorskip("fastapi")
pytest.importorskip("websockets")

import uvicorn
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from ahdetect.analysis import analyze
from ahdetect.capture.clock import ReplayClock
from ahdetect.capture.edges import Edge, Overflow, Policy
from ahdetect.capture.ledger import Ledger
from ahdetect.capture.replay import Replay
from ahdetect.capture.stage import Progress
from ahdetect.cli import main as cli
from ahdetect.commands.serve import _listen, config
from ahdetect.config import Settings, validated
from ahdetect.engine import Models
from ahdetect.errors import AhdetectError, ConfigError
from ahdetect.events import Event
from ahdetect.models.language import LanguageModel
from ahdetect.models.voice import VoiceModel
from ahdetect.outlets import Item, Kind
from ahdetect.rules import Rule
from ahdetect.serve.app import Service
from ahdetect.serve.connection import ToSocket
from ahdetect.serve.gate import PROTOCOL, Gate, find_token
from ahdetect.serve.limits import Bucket, Limits
from ahdetect.serve.messages import HEADER, NOW, Picture, Sound, Start, jpeg_size, media_of, text_of
from ahdetect.store.reader import open_session

TOKEN = "made-up-token-of-a-test"
CHUNK = 640
DEMO = Path(__file__).parent.parent / "assets" / "demo.mp4"


class Running:
    """A service on a free port of loopback, in a thread."""

    def __init__(self, **kwargs: Any) -> None:
        listening = _listen("127.0.0.1", 0)
        self.port = listening.getsockname()[1]
        voice_only = validated({"channels": {"face": False, "body": False, "voice": True, "words": False}}, "test")
        models = Models(None, None, VoiceModel(), None, LanguageModel())
        gate = Gate.of(TOKEN, ["http://a.test"], "127.0.0.1", self.port)
        self.service = Service(gate, voice_only, models, **kwargs)
        self.server = uvicorn.Server(config(self.service, ["127.0.0.1", "localhost"]))
        self._listening = listening
        self._thread = threading.Thread(target=self.server.run, args=([listening],), name="service")
        self._thread.start()

    def connect(self, **kwargs: Any) -> ClientConnection:
        headers = kwargs.pop("additional_headers", {"Authorization": f"Bearer {TOKEN}"})
        return connect(
            f"ws://127.0.0.1:{self.port}/v1/session", additional_headers=headers, compression=None, **kwargs
        )  # fmt: skip

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer.status, body

    def stop(self) -> None:
        self.server.should_exit = True
        self._thread.join(20)
        self._listening.close()
        assert not self._thread.is_alive()


@pytest.fixture
def serve() -> Iterator[Callable[..., Running]]:
    made: list[Running] = []

    def start(**kwargs: Any) -> Running:
        made.append(Running(**kwargs))
        return made[-1]

    yield start
    for one in made:
        one.stop()


def say(socket: ClientConnection, message: str, **rest: Any) -> None:
    socket.send(json.dumps({"type": message, **rest}))


def hear(socket: ClientConnection) -> dict[str, Any]:
    return json.loads(socket.recv(20))


def until(socket: ClientConnection, kind: str) -> list[dict[str, Any]]:
    """Everything up to the first of that type."""
    heard = [hear(socket)]
    while heard[-1]["type"] != kind:
        heard.append(hear(socket))
    return heard


def sound(i: int, pcm: np.ndarray, rate: int = 16_000) -> bytes:
    return HEADER.pack(3, 1, 0, i * CHUNK * 1_000_000_000 // rate, rate, 0) + pcm.astype("<i2").tobytes()


def picture(i: int, frame: np.ndarray) -> bytes:
    height, width = frame.shape[:2]
    return HEADER.pack(2, 0, 0, i * 40_000_000, width, height) + frame.tobytes()


def push_clip(socket: ClientConnection, seconds: float, *, video: bool) -> None:
    pcm, frames = tone(220.0, seconds), grey(round(seconds * 25))
    for i in range(len(pcm) // CHUNK):
        if video:
            socket.send(picture(i, frames[i]))
        socket.send(sound(i, pcm[i * CHUNK : (i + 1) * CHUNK]))


# -- a session


def test_what_is_pushed_comes_back_as_rows_and_triggers_and_the_books_balance(serve: Callable[..., Running]) -> None:
    there = serve(rules=[Rule(name="always", on=0.02, off=0.01, coverage=0)])
    with there.connect() as socket:
        say(socket, "start", live=False, prompt="hesitant")
        assert hear(socket)["type"] == "started"
        say(socket, "prompt", kind="neutral", text="How are you?", t_ns=1_000_000_000)
        push_clip(socket, 2.0, video=True)
        say(socket, "end")
        heard = until(socket, "ended")
        with pytest.raises(ConnectionClosed):
            socket.recv(5)
        assert socket.close_code == 1000
    rows = [m for m in heard if m["type"] == "row"]
    assert [m["id"] for m in rows] == list(range(50))
    assert [m["t_s"] for m in rows] == pytest.approx([i * 0.04 for i in range(50)])
    assert all(m["settled"] for m in rows)
    assert rows[10]["channels"]["face"].startswith("absent")
    assert [(m["rule"], m["moment"]) for m in heard if m["type"] == "trigger"] == [
        ("always", "onset"),
        ("always", "offset"),
    ]
    prompts = [m for m in heard if m["type"] == "event" and m["event"] == "prompt"]
    assert [m["kind_of_prompt"] for m in prompts] == ["neutral"]
    assert "How are you?" not in json.dumps(heard)
    report = heard[-1]["report"]
    assert (report["audio"]["samples"], report["audio"]["gap_samples"], report["video"]["frames"]) == (32_000, 0, 50)
    assert report["balances"]
    assert there.service.running == 0


@pytest.mark.models
def test_a_clip_pushed_without_hurry_gives_the_settled_rows_of_its_analysis(
    serve: Callable[..., Running], tmp_path: Path
) -> None:
    clip = beginning(DEMO, tmp_path / "clip.mkv", 2.0)
    analysed = analyze(clip)
    there = serve()
    there.service.settings, there.service.models = Settings(), Models.load(Settings())
    clock, ledger = ReplayClock(), Ledger()
    replay, keep = Replay(clip, clock, ledger), Policy("all of it", Overflow.ALARM)
    video, audio = Edge("video", keep, clock, ledger), Edge("audio", keep, clock, ledger)
    replay.subscribe_video(video)
    replay.subscribe_audio(audio)
    while replay.step() is not Progress.DONE:
        pass
    replay.finish()
    messages = []
    while (p := video.take()) is not None:
        messages.append((p.t_ns, HEADER.pack(2, 0, 0, p.t_ns, *p.data.shape[1::-1]) + p.data.tobytes()))
    while (p := audio.take()) is not None:
        messages.append((p.t_ns, HEADER.pack(3, 1, 0, p.t_ns, 16_000, 0) + p.data.pcm.tobytes()))
    with there.connect() as socket:
        say(socket, "start", live=False)
        hear(socket)
        for _, message in sorted(messages):
            socket.send(message)
        say(socket, "end")
        rows = [m for m in until(socket, "ended") if m["type"] == "row"]
    assert [(m["t_s"], m["p"]) for m in rows] == [(round(r.t_s, 4), round(r.p, 4)) for r in analysed.rows]


def test_live_rows_come_while_sound_is_pushed(serve: Callable[..., Running]) -> None:
    with serve().connect() as socket:
        say(socket, "start", video=False, rows="provisional", events=False)
        started = hear(socket)
        pcm = tone(220.0, 0.04)
        for i in range(25):
            socket.send(HEADER.pack(3, 1, 0, started["t_ns"] + i * 40_000_000, 16_000, 0) + pcm.tobytes())
        assert hear(socket)["type"] == "row"
        say(socket, "end")
        assert until(socket, "ended")[-1]["report"]["balances"]


def test_the_time_can_be_asked_for(serve: Callable[..., Running]) -> None:
    with serve().connect() as socket:
        say(socket, "start", video=False)
        before = hear(socket)["t_ns"]
        say(socket, "time", echo=1.5)
        answer = hear(socket)
        assert (answer["type"], answer["echo"]) == ("time", 1.5)
        assert answer["t_ns"] > before


def test_a_client_that_goes_ends_its_session(serve: Callable[..., Running]) -> None:
    there = serve()
    with there.connect() as socket:
        say(socket, "start", video=False)
        hear(socket)
    token = {"Authorization": f"Bearer {TOKEN}"}
    assert any(json.loads(there.get("/v1/state", **token)[1])["running"] == 0 for _ in range(2000))
    with there.connect() as socket:
        say(socket, "start", video=False)
        assert hear(socket)["type"] == "started"


def test_stopping_the_service_ends_sessions_in_good_order(serve: Callable[..., Running]) -> None:
    there = serve()
    with there.connect() as socket:
        say(socket, "start", video=False)
        hear(socket)
        there.stop()
        with pytest.raises(ConnectionClosed):
            until(socket, "never")
    assert there.service.running == 0


# -- recording


def test_nothing_is_recorded_without_a_folder_or_without_a_consent(
    serve: Callable[..., Running], tmp_path: Path
) -> None:
    with serve().connect() as socket:
        say(socket, "start", video=False, record=True, consent=AGREED.to_json())
        assert "stores nothing" in hear(socket)["message"]
    with serve(out=tmp_path).connect() as socket:
        say(socket, "start", video=False, record=True)
        assert hear(socket)["type"] == "error"
    with serve(out=tmp_path).connect() as socket:
        say(socket, "start", video=False, live=False)
        hear(socket)
        say(socket, "end")
        until(socket, "ended")
    assert list(tmp_path.iterdir()) == []


def test_with_both_it_is_recorded_and_sealed(serve: Callable[..., Running], tmp_path: Path) -> None:
    with serve(out=tmp_path).connect() as socket:
        say(socket, "start", video=False, live=False, record=True, consent=AGREED.to_json())
        hear(socket)
        push_clip(socket, 1.0, video=False)
        say(socket, "end")
        assert until(socket, "ended")[-1]["error"] is None
    [folder] = [path for path in tmp_path.iterdir() if path.is_dir()]
    assert (folder / "audio.flac.ahd").is_file()
    stored = open_session(folder)
    assert stored.info["ledger"]["balances"]
    assert len(stored.timeline().rows) == 10


# -- who may come in


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": f"Bearer {TOKEN}", "Origin": "http://evil.test"},
        {"Authorization": f"Bearer {TOKEN}", "Origin": "null"},
        {"Authorization": f"Bearer {TOKEN}", "Host": "evil.test"},
    ],
)
def test_nobody_comes_in_without_the_token_or_from_another_site(
    serve: Callable[..., Running], headers: dict[str, str]
) -> None:
    there = serve()
    host = headers.pop("Host", None)
    if host is not None:
        status, _ = there.get("/v1/state", Host=host, **headers)
        assert status == 400
        return
    with pytest.raises(InvalidStatus, match="403"), there.connect(additional_headers=headers):
        pass


def test_browsers_of_sites_that_may_come_in_give_the_token_as_a_protocol(serve: Callable[..., Running]) -> None:
    there = serve()
    for origin in ("http://a.test", f"http://127.0.0.1:{there.port}"):
        with there.connect(
            additional_headers={}, origin=origin, subprotocols=[PROTOCOL, f"bearer.{TOKEN}"]
        ) as socket:  # fmt: skip
            assert socket.subprotocol == PROTOCOL


def test_the_state_needs_the_token_and_the_pages_ask_nobody_for_anything(serve: Callable[..., Running]) -> None:
    there = serve()
    assert there.get("/v1/state")[0] == 401
    status, body = there.get("/v1/state", Authorization=f"Bearer {TOKEN}")
    assert (status, json.loads(body)["running"]) == (200, 0)
    status, page = there.get("/")
    assert status == 200
    assert "<script" not in page
    assert "//" not in page.replace("http://www.w3.org", "")
    status, body = there.get("/openapi.json")
    assert {"Start", "Prompt", "Mark", "Time", "End"} <= set(json.loads(body)["components"]["schemas"])
    assert TOKEN not in page + body


def test_one_session_at_a_time(serve: Callable[..., Running]) -> None:
    there = serve()
    with there.connect() as first:
        say(first, "start", video=False)
        hear(first)
        with there.connect() as second, pytest.raises(ConnectionClosed):
            second.recv(5)
        assert second.close_code == 1013
        say(first, "time")
        assert hear(first)["type"] == "time"


def test_a_token_of_the_environment_has_to_be_long_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AHDETECT_SERVE_TOKEN", raising=False)
    assert len(find_token()) >= 43
    assert find_token() != find_token()
    monkeypatch.setenv("AHDETECT_SERVE_TOKEN", "short")
    with pytest.raises(ConfigError, match="16 characters"):
        find_token()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "lab.example"])
def test_other_machines_only_where_it_is_said(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli(["serve", "--host", host])
    assert left.value.code == 2
    assert "--beyond-this-machine" in capsys.readouterr().err


def test_a_port_in_use_is_one_sentence() -> None:
    taken = _listen("127.0.0.1", 0)
    with pytest.raises(ConfigError, match="choose another --port"):
        _listen("127.0.0.1", taken.getsockname()[1])
    taken.close()


# -- limits and mistakes


def test_a_message_that_is_too_large_ends_the_connection_and_only_that(serve: Callable[..., Running]) -> None:
    there = serve(limits=Limits(message=4096))
    with there.connect() as socket:
        say(socket, "start", video=False)
        hear(socket)
        socket.send(b"\x03" * 10_000)
        with pytest.raises(ConnectionClosed):
            until(socket, "never")
        assert socket.close_code == 1009
    assert there.get("/v1/state", Authorization=f"Bearer {TOKEN}")[0] == 200


def test_mistakes_are_said_and_the_session_goes_on_until_there_are_too_many(serve: Callable[..., Running]) -> None:
    with serve().connect() as socket:
        say(socket, "start", video=False)
        hear(socket)
        for wrong in (b"x", HEADER.pack(9, 0, 0, 0, 0, 0) + b"x", "{", '{"type": "dance"}', '{"type": "start"}'):
            socket.send(wrong)
            assert hear(socket)["type"] == "error"
        socket.send(sound(0, tone(220.0, 0.04)))
        socket.send(sound(0, tone(220.0, 0.04)))
        assert "not later than the one before" in hear(socket)["message"]
        for _ in range(16):
            socket.send(b"x")
        with pytest.raises(ConnectionClosed):
            until(socket, "never")
        assert socket.close_code == 1008


def test_what_is_no_start_is_sent_away(serve: Callable[..., Running]) -> None:
    there = serve(limits=Limits(start_s=0.2))
    with there.connect() as socket:
        say(socket, "end")
        assert "first message" in hear(socket)["message"]
    with there.connect() as socket, pytest.raises(ConnectionClosed):
        until(socket, "never")
    with there.connect() as socket:
        say(socket, "start", rules=[{"name": "a", "on": 7}])
        assert "0 < off <= on < 1" in hear(socket)["message"]


def test_too_fast_a_sender_waits() -> None:
    bucket = Bucket(100.0, now_s=0.0)
    assert bucket.take(50, 0.0) == pytest.approx(0.5)
    assert bucket.take(0, 0.5) == 0
    assert bucket.take(100, 10.0) == 0.0  # a second's worth was saved up, no more
    assert bucket.take(100, 10.0) == pytest.approx(1.0)


def test_a_client_that_does_not_read_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ahdetect.serve.connection.SEND_S", 0.05)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    said: list[dict[str, Any]] = []

    async def say(data: dict[str, Any]) -> None:
        said.append(data)
        if len(said) > 1:
            await asyncio.Event().wait()

    start = text_of('{"type": "start", "rows": "none", "events": false}')
    assert isinstance(start, Start)
    outlet = ToSocket(start, say, loop)
    assert outlet.wants == {Kind.TRIGGERS}
    outlet.send(Item(Kind.EVENTS, 0, 0, Event(0, "paused", {})))
    assert said == [{"type": "event", "t_s": 0.0, "delay_s": 0.0, "event": "paused"}]
    with pytest.raises(AhdetectError, match="does not read"):
        outlet.send(Item(Kind.EVENTS, 0, 0, Event(0, "paused", {})))
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


# -- messages


def jpeg(width: int, height: int) -> bytes:
    import cv2

    done, raw = cv2.imencode(".jpg", np.full((height, width, 3), (255, 0, 0), np.uint8))  # blue, as OpenCV counts
    assert done
    return raw.tobytes()


def test_a_jpeg_becomes_an_rgb_picture() -> None:
    found = media_of(HEADER.pack(1, 0, 0, 7, 0, 0) + jpeg(32, 24), 10_000)
    assert isinstance(found, Picture)
    assert (found.frame.shape, found.t_ns) == ((24, 32, 3), 7)
    assert found.frame[12, 16, 2] > 200 > 60 > found.frame[12, 16, 0]


def test_a_jpeg_that_would_unfold_is_refused_before_it_is_decoded() -> None:
    raw = bytearray(jpeg(32, 24))
    at = raw.index(b"\xff\xc0")
    raw[at + 5 : at + 9] = struct.pack(">HH", 60_000, 60_000)
    assert jpeg_size(memoryview(bytes(raw))) == (60_000, 60_000)
    with pytest.raises(ConfigError, match="larger than"):
        media_of(HEADER.pack(1, 0, 0, 0, 0, 0) + bytes(raw), 1920 * 1080)


def test_sound_is_unpacked_by_its_channels() -> None:
    found = media_of(HEADER.pack(3, 2, 0, NOW, 48_000, 0) + np.arange(6, dtype="<i2").tobytes(), 1)
    assert isinstance(found, Sound)
    assert (found.t_ns, found.rate, found.pcm.tolist()) == (None, 48_000, [[0, 1], [2, 3], [4, 5]])


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        HEADER.pack(3, 1, 0, 0, 16_000, 0),
        HEADER.pack(3, 1, 0, 0, 16_000, 0) + b"abc",
        HEADER.pack(3, 0, 0, 0, 16_000, 0) + b"ab",
        HEADER.pack(2, 0, 0, 0, 4, 4) + b"a" * 47,
        HEADER.pack(2, 0, 0, 0, 1 << 31, 1 << 31) + b"a",
        HEADER.pack(2, 0, 1, 0, 4, 4) + b"a" * 48,
        HEADER.pack(1, 0, 0, 0, 0, 0) + b"GIF89a",
        HEADER.pack(1, 0, 0, 0, 0, 0) + b"\xff\xd8\xff",
        HEADER.pack(1, 0, 0, 0, 0, 0) + b"\xff\xd8" + b"\xff\xe0\x00\x00" * 9,
        HEADER.pack(1, 0, 0, 0, 0, 0) + b"\xff\xd8\xff\xc0\x00\x11\x08\x00\x08\x00\x08" + b"x" * 9,
    ],
)
def test_bytes_that_are_no_media_are_an_error_of_ours(raw: bytes) -> None:
    with pytest.raises(ConfigError):
        media_of(raw, 1_000_000)


@given(st.lists(st.tuples(st.integers(0, 800), st.integers(0, 255)), max_size=12), st.integers(0, 900))
def test_a_damaged_jpeg_is_a_picture_or_an_error_of_ours(changes: list[tuple[int, int]], length: int) -> None:
    raw = bytearray(jpeg(16, 16))
    for at, value in changes:
        raw[at % len(raw)] = value
    with suppress(ConfigError):
        found = media_of(HEADER.pack(1, 0, 0, 0, 0, 0) + bytes(raw[:length]), 100_000)
        assert isinstance(found, Picture)
        assert found.frame.shape[0] * found.frame.shape[1] <= 100_000


def test_long_text_is_not_even_parsed() -> None:
    with pytest.raises(ConfigError, match="characters at most"):
        text_of("[" * 1_000_000)
