"""Runs ``banktax`` in this process as a shell would."""

from __future__ import annotations

from collections.abc import Mapping

from click.testing import CliRunner, Result

from node.cli.main import cli

ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "BANKTAX_DIR": "",
    "BANKTAX_PASSPHRASE": "",
    "BANKTAX_KEY_FILE": "",
    "COLUMNS": "100",
}


def banktax(
    *arguments: object, stdin: str | bytes | None = None, environment: Mapping[str, str] | None = None
) -> Result:
    """Run a command; ``stdout``, ``stderr`` and ``exit_code`` are in the result."""
    unset = {name: value or None for name, value in (ENVIRONMENT | dict(environment or {})).items()}
    return CliRunner().invoke(cli, [str(part) for part in arguments], input=stdin, env=unset, prog_name="banktax")
