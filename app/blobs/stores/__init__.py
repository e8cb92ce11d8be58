"""Where the bytes are: one interface (`interface.py`), and the stores behind it.

`local.py` keeps bytes in a directory; the other files are its parts. `storage.py` of the room picks
the store of a process.
"""
