"""OIDC issuers for tests: real processes on loopback."""
