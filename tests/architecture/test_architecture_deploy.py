"""What can be checked of the deployment files without a container engine."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from node.config import load
from tests.support.sources import ROOT

DEPLOY = ROOT / "deploy"
SCRIPTS = (ROOT / ".ci/run", DEPLOY / "postgresql/create-databases.sh")


@pytest.mark.parametrize("role", ["bureau", "bank"])
def test_example_settings_load(role: str, tmp_path: Path) -> None:
    shutil.copy(DEPLOY / f"examples/{role}.toml", tmp_path / "banktax.toml")
    settings = load(tmp_path)
    assert settings.node.role == role
    assert not settings.security.allow_uncertified


def test_everything_that_the_image_copies_exists_and_is_let_in() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    copied = [path for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE) for path in line.split()[:-1]]
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    assert copied
    assert [path for path in copied if not (ROOT / path).exists()] == []
    assert [path for path in copied if path not in let_in and f"{path.split('/')[0]}/*.txt" not in let_in] == []


def test_every_variable_of_the_compose_file_is_in_its_example() -> None:
    used = set(re.findall(r"\$\{([A-Z_]+)", (DEPLOY / "compose.yaml").read_text(encoding="utf-8")))
    offered = set(re.findall(r"^([A-Z_]+)=$", (DEPLOY / "env.example").read_text(encoding="utf-8"), re.MULTILINE))
    assert used == offered


def test_the_compose_file_sets_only_what_can_be_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    settings = re.findall(r"^ +(BANKTAX_[A-Z]+__[A-Z]+): (\S+)$", text, re.MULTILINE)
    shutil.copy(DEPLOY / "examples/bureau.toml", tmp_path / "banktax.toml")
    assert settings
    for name, value in settings:
        monkeypatch.setenv(name, re.sub(r"\$\{[^}]*\}", "secret", value))
    assert load(tmp_path).log.format == "json"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_parse_and_can_be_run(script: Path) -> None:
    shell = script.read_text(encoding="utf-8").splitlines()[0].split("/")[-1].split()[-1]
    subprocess.run([shell, "-n", str(script)], check=True, timeout=10)
    assert script.stat().st_mode & 0o111
