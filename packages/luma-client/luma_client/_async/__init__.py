"""The client for asyncio, from which the one for scripts is generated."""

from luma_client._async.accounts import Accounts
from luma_client._async.chats import Chats
from luma_client._async.documents import Documents
from luma_client._async.evaluation import Evaluation
from luma_client._async.namespaces import Namespaces


class AsyncLuma(Namespaces, Documents, Chats, Accounts, Evaluation):
    """A connection to the service at `url` with the rights of `token`. `timeout` is in seconds.

    async with AsyncLuma("http://127.0.0.1:8000", token="luma_…") as luma:
        print(await luma.namespaces())

    A call that the service postpones (429, or 503 with `Retry-After`) is made again at the time it names, up
    to five times in all. Every method raises `ApiError` if the service refuses, and `httpx.TransportError` if
    it can't be reached. Lists are read to their end.
    """
