"""`audience compare-naive`: what a plain HAVING would give away of the same counts."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from cli.commands.common import HomeOption, existing_home
from cli.output import say

if TYPE_CHECKING:
    from cli.naive import NaiveComparison


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("compare-naive")(compare_naive)


def compare_naive(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the numbers as JSON.")] = False,
    home: HomeOption = None,
) -> None:
    """Compare the releases with HAVING count(distinct person) >= k over the same people.

    Both sets of figures are added and subtracted, nothing more, to find suppressed segments of
    fewer than `inference_k` people. Reads the true counts in private/, as long as they are kept.
    """
    from anonymizer.model.policy import Policy  # noqa: PLC0415
    from anonymizer.model.segments import load_catalogue  # noqa: PLC0415
    from cli.naive import compare  # noqa: PLC0415
    from pipelines.release_history import open_ledger  # noqa: PLC0415  slow to import
    from pipelines.screen import out, table  # noqa: PLC0415

    place = existing_home(home)
    promise = Policy.load(place.policy).promise
    found = compare(place, open_ledger(place), load_catalogue(place.segments), promise)
    if as_json:
        say(json.dumps(_as_json(found), indent=2))
        return
    columns = ("", f"HAVING >= {promise.k}", "released")
    names = {
        "figures": "figures published",
        "small": f"suppressed segments of 1 to {promise.inference_floor - 1} people given away",
        "exact": "of these, to the very number",
        "tables": "tables that give any away",
    }
    rows = [
        (words, f"{vars(found.naive)[name]:,}", f"{vars(found.released)[name]:,}")
        for name, words in names.items()
    ]
    out().print(table(f"{found.tables:,} tables, solved by subtraction alone", columns, rows))
    say(f"{found.both:,} segments have a figure in both.")


def _as_json(found: "NaiveComparison") -> dict[str, object]:
    return {
        "tables": found.tables,
        "figures_in_both": found.both,
        "naive": vars(found.naive),
        "released": vars(found.released),
    }
