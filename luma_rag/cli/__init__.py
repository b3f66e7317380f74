"""The `luma` command. Commands are loaded when they are run, so that every start is quick."""

import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

# Name: the module with the command or with its subcommands, its attribute there, and its line of the help.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "serve": ("serve", "serve", "Serve the chat page and the HTTP API, and ingest uploaded documents."),
    "worker": (
        "worker",
        "worker",
        "Read documents from the queue, on any machine that shares the database and the files.",
    ),
    "workers": ("worker", "workers", "List the workers of all machines, and what they are reading."),
    "ingest": ("ingest", "ingest", "Ingest files into a namespace."),
    "sync": ("sync", "sync", "Keep a namespace in step with a folder or a bucket."),
    "ask": ("ask", "ask", "Answer a question from the documents of a namespace."),
    "chat": ("chat", "chat", "Ask questions about the documents of a namespace, one after the other."),
    "search": ("ask", "search", "Search the passages of a namespace."),
    "namespaces": ("namespaces", "app", "List, create, rename, share and delete namespaces."),
    "documents": ("documents", "app", "List, add, share and delete documents."),
    "reread": ("reread", "reread", "Read documents again that an earlier version of Luma has read."),
    "reindex": (
        "reindex",
        "reindex",
        "Embed the documents of namespaces again, with another embedding model.",
    ),
    "users": ("users", "app", "List, add, disable and remove accounts."),
    "tokens": ("tokens", "app", "List, create and revoke API tokens."),
    "eval": ("evaluate", "app", "Evaluate retrieval."),
    "config": ("config", "app", "Show the settings and where they come from."),
    "db": ("db", "app", "Work with the database."),
    "doctor": ("doctor", "doctor", "Check the configuration and the services that it names."),
    "verify": ("verify", "verify", "Check that documents, files, chunks and vectors are consistent."),
    "backup": ("backup", "backup", "Back up the database and the files into one archive, while Luma runs."),
    "restore": ("backup", "restore", "Restore a backup into an empty store."),
    "audit": ("audit", "app", "Show and export the audit trail."),
}
_HELP = """Answers from your own documents, with citations that open at the right page.

A first try:

    luma users add alice alice@example.com --admin

    luma ingest ~/contracts --namespace contracts

    luma ask contracts "How long is the notice period?"

    luma serve"""
_OPTIONS: dict[str, Any] = {"rich_markup_mode": None, "pretty_exceptions_enable": False}


class _Commands(Mapping[str, Any]):
    """The commands by name. Looking one up imports its module; listing the names imports nothing."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            module, attribute, _ = COMMANDS[name]
            self._loaded[name] = _built(name, getattr(import_module(f"luma_rag.cli.{module}"), attribute))
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


def _built(name: str, command: typer.Typer | Callable[..., None]) -> Any:
    if isinstance(command, typer.Typer):
        command.rich_markup_mode = None
        group = typer.main.get_group(command)
        group.name = name
        return group
    single = typer.Typer(add_completion=False, **_OPTIONS)
    single.command(name)(command)
    return typer.main.get_command(single)


class _LazyGroup(TyperGroup):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands: Any = _Commands()

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in COMMANDS.items()])


app = typer.Typer(
    name="luma",
    cls=_LazyGroup,
    help=_HELP,
    context_settings={"help_option_names": ["-h", "--help"]},
    **_OPTIONS,
)


@app.callback(invoke_without_command=True)
def version(
    context: typer.Context,
    show_version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    """Print the version."""
    if show_version:
        from luma_rag import __version__

        typer.echo(__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main() -> None:
    """Run the command. The exit code is 2 for a usage error and 1 for a failure."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run the command with these arguments; returns the exit code. An error is reported as one message."""
    try:
        return int(app(arguments, prog_name="luma", standalone_mode=False) or 0)
    except BrokenPipeError:
        # The reader of a pipe left, such as `head`. Python would complain when it flushes at the exit.
        sys.stdout = None
        return 1
    except (Exception, KeyboardInterrupt) as error:
        # Here, since the messages need more than the command itself.
        from luma_rag.cli.failures import report

        options = arguments[: arguments.index("--")] if "--" in arguments else arguments
        code = report(error, as_json="--json" in options)
        if code is None:
            raise
        return code
