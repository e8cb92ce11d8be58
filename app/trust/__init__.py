"""Trust: CI without secrets. An admin ties an OIDC issuer, an audience and rules on claims to a
service account, and whoever brings a token of that issuer that fits gets one of ours for minutes.

A token is taken once; what it proves is written into the event of the exchange.
"""
