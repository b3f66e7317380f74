"""The vectors of two models are compared by the questions of a namespace."""

from pathlib import Path

from sqlalchemy import select, update

from ingest.embedding.packaged import PackagedEmbedder
from luma_rag.access import Principal
from luma_rag.db.models import GenerationVector
from luma_rag.documents import reindexing
from luma_rag.evaluation.generations import compare_generations
from luma_rag.runtime import open_models
from tests import factories
from tests.api import Api


async def test_models_are_compared_by_the_question_set(api: Api, tmp_path: Path) -> None:
    root, runtime = await api.admin(), api.runtime
    principal = Principal((await root.get("/api/auth/me")).json()["id"], "admin")
    namespace = await api.namespace(root)
    doc_id = await api.upload(root, factories.handbook(tmp_path), namespace)
    question = {"question": "When is the lab locked?", "places": [{"doc_id": doc_id, "page": 2}]}
    added = await root.post(f"/api/namespaces/{namespace}/questions", json={"questions": [question]})
    assert added.status_code == 201, added.text
    known = await open_models(runtime, runtime.embedder)
    model_id = await known.learn(PackagedEmbedder(profile="float32"))
    async with runtime.sessions.begin() as session:
        generation = await reindexing.begin(session, principal, namespace, model_id)
    assert generation is not None
    await reindexing.fill(runtime.sessions, known, principal, namespace, generation, lambda chunks: None)

    found = await compare_generations(runtime, principal, namespace, generation.id)
    assert (found.questions, found.overlap) == (1, 1.0)
    assert found.measures["RR"].live == found.measures["RR"].other == 1.0
    # The other vectors are those of the generation: now the wrong page is nearest.
    async with runtime.sessions.begin() as session:
        ids = (await session.scalars(select(GenerationVector.id).order_by(GenerationVector.id))).all()
        vectors = (
            await session.scalars(select(GenerationVector.embedding).order_by(GenerationVector.id))
        ).all()
        for vec_id, vector in zip(ids, [*vectors[1:], vectors[0]], strict=True):
            await session.execute(
                update(GenerationVector).where(GenerationVector.id == vec_id).values(embedding=vector)
            )
    worse = await compare_generations(runtime, principal, namespace, generation.id)
    assert worse.measures["RR"].live == 1.0
    assert worse.measures["RR"].other < 1.0
