"""What can be wrong with a search."""

from app.core.problems import Problem


class SearchTooCostly(Problem):
    """PostgreSQL was not done with this search in the time that one may take. The detail names the
    parts of it that no index answers. Narrow it: search in one model, or add a part that is indexed
    (a tag, a param or a metric, a data set's digest, a commit, who created it, a stage, a time)."""

    slug = "search-too-costly"
    title = "The search takes too long"
    status = 422
