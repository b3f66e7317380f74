"""All settings, read once from the environment and from files."""

from luma_rag.settings.schema import (
    HIDDEN,
    PREFIX,
    SECRETS,
    LimitsSettings,
    LLMSettings,
    LogSettings,
    OpenIDSettings,
    Settings,
    names,
    shown,
    variable,
)
from luma_rag.settings.sources import CONFIG, RENAMED, Loaded, load, load_with_sources

__all__ = [
    "CONFIG",
    "HIDDEN",
    "PREFIX",
    "RENAMED",
    "SECRETS",
    "LLMSettings",
    "LimitsSettings",
    "Loaded",
    "LogSettings",
    "OpenIDSettings",
    "Settings",
    "load",
    "load_with_sources",
    "names",
    "shown",
    "variable",
]
