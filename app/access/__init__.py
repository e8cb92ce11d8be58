"""Access: who may do what, in one table, and what hidden means.

Roles are granted on models by glob, and a token's scopes only narrow them. What an actor may not
see answers 404; what they see but may not do answers 403 and names the role or scope it takes.
"""
