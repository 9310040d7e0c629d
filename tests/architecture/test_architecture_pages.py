"""The pages say what the code does: generated ones are current, links lead somewhere, commands exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from node.cli.main import cli
from node.jobs.states import TRANSITIONS
from tests.support.generated_pages import pages
from tests.support.sources import ROOT, texts

LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
FENCE = re.compile(r"^```(?:bash|sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
REQUIRED = (
    "README.md ARCHITECTURE.md CONTRIBUTING.md SECURITY.md CHANGELOG.md LICENSE LICENSES-OF-DEPENDENCIES.md"
    " docs/threat-model.md docs/operations.md docs/error-codes.md docs/settings.md docs/control-api.md"
    " docs/auditor-guide.md protocols/scoring/README.md protocols/psi/README.md deploy/README.md"
)


@pytest.mark.parametrize(("path", "text"), list(pages()), ids=lambda value: getattr(value, "name", "text"))
def test_generated_page_is_current(path: Path, text: str) -> None:
    assert path.read_text(encoding="utf-8") == text, f"{path.name} is not current: make docs"


def test_licences_page_is_current() -> None:
    command = [sys.executable, str(ROOT / "requirements/licences.py")]
    written = subprocess.run(command, check=True, capture_output=True, timeout=60).stdout.decode("utf-8")
    assert (ROOT / "LICENSES-OF-DEPENDENCIES.md").read_text(encoding="utf-8") == written


@pytest.mark.parametrize("name", REQUIRED.split())
def test_page_is_written(name: str) -> None:
    assert (ROOT / name).stat().st_size > 500


@pytest.mark.parametrize("path", texts(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    targets = [target for target in LINK.findall(path.read_text(encoding="utf-8")) if "://" not in target]
    assert [target for target in targets if not (path.parent / target).exists()] == []


def test_every_decision_is_listed() -> None:
    listed = (ROOT / "docs/adr/README.md").read_text(encoding="utf-8")
    decisions = sorted(path.name for path in (ROOT / "docs/adr").glob("0*.md"))
    assert decisions
    assert [name for name in decisions if f"({name})" not in listed] == []
    assert [name[:4] for name in decisions] == [f"{number:04d}" for number in range(1, len(decisions) + 1)]


@pytest.mark.parametrize("path", texts(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_commands_exist(path: Path) -> None:
    faults = [fault for line in _commands(path) for fault in _faults(shlex.split(line))]
    assert faults == []


def test_the_command_check_sees_what_is_wrong() -> None:
    assert _faults(["party", "trust", "card.json"]) == []
    assert _faults(["party", "embrace", "card.json"]) != []
    assert _faults(["party", "trust", "--no-such-option"]) != []


def _commands(path: Path) -> Iterator[str]:
    """Each ``banktax …`` command in a shell block, without its program's name and without what follows a pipe."""
    for block in FENCE.findall(path.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            found = re.match(r"^(?:\$ )?(?:[A-Z_]+=\S+ )*(?:\S*/)?banktax( .*)?$", line.split(" # ")[0].strip())
            if found:
                yield re.split(r"\s(?:[|&>]|2>)", found[1] or "")[0]


def _faults(words: list[str]) -> list[str]:
    """What the command line would not understand: an unknown subcommand, an unknown option."""
    command: click.Command = cli
    faults: list[str] = []
    for word in words:
        if word.startswith("--"):
            name = word.split("=", maxsplit=1)[0]
            known = {option for parameter in [*cli.params, *command.params] for option in parameter.opts}
            faults += [] if name in known | {"--help"} else [f"{command.name}: unknown option {name}"]
        elif isinstance(command, click.Group):
            inner = command.commands.get(word)
            if inner is None:
                return [*faults, f"{command.name}: unknown subcommand {word}"]
            command = inner
    return faults


def test_the_picture_of_a_jobs_states_is_the_table() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    (picture,) = re.findall(r"```mermaid\nstateDiagram-v2\n(.*?)```", page, re.DOTALL)
    drawn = {tuple(arrow) for arrow in re.findall(r"(\w+) --> (\w+)", picture)}
    table = {(before.value, after.value) for before, after_all in TRANSITIONS.items() for after in after_all}
    assert drawn == table


def test_every_test_that_the_threat_model_names_exists() -> None:
    page = (ROOT / "docs/threat-model.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)::(test_\w+)`", page))
    files = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")}
    assert len(named) > 50
    assert sorted(f"{file}::{test}" for file, test in named if f"def {test}(" not in files.get(file, "")) == []
