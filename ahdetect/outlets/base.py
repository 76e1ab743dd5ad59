"""What most outlets share: a name, what they want, and nothing to open, stop or close."""

from __future__ import annotations

from collections.abc import Iterable

from ahdetect.capture.clock import Clock
from ahdetect.errors import ConfigError
from ahdetect.outlets.items import Kind
from ahdetect.rules import RowKind


class Base:
    """Name and wishes of an outlet.

    Args:
        name: as it stands in the ledger.
        include: "triggers", "rows", "events", "words".
        rows: "settled", or "provisional" for what is known first of each row.

    Raises:
        ConfigError: `include` or `rows` names what there is not.
    """

    def __init__(self, name: str, include: Iterable[str | Kind] = (Kind.TRIGGERS,), rows: str | RowKind = "settled"):
        self.name = name
        try:
            self.wants = frozenset(Kind(k) for k in include)
            self.rows = RowKind(rows)
        except ValueError as error:
            raise ConfigError(
                f"The outlet {name}: {error}; `include` takes {', '.join(k.value for k in Kind)}, `rows` takes "
                f"{', '.join(k.value for k in RowKind)}."
            ) from error

    @property
    def with_words(self) -> bool:
        """Whether it was asked to tell what was said."""
        return Kind.WORDS in self.wants

    def open(self, clock: Clock) -> None:
        """Nothing to open."""

    def stop(self) -> None:
        """Nothing to wait for."""

    def close(self) -> None:
        """Nothing to close."""
