"""Errors on the command line: one line, a code for the shell, never a traceback, never a value."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from node.cli.exits import EXIT_MEANINGS, Exit, exit_of
from node.cli.language import Language, language_from, printable, refusal_line
from node.cli.state import State
from node.codes import Code, Side
from node.errors import Refusal
from node.version import VERSION
from tests.support.cli import banktax


def test_every_exit_code_is_explained_in_both_languages() -> None:
    assert set(EXIT_MEANINGS) == set(Exit)
    assert all(english and chinese for english, chinese in EXIT_MEANINGS.values())


@pytest.mark.parametrize("side", list(Side))
def test_the_exit_code_follows_the_side(side: Side) -> None:
    expected = {Side.CALLER: 2, Side.OPERATOR: 5}.get(side, 6)
    assert exit_of(Refusal(Code.NOT_FOUND, "x", side=side)) == expected
    assert exit_of(Refusal(Code.INTERNAL, "x", side=side)) == 70


def test_a_refusal_is_one_line_in_the_chosen_language() -> None:
    refusal = Refusal(Code.MODEL_UNKNOWN, "retail@3\nis not registered")
    english = refusal_line(refusal, Language.ENGLISH)
    assert english.startswith("error MODEL_UNKNOWN: retail@3 is not registered (the bank's side; Register the model")
    chinese = refusal_line(refusal, Language.CHINESE)
    assert chinese.startswith(
        "错误 MODEL_UNKNOWN：模型未登记。retail@3 is not registered（银行侧；先在税务节点登记模型"
    )
    assert "\n" not in english + chinese


def test_a_remedy_of_its_own_is_kept_in_both_languages() -> None:
    refusal = Refusal(Code.KEY_UNAVAILABLE, "x", remedy="chmod 600 it")
    assert "chmod 600 it" in refusal_line(refusal, Language.ENGLISH)
    assert "chmod 600 it" in refusal_line(refusal, Language.CHINESE)


def test_text_of_others_cannot_steer_the_terminal() -> None:
    assert printable("a\x1b[2J\u202eb\x9bc\nd") == "a\ufffd[2J\ufffdb\ufffdc d"
    assert printable("税务局 é") == "税务局 é"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"LANG": "zh_CN.UTF-8"}, Language.CHINESE),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, Language.ENGLISH),
        ({"LC_ALL": "", "LC_MESSAGES": "zh_TW"}, Language.CHINESE),
        ({}, Language.ENGLISH),
    ],
)
def test_the_language_comes_from_the_locale(environment: dict[str, str], expected: Language) -> None:
    assert language_from(environment) is expected


def test_without_a_directory_the_caller_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    result = banktax("status")
    assert result.exit_code == 2
    assert result.stderr == (
        "error INVALID_INPUT: which node? no directory was given "
        "(the caller's side; Give --dir DIR, or set BANKTAX_DIR.)\n"
    )


@pytest.mark.parametrize(
    "arguments", [("--dir", "{}", "--lang", "zh", "status"), ("status", "--lang", "zh", "--dir", "{}")]
)
def test_shared_options_stand_anywhere(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    result = banktax(*(part.format(tmp_path) for part in arguments))
    assert result.exit_code == 5
    assert result.stderr.startswith("错误 CONFIG_INVALID：")
    assert str(tmp_path) in result.stderr
    assert result.stderr.count("\n") == 1


def test_an_option_after_the_command_wins_over_one_before(tmp_path: Path) -> None:
    result = banktax("--dir", tmp_path / "first", "status", "--dir", tmp_path / "second")
    assert "second" in result.stderr
    assert "first" not in result.stderr


def test_the_variable_names_the_directory_too(tmp_path: Path) -> None:
    result = banktax("status", environment={"BANKTAX_DIR": str(tmp_path / "named")})
    assert str(tmp_path / "named") in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("score", "submit"),
        ("score", "submit", "--model", "m", "--list", "l", "--out", "o.csv", "--engine", "ckks"),
        ("score", "one", "x", "--model", "m", "--value", "age"),
        ("score", "one", "x", "--model", "m", "--value", "a=1", "--value", "a=2"),
        ("init", "regulator", "--id", "x", "--name", "X"),
        ("catalogue", "show", "base@zero"),
        ("data", "import", "--catalogue", "base@0", "--as-of", "2026-06-30", "--name", "q2", "f.csv"),
        ("data", "import", "--catalogue", "base", "--as-of", "June", "--name", "q2", "f.csv"),
        ("data", "import", "--catalogue", "base", "--as-of", "2026-06-30", "--name", "q2"),
        ("data", "import", "--catalogue", "base", "--as-of", "2026-06-30", "--name", "q2", "f.xlsx"),
        ("data", "import", "f.csv", "--table", "t", "--catalogue", "b", "--as-of", "2026-06-30", "--name", "q2"),
        ("consent", "register"),
        ("job", "list", "--state", "sleeping"),
        ("status", "--deadline", "0"),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_wrong_usage_ends_with_two_and_a_hint(arguments: tuple[str, ...], tmp_path: Path) -> None:
    result = banktax(*arguments, "--dir", tmp_path)
    assert result.exit_code == 2
    assert "Error:" in result.stderr
    assert "Traceback" not in result.output


def test_what_nobody_expected_names_a_report_without_values(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(_: State) -> None:
        try:
            raise KeyError("91350100M000100Y43")
        except KeyError as error:
            raise RuntimeError("the secret is 42") from error

    monkeypatch.setattr(State, "client", broken)
    result = banktax("status", "--dir", tmp_path)
    assert result.exit_code == 70
    assert result.stderr.startswith("error INTERNAL: RuntimeError, report ")
    assert result.stderr.count("\n") == 1
    report = (tmp_path / "banktax-faults.log").read_text()
    assert "builtins.RuntimeError" in report
    assert "builtins.KeyError" in report
    assert f"{Path(__file__).name}:" in report
    assert "secret" not in report + result.output
    assert "91350100M000100Y43" not in report + result.output


def test_ctrl_c_ends_with_130(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupted(_: State) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(State, "client", interrupted)
    result = banktax("status", "--dir", tmp_path)
    assert (result.exit_code, result.stderr) == (130, "interrupted\n")


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = [sys.executable, "-m", "node", "catalogue", "schema"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ) as process:
        assert process.stdout is not None
        process.stdout.close()
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 141
    assert errors == b""


def test_version_names_the_program() -> None:
    assert banktax("version").stdout.startswith(f"banktax {VERSION} (Python 3.")
