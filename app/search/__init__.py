"""Finding models and versions: the filter language, ordering, free text, and pages that cost the
same however much is stored.

Nothing of a filter's text reaches SQL: it is parsed, and its values are parameters.
"""
