"""What a run may be told."""

from dataclasses import dataclass
from pathlib import Path

WORKERS = 2


@dataclass(frozen=True, slots=True)
class Options:
    """Bounds of a run: so many rounds, each case in each round for so many seconds."""

    rounds: int = 5
    seconds: float = 2.0
    warmup: float = 1.0
    connections: int = 16
    file_mib: int = 2048
    s3_mib: int = 5120
    s3_rounds: int = 3
    folder: Path | None = None

    @classmethod
    def quick(cls) -> "Options":
        """Enough to see that everything works; its figures mean nothing."""
        return cls(rounds=1, seconds=1, warmup=1, file_mib=64, s3_mib=96, s3_rounds=1)
