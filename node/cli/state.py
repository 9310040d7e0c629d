"""What every command shares: the node's directory, the language, how loud to be."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from node.cli.language import Language, language_from
from node.codes import Code
from node.errors import Refusal

if TYPE_CHECKING:
    from node.client.control import ControlClient

SETTINGS_FILE = "banktax.toml"


@dataclass
class State:
    """Filled by the options that every command takes (:mod:`node.cli.framework`)."""

    chosen_directory: Path | None = None
    language: Language = field(default_factory=language_from)
    quiet: bool = False
    operator: str = "operator"
    deadline: float | None = None

    @property
    def directory(self) -> Path:
        """The node's directory: ``--dir``, else ``BANKTAX_DIR``, else here if a node lives here.

        Raises:
            Refusal: ``INVALID_INPUT`` where none of them names one.
        """
        named = self.chosen_directory or os.environ.get("BANKTAX_DIR")
        if named:
            return Path(named)
        if Path(SETTINGS_FILE).is_file():
            return Path()
        raise Refusal(
            Code.INVALID_INPUT,
            "which node? no directory was given",
            remedy="Give --dir DIR, or set BANKTAX_DIR.",
        )

    def client(self) -> ControlClient:
        """Open the node's control API."""
        from node.client.calls import Deadlines
        from node.client.control import ControlClient

        deadlines = Deadlines(stream=self.deadline) if self.deadline else Deadlines()
        return ControlClient.for_directory(self.directory, operator=self.operator, deadlines=deadlines)

    def text(self, english: str, chinese: str) -> str:
        """Return the sentence of the chosen language."""
        return chinese if self.language is Language.CHINESE else english

    def note(self, english: str, chinese: str) -> None:
        """Tell a person something beside the result: on standard error, not when quiet."""
        if not self.quiet:
            click.echo(self.text(english, chinese), err=True)

    def warn(self, english: str, chinese: str) -> None:
        """Warn on standard error, also when quiet."""
        click.secho(self.text(f"warning: {english}", f"警告：{chinese}"), err=True, fg="yellow")


pass_state = click.make_pass_decorator(State, ensure=True)
