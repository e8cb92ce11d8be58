"""The formats of files that a `formats` gate knows by name, and how a file is told to be of one.

It goes by the file's name, in any case. A compressed file (`model.pkl.gz`) is of the format of
what was compressed, and of its own ending.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

# Endings begin with a dot; other entries are whole file names.
KNOWN_FORMATS: dict[str, tuple[str, ...]] = {
    "pickle": (".pkl", ".pickle", ".pck", ".p", ".dill", ".cloudpickle"),
    "joblib": (".joblib", ".jbl"),
    "torch": (".pt", ".pth", ".ckpt", ".pt2", ".ptl", ".mar", "pytorch_model.bin"),
    "safetensors": (".safetensors",),
    "onnx": (".onnx", ".ort"),
    "gguf": (".gguf", ".ggml"),
    "keras": (".keras",),
    "hdf5": (".h5", ".hdf5", ".hdf"),
    "tensorflow": (".pb", ".pbtxt", ".ckpt.meta", ".ckpt.index"),
    "tflite": (".tflite", ".lite"),
    "numpy": (".npy", ".npz"),
    "flax": (".msgpack",),
    "xgboost": (".xgb", ".ubj"),
    "lightgbm": (".lgb", ".lgbm"),
    "catboost": (".cbm",),
    "pmml": (".pmml",),
    "pfa": (".pfa",),
    "coreml": (".mlmodel",),
    "openvino": (".xml",),
    "rds": (".rds", ".rda", ".rdata"),
    "json": (".json", ".jsonl", ".ndjson"),
    "yaml": (".yaml", ".yml"),
    "toml": (".toml",),
    "text": (".txt", ".text", ".log"),
    "markdown": (".md", ".markdown"),
    "csv": (".csv", ".tsv"),
    "parquet": (".parquet",),
    "arrow": (".arrow", ".feather"),
    "sqlite": (".sqlite", ".sqlite3", ".db"),
    "python": (".py", ".pyi"),
    "notebook": (".ipynb",),
    "wheel": (".whl",),
    "zip": (".zip",),
    "tar": (".tar", ".tgz", ".tbz2", ".txz"),
    "gzip": (".gz", ".gzip"),
    "image": (".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp"),
    "html": (".html", ".htm"),
    "pdf": (".pdf",),
}
_MOST_PARTS = 4
_ENDING = re.compile(r"\.[A-Za-z0-9_+-]{1,32}(\.[A-Za-z0-9_+-]{1,32}){0,3}")
_COMPRESSED = (".gz", ".gzip", ".bz2", ".xz", ".lzma", ".zst", ".z", ".lz4", ".br")


def check_format(entry: str) -> str:
    """The entry in lower case, if it is a known format or an ending; else a ValueError."""
    wanted = entry.lower()
    if wanted in KNOWN_FORMATS or _ENDING.fullmatch(wanted):
        return wanted
    raise ValueError(
        f"`{entry[:100]}` is neither an ending like `.bin` nor a known format; the formats are: "
        f"{', '.join(KNOWN_FORMATS)}"
    )


@lru_cache(maxsize=20_000)  # one version's files are looked at by many gates
def endings_of(path: str) -> frozenset[str]:
    """What the entries of a gate are held against: a file's name in lower case and its endings,
    also without the ending of a compression."""
    name = path.rsplit("/", 1)[-1].lower()
    return frozenset(end for each in {name, _unpacked(name)} for end in _endings(each))


def wanted_by(entries: Iterable[str]) -> frozenset[str]:
    """The names and endings that are meant by these formats and endings, given in lower case."""
    return frozenset(end for entry in entries for end in KNOWN_FORMATS.get(entry, (entry,)))


def is_of(path: str, entry: str) -> bool:
    """Whether a file of this path is of a format, or has an ending. `entry` is in lower case."""
    return not endings_of(path).isdisjoint(wanted_by((entry,)))


def formats_of(path: str) -> tuple[str, ...]:
    """The known formats that a file of this path is of."""
    return tuple(name for name in KNOWN_FORMATS if is_of(path, name))


def _unpacked(name: str) -> str:
    """The name of what was compressed; the name itself where nothing was."""
    for ending in _COMPRESSED:
        if name.endswith(ending):
            return name.removesuffix(ending)
    return name


def _endings(name: str) -> Iterator[str]:
    """The name, and all of it from each of its last dots on."""
    yield name
    parts = name.rsplit(".", _MOST_PARTS)
    for count in range(1, len(parts)):
        yield "." + ".".join(parts[-count:])
