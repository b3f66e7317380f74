"""`luma documents`: documents from the command line."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
import typer
from rich.table import Table
from rich.text import Text

from luma_rag import namespaces, settings
from luma_rag.access import grants
from luma_rag.access.grants import SharedWith
from luma_rag.accounts import users
from luma_rag.cli.caller import caller
from luma_rag.cli.failures import UsageError
from luma_rag.cli.options import As, Json, UserName, Yes
from luma_rag.cli.output import EVERYTHING, console, print_json, print_properties, say
from luma_rag.cli.running import run, transaction
from luma_rag.cli.upload import upload
from luma_rag.documents import namespace_documents, namespace_listing
from luma_rag.documents import service as documents
from luma_rag.documents.namespace_documents import DocumentNamespace
from luma_rag.documents.namespace_listing import NamespaceDocument
from luma_rag.documents.pending_files import removing_files
from luma_rag.documents.service import DocumentView, ListedDocument
from luma_rag.pagination import Page
from luma_rag.store import open_store

app = typer.Typer(help="List, add, share and delete documents.", no_args_is_help=True)

DocumentId = Annotated[int, typer.Argument(metavar="ID", help="Id of the document; see: luma documents list")]
InNamespace = Annotated[str, typer.Option("--namespace", "-n", help="Name or id of the namespace.")]


class Details(msgspec.Struct, frozen=True):
    """A document; `shared_with` is null for callers who may not see it."""

    document: DocumentView
    shared_with: list[SharedWith] | None


class Queued(msgspec.Struct, frozen=True):
    """A document that was added. `queued` is false where the namespace holds it already."""

    doc_id: int
    title: str
    is_new: bool
    queued: bool


@app.command("list")
def list_documents(
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", help="Only those in this namespace.")
    ] = None,
    scope: Annotated[
        Literal["mine", "shared", "public", "all"], typer.Option(help="Whose documents to list.")
    ] = "all",
    acting: As = None,
    json: Json = False,
) -> None:
    """List documents, newest first.

    Example: luma documents list --namespace contracts
    """

    async def read() -> Page[ListedDocument] | Page[NamespaceDocument]:
        async with transaction(acting) as (session, principal):
            if namespace is None:
                return await documents.list_readable(session, principal, scope, EVERYTHING)
            found = await namespaces.by_name(session, principal, namespace)
            return await namespace_listing.documents_of(session, principal, found.id, EVERYTHING)

    found = run(read())
    if json:
        print_json(found)
        return
    if not found.items:
        say("There are no documents. Add some: luma ingest FILE… --namespace NAME")
        return
    table = Table("id", "title", "type", "uploaded (UTC)", "access")
    if namespace is not None:
        table.add_column("state")
    for document in found.items:
        cells: list[str | Text] = [
            str(document.id),
            Text(document.title),
            document.type,
            f"{document.uploaded_at:%Y-%m-%d %H:%M}",
            f"{document.permission}{', public' if document.is_public else ''}",
        ]
        if isinstance(document, NamespaceDocument):
            cells.append(Text(_state(document)))
        table.add_row(*cells)
    console.print(table)


@app.command()
def show(doc_id: DocumentId, acting: As = None, json: Json = False) -> None:
    """Show a document and the users that it is shared with.

    Example: luma documents show 12
    """

    async def read() -> Details:
        async with transaction(acting) as (session, principal):
            document = await documents.get(session, principal, doc_id)
            if not principal.is_admin and document.user_id != principal.user_id:
                return Details(document, None)
            page = await grants.shared_with(session, principal, doc_id, EVERYTHING)
            return Details(document, page.items)

    details = run(read())
    if json:
        print_json(details)
        return
    document = details.document
    print_properties(
        {
            "id": document.id,
            "title": document.title,
            "type": document.type,
            "uploaded (UTC)": f"{document.uploaded_at:%Y-%m-%d %H:%M}",
            "public": document.is_public,
            "access": document.permission,
        }
        | _facts(document)
    )
    if details.shared_with:
        shares = Table("shared with", "permission")
        for share in details.shared_with:
            shares.add_row(Text(share.username), share.permission)
        console.print(shares)


@app.command()
def add(
    namespace: InNamespace,
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Files to upload.", exists=True, dir_okay=False, readable=True),
    ] = None,
    doc_id: Annotated[
        list[int] | None, typer.Option("--id", help="Id of an uploaded document; repeatable.")
    ] = None,
    acting: As = None,
    json: Json = False,
) -> None:
    """Add files or uploaded documents to a namespace, where `luma serve` ingests them.

    To ingest files at once, use `luma ingest`.

    Example: luma documents add offer.pdf --id 12 --namespace contracts
    """
    if not files and not doc_id:
        raise UsageError("Name files, or documents with --id.")

    async def write() -> list[Queued]:
        added = []
        async with open_store(settings.load()) as store:
            async with store.sessions.begin() as session:
                principal = await caller(session, acting)
                found = await namespaces.by_name(session, principal, namespace)
            for path in files or ():
                new = await upload(store, principal, path, [found.id])
                document = new.document
                added.append(Queued(document.id, document.title, new.is_new, bool(document.ingestions)))
            async with store.sessions.begin() as session:
                for number in doc_id or ():
                    await namespace_documents.add(session, principal, found.id, number)
                    held = await documents.get(session, principal, number)
                    added.append(Queued(held.id, held.title, is_new=False, queued=True))
        return added

    added = run(write())
    if json:
        print_json(added)
        return
    for document in added:
        outcome = "Queued" if document.queued else "Unchanged"
        say(f"{outcome}: {document.title} (document {document.doc_id}).")
    if any(document.queued for document in added):
        say("`luma serve` ingests queued documents.", err=True)


@app.command()
def share(
    doc_id: DocumentId,
    user: UserName,
    permission: Annotated[Literal["read", "write"], typer.Option(help="What the user may do.")] = "read",
    acting: As = None,
    json: Json = False,
) -> None:
    """Share a document with a user, or change the permission.

    Example: luma documents share 12 bob --permission write
    """

    async def write() -> SharedWith:
        async with transaction(acting) as (session, principal):
            other = await users.lookup(session, user)
            return await grants.share(session, principal, doc_id, other.id, permission)

    shared = run(write())
    if json:
        print_json(shared)
    else:
        say(f"{shared.username} can {shared.permission} document {doc_id}.")


@app.command()
def unshare(doc_id: DocumentId, user: UserName, acting: As = None, json: Json = False) -> None:
    """Stop sharing a document with a user.

    Example: luma documents unshare 12 bob
    """

    async def write() -> None:
        async with transaction(acting) as (session, principal):
            other = await users.lookup(session, user)
            await grants.unshare(session, principal, doc_id, other.id)

    run(write())
    if json:
        print_json({"removed": user})
    else:
        say(f"Document {doc_id} is no longer shared with {user}.")


@app.command("namespaces")
def list_namespaces(doc_id: DocumentId, acting: As = None, json: Json = False) -> None:
    """List the namespaces of a document, with the users who added it.

    The list includes namespaces that the owner of the document can't read.

    Example: luma documents namespaces 12
    """

    async def read() -> Page[DocumentNamespace]:
        async with transaction(acting) as (session, principal):
            return await namespace_documents.namespaces_of(session, principal, doc_id, EVERYTHING)

    found = run(read())
    if json:
        print_json(found)
        return
    if not found.items:
        say(f"Document {doc_id} is in no namespace.")
        return
    table = Table("id", "name", "added by", "added (UTC)")
    for place in found.items:
        placed_at = "unknown" if place.placed_at is None else f"{place.placed_at:%Y-%m-%d %H:%M}"
        table.add_row(str(place.namespace_id), Text(place.name), Text(place.username), placed_at)
    console.print(table)


@app.command()
def withdraw(
    doc_id: DocumentId,
    namespace_id: Annotated[
        int, typer.Argument(metavar="NAMESPACE", help="Id of the namespace; see: luma documents namespaces")
    ],
    acting: As = None,
    json: Json = False,
) -> None:
    """Remove your document from any namespace, even one that you can't read.

    Example: luma documents withdraw 12 7
    """

    async def write() -> None:
        async with transaction(acting) as (session, principal):
            await namespace_documents.withdraw(session, principal, namespace_id, doc_id)

    run(write())
    if json:
        print_json({"removed": doc_id})
    else:
        say(f"Removed document {doc_id} from namespace {namespace_id}.")


@app.command()
def remove(doc_id: DocumentId, namespace: InNamespace, acting: As = None, json: Json = False) -> None:
    """Remove a document from a namespace. The document itself stays.

    Example: luma documents remove 12 --namespace contracts
    """

    async def write() -> None:
        async with transaction(acting) as (session, principal):
            found = await namespaces.by_name(session, principal, namespace)
            await namespace_documents.remove(session, principal, found.id, doc_id)

    run(write())
    if json:
        print_json({"removed": doc_id})
    else:
        say(f"Removed document {doc_id} from {namespace}.")


@app.command()
def delete(doc_id: DocumentId, yes: Yes = False, acting: As = None, json: Json = False) -> None:
    """Delete a document with its file, in all namespaces.

    Example: luma documents delete 12
    """

    async def write() -> None:
        async with open_store(settings.load()) as store:
            async with store.sessions.begin() as session:
                principal = await caller(session, acting)
                document = await documents.get(session, principal, doc_id)
            if not yes:
                typer.confirm(f"Delete {document.title} (document {doc_id})?", abort=True, err=True)
            async with removing_files(store.sessions, store.storage) as (session, remove_file):
                remove_file(await documents.remove(session, principal, doc_id))

    run(write())
    if json:
        print_json({"deleted": doc_id})
    else:
        say(f"Deleted document {doc_id}.")


def _facts(document: DocumentView) -> dict[str, object]:
    """What is known about the file, without the printed page numbers."""
    facts = {
        name.replace("_", " "): value
        for name, value in document.file_metadata.items()
        if value != [] and name != "page_labels"
    }
    if "warnings" in facts:
        # Version 0.2 stored texts.
        texts = [warning if isinstance(warning, str) else warning["text"] for warning in facts["warnings"]]
        facts["warnings"] = "\n".join(texts)
    return facts


def _state(document: NamespaceDocument) -> str:
    work = document.ingestion
    if work is None:
        return "ready"
    if work.next_attempt_at is not None:
        return f"queued, next attempt at {work.next_attempt_at:%Y-%m-%d %H:%M:%S} UTC: {work.error}"
    return f"{work.state}: {work.error}" if work.error is not None else work.state
