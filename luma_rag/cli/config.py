"""`luma config`: the settings in use."""

from typing import Any

import msgspec
import typer
from rich.table import Table
from rich.text import Text

from luma_rag import settings
from luma_rag.cli.options import Json
from luma_rag.cli.output import console, print_json

app = typer.Typer(help="Show the settings and where they come from.", no_args_is_help=True)


class Setting(msgspec.Struct, frozen=True):
    """A setting, with the environment variable that sets it. Secrets are hidden."""

    name: str
    variable: str
    value: Any
    source: str


@app.callback()
def config() -> None:
    """Show the settings and where they come from."""


@app.command()
def show(json: Json = False) -> None:
    """Show the value of every setting and its source. Secrets are hidden.

    Example: luma config show
    """
    loaded = settings.load_with_sources()
    found = [
        Setting(
            dotted,
            settings.variable(dotted),
            settings.shown(loaded.settings, dotted),
            loaded.sources[dotted].source if dotted in loaded.sources else "default",
        )
        for dotted in settings.names()
    ]
    if json:
        print_json(found)
        return
    table = Table("setting", "value", "source")
    for setting in found:
        style = "dim" if setting.source == "default" else ""
        value = "" if setting.value is None else str(setting.value)
        if isinstance(setting.value, bool):
            # As it is written in the environment.
            value = value.lower()
        table.add_row(setting.name, Text(value), Text(setting.source), style=style)
    console.print(table)
