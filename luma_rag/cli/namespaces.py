"""`luma namespaces`: namespaces from the command line."""

from typing import Annotated

import msgspec
import typer
from rich.table import Table
from rich.text import Text

from luma_rag import namespaces
from luma_rag.access import grants
from luma_rag.access.grants import Member
from luma_rag.access.principal import ADMINISTER
from luma_rag.accounts import users
from luma_rag.cli.options import As, Json, Namespace, UserName, Yes
from luma_rag.cli.output import EVERYTHING, console, print_json, print_properties, say
from luma_rag.cli.running import run, transaction
from luma_rag.namespaces import NamespaceView
from luma_rag.pagination import Page

app = typer.Typer(help="List, create, rename, share and delete namespaces.", no_args_is_help=True)

_LEVELS = {1: "read", 2: "read and write", 3: "administer"}


class Details(msgspec.Struct, frozen=True):
    """A namespace; its members are null for callers who may not see them."""

    namespace: NamespaceView
    members: list[Member] | None


@app.command("list")
def list_namespaces(acting: As = None, json: Json = False) -> None:
    """List the namespaces that a user can read.

    Example: luma namespaces list --as alice
    """

    async def read() -> Page[NamespaceView]:
        async with transaction(acting) as (session, principal):
            return await namespaces.list_readable(session, principal, EVERYTHING)

    found = run(read())
    if json:
        print_json(found)
        return
    if not found.items:
        say("There is no namespace yet. Create one: luma namespaces create contracts")
        return
    table = Table("id", "name", "documents", "chunks", "access", "public")
    for namespace in found.items:
        table.add_row(
            str(namespace.id),
            Text(namespace.name),
            str(namespace.documents),
            str(namespace.chunks),
            _LEVELS[namespace.auth_level],
            "yes" if namespace.is_public else "",
        )
    console.print(table)


@app.command()
def show(namespace: Namespace, acting: As = None, json: Json = False) -> None:
    """Show a namespace and its members.

    Example: luma namespaces show contracts
    """

    async def read() -> Details:
        async with transaction(acting) as (session, principal):
            found = await namespaces.by_name(session, principal, namespace)
            if found.auth_level < ADMINISTER:
                return Details(found, None)
            page = await grants.members(session, principal, found.id, EVERYTHING)
            return Details(found, page.items)

    details = run(read())
    if json:
        print_json(details)
        return
    found = details.namespace
    print_properties(
        {
            "id": found.id,
            "name": found.name,
            "description": found.description or "",
            "created (UTC)": f"{found.created_at:%Y-%m-%d %H:%M}",
            "public": found.is_public,
            "access": _LEVELS[found.auth_level],
            "documents": found.documents,
            "chunks": found.chunks,
        }
    )
    if details.members:
        members = Table("member", "access")
        for member in details.members:
            members.add_row(Text(member.username), _LEVELS[member.auth_level])
        console.print(members)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Unique among the namespaces of its owner.")],
    description: Annotated[str | None, typer.Option(help="Description, for readers.")] = None,
    public: Annotated[bool, typer.Option("--public", help="Let all users read it.")] = False,
    if_missing: Annotated[
        bool, typer.Option("--if-missing", help="Succeed if the owner already has a namespace of this name.")
    ] = False,
    acting: As = None,
    json: Json = False,
) -> None:
    """Create a namespace.

    Example: luma namespaces create contracts --description "What we signed"
    """

    async def write() -> tuple[NamespaceView, bool]:
        async with transaction(acting) as (session, principal):
            if if_missing:
                return await namespaces.get_or_create(session, principal, name, description, is_public=public)
            return await namespaces.create(session, principal, name, description, is_public=public), True

    namespace, is_new = run(write())
    if json:
        print_json(namespace)
    else:
        say(f"{'Created' if is_new else 'There is already'} namespace {namespace.name} (id {namespace.id}).")


@app.command()
def rename(
    namespace: Namespace,
    new_name: Annotated[str, typer.Argument(help="New name.")],
    acting: As = None,
    json: Json = False,
) -> None:
    """Rename a namespace.

    Example: luma namespaces rename contracts agreements
    """

    async def write() -> NamespaceView:
        async with transaction(acting) as (session, principal):
            found = await namespaces.by_name(session, principal, namespace)
            return await namespaces.change(
                session,
                principal,
                found.id,
                name=new_name,
                description=msgspec.UNSET,
                is_public=msgspec.UNSET,
            )

    renamed = run(write())
    if json:
        print_json(renamed)
    else:
        say(f"{namespace} is now called {renamed.name}.")


@app.command()
def share(
    namespace: Namespace,
    user: UserName,
    level: Annotated[int, typer.Option(min=1, max=3, help="1: read; 2: read and write; 3: administer.")] = 1,
    acting: As = None,
    json: Json = False,
) -> None:
    """Share a namespace with a user, or change the level of a member.

    Example: luma namespaces share contracts bob --level 2
    """

    async def write() -> Member:
        async with transaction(acting) as (session, principal):
            found = await namespaces.by_name(session, principal, namespace)
            member = await users.lookup(session, user)
            return await grants.grant_level(session, principal, found.id, member.id, level)

    member = run(write())
    if json:
        print_json(member)
    else:
        say(f"{member.username} can {_LEVELS[member.auth_level]} {namespace}.")


@app.command()
def unshare(
    namespace: Namespace,
    user: UserName,
    acting: As = None,
    json: Json = False,
) -> None:
    """Remove a member from a namespace.

    Example: luma namespaces unshare contracts bob
    """

    async def write() -> None:
        async with transaction(acting) as (session, principal):
            found = await namespaces.by_name(session, principal, namespace)
            member = await users.lookup(session, user)
            await grants.revoke_level(session, principal, found.id, member.id)

    run(write())
    if json:
        print_json({"removed": user})
    else:
        say(f"{user} is no longer a member of {namespace}.")


@app.command()
def delete(namespace: Namespace, yes: Yes = False, acting: As = None, json: Json = False) -> None:
    """Delete a namespace with its vectors, members and chats. Documents stay.

    Example: luma namespaces delete contracts
    """

    async def write() -> NamespaceView:
        async with transaction(acting) as (session, principal):
            found = await namespaces.by_name(session, principal, namespace)
            if not yes:
                # Not on standard output, which is for JSON.
                say(f"{found.documents} documents leave {found.name}; its chats are lost.", err=True)
                typer.confirm(f"Delete {found.name} (id {found.id})?", abort=True, err=True)
            await namespaces.remove(session, principal, found.id)
            return found

    deleted = run(write())
    if json:
        print_json({"deleted": deleted.id})
    else:
        say(f"Deleted namespace {deleted.name}.")
