"""The files of the page, as they are served.

Every file is served under a path that contains a hash of all of them, so that browsers keep it for good and
modules of different versions never mix.
"""

import gzip
import hashlib
import re
from functools import cache, cached_property
from pathlib import Path, PurePosixPath

import msgspec

_HERE = Path(__file__).parent
_TYPES = {
    ".bcmap": "application/octet-stream",
    ".css": "text/css",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".pfb": "application/octet-stream",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
}
_COMPRESSED = frozenset({".css", ".js", ".mjs", ".svg"})
PREFIX = "/static/"
_STYLES = "styles"
_STYLE_SHEET = "page.css"
_IMPORT = re.compile(r"""^(?:import|export)\s+(?:[\w*{}\s,$]+\sfrom\s*)?["'](\.[^"']+)["']""", re.MULTILINE)


class Asset(msgspec.Struct, frozen=True):
    """A file: its bytes, also compressed if that is worthwhile, and its media type."""

    content: bytes
    compressed: bytes | None
    media_type: str


class Assets:
    """The files in `folder`, by path. `page.css` is all of `styles/`: one request is faster than many."""

    def __init__(self, folder: Path) -> None:
        self._contents = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix in _TYPES
        }
        sheets = [name for name in self._contents if name.startswith(f"{_STYLES}/")]
        self._contents[_STYLE_SHEET] = b"\n".join(self._contents.pop(name) for name in sheets)
        self._found: dict[str, Asset] = {}

    @cached_property
    def version(self) -> str:
        """The hash of all files, in hexadecimal digits."""
        digest = hashlib.sha256()
        for name, content in self._contents.items():
            digest.update(f"{name}\0{len(content)}\0".encode())
            digest.update(content)
        return digest.hexdigest()[:16]

    def url(self, name: str) -> str:
        """The path under which a file is served."""
        return f"{PREFIX}{self.version}/{name}"

    def find(self, name: str) -> Asset | None:
        """The file with this path, or None. The first call for a file compresses it."""
        content = self._contents.get(name)
        if content is None:
            return None
        if name not in self._found:
            suffix = PurePosixPath(name).suffix
            compressed = gzip.compress(content, mtime=0) if suffix in _COMPRESSED else None
            self._found[name] = Asset(content, compressed, _TYPES[suffix])
        return self._found[name]

    def imports(self, module: str) -> list[str]:
        """The modules that `module` imports, directly or not, itself included; not those loaded on demand."""
        found = [module]
        for name in found:
            text = self._contents[name].decode()
            for target in _IMPORT.findall(text):
                path = _resolve(PurePosixPath(name).parent / target)
                if path not in found:
                    found.append(path)
        return found

    def document(self, path: Path) -> bytes:
        """An HTML file whose links to `/static/` are those of this version, and that preloads its modules."""
        html = path.read_text()
        entry = re.search(r'<script type="module" src="/static/([^"]+)"', html)
        if entry is not None:
            links = "\n  ".join(
                f'<link rel="modulepreload" href="{PREFIX}{name}">' for name in self.imports(entry[1])
            )
            html = html.replace("<!-- modulepreload -->", links)
        return html.replace(PREFIX, self.url("")).encode()


def _resolve(path: PurePosixPath) -> str:
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


@cache
def assets() -> Assets:
    """The files of this installation, read once."""
    return Assets(_HERE / "static")


@cache
def page() -> bytes:
    """The HTML of the chat page."""
    return assets().document(_HERE / "index.html")


@cache
def schema_page() -> bytes:
    """The HTML of the page at `/schema`."""
    return assets().document(_HERE / "schema.html")
