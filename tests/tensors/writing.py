"""Real safetensors files, written here, and the job that reads them."""

import hashlib
import json
import struct
from typing import Any

from app.core.runtime import Runtime
from app.tensors.service import read
from tests.actors import Api
from tests.factories import make_draft

Values = dict[str, list[float]]


def packed(header: Any, data: bytes = b"") -> bytes:
    """A file of this header, whatever it says."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + data


def written(tensors: Values, metadata: dict[str, str] | None = None) -> bytes:
    """A file of these tensors, each a vector of F32."""
    header: dict[str, Any] = {} if metadata is None else {"__metadata__": metadata}
    data = b""
    for name, values in tensors.items():
        start = len(data)
        data += struct.pack(f"<{len(values)}f", *values)
        place = [start, len(data)]
        header[name] = {"dtype": "F32", "shape": [len(values)], "data_offsets": place}
    return packed(header, data)


def two_tensors() -> bytes:
    return written({"a": [1.0, 2.0], "b": [3.0]}, {"format": "pt"})


async def read_tensors(runtime: Runtime, data: bytes) -> str:
    """Do what the job would, here and now."""
    sha256 = hashlib.sha256(data).hexdigest()
    await read(runtime, sha256)
    return sha256


async def with_tensors(api: Api, runtime: Runtime, data: bytes, *, ready: bool = True) -> int:
    """A version with this file at `m.safetensors`, read."""
    number = int((await make_draft(api))["number"])
    path = f"/models/churn/versions/{number}"
    put = await api.put(f"{path}/files/m.safetensors", content=data)
    assert put.is_success, put.text
    if ready:
        assert (await api.post(f"{path}/finalize")).is_success
    await read_tensors(runtime, data)
    return number
