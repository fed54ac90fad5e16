"""The ``schemabase`` command: collects the command modules and turns errors into one line."""

import importlib
import logging
import pkgutil
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Annotated, Final, NoReturn

import psycopg
import typer
from rich.markup import escape

import schemabase_dagster
from schemabase_dagster import commands, logs, terminal
from schemabase_dagster.errors import ConfigurationError, SchemabaseError

DEBUG: Final = "--debug"
UNEXPECTED_STATUS: Final = 70
"""``EX_SOFTWARE`` of sysexits.h: an error of ours that nobody foresaw."""

# No connection, refused login, missing database, server going down, out of connections.
_UNREACHABLE: Final = ("08", "28", "3D", "57P", "53")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit; every error of ours is one line on stderr.

    Args:
        arguments: words after ``schemabase``; None = those of the process.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    is_debug = DEBUG in given
    words = [word for word in given if word != DEBUG]
    command = typer.main.get_command(build())
    try:
        status = command(args=words, prog_name="schemabase", standalone_mode=False)
    except typer.Abort:
        _complain("Stopped; nothing was changed.")
        sys.exit(1)
    except typer.TyperException as mistake:
        sys.exit(_correct(mistake))
    except Exception as error:
        if is_debug:
            raise
        sys.exit(_report(error))
    sys.exit(status or 0)


def build() -> typer.Typer:
    """Return the command with the groups of all modules of ``commands``.

    A module defines ``app``; with ``NAME`` its commands form the group of that name, together with
    those of other modules of the same name, without one they stand at the top.
    """
    root = typer.Typer(
        name="schemabase",
        help="Keeps one Postgres per tenant in step with the systems a shop runs on.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
    )
    root.callback()(_root)
    groups: dict[str, typer.Typer] = {}
    for module in _modules():
        name = getattr(module, "NAME", None)
        if name is None:
            root.add_typer(module.app)
        elif name in groups:
            groups[name].add_typer(module.app)
        else:
            groups[name] = module.app
            root.add_typer(module.app, name=name, no_args_is_help=True)
    return root


def _modules() -> list[ModuleType]:
    found = pkgutil.iter_modules(commands.__path__, f"{commands.__name__}.")
    names = [each.name for each in found if not each.name.rpartition(".")[2].startswith("_")]
    return [importlib.import_module(name) for name in names]


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(schemabase_dagster.__version__)
        raise typer.Exit


def _root(
    *,
    debug: Annotated[  # noqa: ARG001 - read by main, wherever it stands on the line
        bool, typer.Option(DEBUG, help="Show the trace of an error.")
    ] = False,
    version: Annotated[  # noqa: ARG001 - its callback acts
        bool,
        typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    logs.configure(stream="stderr")
    # a command says itself that the database is away, in one line
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)


def _correct(mistake: typer.TyperException) -> int:
    """Tell in one line what is wrong with the words of a command, and how to learn the right ones.

    Without any words the help was shown already and there is nothing to tell.
    """
    if told := mistake.format_message().replace("Value error, ", "").rstrip("."):
        context = getattr(mistake, "ctx", None)
        path = context.command_path if context is not None else "schemabase"
        _complain(f"{told}. See '{path} --help'.")
    return mistake.exit_code


def _report(error: Exception) -> int:
    known = _explain(error)
    if known is not None:
        _complain(str(known))
        return known.exit_status
    # Only the class: the text of a foreign error may hold data.
    _complain(f"Unexpected {type(error).__name__}. Run the same command with {DEBUG} for details.")
    return UNEXPECTED_STATUS


def _explain(error: Exception) -> SchemabaseError | None:
    if isinstance(error, SchemabaseError):
        return error
    if isinstance(error, (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName)):
        return ConfigurationError(
            "The database lacks our tables or is older than this version.",
            "Run 'schemabase migrate'.",
        )
    if isinstance(error, psycopg.OperationalError) and (
        error.sqlstate is None or error.sqlstate.startswith(_UNREACHABLE)
    ):
        return ConfigurationError(
            "The database does not answer or refuses the login.",
            "Check DATABASE_URL and its server; the one in the env file of 'schemabase up' runs "
            "only as long as that does.",
        )
    return None


def _complain(text: str) -> None:
    terminal.console(stderr=True).print(f"[bold red]Error:[/] {escape(text)}", soft_wrap=True)
