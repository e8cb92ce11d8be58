"""Files: paths inside a version that point at blobs, and the uploads that bring them.

Clients write to `incoming/` only. A file is attached to its version once its bytes are proven and
stored, never before; a digest counts as present only for an actor who can read a version that has
it.
"""
