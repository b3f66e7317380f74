"""Parsing of uploads. The file is streamed to disk; only the small fields are in memory."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from litestar import Request
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from luma_rag.documents import uploads
from luma_rag.documents.storage import FileStorage
from luma_rag.documents.uploads import Upload
from luma_rag.errors import (
    FieldError,
    InvalidInputError,
    MalformedRequestError,
    TooLargeError,
    UnsupportedTypeError,
)
from luma_rag.http.file_names import file_name, is_file
from luma_rag.http.input import Id
from luma_rag.http.validation import body_error

FIELD_LIMIT = 64 * 1024


class UploadFields(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The fields other than the file."""

    title: str | msgspec.UnsetType = msgspec.UNSET
    is_public: bool = False
    namespace_id: list[Id] = []


class UploadForm(UploadFields, frozen=True, kw_only=True):
    """A document, with an optional title and the namespaces to add it to."""

    file: Annotated[str, msgspec.Meta(extra_json_schema={"format": "binary"})]


class FileFields(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """No field other than the file."""


class FileForm(FileFields, frozen=True, kw_only=True):
    """The file of a new version."""

    file: Annotated[str, msgspec.Meta(extra_json_schema={"format": "binary"})]


Fields = TypeVar("Fields", UploadFields, FileFields)


class ReceivedForm(msgspec.Struct, Generic[Fields], frozen=True):
    """A complete form with the upload, whose pending file the caller owns."""

    upload: Upload
    filename: str
    fields: Fields


async def read_upload(
    request: Request[Any, Any, Any], storage: FileStorage, expected: type[Fields]
) -> ReceivedForm[Fields]:
    """Parse a multipart body with one `file` and the `expected` fields. On errors nothing is stored.

    Raises:
        InvalidInputError: a part is missing, unknown or invalid.
        MalformedRequestError: the body is not a multipart form.
        TooLargeError, UnsupportedTypeError, UnavailableError: see `documents.uploads.receive`.
    """
    content_type, options = parse_options_header(request.headers.get("content-type", ""))
    if content_type != "multipart/form-data" or "boundary" not in options:
        raise UnsupportedTypeError("Send multipart/form-data with a part named file.")
    form = _Form(storage, expected)
    try:
        # The strict mode rejects a final line end that arrives in a packet of its own.
        with PushMultipartParser(
            options["boundary"],
            max_segment_count=1000,
            max_header_size=8192,
            strict=False,
            # It can decode any bytes; `file_name` finds out what they are.
            header_charset="latin-1",
        ) as parser:
            await form.read(_parts(parser, request))
        return form.result()
    except MultipartError as error:
        form.discard()
        raise MalformedRequestError(f"Invalid or incomplete multipart form: {error}") from None
    except BaseException:
        form.discard()
        raise


class _Form(Generic[Fields]):
    def __init__(self, storage: FileStorage, expected: type[Fields]) -> None:
        self._storage = storage
        self._expected: type[Fields] = expected
        self._file: tuple[Upload, str] | None = None
        self._fields: dict[str, list[str]] = {}
        self._size = 0

    async def read(self, parts: AsyncGenerator[MultipartSegment | bytearray | None]) -> None:
        async for part in parts:
            if not isinstance(part, MultipartSegment):
                raise InvalidInputError("A part of the form has no headers.")
            disposition = part.header("content-disposition", "")
            if is_file(disposition) and part.name == "file" and self._file is None:
                name = file_name(disposition, part.filename or "")
                self._file = (await uploads.receive(self._storage, _content(parts), name), name)
            elif not is_file(disposition) and part.name in self._expected.__struct_fields__:
                self._fields.setdefault(part.name, []).append(await self._text(part, parts))
            else:
                raise _invalid("file" if part.name == "file" else part.name, "is not allowed")

    def result(self) -> ReceivedForm[Fields]:
        if self._file is None:
            raise _invalid("file", "is required, with a file name")
        values: dict[str, Any] = {}
        for name, texts in self._fields.items():
            if name == "namespace_id":
                values[name] = texts
            elif len(texts) == 1:
                values[name] = texts[0]
            else:
                raise _invalid(name, "must not be repeated")
        try:
            fields = msgspec.convert(values, self._expected, strict=False)
        except msgspec.ValidationError as error:
            raise InvalidInputError("A field of the form is invalid.", errors=[body_error(error)]) from None
        return ReceivedForm(*self._file, fields)

    def discard(self) -> None:
        if self._file is not None:
            self._file[0].pending.discard()

    async def _text(
        self, segment: MultipartSegment, parts: AsyncGenerator[MultipartSegment | bytearray | None]
    ) -> str:
        value = bytearray()
        async for piece in _content(parts):
            value += piece
            self._size += len(piece)
            if self._size > FIELD_LIMIT:
                raise TooLargeError(f"The fields other than the file exceed {FIELD_LIMIT >> 10} KB.")
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise _invalid(segment.name, "must be UTF-8") from None


async def _parts(
    parser: PushMultipartParser, request: Request[Any, Any, Any]
) -> AsyncGenerator[MultipartSegment | bytearray | None]:
    """The parser's events: a segment for each part, then its bytes, then None."""
    async for body in request.stream():
        for event in parser.parse(body):
            yield event


async def _content(parts: AsyncGenerator[MultipartSegment | bytearray | None]) -> AsyncIterator[bytes]:
    async for part in parts:
        if part is None:
            return
        if not isinstance(part, MultipartSegment):
            yield bytes(part)


def _invalid(field: str, message: str) -> InvalidInputError:
    return InvalidInputError(f"The part {field} {message}.", errors=[FieldError(field, message)])
