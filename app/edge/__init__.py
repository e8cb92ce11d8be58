"""The edge: what happens to a request before its handler runs and after it returned.

It authenticates before the body is read, reads JSON strictly, and answers a repeated request under
one `Idempotency-Key` as the first time.
"""
