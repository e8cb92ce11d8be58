"""Making a version again: its recipe as JSON and as a shell script, and what is missing for it.

Nothing that anybody wrote into a version can run as a command of the script.
"""
