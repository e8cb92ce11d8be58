"""Comments: what people say about a version or a promotion, in Markdown.

Only its author edits a comment; every earlier text stays readable.
"""
