"""`audience migrate` on a small home, and what every other command says before it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from anonymizer.model.policy import Policy
from anonymizer.storage.home import Home
from cli.commands.init import create_home
from cli.main import MODULES, RENAMED

# As an owner has edited it; `audience init` of an earlier version wrote the rest.
OLD = "provider: Example  # ours\nplausibility:\n  fewest_days: 4  # agreed\n"
_DAY = ("--day", "2026-11-02")
_RANGE = ("--from", "2026-11-02", "--to", "2026-11-02")
_WHY = ("--reason", "Fine.")
# With every command that works on a home; the rest works on files, or says what it would write.
ON_A_HOME = [
    *(("segments",), ("ui",), ("demo",), ("sample",), ("init",), ("backfill",), ("statements",)),
    *(("figures",), ("exports",), ("verify",), ("retention",), ("run", *_RANGE)),
    *(("check-input", *_DAY), ("accept", *_DAY, *_WHY), ("quarantine", *_DAY)),
    *(("suppressed", "--campaign", "x", *_DAY), ("withdraw-release", "x", *_WHY)),
    *(("correct-release", "x", *_WHY), ("policy", "check"), ("policy", "explain")),
    *(("policy", "approve"), ("policy", "history"), ("ledger", "list"), ("ledger", "verify")),
    ("rights", "list"),
    *(("rights", "review"), ("rights", "access", "--user", "x")),
    *(("portal",), ("user", "list"), ("backup", "folder"), ("change-key", *_WHY)),
    *(("source", "check", "x", *_DAY), ("retire-exports", "--before", "2026-01-01", *_WHY)),
    *(("whatif", "--k", "20"), ("officer",), ("segment-request", "list")),
    *(("compare-naive",), ("evidence",), ("health",), ("package", "x", "2026-W45")),
    *(("deliver",), ("deliveries",)),
]
NOT_ON_A_HOME = {"migrate", "check", "protect", "audit", "restore"}
Command = Callable[..., tuple[int, str]]


@pytest.fixture
def old(tmp_path: Path) -> Home:
    home = create_home(Home(tmp_path / "home"))
    home.policy.write_text(OLD, encoding="utf-8")
    return home


def content(home: Home) -> dict[str, bytes]:
    return {
        str(path.relative_to(home.root)): path.read_bytes()
        for path in home.root.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("words", ON_A_HOME, ids=" ".join)
def test_every_command_on_an_older_home_says_what_to_run(
    old: Home, command: Command, words: tuple[str, ...]
) -> None:
    before = content(old)
    code, told = command(*words, "--home", old.root)
    assert code == 2, told
    assert "policy.yaml:3 plausibility.fewest_days" in told
    assert "this setting is now called plausibility.min_days" in told
    assert f"run: audience migrate --home {old.root}" in told
    assert content(old) == before


def test_every_command_is_tried() -> None:
    assert {words[0] for words in ON_A_HOME} | NOT_ON_A_HOME == set(MODULES)


def test_it_says_first_and_changes_then_once(old: Home, command: Command) -> None:
    before = content(old)
    old.policy.chmod(0o640)
    code, told = command("migrate", "--dry-run", "--home", old.root)
    assert code == 0
    assert "line 3: plausibility.fewest_days is now plausibility.min_days" in told
    assert "2 change(s) to make; nothing was written" in told
    assert content(old) == before

    code, told = command("migrate", "--home", old.root)
    assert code == 0
    assert "line 3: plausibility.fewest_days is now plausibility.min_days" in told
    assert "2 change(s) made" in told
    changed = old.policy.read_text(encoding="utf-8")
    assert "provider: Example  # ours\n" in changed
    assert "  min_days: 4  # agreed\n" in changed
    assert old.policy.stat().st_mode & 0o777 == 0o640
    assert content(old).keys() - before.keys() <= {"run.lock"}
    assert command("policy", "check", "--home", old.root)[0] == 0

    for words in (("migrate",), ("migrate", "--dry-run")):
        assert command(*words, "--home", old.root) == (
            0,
            "Nothing to migrate: the home is of this version.",
        )
    assert old.policy.read_text(encoding="utf-8") == changed


def test_a_new_home_needs_nothing(tmp_path: Path, command: Command) -> None:
    home = create_home(Home(tmp_path / "home"))
    before = home.policy.read_bytes()
    assert "Nothing to migrate" in command("migrate", "--home", home.root)[1]
    assert home.policy.read_bytes() == before


def test_a_policy_that_is_linked_stays_linked(old: Home, command: Command, tmp_path: Path) -> None:
    kept = tmp_path / "kept.yaml"
    old.policy.rename(kept)
    old.policy.symlink_to(kept)
    assert command("migrate", "--home", old.root)[0] == 0
    assert old.policy.is_symlink()
    assert Policy.load(kept).plausibility.min_days == 4


@pytest.mark.parametrize("words", [("migrate",), ("migrate", "--dry-run"), ("segments",)])
def test_a_newer_home_is_left_alone(old: Home, command: Command, words: tuple[str, ...]) -> None:
    old.policy.write_text(f"format: 3\n{OLD}", encoding="utf-8")
    before = old.policy.read_bytes()
    code, told = command(*words, "--home", old.root)
    assert code == 2
    assert "this home has format 3, and this program reads up to 2" in told
    assert old.policy.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (OLD + "  weeks: 0\n", "policy.yaml:4 plausibility.weeks"),
        (OLD + "  min_days: 3\n", "plausibility.min_days is set too"),
        (OLD + "promise: {trusted_after_days: 3}\n", "remove it and set min_account_days instead"),
        ("a: [", "this is not valid YAML"),
    ],
)
def test_a_policy_with_mistakes_is_not_changed(
    old: Home, command: Command, text: str, said: str
) -> None:
    old.policy.write_text(text, encoding="utf-8")
    code, told = command("migrate", "--home", old.root)
    assert code == 2
    assert said in told
    assert old.policy.read_text(encoding="utf-8") == text


def test_where_there_is_no_home_it_says_so(tmp_path: Path, command: Command) -> None:
    code, told = command("migrate", "--home", tmp_path)
    assert code == 2
    assert "audience init" in told
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("before", "now"), RENAMED.items())
def test_a_command_that_was_renamed_runs_with_a_warning(
    command: Command, before: str, now: str
) -> None:
    assert now in MODULES
    assert before not in MODULES
    code, told = command(before, "--help")
    assert code == 0
    assert f"Warning: audience {before} is now audience {now}." in told
    assert f"audience {now}" in told or f"{now} [OPTIONS]" in told
