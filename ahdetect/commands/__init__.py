"""Commands of the command line: each module holds `app`, a `typer.Typer`, loaded only when its command is called."""
