"""A web page that reacts: a browser's camera and microphone come in by WebRTC, estimates go back to the page.

    pip install "ahdetect[examples]"
    python server.py                      # then open http://127.0.0.1:8765

Everything stays on this computer: page, picture and sound travel over 127.0.0.1 only, no STUN server is asked, and
nothing is stored. One person at a time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aioice.ice
import uvicorn
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field
from starlette.middleware.trustedhost import TrustedHostMiddleware

import ahdetect

LOOPBACK = "127.0.0.1"
PAGE = Path(__file__).with_name("index.html")
BUFFERED = 64 * 1024
"""Bytes that may wait for a slow page; beyond that it misses rows, and the session nothing."""

CONNECT_S = 20.0
"""Seconds that a page has to connect; after that the place is free again."""


def _loopback_only(**_: bool) -> list[str]:
    """Addresses for media: aioice would open ports on every network but this one."""
    return [LOOPBACK]


aioice.ice.get_host_addresses = _loopback_only


class Offer(BaseModel):
    """What the browser offers."""

    sdp: str = Field(max_length=200_000)
    type: str = Field(pattern="^offer$")


class Stamp:
    """Media time to session time: the frame that came with the least delay shows the difference of the two clocks."""

    def __init__(self, session: ahdetect.Session) -> None:
        self._session = session
        self._offset_ns: int | None = None
        self._last_ns = -1

    def of(self, frame: Any, dur_ns: int = 0) -> int:
        media_ns = round(frame.time * 1e9)
        offset_ns = self._session.now_ns() - dur_ns - media_ns
        self._offset_ns = offset_ns if self._offset_ns is None else min(offset_ns, self._offset_ns)
        self._last_ns = max(self._last_ns + 1, media_ns + self._offset_ns)
        return self._last_ns


async def pictures(track: MediaStreamTrack, session: ahdetect.Session) -> None:
    """Push the browser's pictures until they end."""
    stamp = Stamp(session)
    with suppress(MediaStreamError, ahdetect.ConfigError):  # the page was closed, or the session was
        while True:
            frame = await track.recv()
            t_ns = stamp.of(frame)
            session.push_video(await asyncio.to_thread(frame.to_ndarray, format="rgb24"), t_ns)


async def sound(track: MediaStreamTrack, session: ahdetect.Session) -> None:
    """Push the browser's sound until it ends: packed 16-bit stereo in 20 ms frames."""
    stamp = Stamp(session)
    with suppress(MediaStreamError, ahdetect.ConfigError):
        while True:
            frame = await track.recv()
            t_ns = stamp.of(frame, round(frame.samples * 1e9 / frame.sample_rate))
            pcm = frame.to_ndarray().reshape(-1, len(frame.layout.channels))
            session.push_audio(pcm, t_ns, rate=frame.sample_rate)


async def rows(session: ahdetect.Session, channel: Any) -> None:
    """Send rows to the page; a page that is slow misses some."""
    async for row in session.rows():
        if channel.readyState == "open" and channel.bufferedAmount < BUFFERED:
            message = {
                "id": row.id,
                "t": round(row.t_s, 3),
                "p": round(row.p, 3),
                "band": row.band.value,
                "settled": row.settled,
                "face": row.face_seen,
                "why": [cue.phrase for cue in row.top],
            }
            channel.send(json.dumps(message))


def told(session: ahdetect.Session, message: str) -> None:
    """A message of the page: {"ask": "text", "kind": "hesitant"}."""
    with suppress(ValueError, ahdetect.ConfigError):
        said = json.loads(message)
        if isinstance(said, dict) and isinstance(said.get("ask"), str):
            session.ask(said["ask"][:500], said.get("kind"))


class Call:
    """One page: its connection, its session, and the tasks between them."""

    def __init__(self, session: ahdetect.Session) -> None:
        self.session = session
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))  # by default aiortc asks a public server
        self._tasks: set[asyncio.Task[None]] = set()
        self.over = asyncio.Event()
        self.connected = False
        self.connection.on("track", self._track)
        self.connection.on("datachannel", self._channel)
        self.connection.on("connectionstatechange", self._state)

    def _track(self, track: MediaStreamTrack) -> None:
        self._run(pictures(track, self.session) if track.kind == "video" else sound(track, self.session))

    def _channel(self, channel: Any) -> None:
        channel.on("message", lambda message: told(self.session, message))
        self._run(rows(self.session, channel))

    def _state(self) -> None:
        if self.connection.connectionState == "connected":
            self.connected = True
        elif self.connection.connectionState in ("failed", "closed", "disconnected"):
            self.over.set()

    def _run(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def until_over(self) -> None:
        """Run the session until the page is gone."""
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.over.wait(), CONNECT_S)
            if self.connected:
                await self.over.wait()
        finally:
            await asyncio.to_thread(self.session.stop)
            for task in list(self._tasks):
                task.cancel()
            await self.connection.close()


def make_app() -> FastAPI:
    """The page, and the door for its pictures and sound."""
    state: dict[str, Any] = {"call": None}

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        state["models"] = await asyncio.to_thread(ahdetect.Models.load, ahdetect.Settings())
        yield
        if isinstance(state["call"], Call):
            state["call"].over.set()
            await state["running"]

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[LOOPBACK, "localhost"])  # a page of another name stays out

    @app.get("/")
    async def page() -> FileResponse:
        return FileResponse(PAGE)

    @app.post("/offer")
    async def offer(offer: Offer, request: Request) -> dict[str, str]:
        origin = request.headers.get("origin")
        if origin is not None and origin != f"http://{request.headers['host']}":
            raise HTTPException(403, "Only this server's own page may connect.")
        if state["call"] is not None:
            raise HTTPException(409, "Somebody is connected already; close the other page.")
        state["call"] = True  # taken, while the session is being made
        try:
            session = await asyncio.to_thread(
                ahdetect.Session, "push:browser camera", "push:browser microphone", models=state["models"]
            )
            await asyncio.to_thread(session.start)
            state["call"] = call = Call(session)
        except BaseException:
            state["call"] = None
            raise

        async def run() -> None:
            await call.until_over()
            state["call"] = None

        state["running"] = asyncio.create_task(run())
        try:
            await call.connection.setRemoteDescription(RTCSessionDescription(offer.sdp, offer.type))
            await call.connection.setLocalDescription(await call.connection.createAnswer())
        except Exception as error:  # of the parser of what a browser wrote
            call.over.set()
            raise HTTPException(400, "That is no offer of a browser.") from error
        return {"sdp": call.connection.localDescription.sdp, "type": call.connection.localDescription.type}

    return app


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--port", type=int, default=8765)
    uvicorn.run(make_app(), host=LOOPBACK, port=options.parse_args().port, log_level="warning")


if __name__ == "__main__":
    main()
