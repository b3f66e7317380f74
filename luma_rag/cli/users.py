"""`luma users`: accounts from the command line."""

import asyncio
import sys
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy import select

from luma_rag import settings
from luma_rag.accounts import users
from luma_rag.accounts.users import UserView
from luma_rag.cli.caller import caller
from luma_rag.cli.output import console, print_json
from luma_rag.db.models import User
from luma_rag.runtime import open_store

app = typer.Typer(help="List, add and remove accounts.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


@app.command("list")
def list_users(json: Json = False) -> None:
    """List the accounts."""

    async def run() -> list[UserView]:
        async with open_store(settings.load()) as store, store.sessions.begin() as session:
            return [users.view(user) for user in await session.scalars(select(User).order_by(User.id))]

    found = asyncio.run(run())
    if json:
        print_json(found)
        return
    if not found:
        console.print("There is no account yet. Make one: luma users add alice alice@example.com --admin")
        return
    table = Table("id", "name", "e-mail", "role", "since")
    for user in found:
        table.add_row(str(user.id), user.username, user.email, user.role, f"{user.created_at:%Y-%m-%d}")
    console.print(table)


@app.command()
def add(
    username: str,
    email: str,
    admin: Annotated[bool, typer.Option("--admin", help="Make an administrator.")] = False,
    password_stdin: FromStdin = False,
    json: Json = False,
) -> None:
    """Add an account; asks for its password.

    Example: luma users add alice alice@example.com --admin
    """
    password = _password(password_stdin)

    async def run() -> UserView:
        async with open_store(settings.load()) as store:
            return await users.create(store.sessions, username, email, password, "admin" if admin else "user")

    user = asyncio.run(run())
    if json:
        print_json(user)
    else:
        console.print(f"Added {user.username} ({user.role}).")


@app.command("password")
def reset_password(username: str, password_stdin: FromStdin = False) -> None:
    """Give an account a new password; its sessions and tokens end."""
    password = _password(password_stdin)

    async def run() -> None:
        async with open_store(settings.load()) as store:
            async with store.sessions.begin() as session:
                user_id = (await caller(session, username)).user_id
            await users.update(store.sessions, user_id, role=None, password=password)

    asyncio.run(run())
    console.print(f"{username} has a new password.")


@app.command()
def remove(
    username: str, yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False
) -> None:
    """Remove an account with its chats; not one that still owns namespaces or documents."""
    if not yes:
        typer.confirm(f"Remove {username} with all their chats?", abort=True)

    async def run() -> None:
        async with open_store(settings.load()) as store, store.sessions.begin() as session:
            await users.remove(session, (await caller(session, username)).user_id)

    asyncio.run(run())
    console.print(f"Removed {username}.")


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    password: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return password
