"""Makes the files of the model where they are not there yet. An sdist has them."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
FOLDER = ROOT / "luma_rag_minilm"

sys.path.insert(0, str(ROOT))

import build_model  # noqa: E402 - found beside this file


class ModelHook(BuildHookInterface[Any]):
    """Runs before each build."""

    def dependencies(self) -> list[str]:
        """What this build needs beside Hatchling."""
        return [] if build_model.is_built("int8-v1", FOLDER) else build_model.REQUIREMENTS

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the files that the build packs."""
        if not build_model.is_built("int8-v1", FOLDER):
            build_model.build("int8-v1", FOLDER)
