"""`ahdetect gui`: a folder and a screen flow in, the desktop app's window flows out."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def gui(
    folder: Annotated[
        Path | None,
        typer.Argument(help="A session folder, one that `ahdetect analyze` wrote, or a clip.", show_default=False),
    ] = None,
    clip: Annotated[
        Path | None, typer.Argument(help="The analysed clip, where it is not found by itself.", show_default=False)
    ] = None,
    screen: Annotated[
        str | None, typer.Option(help="Screen to begin with: devices, setup, live, review.", show_default=False)
    ] = None,
    language: Annotated[str, typer.Option(help="en or fr; by default the desktop's.", show_default=False)] = "",
) -> None:
    """Open the desktop app: record a session live, or look at one again."""
    run = importlib.import_module("ahdetect.gui.app").run  # by name: the window is the floor above
    raise typer.Exit(run(folder, clip, screen, language))
