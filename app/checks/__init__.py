"""Checks: a machine's verdict on exactly the bytes of a version.

Every report is kept and none is changed; each is bound to the digest of the manifest that was
checked. Whose reports count is said by the gates of a policy.
"""
