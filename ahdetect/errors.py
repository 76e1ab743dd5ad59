"""Errors that reach the user as one sentence: what happened, to which file or device, and what to do.

    AhdetectError (1)
    ├── ConfigError (2)    a setting, option or argument is not valid
    ├── DeviceError (3)    a camera or microphone is missing, busy or gone
    ├── MediaError (4)     a clip cannot be read, or holds nothing to analyse
    ├── AssetError (5)     a model file is missing or damaged
    ├── StoreError (6)     a session folder cannot be written, opened or repaired
    │   ├── NoKeyError         it is encrypted, and there is no key to open it with
    │   ├── WrongKeyError      the key or passphrase does not fit
    │   ├── UnknownFormatError it is sealed in a way that this version does not know
    │   ├── TruncatedError     its end is missing
    │   ├── ReplacedError      a file, or a part of one, stands in the place of another
    │   └── DamagedError       bytes are not those that were written
    ├── DataError (7)      a file to score, evaluate or train on cannot be read
    ├── ConsentError (8)   nobody agreed to it, or they took it back
    └── CalibrationError (9)  a baseline is not good enough to be kept

The number is the exit code of the command line (`docs/cli.md` lists them). This module imports nothing of the
package, so every floor may raise from it.
"""

from __future__ import annotations

from typing import ClassVar


class AhdetectError(Exception):
    """Base of every error that ahdetect raises on purpose.

    Args:
        message: one sentence for the user, naming the file or device and what to do next.
        value: the offending value (a path, a device name, a setting), kept for programs that embed us.
        permanent: False where trying again may help (a busy device, a stream that is not up yet).
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, value: object = None, permanent: bool = True) -> None:
        super().__init__(message)
        self.value = value
        self.permanent = permanent


class ConfigError(AhdetectError):
    """A setting, option or argument is not valid."""

    exit_code: ClassVar[int] = 2


class DeviceError(AhdetectError):
    """A camera or microphone is missing, busy or gone."""

    exit_code: ClassVar[int] = 3


class MediaError(AhdetectError):
    """A clip cannot be read, or holds nothing to analyse."""

    exit_code: ClassVar[int] = 4


class AssetError(AhdetectError):
    """A model file is missing or damaged."""

    exit_code: ClassVar[int] = 5


class StoreError(AhdetectError):
    """A session folder cannot be written, opened or repaired."""

    exit_code: ClassVar[int] = 6


class NoKeyError(StoreError):
    """A recording is encrypted, and none of its locks is one that the keys at hand are for."""


class WrongKeyError(StoreError):
    """A key or passphrase does not fit the lock that it is for."""


class UnknownFormatError(StoreError):
    """A file is sealed in a way that this version does not know."""


class TruncatedError(StoreError):
    """The end of a sealed file is missing, though it was closed."""


class ReplacedError(StoreError):
    """A sealed file, or a part of one, stands where another one was: swapped, foreign, or out of order."""


class DamagedError(StoreError):
    """Sealed bytes are not those that were written."""


class DataError(AhdetectError):
    """A file to score, evaluate or train on cannot be read, or holds what it should not."""

    exit_code: ClassVar[int] = 7


class ConsentError(AhdetectError):
    """Nobody agreed to what is to be done or kept, or they took it back; or a record of consent is not valid."""

    exit_code: ClassVar[int] = 8


class CalibrationError(AhdetectError):
    """A person's baseline is not good enough to be kept; nothing was saved."""

    exit_code: ClassVar[int] = 9


def known(error: BaseException) -> AhdetectError:
    """The same error where it is one of ours; one that nobody expected becomes a sentence, with itself as the cause."""
    if isinstance(error, AhdetectError):
        return error
    first = (f"{type(error).__name__}: {error}" if str(error) else type(error).__name__).splitlines()[0]
    made = AhdetectError(f"An error that ahdetect does not know stopped it ({first}); `ahdetect --debug` shows where.")
    made.__cause__ = error
    return made
