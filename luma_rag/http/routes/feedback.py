"""The feedback of all readers, for administrators."""

from litestar import Router, get

from luma_rag.chat import feedback
from luma_rag.chat.feedback import GivenFeedback
from luma_rag.http.dependencies import Caller, PaginationDependency, Session
from luma_rag.http.parameters import OfRating
from luma_rag.pagination import Page


@get("/")
async def list_feedback(
    session: Session, principal: Caller, pagination: PaginationDependency, rating: OfRating = None
) -> Page[GivenFeedback]:
    """List the feedback of all readers, newest first, without the chats. Administrators only."""
    return await feedback.all_feedback(session, principal, rating, pagination)


router = Router("/api/feedback", route_handlers=[list_feedback], tags=["operations"])
