"""What a version was made from, what was made from it, and where a data set went.

What an actor cannot see is left out, and neither counted nor hinted at.
"""
