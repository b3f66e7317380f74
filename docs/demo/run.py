"""The demo: ingests five documents and answers five questions from them.

Everything is kept in a separate data directory, so that it never mixes with your documents.
"""

import asyncio
import json
import os
import secrets
import shutil
import subprocess
import sys
import webbrowser
from pathlib import Path

import platformdirs
import typer
from marked_page import write_marked_page
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from sqlalchemy import select

HERE = Path(__file__).parent
DATA_DIR = Path(os.environ.setdefault("LUMA_DATA_DIR", platformdirs.user_data_dir("luma-demo")))
LUMA = str(Path(sys.executable).with_name("luma"))
NAMESPACE = "demo"
USER = "demo"

from luma_rag import namespaces, settings  # noqa: E402 - the data directory has to be set first
from luma_rag.accounts import users  # noqa: E402
from luma_rag.chat.extractive_answerer import NOTE, ExtractiveAnswerer  # noqa: E402
from luma_rag.chat.messages import CitationView  # noqa: E402
from luma_rag.cli.caller import caller  # noqa: E402
from luma_rag.cli.output import place  # noqa: E402
from luma_rag.db.models import Document, User  # noqa: E402
from luma_rag.runtime import Runtime, open_runtime  # noqa: E402
from luma_rag.store import open_store  # noqa: E402

console = Console(highlight=False)


async def prepare_account() -> str:
    """Create the demo account, or reset its password. Returns the password."""
    password = secrets.token_urlsafe(9)
    async with open_store(settings.load()) as store:
        async with store.sessions.begin() as session:
            user_id = await session.scalar(select(User.id).where(User.username == USER))
        if user_id is None:
            await users.create(store.sessions, USER, "demo@example.com", password, "admin")
        else:
            await users.update(store.sessions, user_id, role=None, password=password)
    return password


def ingest_documents() -> None:
    """Ingest the five documents by the command that anyone would use."""
    documents = HERE / "documents"
    console.print("Five documents: " + ", ".join(sorted(path.name for path in documents.iterdir())))
    console.print(f"[dim]$ luma ingest docs/demo/documents --namespace {NAMESPACE}[/]")
    subprocess.run([LUMA, "ingest", str(documents), "--namespace", NAMESPACE, "--user", USER], check=True)


async def ask_questions() -> Path | None:
    """Print the answers with their sources. Returns a PDF of the first cited page, with its quote marked."""
    questions = [entry["question"] for entry in json.loads((HERE / "questions.json").read_text())["demo"]]
    marked = None
    async with open_runtime(settings.load()) as runtime:
        async with runtime.sessions.begin() as session:
            principal = await caller(session, USER)
            namespace = await namespaces.by_name(session, principal, NAMESPACE)
        for question in questions:
            text, citations = await runtime.chats.answer_once(principal, namespace.id, question)
            console.print(f"\n[bold]{escape(question)}[/]")
            # The note follows once, after the last answer.
            console.print(Padding(escape(text.replace(NOTE, "").strip()), (0, 0, 0, 2)))
            for citation in citations:
                where = f"{citation.title}, {place(citation.page, citation.heading)}".rstrip(", ")
                console.print(Padding(f"[cyan]\\[{citation.n}] {escape(where)}[/]", (0, 0, 0, 2)))
                marked = marked or await mark_page(runtime, citation)
        if isinstance(runtime.answerer, ExtractiveAnswerer):
            console.print(f"\n[dim]{NOTE}[/]")
    return marked


async def mark_page(runtime: Runtime, citation: CitationView) -> Path | None:
    """The cited page as a PDF with the quote marked; None for a document without pages."""
    if citation.page is None:
        return None
    async with runtime.sessions.begin() as session:
        stored = await session.scalar(select(Document.file_path).where(Document.id == citation.doc_id))
    if stored is None:
        return None
    target = DATA_DIR / f"{citation.title}, page {citation.page}.pdf"
    write_marked_page(runtime.storage.path(stored), citation.page, citation.quote, target)
    return target


def main() -> None:
    """Run the demo."""
    password = asyncio.run(prepare_account())
    ingest_documents()
    marked = asyncio.run(ask_questions())
    is_interactive = sys.stdin.isatty() and sys.stdout.isatty()
    if marked is not None:
        console.print(
            f"\nThe first cited page, with its quote marked: [cyan]{escape(str(marked))}[/]", soft_wrap=True
        )
        if is_interactive and typer.confirm("Open it?", default=True):
            webbrowser.open(marked.as_uri())
    console.print(f"\nTo sign in: user [bold]{USER}[/], password [bold]{password}[/].")
    if is_interactive and typer.confirm("Start Luma with these documents?", default=True):
        os.execv(LUMA, [LUMA, "serve"])  # noqa: S606 - the installed command, without a shell
    # Not on the PATH, unless the virtual environment is active.
    luma = "luma" if shutil.which("luma") == LUMA else os.path.relpath(LUMA)
    console.print(
        f"Chat with these documents:  [bold]LUMA_DATA_DIR={escape(str(DATA_DIR))} {luma} serve[/]\n"
        f"Start with your own:        [bold]{luma} serve[/]",
        soft_wrap=True,
    )


if __name__ == "__main__":
    main()
