"""The child process that serves a GGUF file with llama.cpp; run as a script, configured over stdin.

It reads one line of JSON, writes the server's address as one line once the model is loaded, and exits when
stdin closes, which happens when the parent closes it or dies. It imports nothing of Luma, so that it starts
fast.
"""

import ctypes
import json
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # prctl(2)
_ERRORS = 1  # llama.cpp's log levels: 1 errors, 2 warnings, 3 progress


def main() -> None:
    """Serve until stdin closes."""
    if sys.platform == "linux":
        # Importing and loading hold the interpreter lock for seconds, so nothing can watch stdin meanwhile.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    orders = json.loads(sys.stdin.readline())
    if sys.platform == "linux" and os.getppid() != orders["parent"]:
        return  # the parent died before the death signal was set up

    import xllamacpp  # type: ignore[import-untyped, import-not-found, unused-ignore]

    params = xllamacpp.CommonParams()
    params.model.path = orders["path"]
    params.model_alias = {orders["alias"]}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [orders["api_key"]]
    params.n_ctx = orders["context_tokens"]
    params.n_parallel = 1
    params.cache_ram_mib = 0  # the default would use up to 8 GB to cache prompts
    params.cache_idle_slots = False
    params.ui = False
    params.endpoint_slots = False  # it would expose the prompts of all users
    params.verbosity = _ERRORS
    try:
        server = xllamacpp.Server(params)
    except RuntimeError:
        sys.exit(1)  # llama.cpp has reported the reason on stderr
    try:
        print(server.listening_address, flush=True)
        sys.stdin.read()
    finally:
        # A regular shutdown would wait for the current answer, which nobody reads any more.
        os._exit(0)


if __name__ == "__main__":
    main()
