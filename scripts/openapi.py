"""Print the OpenAPI document of this version: `python -m scripts.openapi`."""

import json
import sys
from types import SimpleNamespace
from typing import cast

from luma_rag.http.app import create_app
from luma_rag.runtime import Runtime
from luma_rag.settings import Settings

app = create_app(cast(Runtime, SimpleNamespace(settings=Settings())))
json.dump(app.openapi_schema.to_schema(), sys.stdout)
