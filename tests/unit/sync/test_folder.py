import os
from pathlib import Path

from luma_rag.sync.sources.folder import Folder


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("# Notes")
    (tmp_path / "link.md").symlink_to(tmp_path / "notes.md")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link to a pipe").symlink_to(tmp_path / "pipe")
    (tmp_path / "link to a folder").symlink_to(tmp_path)
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    listing = Folder(tmp_path).list()
    assert sorted(entry.path for entry in listing.entries) == ["link.md", "notes.md"]
    assert sorted(left.path for left in listing.skipped) == ["link to a folder", "link to a pipe", "pipe"]
    assert [left.path for left in listing.failed] == ["broken"]
