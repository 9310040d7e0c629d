"""The command ``banktax``: parse, call, print. One file per subcommand in :mod:`node.cli.commands`.

Modules here import click and little else at the top, so that ``banktax --help`` is quick; what a command needs it
imports when it runs.
"""
