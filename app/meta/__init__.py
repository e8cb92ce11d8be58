"""The service about itself: health, version, metrics, problem pages and the browsable API.

Everything here works without the internet, and all but `/metrics` without a token.
"""
