"""The child process that serves a GGUF file with llama.cpp; run as a file, with its orders on stdin.

It reads its orders, one line of JSON; writes one line, the server's address, once the model is loaded; and
ends when its stdin ends, which is when the parent closes it or dies. It imports nothing of Luma, so that it
starts fast.
"""

import ctypes
import json
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # prctl(2)
_ERRORS = 1  # llama.cpp's levels: 1 errors, 2 warnings, 3 progress


def main() -> None:
    """Serve until stdin ends."""
    if sys.platform == "linux":
        # Importing and loading take seconds and hold the interpreter lock: nobody can watch stdin meanwhile.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    orders = json.loads(sys.stdin.readline())
    if sys.platform == "linux" and os.getppid() != orders["parent"]:
        return  # the parent died before its death could be told

    import xllamacpp  # type: ignore[import-untyped, import-not-found, unused-ignore]

    params = xllamacpp.CommonParams()
    params.model.path = orders["path"]
    params.model_alias = {orders["alias"]}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [orders["api_key"]]
    params.n_ctx = orders["context_tokens"]
    params.n_parallel = 1
    params.cache_ram_mib = 0  # else up to 8 GB go to prompts of the past
    params.cache_idle_slots = False
    params.ui = False
    params.endpoint_slots = False  # it would show the prompts of everybody
    params.verbosity = _ERRORS
    try:
        server = xllamacpp.Server(params)
    except RuntimeError:
        sys.exit(1)  # llama.cpp has told the reason on stderr
    try:
        print(server.listening_address, flush=True)
        sys.stdin.read()
    finally:
        # The server's own end waits for an answer that is being made; nobody waits for that any more.
        os._exit(0)


if __name__ == "__main__":
    main()
