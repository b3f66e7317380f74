"""Stages the sources of the site in `build/docs`: the folder `docs`, and pages from other folders.

Pages such as ARCHITECTURE.md are read in the repository as well as on the site. Their links work in the
repository; staging rewrites them.
"""

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[2]
TARGET = ROOT / "build" / "docs"
# Where each file of the repository is on the site. All other files in `docs` keep their places.
PLACES = {
    "ARCHITECTURE.md": "architecture.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "README.md": "index.md",
    "benchmarks/README.md": "benchmarks.md",
    "benchmarks/results/ingest-36-documents.json": "benchmark-results/ingest-36-documents.json",
    "benchmarks/results/scale.json": "benchmark-results/scale.json",
    "benchmarks/results/service.json": "benchmark-results/service.json",
    "LICENSE": "LICENSE.txt",
}
LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]+)")


def stage(root: Path = ROOT, target: Path = TARGET, places: Mapping[str, str] = PLACES) -> None:
    """Fill the folder `target` anew.

    Raises:
        FileNotFoundError: a file that belongs on the site does not exist.
    """
    shutil.rmtree(target, ignore_errors=True)
    # The demo is a program, and its documents are not documentation.
    shutil.copytree(root / "docs", target, ignore=shutil.ignore_patterns("demo"))
    for source, place in places.items():
        (target / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / source, target / place)
    pages = {path.relative_to(target).as_posix() for path in target.rglob("*.md")} - set(places.values())
    for page in {f"docs/{page}" for page in pages} | {source for source in places if source.endswith(".md")}:
        staged = target / site_path(page, places)
        staged.write_text(with_site_links(staged.read_text(encoding="utf-8"), page, places), encoding="utf-8")


def with_site_links(text: str, page: str, places: Mapping[str, str]) -> str:
    """The text of a page of the repository, with its relative links as they are on the site."""
    here = PurePosixPath(site_path(page, places)).parent

    def moved(link: re.Match[str]) -> str:
        linked = os.path.normpath(PurePosixPath(page).parent / link[1])
        return os.path.relpath(site_path(linked, places), here)

    return LINK.sub(moved, text)


def site_path(path: str, places: Mapping[str, str]) -> str:
    """The path of a repository file on the site. Links to anything else fail the strict build."""
    return places.get(path, path.removeprefix("docs/"))
