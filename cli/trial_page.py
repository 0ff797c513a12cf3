"""The outcomes of tried settings as a page with bars, for the officer who named the file.

It holds private numbers, so it is its owner's alone and never in the published folder. It loads
nothing and has no script.
"""

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.storage.files import write_new
from anonymizer.storage.home import Home
from cli.setting_trials import SettingTrial, TrialCounts

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;
color-scheme:light dark}
table{border-collapse:collapse;width:100%;margin:0 0 2rem}
th,td{text-align:left;padding:.3rem .6rem .3rem 0;border-bottom:1px solid #8884}
td.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
svg{width:100%;height:14px;display:block}
rect{fill:#2563eb}tr.weaker rect{fill:#c2410c}tr.recorded rect{fill:#15803d}
"""
_MEASURES: Sequence[tuple[str, Callable[[TrialCounts], int]]] = (
    ("Published segments", lambda one: one.published),
    ("Publishable segments", lambda one: one.publishable),
    ("Named segments published", lambda one: one.named_published),
    ("People covered by a figure", lambda one: one.covered),
    ("People covered by gender, age and region", lambda one: one.in_detail),
    ("Largest error of a figure (people)", lambda one: one.largest_error),
)


def require_new_page(path: Path, home: Home) -> None:
    """Refuse a file that exists, and one where everyone can read. Raises ConfigurationError."""
    folder = path.absolute().parent.resolve()
    if path.is_symlink() or path.exists():
        raise _mistake(f"{path} exists already", "name a new file")
    if not folder.is_dir():
        raise _mistake(f"there is no folder {folder}", "make it first, or name another")
    if folder.is_relative_to(home.published.resolve()):
        raise _mistake("the published folder is for everyone", "name a file outside of it")


def write_page(path: Path, releases: Sequence[str], trials: Sequence[SettingTrial]) -> None:
    """Write the page to a new file of mode 0600. Raises NoSpace."""
    write_new(_page(releases, trials).encode(), path)


def _page(releases: Sequence[str], trials: Sequence[SettingTrial]) -> str:
    tables = "".join(_table(name, measure, trials) for name, measure in _MEASURES)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Settings tried</title><style>{_STYLE}</style></head><body>"
        f"<h1>Settings tried on {escape(', '.join(releases))}</h1>"
        "<p>Computed from private counts: for the officers who decide, and for no one else. "
        "Green: the settings recorded last. Orange: weaker, which needs two approvals.</p>"
        f"{tables}</body></html>\n"
    )


def _table(name: str, measure: Callable[[TrialCounts], int], trials: Sequence[SettingTrial]) -> str:
    longest = max((measure(trial.counts) for trial in trials), default=0) or 1
    rows = "".join(_row(trial, measure(trial.counts), longest) for trial in trials)
    return f"<h2>{escape(name)}</h2><table>{rows}</table>"


def _row(trial: SettingTrial, number: int, longest: int) -> str:
    promise = trial.promise
    kind = "recorded" if trial.is_recorded else "weaker" if trial.weaker else "other"
    name = f"k {promise.k}, rounding {promise.rounding}, inference_k {promise.inference_k}"
    if trial.refused:
        refused = escape(trial.refused)
        return f'<tr class="{kind}"><th>{escape(name)}</th><td colspan="2">{refused}</td></tr>'
    width = round(100 * number / longest, 1)
    return (
        f'<tr class="{kind}"><th>{escape(name)}</th><td class="number">{number:,}</td>'
        '<td width="60%"><svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect width="{width}" height="8" rx="1"/></svg></td></tr>'
    )


def _mistake(problem: str, remedy: str) -> ConfigurationError:
    return ConfigurationError([Fault("--chart", problem, remedy)])
