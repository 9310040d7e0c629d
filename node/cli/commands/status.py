"""``banktax status`` and ``banktax version``."""

from __future__ import annotations

import platform

import click

from node.cli.framework import BanktaxCommand
from node.cli.output import json_option, print_one
from node.cli.state import State, pass_state


@click.command(cls=BanktaxCommand)
@json_option
@pass_state
def status(state: State, as_json: bool) -> None:
    """Show who the node is, since when it runs and what it warns of."""
    with state.client() as node:
        found = node.status()
    print_one(found, as_json)
    for warning in found.warnings:
        state.warn(warning, warning)


@click.command(cls=BanktaxCommand)
def version() -> None:
    """Print the version of this program."""
    from node.version import VERSION

    click.echo(f"banktax {VERSION} (Python {platform.python_version()})")
