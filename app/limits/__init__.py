"""Limits: how often one token may ask, and one address may fail to say who it is.

Counts are shared by all processes through PostgreSQL, and are approximate by about a second.
"""
