"""Command line: arguments in, an exit code out; errors leave as one sentence on stderr.

Exit codes (`docs/cli.md`): 0 done; 1 an error without a number of its own, or `doctor` found something missing; 2 wrong
arguments or settings; 3 a device; 4 a clip; 5 a model file; 6 a session folder; 7 a file of data; 8
consent; 9 a calibration that is not good enough; 130 stopped by Ctrl-C. 2 to 9 are the `exit_code` of the classes in
`ahdetect.errors`.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from ahdetect.errors import AhdetectError, ConfigError, known

# name: (module that holds `app`, the line in `ahdetect --help`). The module is imported when the command is called, so
# that help is fast and a command whose extra is not installed leaves the others alone.
COMMANDS: dict[str, tuple[str, str]] = {
    "gui": ("ahdetect.commands.gui", "Open the desktop app."),
    "analyze": ("ahdetect.commands.analyze", "Analyse clips: tables and a timeline picture for each."),
    "extract": ("ahdetect.commands.extract", "Extract the cues of a corpus: a file per clip, with its labels."),
    "record": ("ahdetect.commands.record", "Record and analyse a session, headless."),
    "serve": ("ahdetect.commands.serve", "Serve other programs of this machine: pictures and sound in, rows out."),
    "language": ("ahdetect.commands.language", "Score answers in words: signs of A/H, clause by clause."),
    "evaluate": ("ahdetect.commands.evaluate", "Score probabilities against labels, with intervals over people."),
    "train": ("ahdetect.commands.train", "Train the language models anew, or a fusion network."),
    "session": ("ahdetect.commands.session", "Look into stored sessions; finish, verify, erase them; consent."),
    "keys": ("ahdetect.commands.keys", "Make and name the keys that sessions are encrypted with."),
    "calibrate": ("ahdetect.commands.calibrate", "Measure what is usual in one person; kept in their profile."),
    "profile": ("ahdetect.commands.profile", "Look into the profile of a person, go back in it, or delete it."),
    "export": ("ahdetect.commands.export", "Export a session: tables, annotations, captions, streams, report, film."),
    "agreement": ("ahdetect.commands.agreement", "Compare the model's segments with those that a person marked."),
    "bench": ("ahdetect.commands.bench", "Measure speed on this machine."),
    "devices": ("ahdetect.commands.devices", "List cameras and microphones; meter and measure them."),
    "doctor": ("ahdetect.commands.doctor", "Say what is installed, what is missing and the command that mends it."),
    "assets": ("ahdetect.commands.assets", "Fetch, list and check the model files."),
}

EPILOG = (
    "Exit codes: 0 done, 1 other error, 2 arguments, 3 device, 4 clip, 5 model file, 6 session folder, 7 data, "
    "8 consent, 9 calibration, 130 Ctrl-C."
)


@dataclass(slots=True)
class Options:
    """What stands before the command: `ahdetect --debug COMMAND`."""

    debug: bool = False


def load(name: str) -> Any:
    """The command `name`, imported now."""
    module = COMMANDS[name][0]
    try:
        return typer.main.get_command(importlib.import_module(module).app)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] == "ahdetect":
            raise
        raise ConfigError(
            f"`ahdetect {name}` needs the package {error.name}, which is not installed; "
            "run `pip install 'ahdetect[all]'`.",
            value=error.name,
        ) from error


class LazyGroup(TyperGroup):
    """Knows each command by its line of help and imports the one that is called."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command where it is loaded, else its line of help."""
        loaded = super().get_command(ctx, cmd_name)
        if loaded is None and cmd_name in COMMANDS:
            return TyperCommand(cmd_name, help=COMMANDS[cmd_name][1])
        return loaded

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Load the command that is about to run."""
        if args and args[0] in COMMANDS:
            self.add_command(load(args[0]), args[0])
        return super().resolve_command(ctx, args)


app = typer.Typer(cls=LazyGroup, no_args_is_help=True, epilog=EPILOG, pretty_exceptions_enable=False)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"ahdetect {version('ahdetect')}")
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    version: Annotated[  # noqa: ARG001
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the Python traceback of an error.")] = False,
) -> None:
    """Signs of ambivalence and hesitancy in face, voice, words and body, on one timeline."""
    ctx.obj.debug = debug


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit code.

    Args:
        args: without the program's name; None for the process's own.
    """
    _make_room()
    options = Options()
    command = typer.main.get_command(app)
    try:
        command.main(list(sys.argv[1:] if args is None else args), prog_name="ahdetect", obj=options)
    except AhdetectError as error:
        _fail(options, str(error), error.exit_code)
    except KeyboardInterrupt:  # during an import, before the command's own handling
        sys.exit(130)
    except Exception as error:
        _fail(options, str(known(error)), 1)
    sys.exit(0)


def _make_room() -> None:
    """Set what a process of our own may set, and a library must not.

    Stages hand work to libraries many times per frame and ask for the interpreter again each time: with Python's 5 ms
    turns a face beside a busy thread took 57 ms, with .5 ms 15 ms, and analysis gains 8 %. BLAS threads of numpy spin
    after each small product and take the time of both cores from the stages.
    """
    sys.setswitchinterval(0.0005)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _fail(options: Options, sentence: str, code: int) -> NoReturn:
    if options.debug:
        traceback.print_exc()
    typer.echo(f"ahdetect: {sentence}", err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
