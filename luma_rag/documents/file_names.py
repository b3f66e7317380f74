"""Names of files: those under which they are downloaded, and those that are left out of folders."""

import re

MAX_BYTES = 255
"""Maximum length of a name on common file systems, in bytes of UTF-8."""

# Path separators, and what Windows rejects in names.
_RESERVED = re.compile(r'[<>:"/\\|?*]')
# What systems and programs leave in folders.
_OF_SYSTEM = frozenset({"desktop.ini", "thumbs.db", "ehthumbs.db"})


def reason_to_skip(name: str) -> str | None:
    """Why a file in a folder is left out because of its name, None if it isn't."""
    if name.startswith("."):
        return "This is a hidden file."
    if name.startswith("~$") or name.lower() in _OF_SYSTEM:
        return "This is a file of the system or of an open program."
    return None


def download_name(name: str, *endings: str) -> str:
    """`name` with an ending of the file's type, such as `pdf`: `page.html` becomes `page.html.pdf`.

    The first of `endings` is the usual one; a name with another keeps it.

    The result is one printable component of a path. So a name can neither leave the folder of downloads, nor
    pass for another type, also not by characters that change the direction of text.
    """
    clean = "".join(character for character in name if character.isprintable())
    clean = _RESERVED.sub("_", clean).strip(" .")
    ending = next((one for one in endings if clean.lower().endswith(f".{one}")), None)
    stem = clean if ending is None else clean[: -len(ending) - 1]
    ending = ending or endings[0]
    room = MAX_BYTES - len(ending) - 1
    stem = stem.encode("utf-8", "ignore")[:room].decode("utf-8", "ignore")
    return f"{stem or 'document'}.{ending}"
