"""The `luma` command."""

import sys

import typer

from luma_rag import __version__
from luma_rag.audit import RequestContext, request_context
from luma_rag.cli import ask, audit, db, doctor, evaluate, serve, users
from luma_rag.cli.ingest import ingest
from luma_rag.cli.output import errors
from luma_rag.cli.verify import verify
from luma_rag.errors import LumaError

app = typer.Typer(
    name="luma",
    help="Answers from your own documents, with citations that open at the right page.\n\n"
    "A first try:\n\n"
    "    luma users add alice alice@example.com --admin\n\n"
    "    luma ingest ~/contracts --namespace contracts\n\n"
    '    luma ask contracts "How long is the notice period?"\n\n'
    "    luma serve",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("serve")(serve.serve)
app.command("ingest")(ingest)
app.command("ask")(ask.ask)
app.command("search")(ask.search)
app.add_typer(users.app, name="users")
app.add_typer(evaluate.app, name="eval")
app.add_typer(db.app, name="db")
app.command("doctor")(doctor.doctor)
app.command("verify")(verify)
app.add_typer(audit.app, name="audit")


@app.callback(invoke_without_command=True)
def version(
    context: typer.Context,
    show_version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    """Print the version."""
    if show_version:
        typer.echo(__version__)
        raise typer.Exit
    if context.invoked_subcommand != "serve":
        # What requests do stands under their own ids.
        request_context.set(RequestContext("cli"))
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main() -> None:
    """Run the command; an expected error is one line, not a stack trace."""
    try:
        app()
    except LumaError as error:
        errors.print(f"[bold red]{error.title}:[/] ", end="")
        errors.print(error.detail, markup=False, highlight=False)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
