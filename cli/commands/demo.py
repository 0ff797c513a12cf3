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
    from cli.commands.init import create_home  # noqa: PLC0415  a second that `--help` needs none of
    from cli.commands.sample import make_world  # noqa: PLC0415  the same
    from cli.demo_home import make_demo  # noqa: PLC0415  the same

    raise typer.Exit(make_demo(use_home(home), create_home, make_world))
