"""Documents, sharing them, and their ingestion."""

from pathlib import Path

from luma_client import protocol
from luma_client._async.background import in_thread, sleep
from luma_client._async.connection import Connection
from luma_client.types import (
    Document,
    DocumentNamespace,
    Ingestion,
    NamespaceDocument,
    Page,
    Permission,
    Scope,
    Share,
    UploadedDocument,
)


class Documents(Connection):
    """The calls on documents."""

    async def documents(self, namespace_id: int) -> list[NamespaceDocument]:
        """The documents of a namespace with their latest ingestion, newest first."""
        return await self._all(f"/api/namespaces/{namespace_id}/documents", Page[NamespaceDocument])

    async def readable_documents(self, scope: Scope = "all") -> list[Document]:
        """All documents that the token can read, newest first, in whatever namespaces they are."""
        return await self._all("/api/documents", Page[Document], scope=scope)

    async def document(self, doc_id: int) -> Document:
        """One document."""
        return await self._send("GET", f"/api/documents/{doc_id}", Document)

    async def upload(
        self,
        file: str | Path | bytes,
        *namespace_ids: int,
        name: str | None = None,
        title: str | None = None,
        is_public: bool = False,
    ) -> UploadedDocument:
        """Upload a document and queue it for these namespaces; `wait` waits for it.

        `file` is a path, whose file is streamed from the disk, or the bytes of a file of this `name`. If the
        caller has uploaded the same file before, it is the same document.
        """
        fields = protocol.upload_fields(namespace_ids, title, is_public)
        if isinstance(file, bytes):
            if name is None:
                raise TypeError('Bytes need a name, such as name="report.pdf".')
            parts = {"file": (name, file)}
            return await self._send("POST", "/api/documents", UploadedDocument, data=fields, files=parts)
        path = Path(file)
        with await in_thread(path.open, "rb") as opened:
            streamed = {"file": (name or path.name, opened)}
            return await self._send("POST", "/api/documents", UploadedDocument, data=fields, files=streamed)

    async def replace_file(
        self, doc_id: int, file: str | Path | bytes, *, name: str | None = None
    ) -> Document:
        """Replace the file of a document by a new version, which is read in the background.

        Id, title, rights and namespaces stay. `file` and `name` are as for `upload`. Needs write permission.
        """
        path = f"/api/documents/{doc_id}/file"
        if isinstance(file, bytes):
            if name is None:
                raise TypeError('Bytes need a name, such as name="report.pdf".')
            return await self._send("PUT", path, Document, files={"file": (name, file)})
        local = Path(file)
        with await in_thread(local.open, "rb") as opened:
            return await self._send("PUT", path, Document, files={"file": (name or local.name, opened)})

    async def download(self, doc_id: int, path: str | Path) -> Path:
        """Write the original file to `path`, which is replaced once all of it has arrived."""
        path = Path(path)
        part = path.with_name(f".{path.name}.part")
        try:
            async with self._open(
                "GET", f"/api/documents/{doc_id}/file", headers={"accept": "*/*"}
            ) as response:
                with await in_thread(part.open, "wb") as file:
                    async for piece in response.aiter_bytes():
                        await in_thread(file.write, piece)
            await in_thread(part.replace, path)
        finally:
            part.unlink(missing_ok=True)
        return path

    async def update_document(
        self, doc_id: int, *, title: str | None = None, is_public: bool | None = None
    ) -> Document:
        """Rename a document, or change who can read it."""
        body = protocol.given(title=title, is_public=is_public)
        return await self._send("PATCH", f"/api/documents/{doc_id}", Document, json=body)

    async def delete_document(self, doc_id: int) -> None:
        """Delete a document with its file, and from all namespaces."""
        await self._delete(f"/api/documents/{doc_id}")

    async def shares(self, doc_id: int) -> list[Share]:
        """The users with whom a document is shared. Owner and administrators."""
        return await self._all(f"/api/documents/{doc_id}/permissions", Page[Share])

    async def share_document(self, doc_id: int, user_id: int, permission: Permission = "read") -> Share:
        """Share a document with a user, or change the permission. Owner and administrators."""
        path = f"/api/documents/{doc_id}/permissions/{user_id}"
        return await self._send("PUT", path, Share, json={"permission": permission})

    async def unshare_document(self, doc_id: int, user_id: int) -> None:
        """Stop sharing a document with a user. Owner and administrators."""
        await self._delete(f"/api/documents/{doc_id}/permissions/{user_id}")

    async def document_namespaces(self, doc_id: int) -> list[DocumentNamespace]:
        """The namespaces of a document and who added it, also those that the owner can't read.

        For owners and administrators.
        """
        return await self._all(f"/api/documents/{doc_id}/namespaces", Page[DocumentNamespace])

    async def withdraw_document(self, doc_id: int, namespace_id: int) -> None:
        """Remove a document from a namespace, even one that the owner can't read.

        For owners and administrators.
        """
        await self._delete(f"/api/documents/{doc_id}/namespaces/{namespace_id}")

    async def add_document(self, namespace_id: int, doc_id: int) -> Ingestion:
        """Queue a document that is uploaded already for a namespace; `wait` waits for it. Level 2."""
        path = f"/api/namespaces/{namespace_id}/documents"
        return await self._send("POST", path, Ingestion, json={"doc_id": doc_id})

    async def remove_document(self, namespace_id: int, doc_id: int) -> None:
        """Remove a document from a namespace. The document itself stays. Level 2."""
        await self._delete(f"/api/namespaces/{namespace_id}/documents/{doc_id}")

    async def ingestion(self, ingestion_id: int) -> Ingestion:
        """How far a document has come into a namespace."""
        return await self._send("GET", f"/api/ingestions/{ingestion_id}", Ingestion)

    async def retry(self, ingestion_id: int) -> Ingestion:
        """Queue a failed ingestion again; `wait` waits for it. Level 2."""
        return await self._send("POST", f"/api/ingestions/{ingestion_id}/retry", Ingestion)

    async def wait(self, queued: UploadedDocument | Ingestion) -> list[Ingestion]:
        """Wait until a document is ready, or has failed, in each namespace that it was queued for."""
        done = []
        for ingestion in queued.ingestions if isinstance(queued, UploadedDocument) else [queued]:
            # Polled, since another process does the work.
            while not (now := await self.ingestion(ingestion.id)).is_finished:
                await sleep(protocol.POLL_SECONDS)
            done.append(now)
        return done
