"""Help texts: everything has one, and docs/cli.md says the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from node.cli.main import cli
from node.cli.reference import reference
from protos import control_pb2
from tests.support.cli import banktax

DOCS = Path(__file__).parents[3] / "docs"


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from commands(below, (*path, name))


ALL = list(commands(cli))


@pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) or "banktax" for path, _ in ALL])
def test_every_command_and_option_has_help(path: tuple[str, ...], command: click.Command) -> None:
    assert command.help
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, f"{' '.join(path)} {option.name}"
            assert option.help.endswith((".", ")")), f"{' '.join(path)} {option.name}: a sentence ends in a point"
    result = banktax(*path, "--help")
    assert result.exit_code == 0
    assert "--dir" in result.stdout


def test_the_command_reference_is_current() -> None:
    assert (DOCS / "cli.md").read_text("utf-8") == reference(), "python -m node.cli.reference > docs/cli.md"


def test_the_control_api_s_page_names_every_call() -> None:
    page = (DOCS / "control-api.md").read_text("utf-8")
    calls = control_pb2.DESCRIPTOR.services_by_name["Control"].methods
    assert [call.name for call in calls if f"| `{call.name}` |" not in page] == []
