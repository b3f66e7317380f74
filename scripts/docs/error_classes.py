"""The reference of errors, from the classes in `luma_rag.errors`."""

from luma_rag import errors
from luma_rag.errors import LumaError
from scripts.docs.markdown import paragraph

INTRODUCTION = """# Errors

Every error response has the media type `application/problem+json`
([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)). Besides `title` and `status`, it has a `detail` that
explains the problem and how to fix it.

- Validation errors (422) list the invalid fields in `errors`, as `{"field": …, "message": …}` objects.
- Server errors (500 and above) carry a `request_id`, which identifies the request in the server's log.
- The header `Retry-After` gives the number of seconds to wait, where waiting helps.
- A resource that the caller may not see produces the same 404 as one that does not exist.
"""
UNEXPECTED = "An unexpected error in Luma itself. The server's log has the details."


def errors_page() -> str:
    """The Markdown of the page: one section for each error, in the order of status."""
    classes = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, LumaError)
    ]
    classes.sort(key=lambda kind: (kind.status, kind.title))
    return "\n".join([INTRODUCTION, *map(error_section, classes)])


def error_section(kind: type[LumaError]) -> str:
    """What the page says about one error. Its anchor is the code of the error, if it has one."""
    code = getattr(kind, "code", None)
    heading, summary = (
        (code, f"{kind.status} {kind.title}.") if code else (kind.title, f"Status {kind.status}.")
    )
    about = UNEXPECTED if kind is LumaError else paragraph(kind.__doc__ or "")
    return f"## {heading}\n\n**{summary}** {about}\n"
