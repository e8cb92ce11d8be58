"""What a `fields` gate may require of a version."""

PLAIN_FIELDS = (
    "description",
    "code",
    "code.repository",
    "code.commit",
    "code.branch",
    "code.entrypoint",
    "code.diff_sha256",
    "code.clean",
    "datasets",
    "datasets.train",
    "datasets.validation",
    "datasets.test",
    "datasets.other",
    "datasets.sha256",
    "preprocessing",
    "environment",
    "environment.python",
    "environment.platform",
    "environment.packages",
    "environment.container_image",
    "environment.hardware",
    "seed",
    "signature",
    "parents",
    "run",
    "source",
    "files",
    "params",
    "metrics",
    "tags",
    "reproducible",
)
# Each is followed by a key of the team's own.
OPEN_FIELDS = ("params.", "metrics.", "tags.", "environment.packages.")
LONGEST = 300


def check_field(name: str) -> str:
    """The name itself, if a gate may require it; a ValueError that says what it may be."""
    is_open = any(name.startswith(prefix) and len(name) > len(prefix) for prefix in OPEN_FIELDS)
    if len(name) <= LONGEST and (is_open or name in PLAIN_FIELDS):
        return name
    known = ", ".join((*PLAIN_FIELDS, *(f"{prefix}<key>" for prefix in OPEN_FIELDS)))
    raise ValueError(f"`{name[:100]}` is not a field that can be required; the fields are: {known}")
