"""The record: every change has its event, written in the change's own transaction.

Events are append-only; PostgreSQL refuses UPDATE, DELETE and TRUNCATE. Each carries its
transaction id, and followers read by (transaction id, id) below the oldest transaction that is
still running, so nothing committed late is skipped. The payload stands beside the SHA-256 of its
salt and text, so that it can be redacted later without breaking what was computed from it.
"""
