"""`luma chat`: a conversation in the terminal."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack, aclosing, suppress
from typing import Annotated

import typer

from luma_rag import namespaces, settings
from luma_rag.access import Principal
from luma_rag.audit import RequestContext, request_context
from luma_rag.chat import history, messages
from luma_rag.chat.messages import CitationView, MessageView
from luma_rag.chat.running import Delta, Login
from luma_rag.cli.caller import caller
from luma_rag.cli.options import As, Namespace
from luma_rag.cli.output import EVERYTHING, console, place, say, write
from luma_rag.documents import service as documents
from luma_rag.errors import LumaError, NotFoundError
from luma_rag.llm.protocol import AllReasoning
from luma_rag.runtime import Runtime, open_runtime

_HELP = """\
/open N   print the page that source N cites
/sources  list the sources of the last answer
/new      begin another chat
/help     print this list
/quit     end; so does Ctrl-D. Ctrl-C stops an answer."""


def chat(
    namespace: Namespace,
    resume: Annotated[
        int | None, typer.Option("--resume", min=1, help="Go on with the chat of this id.")
    ] = None,
    acting: As = None,
) -> None:
    """Ask questions about the documents of a namespace, one after the other.

    Answers appear as they are written, with their sources. The chat is stored: it can be continued here with
    --resume, or on the page.

    Example: luma chat contracts
    """
    request_context.set(RequestContext("cli"))
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        try:
            conversation = runner.run(_opened(stack, namespace, resume, acting))
            _converse(conversation, lambda question: _answer(runner, conversation, question), runner)
        finally:
            runner.run(stack.aclose())


class Conversation:
    """A chat of a user with a namespace. `chat_id` is None until the first question is asked."""

    def __init__(self, runtime: Runtime, principal: Principal, namespace_id: int) -> None:
        self._runtime = runtime
        self._principal = principal
        self._namespace_id = namespace_id
        self.chat_id: int | None = None
        self.citations: list[CitationView] = []

    async def resume(self, chat_id: int) -> list[MessageView]:
        """Go on with a chat. Returns its messages.

        Raises:
            NotFoundError: it is not the user's, or one of another namespace.
        """
        async with self._runtime.sessions.begin() as session:
            found = await history.get(session, self._principal, chat_id)
            if found.namespace_id != self._namespace_id:
                raise NotFoundError(f"Chat {chat_id} belongs to another namespace.")
            listed = await messages.list_messages(session, self._principal, chat_id, None, EVERYTHING)
        self.chat_id = chat_id
        self.citations = next((m.citations for m in reversed(listed.items) if m.citations), [])
        return listed.items

    def restart(self) -> None:
        """Begin another chat with the next question."""
        self.chat_id, self.citations = None, []

    async def ask(self, question: str) -> None:
        """Ask, and print the answer as it is written. If cancelled, what is written is kept."""
        if self.chat_id is None:
            async with self._runtime.sessions.begin() as session:
                self.chat_id = (await history.start(session, self._principal, self._namespace_id)).id
        try:
            await self._read(self.chat_id, question)
        except asyncio.CancelledError:
            await self._runtime.chats.stop(self._principal, self.chat_id)
            raise

    async def page_of(self, n: int) -> tuple[CitationView, list[str]]:
        """What source `n` of the last answer cites, and the text of that page.

        Raises:
            NotFoundError: the last answer has no such source, or its document is gone.
        """
        citation = next((each for each in self.citations if each.n == n), None)
        if citation is None:
            known = ", ".join(str(each.n) for each in self.citations) or "none"
            raise NotFoundError(f"The last answer has no source {n}. Its sources: {known}.")
        if citation.doc_id is None:
            return citation, [citation.quote]
        async with self._runtime.sessions.begin() as session:
            found = await documents.passages(
                session, self._principal, citation.doc_id, citation.page, EVERYTHING
            )
        cited = [passage.text for passage in found.items if passage.heading == citation.heading]
        return citation, cited or [passage.text for passage in found.items]

    async def _read(self, chat_id: int, question: str) -> None:
        events = self._runtime.chats.ask(Login(self._principal, self._authenticate), chat_id, question)
        async with aclosing(events):
            async for event in events:
                match event.data:
                    case Delta(text):
                        write(text)
                    case AllReasoning():
                        write("\n\n")
                    case MessageView(sender_type="LLM") as answer:
                        self.citations = answer.citations
                        write("\n")
                        _print_sources(answer.citations)

    async def _authenticate(self) -> Principal:
        return self._principal


async def _opened(
    stack: AsyncExitStack, namespace: str, resume: int | None, username: str | None
) -> Conversation:
    runtime = await stack.enter_async_context(open_runtime(settings.load()))
    async with runtime.sessions.begin() as session:
        principal = await caller(session, username)
        found = await namespaces.by_name(session, principal, namespace)
    conversation = Conversation(runtime, principal, found.id)
    if resume is not None:
        for message in await conversation.resume(resume):
            say(f"> {message.content}\n" if message.sender_type == "user" else f"{message.content}\n")
        _print_sources(conversation.citations)
    say(f"Chat with {found.name} ({runtime.answerer.name}). /help lists what you can do.", err=True)
    return conversation


def _converse(conversation: Conversation, answer: Callable[[str], None], runner: asyncio.Runner) -> None:
    while True:
        try:
            line = input("> " if sys.stdin.isatty() else "").strip()
        except EOFError:
            break
        command, _, argument = line.partition(" ")
        match command:
            case "":
                continue
            case "/quit" | "/exit":
                break
            case "/help":
                say(_HELP)
            case "/new":
                conversation.restart()
                say("The next question begins another chat.")
            case "/sources":
                _print_sources(conversation.citations)
            case "/open":
                _open(runner, conversation, argument.strip())
            case _ if command.startswith("/"):
                say(f"There is no {command}. /help lists what there is.", err=True)
            case _:
                answer(line)
    if conversation.chat_id is not None:
        say(f"Go on with: luma chat … --resume {conversation.chat_id}", err=True)


def _answer(runner: asyncio.Runner, conversation: Conversation, question: str) -> None:
    try:
        runner.run(conversation.ask(question))
    except KeyboardInterrupt:
        say("\nStopped. What is written is kept.", err=True)
    except LumaError as error:
        say(f"\n{error.detail}", err=True)


def _open(runner: asyncio.Runner, conversation: Conversation, number: str) -> None:
    if not number.isdecimal():
        say("Name a source by its number, such as /open 1.", err=True)
        return
    with suppress(KeyboardInterrupt):
        try:
            citation, texts = runner.run(conversation.page_of(int(number)))
        except LumaError as error:
            say(error.detail, err=True)
            return
        _print_source(citation)
        for text in texts:
            say(f"\n{text}")


def _print_sources(citations: list[CitationView]) -> None:
    for citation in citations:
        _print_source(citation)


def _print_source(citation: CitationView) -> None:
    where = place(citation.page, citation.heading)
    console.print(f"[bold]\\[{citation.n}][/] ", end="")
    say(f"{citation.title}{', ' if where else ''}{where}")
