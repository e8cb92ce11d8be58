"""Comments: what people say about a version or a promotion, in Markdown.

Only its author edits a comment; every earlier text stays readable beside it. A deleted comment
keeps its place in the discussion and shows its text to nobody any more. A comment on a promotion is
readable as long as the promotion is, also where it ended because the version was deleted; one on a
version goes with the version.

Events about comments hold the SHA-256 and the length of a text, never the text: the record cannot
be changed, and what was deleted should not be read there. Whoever knows a text can prove that it
was said. The text itself, and the earlier ones, remain in the database.

A comment is no review: it changes neither a promotion nor its ETag, and wakes nobody who waits for
one.
"""
