"""`python -m app doctor`: all that serving needs, looked at one by one, in plain words.

It may run beside servers, be repeated and be killed at any moment. Without `--fix` it changes
nothing.
"""
