"""Pages that quote what commands print: each command with the lines quoted below it."""

import re


def quoted_commands(page: str) -> list[tuple[str, list[str]]]:
    """Every command of a page, in its order, with the lines that are quoted of its output."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"^```console\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line.removeprefix("$ "), []))
            else:
                found[-1][1].append(line)
    return found
