"""`luma tokens`: API tokens from the command line."""

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from luma_rag import namespaces
from luma_rag.accounts import tokens
from luma_rag.accounts.tokens import NewToken, TokenView
from luma_rag.cli.options import As, Json
from luma_rag.cli.output import EVERYTHING, console, print_json, say
from luma_rag.cli.running import run, transaction
from luma_rag.pagination import Page

app = typer.Typer(help="List, create and revoke API tokens.", no_args_is_help=True)


@app.command("list")
def list_tokens(acting: As = None, json: Json = False) -> None:
    """List the tokens of a user, without their secrets.

    Example: luma tokens list --as alice
    """

    async def read() -> Page[TokenView]:
        async with transaction(acting) as (session, principal):
            return await tokens.list_tokens(session, principal, EVERYTHING)

    found = run(read())
    if json:
        print_json(found)
        return
    if not found.items:
        say("This user has no tokens. Create one: luma tokens create laptop")
        return
    table = Table("id", "name", "namespaces", "level", "created", "expires", "last used")
    for token in found.items:
        ids = "all" if token.namespace_ids is None else ", ".join(map(str, token.namespace_ids)) or "none"
        table.add_row(
            str(token.id),
            Text(token.name),
            ids,
            "all" if token.max_level is None else str(token.max_level),
            *("never" if at is None else f"{at:%Y-%m-%d}" for at in (token.created_at, token.expires_at)),
            "never" if token.last_used_at is None else f"{token.last_used_at:%Y-%m-%d %H:%M}",
        )
    console.print(table)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Purpose of the token.")],
    namespace: Annotated[
        list[str] | None, typer.Option("--namespace", "-n", help="Restrict it to this namespace; repeatable.")
    ] = None,
    level: Annotated[
        int | None, typer.Option(min=1, max=3, help="Restrict it. 1: read; 2: read and write; 3: administer.")
    ] = None,
    expires_in_days: Annotated[int | None, typer.Option(min=1, max=3650, help="[default: never]")] = None,
    acting: As = None,
    json: Json = False,
) -> None:
    """Create a token. Its secret is shown once.

    Example: luma tokens create backup --namespace contracts --level 1
    """

    async def write() -> NewToken:
        async with transaction(acting) as (session, principal):
            ids = [(await namespaces.by_name(session, principal, part)).id for part in namespace or ()]
            return await tokens.create_token(
                session,
                principal,
                name,
                expires_in_days=expires_in_days,
                namespace_ids=ids or None,
                max_level=level,
                require_login=False,
            )

    token = run(write())
    if json:
        print_json(token)
        return
    say(token.token)
    say(f"This is the only time that token {token.id} is shown.", err=True)


@app.command()
def revoke(
    token_id: Annotated[int, typer.Argument(help="Id of the token; see: luma tokens list")],
    acting: As = None,
    json: Json = False,
) -> None:
    """Revoke a token at once.

    Example: luma tokens revoke 3
    """

    async def write() -> None:
        async with transaction(acting) as (session, principal):
            await tokens.revoke_token(session, principal, token_id)

    run(write())
    if json:
        print_json({"revoked": token_id})
    else:
        say(f"Revoked token {token_id}.")
