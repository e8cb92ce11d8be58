"""Problems with files and uploads."""

from app.core.problems import Conflict


class FilesMissing(Conflict):
    """The version cannot be ready while files that were declared for it are missing. `missing`
    lists their paths: send them (`POST …/uploads` gives the links), or take them out
    (`DELETE …/files/{path}`)."""

    slug = "files-missing"
    title = "Files are missing"
