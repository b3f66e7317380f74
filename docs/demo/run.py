"""The demo: reads five documents and answers five questions from them.

Everything is kept in a data directory of its own, so that it never mixes with documents of yours.
"""

import asyncio
import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

import platformdirs
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
from luma_rag.cli.caller import caller  # noqa: E402
from luma_rag.cli.output import place  # noqa: E402
from luma_rag.db.models import User  # noqa: E402
from luma_rag.runtime import open_runtime, open_store  # noqa: E402

console = Console(highlight=False)


async def prepare_account() -> str:
    """Make the demo's account, or give it a new password; returns the password."""
    password = secrets.token_urlsafe(9)
    async with open_store(settings.load()) as store:
        async with store.sessions.begin() as session:
            user_id = await session.scalar(select(User.id).where(User.username == USER))
        if user_id is None:
            await users.create(store.sessions, USER, "demo@example.com", password, "admin")
        else:
            await users.update(store.sessions, user_id, role=None, password=password)
    return password


def read_documents() -> None:
    """Read the documents as anybody would."""
    folder = HERE / "documents"
    console.print("Five documents: " + ", ".join(sorted(path.name for path in folder.iterdir())))
    console.print(f"[dim]$ luma ingest docs/demo/documents --namespace {NAMESPACE}[/]")
    subprocess.run([LUMA, "ingest", str(folder), "--namespace", NAMESPACE, "--user", USER], check=True)


async def ask_questions() -> None:
    """Ask the questions and print the answers with their sources."""
    questions = [entry["question"] for entry in json.loads((HERE / "questions.json").read_text())["demo"]]
    async with open_runtime(settings.load()) as runtime:
        async with runtime.sessions.begin() as session:
            principal = await caller(session, USER)
            namespace = await namespaces.by_name(session, principal, NAMESPACE)
        for question in questions:
            text, citations = await runtime.chats.answer_once(principal, namespace.id, question)
            console.print(f"\n[bold]{escape(question)}[/]")
            # Said once, below, is enough for five answers.
            console.print(Padding(escape(text.replace(NOTE, "").strip()), (0, 0, 0, 2)))
            for citation in citations:
                where = f"{citation.title}, {place(citation.page, citation.heading)}".rstrip(", ")
                console.print(Padding(f"[cyan]\\[{citation.n}] {escape(where)}[/]", (0, 0, 0, 2)))
        if isinstance(runtime.answerer, ExtractiveAnswerer):
            console.print(f"\n{NOTE}")


def main() -> None:
    """Run the demo."""
    password = asyncio.run(prepare_account())
    read_documents()
    asyncio.run(ask_questions())
    console.print(
        f"\nTo see it in the browser, run  [bold]LUMA_DATA_DIR={DATA_DIR} make serve[/]  and sign in at "
        f"http://127.0.0.1:8000 as [bold]{USER}[/] with the password [bold]{password}[/].\n"
        "To start with documents of your own, run  [bold]make serve[/]  and register."
    )


if __name__ == "__main__":
    main()
