"""A server that speaks OpenAI's chat completions and streams the same answer to every prompt.

    python -m benchmarks.fake_llm [--port N] [--tokens 60] [--interval 0.02] [--first 0.05]

Written to cost little, since it shares the machine with the service that is measured.
"""

import argparse
import asyncio
import json

import uvloop

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_WORDS = ("The ", "handbook ", "says ", "so ", "[1] ", "on ", "this ", "page ", "[2]. ")


def chunk(data: str) -> bytes:
    """A server-sent event as a chunk of the body."""
    event = f"data: {data}\n\n".encode()
    return f"{len(event):x}\r\n".encode() + event + b"\r\n"


def delta(text: str) -> bytes:
    """A piece of the answer."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return chunk(json.dumps({"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [choice]}))


async def serve(port: int, tokens: int, interval: float, first: float) -> None:
    """Serve until cancelled. `first` is the time to the first token, `interval` that to each further one."""
    deltas = [delta(_WORDS[i % len(_WORDS)]) for i in range(tokens)]
    usage = json.dumps({"choices": [], "usage": {"prompt_tokens": 1500, "completion_tokens": tokens}})
    end = chunk(usage) + chunk("[DONE]") + b"0\r\n\r\n"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).lower():
                await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
                await asyncio.sleep(first)
                writer.write(_HEAD + deltas[0])
                for each in deltas[1:]:
                    await asyncio.sleep(interval)
                    writer.write(each)
                writer.write(end)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(description="Serve a fixed answer as an LLM would.")
    parser.add_argument("--port", type=int, default=8081)
    parser.add_argument("--tokens", type=int, default=60)
    parser.add_argument("--interval", type=float, default=0.02)
    parser.add_argument("--first", type=float, default=0.05)
    uvloop.run(serve(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
