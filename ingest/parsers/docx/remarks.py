"""What is to be said about a DOCX beside its text."""

import posixpath

from ingest.types import ReadingWarning


class Remarks:
    """Collects what was left out of a document, and what was taken from others inside it."""

    def __init__(self) -> None:
        self.damaged: dict[str, None] = {}
        """Names of parts, in the order of reading."""
        self.unread_objects: dict[str, int] = {}
        """The number of embedded objects by their program."""
        self.documents_read = 0
        self.documents_unread = 0
        self.comments_left_out = 0

    def warnings(self) -> list[ReadingWarning]:
        """The remarks, for people."""
        found = []
        for name in self.damaged:
            text = f"A part of the document is damaged and was left out: {posixpath.basename(name)}."
            found.append(ReadingWarning("damaged_part", text))
        if self.documents_unread:
            text = "Another document is embedded in this one and was not read."
            found.append(ReadingWarning("embedded_document_unread", text))
        if self.documents_read:
            text = "Another document is embedded in this one. Its text was read as part of this one."
            found.append(ReadingWarning("embedded_document_read", text))
        if self.unread_objects:
            programs = ", ".join(sorted(filter(None, self.unread_objects))) or "unknown"
            number = sum(self.unread_objects.values())
            objects = "1 embedded object was" if number == 1 else f"{number} embedded objects were"
            found.append(
                ReadingWarning("embedded_object_unread", f"{objects} not read (made by: {programs}).")
            )
        if self.comments_left_out:
            number = self.comments_left_out
            comments = (
                "1 comment of a reviewer was" if number == 1 else f"{number} comments of reviewers were"
            )
            found.append(ReadingWarning("comments_left_out", f"{comments} left out."))
        return found
