"""Identities, groups and tokens: who is speaking.

A token's secret is shown once; only an HMAC of it is stored. A token's standing is cached for at
most a second, so that revoking a token or disabling an identity works everywhere within one.
"""
