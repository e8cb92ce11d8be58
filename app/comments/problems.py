"""Problems with comments."""

from app.core.problems import Conflict


class CommentDeleted(Conflict):
    """The comment was deleted: it cannot be edited, or deleted once more. The detail says by whom
    and when. Write a new one."""

    slug = "comment-deleted"
    title = "The comment was deleted"
    example = "The comment was deleted by mia at 2026-11-23T09:30:00Z. Write a new one."
