"""Live model: the recorded session's model under its old name, until the live one takes its place."""

from __future__ import annotations

from ahdetect.gui.review_model import ReviewModel as LiveModel

__all__ = ["LiveModel"]
