"""Limits: bytes and messages of a connection flow in; how long to wait before the next is read flows out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What a connection may take.

    Attributes:
        message: bytes of a message. 3 MiB hold a raw picture of 1280 x 720.
        pixels: of a picture.
        messages_s: messages a second: 30 pictures, 50 chunks of 20 ms, and as many again.
        bytes_s: bytes a second: 30 raw pictures of 640 x 480 a second.
        sessions: at one time. One takes about a core and a half.
        start_s: seconds until the first message.
        idle_s: seconds without any message.

    Where a rate is exceeded nothing is refused: reading waits, and with it the sender.
    """

    message: int = 3 * 1024 * 1024
    pixels: int = 1920 * 1080
    messages_s: float = 160.0
    bytes_s: float = 30.0 * 640 * 480 * 3
    sessions: int = 1
    start_s: float = 10.0
    idle_s: float = 30.0


class Bucket:
    """A token bucket that may run into debt, which the next one waits for.

    Args:
        rate: tokens a second.
        now_s: any rising time, s.
    """

    def __init__(self, rate: float, now_s: float) -> None:
        self._rate = rate
        self._free_s = now_s

    def take(self, n: float, now_s: float) -> float:
        """Take `n` tokens; seconds to wait. A second's worth may be taken at once after a second of nothing."""
        self._free_s = max(self._free_s, now_s - 1.0) + n / self._rate
        return max(0.0, self._free_s - now_s)
