"""Identities: the people and service accounts who speak.

A service account has a person as its owner. Names are unique without regard to case and shared
with groups, because a grant names either. A disabled identity keeps its tokens and grants, but
none of its tokens works, everywhere within a second.
"""
