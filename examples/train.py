"""Train a classifier on scikit-learn's breast cancer data and register it with its whole recipe.

    export STAGEWARD_URL=http://127.0.0.1:8000  STAGEWARD_TOKEN=swd_…
    python examples/train.py --c 1.0 --description "First try."

Needs scikit-learn and httpx. Copy it and put your own training into `train`.

Run by the script of a version's recipe (`GET …/reproduce?format=sh`, docs/reproduce.md), it takes
the hyperparameters and the seed from there, registers nothing, and writes down its metrics.
"""

import argparse
import contextlib
import hashlib
import importlib.metadata
import json
import mimetypes
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import httpx
import joblib
import numpy as np
import sklearn
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler


def main(argv=None, client=None):
    """Train, then register; `client` is one to use instead of one made from the flags."""
    args = arguments(argv)
    if "STAGEWARD_RECIPE" in os.environ:
        return train_again(args)
    pipeline, recipe = train(args)
    with contextlib.ExitStack() as stack:
        api = client or stack.enter_context(connect(args.url, args.token))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        version = register(api, args.model, recipe, save(folder, pipeline, recipe))
    print(
        f"{version['model']} version {version['number']} is {version['status']}: "
        f"auc {version['metrics']['auc']:.4f}, manifest {version['manifest_sha256']}"
    )
    return version


def arguments(argv):
    """The flags: where to register, what to say about it, and the hyperparameters."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default=os.environ.get("STAGEWARD_URL", "http://127.0.0.1:8000"))
    parser.add_argument("--token", default=os.environ.get("STAGEWARD_TOKEN"))
    parser.add_argument("--model", default="breast-cancer", help="the model to add a version to")
    parser.add_argument("--description", default="", help="what changed, and why")
    parser.add_argument("--parent", type=int, help="the version that this one improves on")
    parser.add_argument("--c", type=float, default=1.0, help="inverse strength of regularisation")
    parser.add_argument("--max-iter", type=int, default=1000)
    parser.add_argument("--test-size", type=float, default=0.3)
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args(argv)


# --- Training: replace this part with your own -----------------------------------------------


def train(args):
    """The fitted pipeline, and the recipe: all it takes to make and to judge it again."""
    data = load_breast_cancer()
    x_train, x_test, y_train, y_test = train_test_split(
        data.data,
        data.target,
        test_size=args.test_size,
        random_state=args.seed,
        stratify=data.target,
    )
    pipeline = make_pipeline(
        StandardScaler(),
        LogisticRegression(C=args.c, max_iter=args.max_iter, random_state=args.seed),
    ).fit(x_train, y_train)
    recipe = {
        "description": args.description,
        "params": {
            "estimator": "LogisticRegression",
            "C": args.c,
            "max_iter": args.max_iter,
            "test_size": args.test_size,
            "stratified": True,
        },
        "metrics": measure(pipeline, x_test, y_test),
        "datasets": [
            describe_data("train", x_train, y_train),
            describe_data("test", x_test, y_test),
        ],
        "preprocessing": [
            {
                "name": "StandardScaler",
                "version": sklearn.__version__,
                "description": "Each feature to mean 0 and variance 1; fitted on the train part.",
            }
        ],
        "signature": {
            "inputs": [{"name": str(name), "type": "float64"} for name in data.feature_names],
            "outputs": [{"name": "target", "type": "int64"}],
        },
        "seed": args.seed,
        "environment": environment(),
        "tags": {"framework": "scikit-learn", "task": "binary-classification"},
    }
    if code := git():
        recipe["code"] = code
    if args.parent:
        recipe["parents"] = [{"model": args.model, "version": args.parent}]
    return pipeline, recipe


def train_again(args):
    """Train as a recipe says, and write the metrics where its script looks for them."""
    params = json.loads(Path(os.environ["STAGEWARD_PARAMS"]).read_text())
    args.c, args.max_iter, args.test_size = (params[k] for k in ("C", "max_iter", "test_size"))
    args.seed = int(os.environ["STAGEWARD_SEED"])
    recipe = train(args)[1]
    wanted = json.loads(Path(os.environ["STAGEWARD_RECIPE"]).read_text())["datasets"]
    if [part["sha256"] for part in recipe["datasets"]] != [part["sha256"] for part in wanted]:
        sys.exit("The data is not the data that was used.")
    Path(os.environ["STAGEWARD_METRICS"]).write_text(json.dumps(recipe["metrics"]))
    return recipe


def measure(pipeline: Pipeline, x, y):
    """Metrics on data that the model has not seen."""
    probability = pipeline.predict_proba(x)[:, 1]
    predicted = pipeline.predict(x)
    return {
        "auc": float(roc_auc_score(y, probability)),
        "accuracy": float(accuracy_score(y, predicted)),
        "f1": float(f1_score(y, predicted)),
        "log_loss": float(log_loss(y, probability)),
    }


def describe_data(role, x, y):
    """One part of the data, with the SHA-256 of its values: another split has another digest."""
    content = np.ascontiguousarray(x, "<f8").tobytes() + np.ascontiguousarray(y, "<i8").tobytes()
    return {
        "name": "breast-cancer-wisconsin",
        "role": role,
        "rows": len(x),
        "version": f"scikit-learn {sklearn.__version__}",
        "uri": "python:sklearn.datasets.load_breast_cancer",  # it comes with the package
        "sha256": hashlib.sha256(content).hexdigest(),
    }


# --- Where it was made -----------------------------------------------------------------------


def environment():
    """The interpreter, the machine, and every package that is installed."""
    packages = {
        dist.name: dist.version
        for dist in importlib.metadata.distributions()
        if '"dir_info"' not in (dist.read_text("direct_url.json") or "")  # not your own folders
    }
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": dict(sorted(packages.items())),
        "hardware": {"machine": platform.machine(), "cpus": os.cpu_count()},
    }


def git():
    """Where the code of this script stands; None outside a git checkout."""
    here = Path(__file__).resolve()

    def run(*command):
        done = subprocess.run(["git", *command], cwd=here.parent, capture_output=True, check=False)
        return done.stdout if done.returncode == 0 else b""

    commit = run("rev-parse", "HEAD").decode().strip()
    if not commit:
        return None
    root = run("rev-parse", "--show-toplevel").decode().strip()
    remote = run("remote", "get-url", "origin").decode().strip() or Path(root).as_uri()
    code = {
        "repository": re.sub(r"//[^/@]*@", "//", remote),  # without a password in it
        "commit": commit,
        "branch": run("branch", "--show-current").decode().strip() or "HEAD",
        "dirty": bool(run("status", "--porcelain")),
        "entrypoint": str(here.relative_to(root)),
    }
    if difference := run("diff", "HEAD"):
        code["diff_sha256"] = hashlib.sha256(difference).hexdigest()
    return code


# --- Registering: plain HTTP -----------------------------------------------------------------


def connect(url, token):
    """A client that sends the token; `auth=None` leaves it out, for signed links."""
    if not token:
        sys.exit("Set STAGEWARD_TOKEN, or give --token.")

    def authorize(request):
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    return httpx.Client(base_url=f"{url}/api/v1", auth=authorize, timeout=60)


def register(api, model, recipe, files):
    """The ready version, made from the recipe and the files."""
    created = api.post("/models", json={"name": model})
    if created.status_code != 409:  # 409: it exists already
        checked(created)
    # The key makes a retry of this request answer the same version, not make a second one.
    version = checked(
        api.post(
            f"/models/{model}/versions", json=recipe, headers={"Idempotency-Key": str(uuid.uuid4())}
        )
    ).json()
    here = f"/models/{model}/versions/{version['number']}"
    for path in files:
        send = upload_in_parts if path.suffix == ".joblib" else upload_at_once
        send(api, here, path)
    version = checked(api.post(f"{here}/finalize")).json()
    while version["status"] == "verifying":  # large files are proven in the background
        time.sleep(0.5)
        version = checked(api.get(here)).json()
    return version


def upload_at_once(api, here, path):
    """The simplest way, for one file on a good connection."""
    checked(
        api.put(
            f"{here}/files/{path.name}",
            content=path.read_bytes(),
            headers={"Content-Type": mimetypes.guess_type(path)[0] or "text/plain"},
        )
    )


def upload_in_parts(api, here, path):
    """The way for large files: the parts go straight to the store, and can be sent again."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    wanted = {"path": path.name, "size": path.stat().st_size, "sha256": digest}
    upload = checked(api.post(f"{here}/uploads", json={"files": [wanted]})).json()["uploads"][0]
    if upload["status"] == "present":  # you can read a version that has these bytes already
        return
    with path.open("rb") as file:
        for part in upload["parts"]:
            file.seek(part["offset"])
            checked(
                api.put(
                    part["url"], headers=part["headers"], auth=None, content=file.read(part["size"])
                )
            )
    checked(api.post(f"{here}/uploads/{upload['id']}/complete"))


def save(folder, pipeline, recipe):
    """The files of the version."""
    joblib.dump(pipeline, folder / "model.joblib")
    (folder / "metrics.json").write_text(json.dumps(recipe["metrics"], indent=2) + "\n")
    return sorted(folder.iterdir())


def checked(response):
    """The response, or the end with what the server says is wrong."""
    if response.is_error:
        sys.exit(
            f"{response.request.method} {response.request.url.path} → {response.status_code}\n"
            f"{response.text}"
        )
    return response


if __name__ == "__main__":
    main()
