"""The key from a file, a command or a variable; whatever goes wrong, nothing of it is shown."""

import sys
from pathlib import Path

import pytest
from running import call

from anonymizer.model.errors import SecretProblem
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret

KEY = "5ec7e7" * 11
VARIABLES = ("AUDIENCE_SECRET_FILE", "AUDIENCE_SECRET_COMMAND", "AUDIENCE_SECRET")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home whose own key is another one."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    Secret.create(tmp_path / "secret.key")
    return Home(tmp_path)


def printing(tmp_path: Path, text: str) -> str:
    """A command that prints something, with a blank in its path."""
    script = tmp_path / "ask the vault.py"
    script.write_text(text)
    return f"{sys.executable} '{script}'"


def key_file(tmp_path: Path, mode: int = 0o600) -> str:
    path = tmp_path / "elsewhere.key"
    path.write_text(KEY + "\n")
    path.chmod(mode)
    return str(path)


def test_each_takes_the_place_of_the_file_in_the_home(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Secret.of(home).fingerprint
    expected = Secret(bytes.fromhex(KEY)).fingerprint
    assert own == Secret.load(home.secret).fingerprint != expected
    for variable, value in (
        ("AUDIENCE_SECRET_FILE", key_file(tmp_path)),
        ("AUDIENCE_SECRET_COMMAND", printing(tmp_path, f"print('{KEY}')")),
        ("AUDIENCE_SECRET", KEY),
    ):
        with monkeypatch.context() as patch:
            patch.setenv(variable, value)
            assert Secret.of(home).fingerprint == expected, variable


def test_a_command_is_asked_once_in_a_process(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = tmp_path / "asked"
    text = f"open({str(asked)!r}, 'a').write('x'); print('{KEY}')"
    monkeypatch.setenv("AUDIENCE_SECRET_COMMAND", printing(tmp_path, text))
    assert {Secret.of(home).fingerprint for _ in range(3)} == {
        Secret(bytes.fromhex(KEY)).fingerprint
    }
    assert asked.read_text() == "x"


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (
            f"import sys; print('{KEY}'); print('{KEY}', file=sys.stderr); sys.exit(3)",
            "exit code 3",
        ),
        (f"print('{KEY}' * 1000)", "printed something other than a key"),
        (f"print('{KEY}é')", "printed something other than a key"),
        (f"print('{KEY}!')", "is damaged: not hexadecimal"),
        (f"print('{KEY[:8]}')", "the key has 4 bytes, at least 32 are needed"),
        ("", "prints is empty"),
    ],
)
def test_what_a_command_prints_is_never_shown(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
    script: str, told: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("AUDIENCE_SECRET_COMMAND", printing(tmp_path, script))
    with pytest.raises(SecretProblem, match=told) as held:
        Secret.of(home)
    shown = capfd.readouterr()
    for text in (str(held.value), shown.out, shown.err):
        assert KEY[:8] not in text
    assert held.value.exit_code == 4


@pytest.mark.parametrize("command", ["", "'", "/no/such/program --token 5ec7e75ec7e7"])
def test_a_command_that_cannot_be_started_is_told(
    home: Home, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("AUDIENCE_SECRET_COMMAND", command)
    with pytest.raises(SecretProblem, match="AUDIENCE_SECRET_COMMAND cannot be started") as held:
        Secret.of(home)
    assert "5ec7e7" not in str(held.value)


def test_a_command_that_does_not_end_is_given_up(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anonymizer.storage.storage_limits.PATIENCE_SECONDS", 0.2)
    command = printing(tmp_path, "import time; time.sleep(60)")
    monkeypatch.setenv("AUDIENCE_SECRET_COMMAND", command)
    with pytest.raises(SecretProblem, match="did not end within"):
        Secret.of(home)


@pytest.mark.parametrize("value", ["", "5ec7e7xx", KEY + "Z"])
def test_a_wrong_value_is_not_repeated(
    home: Home, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("AUDIENCE_SECRET", value)
    with pytest.raises(SecretProblem) as held:
        Secret.of(home)
    assert "5ec7e7" not in str(held.value)


def test_a_file_that_others_can_read_is_refused(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIENCE_SECRET_FILE", key_file(tmp_path, 0o640))
    with pytest.raises(SecretProblem, match=r"elsewhere\.key can be read by others"):
        Secret.of(home)


def test_two_at_once_are_refused(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIENCE_SECRET", KEY)
    monkeypatch.setenv("AUDIENCE_SECRET_FILE", key_file(tmp_path))
    with pytest.raises(SecretProblem, match="unset all but one") as held:
        Secret.of(home)
    assert KEY not in str(held.value)


def test_a_new_home_gets_no_key_of_its_own_beside_one_elsewhere(tmp_path: Path) -> None:
    made = Home(tmp_path / "made")
    done = call("init", "--home", made.root, environment={"AUDIENCE_SECRET": KEY})
    assert done.returncode == 0, done.stderr
    assert not made.secret.exists()
    wrong = call("init", "--home", tmp_path / "x", environment={"AUDIENCE_SECRET": "5ec7e7"})
    assert wrong.returncode == 4
    assert "5ec7e7" not in wrong.stdout + wrong.stderr
