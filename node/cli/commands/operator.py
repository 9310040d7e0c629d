"""``banktax operator``: who may call the control API."""

from __future__ import annotations

import click

from node.cli.framework import BanktaxGroup
from node.cli.state import State, pass_state


@click.group(cls=BanktaxGroup)
def operator() -> None:
    """Say who may call the node's control API."""


@operator.command()
@click.argument("name")
@pass_state
def add(state: State, name: str) -> None:
    """Make key and certificate of one more operator; the running node takes it up at once.

    Hand DIR/operator/NAME.key and NAME.crt to that person or system, together with DIR/keys/tls.crt. Deleting
    DIR/operator/NAME.crt takes the access away again.
    """
    from node.clock import system_clock
    from node.initialise import add_operator
    from protocols.randomness import SystemRandomness

    made = add_operator(state.directory, name, randomness=SystemRandomness(), now_ms=system_clock())
    click.echo(made)
