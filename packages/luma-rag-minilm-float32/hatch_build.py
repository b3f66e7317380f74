"""Makes the file of the model where it is not there yet. An sdist has it, and not what makes it."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
FOLDER = ROOT / "luma_rag_minilm_float32"
BUILDER = ROOT.parent / "luma-rag-minilm"

sys.path.insert(0, str(BUILDER))


class ModelHook(BuildHookInterface[Any]):
    """Runs before each build."""

    def dependencies(self) -> list[str]:
        """What this build needs beside Hatchling."""
        if not BUILDER.exists():
            return []
        import build_model

        return [] if build_model.is_built("float32", FOLDER) else build_model.REQUIREMENTS

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the file that the build packs."""
        if self.dependencies():
            import build_model

            build_model.build("float32", FOLDER)
