"""Policies: which stages there are, where a version may come from, and who must agree.

A revision is never changed; a new one takes its place. Revision 1 of the default ships with the
service: `staging` is free, `production` comes only from `staging` with one approval by a reviewer
who neither asked for it nor made the version.
"""
