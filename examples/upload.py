"""Send large files to a draft in parallel parts, and go on where a broken run stopped.

    export STAGEWARD_URL=http://127.0.0.1:8000  STAGEWARD_TOKEN=swd_…
    python examples/upload.py churn 3 checkpoint.safetensors tokenizer.json --finalize

The bytes go straight to the blob store where it is S3. Run it again after any failure: only the
parts that are missing are sent. Needs httpx.
"""

import argparse
import hashlib
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from urllib.parse import quote

import httpx

BLOCK = 1024 * 1024
TRIES = 5
PARALLEL = 8


def main(argv=None):
    """Send the files; with `--finalize`, wait until the version is ready. The exit code says how
    it went."""
    args = arguments(argv)
    address = f"/api/v1/models/{quote(args.model, safe='')}/versions/{args.version}"
    with httpx.Client(
        base_url=args.url, headers={"Authorization": f"Bearer {args.token}"}, timeout=300
    ) as api:
        send_all(api, address, {name(path, args.below): path for path in args.files})
        if args.finalize:
            version = finalized(api, address)
            print(f"{version['model']} version {version['number']} is {version['status']}")
            return 0 if version["status"] == "ready" else 1
    return 0


def arguments(argv):
    """The flags: where to, and what."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("version", help="a number or a name of a draft")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--below", type=Path, help="keep the files' paths below this folder")
    parser.add_argument("--finalize", action="store_true", help="make the version ready")
    parser.add_argument("--url", default=os.environ.get("STAGEWARD_URL", "http://127.0.0.1:8000"))
    parser.add_argument("--token", default=os.environ.get("STAGEWARD_TOKEN"))
    return parser.parse_args(argv)


def name(path, below):
    """The file's path in the version."""
    return path.relative_to(below).as_posix() if below else path.name


def send_all(api, address, files):
    """Send what is missing of some files {path in the version: file}, part by part."""
    for path, file in files.items():
        declared = {"path": path, "size": file.stat().st_size, "sha256": sha256_of(file)}
        for _ in range(TRIES):
            upload = asked(api, address, declared)
            if upload["status"] == "present":
                break  # these bytes are stored already, in a version that you can read
            if send_parts(file, upload["parts"]):
                call(api, "POST", f"{address}/uploads/{upload['id']}/complete").raise_for_status()
                break
        else:
            raise SystemExit(f"the store refused the links to {path} again and again (403)")
        print(f"{path}: {declared['sha256']}, {declared['size']} bytes")


def asked(api, address, declared):
    """The upload of a file: what is left to send, and fresh links to send it to."""
    answer = call(api, "POST", f"{address}/uploads", json={"files": [declared]})
    return answer.raise_for_status().json()["uploads"][0]


def send_parts(file, parts):
    """Send the parts that are missing, several at a time; False where links ended on the way, as
    they do after minutes: then ask for new ones."""
    left = [part for part in parts if not part["uploaded"]]
    with ThreadPoolExecutor(PARALLEL) as pool:
        for sending in as_completed([pool.submit(send_part, file, part) for part in left]):
            if not sending.result():
                pool.shutdown(cancel_futures=True)
                return False
    return True


def send_part(file, part):
    """PUT one part; False where its link has ended (an S3 server says 403 to that). It needs no
    token."""
    for again in range(TRIES):
        with file.open("rb") as source:
            source.seek(part["offset"])
            headers = {**part["headers"], "Content-Length": str(part["size"])}
            try:
                answer = httpx.put(
                    part["url"], content=blocks(source, part["size"]), headers=headers, timeout=300
                )
                if answer.is_success or answer.status_code == 403:
                    return answer.is_success
                fault = f"{answer.status_code} {answer.text[:500]}"
            except httpx.TransportError as error:
                fault = repr(error)
        if again < TRIES - 1:
            time.sleep(2**again)
    raise SystemExit(f"part {part['number']} of {file} could not be sent: {fault}")


def blocks(source, left):
    """The next `left` bytes of a file, piece by piece."""
    while left and (block := source.read(min(BLOCK, left))):
        left -= len(block)
        yield block


def finalized(api, address):
    """The version once it is ready or failed."""
    call(api, "POST", f"{address}/finalize").raise_for_status()
    while (version := call(api, "GET", address).raise_for_status().json())["status"] == "verifying":
        print(f"proving: {version['bytes_verified']} of {version['bytes_to_verify']} bytes")
        time.sleep(1)
    if version["failure"]:
        print(version["failure"]["detail"], file=sys.stderr)
    return version


def call(api, method, url, **sent):
    """One request to the service, again where it says that waiting helps."""
    for again in range(TRIES):
        answer = api.request(method, url, **sent)
        if answer.status_code not in (429, 503) or again == TRIES - 1:
            break
        time.sleep(float(answer.headers.get("Retry-After", "1")))
    if answer.is_client_error:
        print(answer.text, file=sys.stderr)
    return answer


def sha256_of(file):
    """The SHA-256 of a file, read block by block."""
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


if __name__ == "__main__":
    sys.exit(main())
