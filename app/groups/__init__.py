"""Groups: sets of identities that grants and policies can name.

Their tables stand beside those of identities, with whom they share one space of names. Joining or
leaving a group changes what an identity may do, everywhere within a second.
"""
