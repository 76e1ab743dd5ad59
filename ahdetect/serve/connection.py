"""Connection: messages of one WebSocket flow in and into one session; rows, events and replies flow back.

The session's threads never wait for the socket: rows and events take the edges of any outlet, where a slow client loses
the oldest. Reading waits for the session where `live` is false, and for the rate where a client sends too much.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from fastapi import WebSocket, WebSocketDisconnect

from ahdetect.errors import AhdetectError, ConfigError
from ahdetect.outlets.base import Base
from ahdetect.outlets.hub import Outlets
from ahdetect.outlets.items import Item, Kind
from ahdetect.rules import Rule
from ahdetect.serve.limits import Bucket, Limits
from ahdetect.serve.messages import End, Mark, Picture, Prompt, Sound, Start, Text, Time, media_of, text_of
from ahdetect.session import Session

SEND_S: Final = 5.0
"""Patience with a client that does not read, per message."""

MOST_MISTAKES: Final = 20
"""Messages that are not valid before a client is sent away."""

TOO_MANY_MISTAKES, OVER_LIMIT, ENDED = 1008, 1013, 1000
"""Codes of closing (RFC 6455, 7.4.1; 1013: IANA, try again later)."""


class ToSocket(Base):
    """Sends items from the outlet's thread through the event loop.

    Args:
        start: what the client wants.
        say: sends one message, on the loop.
        loop: the loop.
    """

    def __init__(self, start: Start, say: Callable[[dict[str, Any]], Any], loop: asyncio.AbstractEventLoop) -> None:
        include = [Kind.TRIGGERS]
        include += [Kind.ROWS] * (start.rows != "none") + [Kind.EVENTS] * start.events + [Kind.WORDS] * start.words
        super().__init__("socket", include, "settled" if start.rows == "none" else start.rows)
        self._say = say
        self._loop = loop
        self._sending: concurrent.futures.Future[None] | None = None

    def send(self, item: Item) -> None:
        """Send it, and wait until the socket took it."""
        data = item.to_json(words=self.with_words)
        sending = asyncio.run_coroutine_threadsafe(self._say({"type": data.pop("kind"), **data}), self._loop)
        self._sending = sending
        try:
            sending.result(SEND_S)
        except TimeoutError as error:
            sending.cancel()
            raise AhdetectError("The client does not read.", permanent=False) from error

    def stop(self) -> None:
        """Wait for the client no longer."""
        if self._sending is not None:
            self._sending.cancel()


class Connection:
    """One client and its session.

    Args:
        socket: accepted.
        limits: of size and rate.
        make: makes the session that a start asks for; not on the loop.
        rules: triggers beside those of the client.
    """

    def __init__(
        self, socket: WebSocket, limits: Limits, make: Callable[[Start], Session], rules: Sequence[Rule] = ()
    ) -> None:
        self._socket = socket
        self._limits = limits
        self._make = make
        self._rules = rules
        self._mistakes = 0
        self._writing = asyncio.Lock()
        now_s = asyncio.get_running_loop().time()
        self._bytes, self._messages = Bucket(limits.bytes_s, now_s), Bucket(limits.messages_s, now_s)

    async def run(self) -> None:
        """From the first message to the last; closes the socket."""
        try:
            start = await self._first()
            session = await asyncio.to_thread(self._make, start)
        except AhdetectError as error:
            await self._refuse(str(error), TOO_MANY_MISTAKES)
            return
        except (WebSocketDisconnect, TimeoutError):
            await self._close(TOO_MANY_MISTAKES, "no start came")
            return
        outlet = ToSocket(start, self._say, asyncio.get_running_loop())
        outlets = Outlets(session, [outlet], [*self._rules, *start.rules])
        ended, why = False, ""
        try:
            await asyncio.to_thread(_begin, session, outlets)
            await self._say({"type": "started", "t_ns": session.now_ns(), "limits": {"message": self._limits.message}})
            ended = await self._serve(session)
        except AhdetectError as error:
            why = str(error)
        except (WebSocketDisconnect, TimeoutError, OSError):
            why = "the client has gone"
        finally:
            trouble = await asyncio.shield(asyncio.to_thread(_finish, session, outlets))
        if ended:
            with suppress(Exception):  # it may have gone
                await self._say({"type": "ended", "report": _brief(session), "error": trouble})
            await self._close(ENDED)
        else:
            await self._refuse(why, TOO_MANY_MISTAKES)

    async def _first(self) -> Start:
        message = await self._read(self._limits.start_s)
        if not isinstance(message, str) or not isinstance(start := text_of(message), Start):
            raise ConfigError('The first message has to be {"type": "start", ...} (docs/serve.md).')
        return start

    async def _serve(self, session: Session) -> bool:
        """Until the client says that it has ended (True)."""
        while True:
            message = await self._read(self._limits.idle_s)
            try:
                if isinstance(message, bytes):
                    await asyncio.to_thread(self._push, session, message)
                    continue
                said = text_of(message)
                if isinstance(said, End):
                    return True
                await self._obey(session, said)
            except ConfigError as error:
                await self._mistake(error)

    def _push(self, session: Session, raw: bytes) -> None:
        media = media_of(raw, self._limits.pixels)
        if isinstance(media, Picture):
            session.push_video(media.frame, media.t_ns)
        else:
            assert isinstance(media, Sound)
            session.push_audio(media.pcm, media.t_ns, rate=media.rate)

    async def _obey(self, session: Session, said: Text) -> None:
        if isinstance(said, Prompt):
            session.ask(said.text, said.kind, t_ns=said.t_ns)
        elif isinstance(said, Mark):
            session.mark(said.note, said.t_ns)
        elif isinstance(said, Time):
            await self._say({"type": "time", "t_ns": session.now_ns(), "echo": said.echo})
        else:
            raise ConfigError("The session has begun already.")

    async def _mistake(self, error: ConfigError) -> None:
        self._mistakes += 1
        if self._mistakes > MOST_MISTAKES:
            raise ConfigError("Too many messages were not valid.") from error
        await self._say({"type": "error", "message": str(error)})

    async def _read(self, patience_s: float) -> str | bytes:
        """The next message, not before the rate allows it."""
        message = await asyncio.wait_for(self._socket.receive(), patience_s)
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        content: str | bytes = message.get("text") or message.get("bytes") or b""
        now_s = asyncio.get_running_loop().time()
        wait_s = max(self._bytes.take(len(content), now_s), self._messages.take(1, now_s))
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        return content

    async def _say(self, data: dict[str, Any]) -> None:
        async with self._writing:
            await self._socket.send_text(json.dumps(data, ensure_ascii=False))

    async def _refuse(self, why: str, code: int) -> None:
        with suppress(Exception):  # it may have gone
            await self._say({"type": "error", "message": why})
        await self._close(code, why)

    async def _close(self, code: int, why: str = "") -> None:
        with suppress(Exception):  # it may have gone
            await self._socket.close(code, why.encode()[:120].decode(errors="ignore"))


def _begin(session: Session, outlets: Outlets) -> None:
    outlets.start()
    session.start()


def _finish(session: Session, outlets: Outlets) -> str | None:
    """Work off what was pushed; what went wrong, in a sentence."""
    trouble = None
    try:
        session.stop()
    except AhdetectError as error:
        trouble = str(error)
    finally:
        outlets.stop()
    return trouble or next(iter(session.errors), None)


def _brief(session: Session) -> dict[str, Any]:
    """What a client may know of the books: counts, and no path."""
    books = session.report()["ledger"]
    return {key: books[key] for key in ("rows", "audio", "video", "balances") if key in books}
