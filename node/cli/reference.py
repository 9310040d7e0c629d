"""The command reference docs/cli.md, drawn from the commands; ``python -m node.cli.reference`` prints it."""

from __future__ import annotations

from collections.abc import Iterator

import click

from node.cli.exits import EXIT_MEANINGS
from node.cli.framework import shared_options

HEAD = """\
# Command reference

Drawn from the commands by `python -m node.cli.reference > docs/cli.md`; a test compares the two.

`banktax` and `python -m node` are the same command. Results go to standard output, notes, progress and errors to
standard error. An error is one line: `error CODE: what is wrong (whose side; what to do)`; the codes are in
[error-codes.md](error-codes.md). No command prints a traceback: an unexpected error names a report that holds places
in the code and no values.
"""


def reference() -> str:
    """Return docs/cli.md."""
    from node.cli.main import cli

    parts = [HEAD, *_exit_codes(), *_shared(), *_commands(cli, "banktax")]
    return "\n".join(parts).rstrip("\n") + "\n"


def _exit_codes() -> Iterator[str]:
    yield "## Exit codes\n\n| code | meaning | 含义 |\n|---|---|---|"
    for code, (english, chinese) in EXIT_MEANINGS.items():
        yield f"| {int(code)} | {english} | {chinese} |"
    yield ""


def _shared() -> Iterator[str]:
    yield "## Options of every command\n\nBefore or after the command's name.\n"
    yield from _table(shared_options())


def _commands(group: click.Group, path: str) -> Iterator[str]:
    for name, command in group.commands.items():
        place = f"{path} {name}"
        if isinstance(command, click.Group):
            yield f"## {place}\n\n{_help(command)}\n"
            yield from _commands(command, place)
        else:
            yield from _command(command, place, "##" if path == "banktax" else "###")


def _command(command: click.Command, place: str, level: str) -> Iterator[str]:
    context = click.Context(command, info_name=place)
    yield f"{level} {place}\n\n{_help(command)}\n"
    yield f"```\n{place} {' '.join(command.collect_usage_pieces(context))}\n```\n"
    common = {option.name for option in shared_options()}
    options = [entry for entry in command.params if isinstance(entry, click.Option) and entry.name not in common]
    if options:
        yield from _table(options, context)


def _table(options: list[click.Option], context: click.Context | None = None) -> Iterator[str]:
    context = context or click.Context(click.Command("banktax"))
    yield "| option | meaning |\n|---|---|"
    for option in options:
        names, meaning = option.get_help_record(context) or ("", "")
        yield f"| `{_cell(names)}` | {_cell(meaning)} |"
    yield ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _help(command: click.Command) -> str:
    paragraphs = (command.help or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


if __name__ == "__main__":
    print(reference(), end="")
