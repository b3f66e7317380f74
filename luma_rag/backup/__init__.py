"""Backup of a whole store into one archive, and its restore into an empty store."""

from luma_rag.backup.archive import Progress
from luma_rag.backup.making import Backup, back_up
from luma_rag.backup.restoring import Restored, restore

__all__ = ["Backup", "Progress", "Restored", "back_up", "restore"]
