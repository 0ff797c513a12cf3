"""Results in words; apart from `screen`, whose tables take long to import."""

import typer

from anonymizer.model.escaping import visible_lines


def say(text: str, *, nl: bool = True) -> None:
    """Print on stdout, whatever the width of the screen."""
    typer.echo(visible_lines(text), nl=nl)


def warn(text: str) -> None:
    """Print on stderr."""
    typer.echo(f"Warning: {visible_lines(text)}", err=True)
