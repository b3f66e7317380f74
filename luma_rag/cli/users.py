"""`luma users`: accounts from the command line."""

import asyncio
import sys
from typing import Annotated

import typer
from rich.table import Table

from luma_rag import settings
from luma_rag.accounts import removal, users
from luma_rag.accounts.removal import OwnedResources
from luma_rag.accounts.users import AccountView
from luma_rag.cli.caller import caller
from luma_rag.cli.output import console, print_json
from luma_rag.errors import ConflictError
from luma_rag.runtime import open_store

app = typer.Typer(help="List, add, disable and remove accounts.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


@app.command("list")
def list_users(json: Json = False) -> None:
    """List the accounts."""

    async def run() -> list[AccountView]:
        async with open_store(settings.load()) as store, store.sessions.begin() as session:
            return await users.all_accounts(session)

    found = asyncio.run(run())
    if json:
        print_json(found)
        return
    if not found:
        console.print("There is no account yet. Make one: luma users add alice alice@example.com --admin")
        return
    table = Table("id", "name", "e-mail", "role", "since", "namespaces", "documents")
    for user in found:
        role = f"{user.role}, disabled" if user.is_disabled else user.role
        owned = str(user.namespaces), str(user.documents)
        since = f"{user.created_at:%Y-%m-%d}"
        table.add_row(str(user.id), user.username, user.email, role, since, *owned)
    console.print(table)


@app.command()
def add(
    username: str,
    email: str,
    admin: Annotated[bool, typer.Option("--admin", help="Make an administrator.")] = False,
    password_stdin: FromStdin = False,
    json: Json = False,
) -> None:
    """Add an account; asks for its password. The first one is an administrator's.

    Example: luma users add alice alice@example.com --admin
    """
    password = _password(password_stdin)

    async def run() -> AccountView:
        async with open_store(settings.load()) as store:
            async with store.sessions.begin() as session:
                # Without an administrator nobody could be made one.
                is_first = await users.can_register(session, "first")
            role: users.Role = "admin" if admin or is_first else "user"
            return await users.create(store.sessions, username, email, password, role)

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
            await users.update(store.sessions, user_id, password=password)

    asyncio.run(run())
    console.print(f"{username} has a new password.")


@app.command()
def disable(username: str) -> None:
    """Disable an account: its sessions end, its tokens rest, and all that it owns stays."""
    asyncio.run(_set_disabled(username, is_disabled=True))
    console.print(f"{username} can't sign in any more. Undo it with: luma users enable {username}")


@app.command()
def enable(username: str) -> None:
    """Enable a disabled account."""
    asyncio.run(_set_disabled(username, is_disabled=False))
    console.print(f"{username} can sign in again.")


@app.command()
def remove(
    username: str,
    hand_to: Annotated[
        str | None, typer.Option("--hand-to", metavar="OTHER", help="Give what it owns to this user.")
    ] = None,
    with_contents: Annotated[
        bool, typer.Option("--with-contents", help="Remove its namespaces and documents too.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
) -> None:
    """Remove an account with its chats, and say what becomes of what it owns.

    Example: luma users remove alice --hand-to bob
    """
    asyncio.run(_remove(username, hand_to, with_contents=with_contents, ask=not yes))
    console.print(f"Removed {username}.")


async def _set_disabled(username: str, *, is_disabled: bool) -> None:
    async with open_store(settings.load()) as store:
        async with store.sessions.begin() as session:
            user_id = (await caller(session, username)).user_id
        await users.update(store.sessions, user_id, is_disabled=is_disabled)


async def _remove(username: str, hand_to: str | None, *, with_contents: bool, ask: bool) -> None:
    async with open_store(settings.load()) as store:
        async with store.sessions.begin() as session:
            user_id = (await caller(session, username)).user_id
            new_owner = (await caller(session, hand_to)).user_id if hand_to is not None else None
            owned = await removal.owned_resources(session, user_id)
        if (owned.namespaces or owned.documents) and new_owner is None and not with_contents:
            raise ConflictError(
                f"{username} owns {owned.namespaces} namespaces and {owned.documents} documents. Hand them "
                "to somebody with --hand-to OTHER, or remove them too with --with-contents."
            )
        if ask:
            for line in _losses(owned, hand_to):
                console.print(line, markup=False, highlight=False)
            typer.confirm(f"Remove {username}?", abort=True)
        async with store.sessions.begin() as session:
            files = await removal.remove(session, user_id, hand_to=new_owner, with_contents=with_contents)
        store.storage.remove(*files)


def _losses(owned: OwnedResources, hand_to: str | None) -> list[str]:
    lines = [f"Lost: {owned.chats} chats."]
    if hand_to is not None:
        lines.append(f"Handed to {hand_to}: {owned.namespaces} namespaces, {owned.documents} documents.")
    elif owned.namespaces or owned.documents:
        lines += [
            f"Lost: {owned.namespaces} namespaces, with {owned.others_chats} chats of other users.",
            f"Lost: {owned.documents} documents, held {owned.elsewhere} times by namespaces of others.",
        ]
    return lines


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    password: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return password
