"""``banktax serve``."""

from __future__ import annotations

import click

from node.cli.framework import BanktaxCommand
from node.cli.state import State, pass_state


@click.command(cls=BanktaxCommand)
@pass_state
def serve(state: State) -> None:
    """Run the node until it is told to stop (SIGTERM or Ctrl-C); it then drains and ends.

    The node key opens with BANKTAX_PASSPHRASE or BANKTAX_KEY_FILE, else with DIR/keys/node.key.
    """
    from node.app import serve as serve_node

    serve_node(state.directory)
