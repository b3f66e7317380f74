"""Documents, sharing them, and their ingestion."""

import time
from pathlib import Path

from luma_client import protocol
from luma_client._sync.connection import Connection
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

    def documents(self, namespace_id: int) -> list[NamespaceDocument]:
        """The documents of a namespace with their latest ingestion, newest first."""
        return self._all(f"/api/namespaces/{namespace_id}/documents", Page[NamespaceDocument])

    def readable_documents(self, scope: Scope = "all") -> list[Document]:
        """All documents that the token can read, newest first, in whatever namespaces they are."""
        return self._all("/api/documents", Page[Document], scope=scope)

    def document(self, doc_id: int) -> Document:
        """One document."""
        return self._send("GET", f"/api/documents/{doc_id}", Document)

    def upload(
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
            return self._send("POST", "/api/documents", UploadedDocument, data=fields, files=parts)
        path = Path(file)
        with path.open("rb") as opened:
            streamed = {"file": (name or path.name, opened)}
            return self._send("POST", "/api/documents", UploadedDocument, data=fields, files=streamed)

    def replace_file(self, doc_id: int, file: str | Path | bytes, *, name: str | None = None) -> Document:
        """Replace the file of a document by a new version, which is read in the background.

        Id, title, rights and namespaces stay. `file` and `name` are as for `upload`. Needs write permission.
        """
        path = f"/api/documents/{doc_id}/file"
        if isinstance(file, bytes):
            if name is None:
                raise TypeError('Bytes need a name, such as name="report.pdf".')
            return self._send("PUT", path, Document, files={"file": (name, file)})
        local = Path(file)
        with local.open("rb") as opened:
            return self._send("PUT", path, Document, files={"file": (name or local.name, opened)})

    def download(self, doc_id: int, path: str | Path) -> Path:
        """Write the original file to `path`, which is replaced once all of it has arrived."""
        path = Path(path)
        part = path.with_name(f".{path.name}.part")
        try:
            with (
                self._open("GET", f"/api/documents/{doc_id}/file", headers={"accept": "*/*"}) as response,
                part.open("wb") as file,
            ):
                for piece in response.iter_bytes():
                    file.write(piece)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        return path

    def update_document(
        self, doc_id: int, *, title: str | None = None, is_public: bool | None = None
    ) -> Document:
        """Rename a document, or change who can read it."""
        body = protocol.given(title=title, is_public=is_public)
        return self._send("PATCH", f"/api/documents/{doc_id}", Document, json=body)

    def delete_document(self, doc_id: int) -> None:
        """Delete a document with its file, and from all namespaces."""
        self._delete(f"/api/documents/{doc_id}")

    def shares(self, doc_id: int) -> list[Share]:
        """The users with whom a document is shared. Owner and administrators."""
        return self._all(f"/api/documents/{doc_id}/permissions", Page[Share])

    def share_document(self, doc_id: int, user_id: int, permission: Permission = "read") -> Share:
        """Share a document with a user, or change the permission. Owner and administrators."""
        path = f"/api/documents/{doc_id}/permissions/{user_id}"
        return self._send("PUT", path, Share, json={"permission": permission})

    def unshare_document(self, doc_id: int, user_id: int) -> None:
        """Stop sharing a document with a user. Owner and administrators."""
        self._delete(f"/api/documents/{doc_id}/permissions/{user_id}")

    def document_namespaces(self, doc_id: int) -> list[DocumentNamespace]:
        """The namespaces of a document and who added it, also those that the owner can't read.

        For owners and administrators.
        """
        return self._all(f"/api/documents/{doc_id}/namespaces", Page[DocumentNamespace])

    def withdraw_document(self, doc_id: int, namespace_id: int) -> None:
        """Remove a document from a namespace, even one that the owner can't read.

        For owners and administrators.
        """
        self._delete(f"/api/documents/{doc_id}/namespaces/{namespace_id}")

    def add_document(self, namespace_id: int, doc_id: int) -> Ingestion:
        """Queue a document that is uploaded already for a namespace; `wait` waits for it. Level 2."""
        path = f"/api/namespaces/{namespace_id}/documents"
        return self._send("POST", path, Ingestion, json={"doc_id": doc_id})

    def remove_document(self, namespace_id: int, doc_id: int) -> None:
        """Remove a document from a namespace. The document itself stays. Level 2."""
        self._delete(f"/api/namespaces/{namespace_id}/documents/{doc_id}")

    def ingestion(self, ingestion_id: int) -> Ingestion:
        """How far a document has come into a namespace."""
        return self._send("GET", f"/api/ingestions/{ingestion_id}", Ingestion)

    def retry(self, ingestion_id: int) -> Ingestion:
        """Queue a failed ingestion again; `wait` waits for it. Level 2."""
        return self._send("POST", f"/api/ingestions/{ingestion_id}/retry", Ingestion)

    def wait(self, queued: UploadedDocument | Ingestion) -> list[Ingestion]:
        """Wait until a document is ready, or has failed, in each namespace that it was queued for."""
        done = []
        for ingestion in queued.ingestions if isinstance(queued, UploadedDocument) else [queued]:
            # Polled, since another process does the work.
            while not (now := self.ingestion(ingestion.id)).is_finished:
                time.sleep(protocol.POLL_SECONDS)
            done.append(now)
        return done
