"""Seals: the chain of hashes over the record, and how anybody can check it.

A worker seals events in commit order, each exactly once: the hash of a seal covers its event and
the seal before it. Now and then the head of the chain is signed (a checkpoint, Ed25519). Whoever
edits, removes, adds or reorders sealed events breaks the chain; whoever rebuilds the chain lacks
the key. Payloads and texts are hashed with the event's salt, so a redaction keeps the chain whole.
"""
