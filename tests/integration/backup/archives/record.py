"""Records a backup as the code in this checkout makes it, for the test that restores it later.

    pytest tests/integration/backup/archives/record.py

It writes `<revision>.tar`. Record a backup with each release.
"""

from pathlib import Path

import pytest

from luma_rag.backup import back_up
from tests.api import Api
from tests.integration.db.old_data.record import fill, revision_of

HERE = Path(__file__).parent


@pytest.mark.filterwarnings("default")
async def test_record(api: Api) -> None:
    revision = await revision_of(api)
    await fill(api, revision)
    with (HERE / f"{revision}.tar").open("wb") as output:
        await back_up(api.runtime, output, lambda name, size: None)
