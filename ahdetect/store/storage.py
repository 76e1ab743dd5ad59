"""Storage: what of a session is to be kept, by name, flows in; which streams that are flows out."""

from __future__ import annotations

from enum import StrEnum

from ahdetect.errors import ConfigError


class Storage(StrEnum):
    """What of a session is stored. Words, events and the ledger belong to the features."""

    EVERYTHING = "everything"
    AUDIO = "audio"
    FEATURES = "features"
    NOTHING = "nothing"

    @property
    def video(self) -> bool:
        """Whether pictures are."""
        return self is Storage.EVERYTHING

    @property
    def audio(self) -> bool:
        """Whether sound is."""
        return self in (Storage.EVERYTHING, Storage.AUDIO)


def storage_of(name: str) -> Storage:
    """The mode of that name.

    Raises:
        ConfigError: there is none.
    """
    try:
        return Storage(name)
    except ValueError:
        names = ", ".join(mode.value for mode in Storage)
        raise ConfigError(f"{name!r} is nothing that can be stored; choose one of {names}.", value=name) from None
