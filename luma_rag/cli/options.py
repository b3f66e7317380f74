"""Options that several commands have."""

from typing import Annotated, Literal

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
Address = Annotated[
    str | None,
    typer.Option(
        "--address",
        metavar="ADDRESS",
        help="Ray cluster to join: auto, or HOST:6379. [default: Ray is started on this machine]",
    ),
]
EngineName = Literal["local", "ray"]
Engine = Annotated[
    EngineName,
    typer.Option(
        "--engine", help="Where documents are read: on this machine, or on the nodes of a Ray cluster."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Namespace = Annotated[str, typer.Argument(metavar="NAMESPACE", help="Name or id of the namespace.")]
UserName = Annotated[str, typer.Argument(help="User name.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask for confirmation.")]
