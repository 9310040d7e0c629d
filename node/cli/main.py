"""The root of the command line."""

from __future__ import annotations

import click

from node.cli.commands.admission import admission
from node.cli.commands.agreement import agreement
from node.cli.commands.audit import audit
from node.cli.commands.auditor import auditor
from node.cli.commands.catalogue import catalogue
from node.cli.commands.compare_classes import compare_classes
from node.cli.commands.consent import consent
from node.cli.commands.data import data
from node.cli.commands.demo import demo
from node.cli.commands.enterprise import enterprise
from node.cli.commands.init import init
from node.cli.commands.job import job
from node.cli.commands.ledger import ledger
from node.cli.commands.lists import lists
from node.cli.commands.model import model
from node.cli.commands.operator import operator
from node.cli.commands.party import party
from node.cli.commands.score import score
from node.cli.commands.screen import screen
from node.cli.commands.screening import screening
from node.cli.commands.serve import serve
from node.cli.commands.status import status, version
from node.cli.commands.tls import tls
from node.cli.framework import RootGroup

COMMANDS: tuple[click.Command, ...] = (
    init,
    serve,
    status,
    party,
    operator,
    tls,
    catalogue,
    agreement,
    data,
    lists,
    consent,
    enterprise,
    model,
    admission,
    score,
    job,
    screen,
    compare_classes,
    screening,
    ledger,
    auditor,
    audit,
    demo,
    version,
)


@click.group(cls=RootGroup, context_settings={"max_content_width": 110})
def cli() -> None:
    """Score enterprises on encrypted models: a bureau's tax data stays at the bureau, a bank's model at the bank.

    Commands that change something call the running node of --dir; most of the others do too.
    """


for command in COMMANDS:
    cli.add_command(command)


def main() -> None:
    """Run ``banktax``."""
    cli(prog_name="banktax")
