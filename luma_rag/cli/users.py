"""`luma users`: accounts from the command line."""

import sys
from typing import Annotated

import msgspec
import typer
from rich.table import Table
from rich.text import Text

from luma_rag import settings
from luma_rag.accounts import own_account, removal, second_factor, users
from luma_rag.accounts.own_account import OwnAccount
from luma_rag.accounts.removal import OwnedResources
from luma_rag.accounts.users import AccountView
from luma_rag.cli.caller import caller
from luma_rag.cli.options import Json, UserName, Yes
from luma_rag.cli.output import console, print_json, print_properties, say
from luma_rag.cli.running import run, transaction
from luma_rag.documents.pending_files import removing_files
from luma_rag.errors import ConflictError
from luma_rag.store import open_store

app = typer.Typer(help="List, add, disable and remove accounts.", no_args_is_help=True)

Temporary = Annotated[
    bool, typer.Option("--temporary", help="The user must change the password at the next sign-in.")
]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


@app.command("list")
def list_users(json: Json = False) -> None:
    """List the accounts.

    Example: luma users list
    """

    async def read() -> list[AccountView]:
        async with open_store(settings.load()) as store, store.sessions.begin() as session:
            return await users.all_accounts(session)

    found = run(read())
    if json:
        print_json(found)
        return
    if not found:
        say("There is no account yet. Add one: luma users add alice alice@example.com --admin")
        return
    table = Table("id", "name", "e-mail", "role", "since", "namespaces", "documents")
    for user in found:
        role = f"{user.role}, disabled" if user.is_disabled else user.role
        since = f"{user.created_at:%Y-%m-%d}"
        cells = (user.username, user.email, role, since, str(user.namespaces), str(user.documents))
        table.add_row(str(user.id), *map(Text, cells))
    console.print(table)


@app.command()
def show(username: UserName, json: Json = False) -> None:
    """Show an account: its state, what it owns, and its quotas.

    Example: luma users show alice
    """

    async def read() -> tuple[AccountView, OwnAccount]:
        configured = settings.load()
        async with open_store(configured) as store, store.sessions.begin() as session:
            principal = await caller(session, username)
            account = await users.get_account(session, principal.user_id)
            return account, await own_account.read(session, principal, configured.quotas)

    account, own = run(read())
    shown = msgspec.to_builtins(account) | msgspec.to_builtins(own)
    del shown["required_action"]
    if json:
        print_json(shown)
        return
    times = {
        f"{name} (UTC)": f"{getattr(account, f'{name}_at'):%Y-%m-%d %H:%M}" for name in ("created", "updated")
    }
    rest = {name.replace("_", " "): value for name, value in shown.items() if not name.endswith("_at")}
    print_properties(rest | times)


@app.command()
def add(
    username: UserName,
    email: Annotated[str, typer.Argument(help="E-mail address.")],
    admin: Annotated[bool, typer.Option("--admin", help="Make the user an administrator.")] = False,
    temporary: Temporary = False,
    password_stdin: FromStdin = False,
    json: Json = False,
) -> None:
    """Add an account, and prompt for its password. The first account is an administrator.

    Example: luma users add alice alice@example.com --admin
    """
    password = _password(password_stdin)

    async def write() -> AccountView:
        async with open_store(settings.load()) as store:
            async with store.sessions.begin() as session:
                # Only an administrator can appoint another.
                is_first = await users.can_register(session, "first")
            role: users.Role = "admin" if admin or is_first else "user"
            return await users.create(store.sessions, username, email, password, role, is_temporary=temporary)

    user = run(write())
    if json:
        print_json(user)
    else:
        say(f"Added {user.username} ({user.role}).")


@app.command("password")
def reset_password(
    username: UserName, temporary: Temporary = False, password_stdin: FromStdin = False, json: Json = False
) -> None:
    """Set a new password. The sessions and tokens of the account end.

    Example: luma users password alice
    """
    password = _password(password_stdin)

    async def write() -> AccountView:
        async with open_store(settings.load()) as store:
            async with store.sessions.begin() as session:
                user_id = (await caller(session, username)).user_id
            return await users.update(store.sessions, user_id, password=password, is_temporary=temporary)

    user = run(write())
    if json:
        print_json(user)
    else:
        say(f"{username} has a new password.")


@app.command("remove-totp")
def remove_second_factor(username: UserName, json: Json = False) -> None:
    """Remove the second factor (TOTP) of a user who has lost it.

    Example: luma users remove-totp alice
    """

    async def write() -> None:
        async with transaction(username) as (session, principal):
            await second_factor.remove(session, principal.user_id, actor_id=None)

    run(write())
    if json:
        print_json({"removed": "totp"})
    else:
        say(f"Removed the second factor of {username}.")


@app.command()
def disable(username: UserName, json: Json = False) -> None:
    """Disable an account. Its sessions and tokens stop working; its documents stay.

    Example: luma users disable alice
    """
    user = run(_set_disabled(username, is_disabled=True))
    if json:
        print_json(user)
    else:
        say(f"{username} can no longer sign in. To undo this: luma users enable {username}")


@app.command()
def enable(username: UserName, json: Json = False) -> None:
    """Enable a disabled account.

    Example: luma users enable alice
    """
    user = run(_set_disabled(username, is_disabled=False))
    if json:
        print_json(user)
    else:
        say(f"{username} can sign in again.")


@app.command()
def remove(
    username: UserName,
    hand_to: Annotated[
        str | None,
        typer.Option("--hand-to", metavar="OTHER", help="Transfer documents and namespaces to this user."),
    ] = None,
    with_contents: Annotated[
        bool, typer.Option("--with-contents", help="Remove documents and namespaces too.")
    ] = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Remove an account with its chats. Its documents and namespaces are transferred or removed too.

    Example: luma users remove alice --hand-to bob
    """
    run(_remove(username, hand_to, with_contents=with_contents, confirm=not yes, json=json))
    if json:
        print_json({"removed": username})
    else:
        say(f"Removed {username}.")


async def _set_disabled(username: str, *, is_disabled: bool) -> AccountView:
    async with open_store(settings.load()) as store:
        async with store.sessions.begin() as session:
            user_id = (await caller(session, username)).user_id
        return await users.update(store.sessions, user_id, is_disabled=is_disabled)


async def _remove(
    username: str, hand_to: str | None, *, with_contents: bool, confirm: bool, json: bool
) -> None:
    async with open_store(settings.load()) as store:
        async with store.sessions.begin() as session:
            user_id = (await caller(session, username)).user_id
            new_owner = (await caller(session, hand_to)).user_id if hand_to is not None else None
            owned = await removal.owned_resources(session, user_id)
        if (owned.namespaces or owned.documents) and new_owner is None and not with_contents:
            raise ConflictError(
                f"{username} owns {owned.namespaces} namespaces and {owned.documents} documents. "
                "Transfer them with --hand-to OTHER, or remove them too with --with-contents."
            )
        if confirm:
            # With --json, standard output is for JSON alone.
            for line in _losses(owned, hand_to):
                say(line, err=json)
            typer.confirm(f"Remove {username}?", abort=True, err=json)
        async with removing_files(store.sessions, store.storage) as (session, remove_files):
            remove_files(
                *await removal.remove(session, user_id, hand_to=new_owner, with_contents=with_contents)
            )


def _losses(owned: OwnedResources, hand_to: str | None) -> list[str]:
    lines = [f"Lost: {owned.chats} chats."]
    if hand_to is not None:
        lines.append(f"Transferred to {hand_to}: {owned.namespaces} namespaces, {owned.documents} documents.")
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
