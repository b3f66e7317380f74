"""Options that several commands have."""

from typing import Annotated

import typer

As = Annotated[
    str | None,
    typer.Option(
        "--as",
        "--user",
        metavar="USER",
        help="Act as this user: name or e-mail address. [default: the first administrator]",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Namespace = Annotated[str, typer.Argument(metavar="NAMESPACE", help="Name or id of the namespace.")]
UserName = Annotated[str, typer.Argument(help="User name.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask for confirmation.")]
