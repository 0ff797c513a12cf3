"""`audience demo`: a home, a sample world and its releases."""

import typer

from cli.commands.common import HomeOption, use_home


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("demo")(demo)


def demo(home: HomeOption = None) -> None:
    """Create a home and a sample world if there is none, release its days, show the result.

    The world has 8,000 people and 34 days. Run again, it releases what is still missing.
    """
    from cli.commands.demo_home import make_demo  # noqa: PLC0415  a second that `--help` needs none of

    raise typer.Exit(make_demo(use_home(home)))
