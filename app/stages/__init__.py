"""Stages, aliases, and what a reference means.

A tenure is the time for which a version held a stage; `none` is the absence of one. A version has
at most one open tenure and an exclusive stage at most one holder at any instant: PostgreSQL holds
both by exclusion constraints, and a foreign key ties every tenure to exactly one cause, an applied
promotion or a rollback.
"""
