"""``banktax tls``: the certificate that this node shows to its peers."""

from __future__ import annotations

import click

from node.cli.framework import BanktaxGroup
from node.cli.state import State, pass_state


@click.group(cls=BanktaxGroup)
def tls() -> None:
    """Renew the key and the certificate that peers pin."""


@tls.command()
@pass_state
def renew(state: State) -> None:
    """Make a new TLS key and certificate, and print the new certificate's fingerprint.

    Needs the node key, not the running node, which goes on with the former certificate until it starts again. The
    card names both. So, in this order: print the new card (party card), have every peer trust it, start this node
    again. Renew once more only after that: the card keeps one former certificate.
    """
    from node.clock import system_clock
    from node.config import load
    from node.initialise import renew_tls
    from node.keys import load_keys, open_sealer
    from node.own_card import own_card
    from protocols.randomness import SystemRandomness

    settings, randomness = load(state.directory), SystemRandomness()
    sealer = open_sealer(state.directory, randomness)
    renew_tls(state.directory, settings.node.id, sealer, randomness=randomness, now_ms=system_clock())
    click.echo(own_card(settings, load_keys(state.directory, sealer)).certificate_fingerprints[0])
    state.note(
        "now: banktax party card, let every peer trust that card, then start this node again",
        "接下来：banktax party card 导出新名片，请各对端信任该名片，然后重新启动本节点",
    )
