"""`Idempotency-Key`: an accepted request happens once, however often it is sent.

The answer is stored in the transaction of the work, so that both exist or neither does; a
concurrent twin waits on an advisory lock and then finds the answer. Only 2xx answers are kept,
for 24 hours, and rights are checked again before one is replayed. Keys belong to the identity.
"""
