"""Commands that take the shared options anywhere on the line, and a root that turns every error into one line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from node.cli.exits import Exit, exit_of
from node.cli.faults import report_fault
from node.cli.language import Language, refusal_line
from node.cli.state import State
from node.errors import Refusal


def _shared(
    name: str, attribute: str, convert: Callable[[Any], Any] = lambda value: value, **more: Any
) -> click.Option:
    """Return an option that is kept in the state; not given, it changes nothing there."""

    def store(context: click.Context, _: click.Parameter, value: Any) -> None:
        state = context.ensure_object(State)  # the root's own options make it, so that all commands share one
        if value is not None:
            setattr(state, attribute, convert(value))

    return click.Option([f"--{name}", f"shared_{name}"], callback=store, expose_value=False, **more)


def shared_options() -> list[click.Option]:
    """Return the options of every command, before or after its name."""
    return [
        _shared(
            "dir",
            "chosen_directory",
            type=click.Path(path_type=Path, file_okay=False),
            metavar="DIR",
            help="Directory of the node; else BANKTAX_DIR, else the current directory if a node lives there.",
        ),
        _shared(
            "lang",
            "language",
            Language,
            type=click.Choice([str(language) for language in Language]),
            help="Language of messages; else that of the locale (LC_ALL, LC_MESSAGES, LANG).",
        ),
        _shared(
            "quiet",
            "quiet",
            is_flag=True,
            default=None,
            help="No notes and no progress bars; results, warnings and errors stay.",
        ),
        _shared(
            "operator",
            "operator",
            metavar="NAME",
            envvar="BANKTAX_OPERATOR",
            help="Whose certificate calls the node: DIR/operator/NAME.crt; else BANKTAX_OPERATOR, else operator.",
        ),
        _shared(
            "deadline",
            "deadline",
            type=click.FloatRange(min=1, max=7 * 86400),
            metavar="SECONDS",
            help="Longest time for one upload, import or download (21600).",
        ),
    ]


class BanktaxCommand(click.Command):
    """A command that takes the shared options too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(shared_options())


class BanktaxGroup(click.Group):
    """A group of such commands."""

    command_class = BanktaxCommand

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(shared_options())


class RootGroup(BanktaxGroup):
    """``banktax`` itself: whatever a command raises leaves as one line and an exit code, never as a traceback."""

    def invoke(self, context: click.Context) -> Any:
        """Run the command and answer for its errors."""
        try:
            result = super().invoke(context)
            sys.stdout.flush()
        except Refusal as refusal:
            state = context.ensure_object(State)
            click.secho(refusal_line(refusal, state.language), err=True, fg="red")
            context.exit(exit_of(refusal))
        except (KeyboardInterrupt, click.Abort):
            click.echo(context.ensure_object(State).text("interrupted", "已中断"), err=True)
            context.exit(Exit.INTERRUPTED)
        except BrokenPipeError:
            _silence_stdout()
            context.exit(Exit.BROKEN_PIPE)
        except (click.ClickException, click.exceptions.Exit):
            raise
        except Exception as fault:
            self._report(context, fault)
        return result

    def _report(self, context: click.Context, fault: Exception) -> None:
        state = context.ensure_object(State)
        click.secho(refusal_line(report_fault(fault, state), state.language), err=True, fg="red")
        context.exit(Exit.INTERNAL)


def _silence_stdout() -> None:
    """Point standard output at nothing, so that what is still buffered cannot fail once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
