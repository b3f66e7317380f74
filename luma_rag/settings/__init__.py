"""All settings, read once from the environment and from files."""

from luma_rag.settings.child import for_child, from_parent
from luma_rag.settings.schema import (
    FROM_FILES,
    HIDDEN,
    PREFIX,
    SECRETS,
    LimitsSettings,
    LLMSettings,
    LogSettings,
    OpenIDSettings,
    QuotaSettings,
    Settings,
    names,
    shown,
    variable,
)
from luma_rag.settings.sources import CONFIG, RENAMED, Loaded, load, load_with_sources

__all__ = [
    "CONFIG",
    "FROM_FILES",
    "HIDDEN",
    "PREFIX",
    "RENAMED",
    "SECRETS",
    "LLMSettings",
    "LimitsSettings",
    "Loaded",
    "LogSettings",
    "OpenIDSettings",
    "QuotaSettings",
    "Settings",
    "for_child",
    "from_parent",
    "load",
    "load_with_sources",
    "names",
    "shown",
    "variable",
]
