"""Query embedding with the models of all namespaces."""

import asyncio
from collections import OrderedDict

from ingest.types import Vector
from luma_rag.documents.models import MAX_OTHERS, Models
from luma_rag.retrieval.query_encoder import QueryEncoder

_IN_USE_SECONDS = 60.0
"""After this time, no query waits for an encoder any more."""


class QueryEncoders:
    """A `QueryEncoder` for each model that namespaces use; those of other models than the first on demand."""

    def __init__(self, models: Models) -> None:
        self.own_id = models.own_id
        self._models = models
        self._own = QueryEncoder(models.own)
        self._others: OrderedDict[int, QueryEncoder] = OrderedDict()

    async def encode(self, query: str, user_id: int, model_id: int) -> Vector:
        """The query's embedding by a model; see `QueryEncoder.encode`.

        Raises:
            ConfigurationError: the model can't be loaded.
        """
        return await (await self.get(model_id)).encode(query, user_id)

    async def get(self, model_id: int) -> QueryEncoder:
        """The encoder of a model.

        Raises:
            ConfigurationError: the model can't be loaded.
        """
        if model_id == self.own_id:
            return self._own
        if model_id not in self._others:
            embedder = await self._models.get(model_id)
            # Another query may have waited for the same model.
            self._others.setdefault(model_id, QueryEncoder(embedder))
        self._others.move_to_end(model_id)
        while len(self._others) > MAX_OTHERS:
            _, oldest = self._others.popitem(last=False)
            asyncio.get_running_loop().call_later(_IN_USE_SECONDS, oldest.close)
        return self._others[model_id]

    def close(self) -> None:
        """Stop all threads and clear the caches."""
        for encoder in (self._own, *self._others.values()):
            encoder.close()
        self._models.close()
