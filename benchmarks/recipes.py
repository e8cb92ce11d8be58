"""A recipe of the size that real training runs register: about 2 KiB of JSON, made from a number,
so that the same number is the same recipe in every run."""

import hashlib
import random
from typing import Any

PACKAGES = {
    "numpy": "2.4.0",
    "pandas": "3.0.1",
    "scikit-learn": "1.9.1",
    "scipy": "1.17.0",
    "lightgbm": "4.7.0",
    "pyarrow": "23.0.0",
    "joblib": "1.6.0",
    "threadpoolctl": "3.6.0",
    "python-dateutil": "2.9.0",
    "tzdata": "2026.3",
    "typing-extensions": "4.16.0",
    "packaging": "26.0",
}
COLUMNS = ("age", "tenure", "plan", "spend", "tickets", "region", "channel", "score")


def registration(seed: int) -> dict[str, Any]:
    """The body of a `POST …/versions`."""
    chance = random.Random(seed)
    return {
        "description": f"Run {seed}: depth and learning rate tuned on the new split; the tenure "
        "feature is clipped at its 99th percentile. See the notebook for the ablation.",
        "tags": {"team": chance.choice(("fraud", "growth", "risk")), "trainer": "nightly"},
        **recipe(seed),
    }


def recipe(seed: int) -> dict[str, Any]:
    """The fields that freeze when a version is ready, but its parents."""
    chance = random.Random(seed)
    return {
        "params": {
            "learning_rate": round(10 ** chance.uniform(-3, -0.5), 5),
            "num_leaves": chance.choice((31, 63, 127)),
            "max_depth": chance.randint(3, 12),
            "n_estimators": chance.randint(100, 2000),
            "subsample": round(chance.uniform(0.5, 1), 2),
            "colsample_bytree": round(chance.uniform(0.5, 1), 2),
            "objective": "binary",
            "early_stopping": {"rounds": 50, "metric": "auc"},
        },
        "metrics": {
            "auc": round(chance.uniform(0.7, 0.99), 5),
            "log_loss": round(chance.uniform(0.1, 0.6), 5),
            "accuracy": round(chance.uniform(0.7, 0.98), 5),
            "f1": round(chance.uniform(0.5, 0.95), 5),
            "train_seconds": round(chance.uniform(20, 4000), 2),
        },
        "code": {
            "repository": "https://git.example.com/risk/churn.git",
            "commit": digest("commit", seed)[:40],
            "branch": "main",
            "dirty": False,
            "entrypoint": "python train.py --config configs/nightly.yaml",
        },
        "datasets": [
            {
                "name": f"customers-2026-{seed % 12 + 1:02}",
                "role": role,
                "version": "3",
                "uri": f"s3://data/customers/2026-{seed % 12 + 1:02}/{role}.parquet",
                "sha256": digest(role, seed % 12),
                "rows": rows,
            }
            for role, rows in (("train", 481_230), ("test", 60_154))
        ],
        "preprocessing": [
            {"name": "clip-outliers", "version": "2", "sha256": digest("clip", 2)},
            {"name": "standard-scaler", "version": "1.9.1", "sha256": digest("scaler", seed)},
        ],
        "environment": {
            "python": "3.11.9",
            "platform": "Linux-6.1-x86_64",
            "packages": PACKAGES,
            "container_image": f"registry.example.com/train@sha256:{digest('image', seed % 7)}",
            "hardware": "1x A10G 24GB",
        },
        "seed": seed,
        "signature": {
            "inputs": [{"name": name, "type": "float"} for name in COLUMNS],
            "outputs": [{"name": "probability", "type": "float"}],
        },
        "run": {"tracker": "mlflow", "id": digest("run", seed)[:32]},
    }


def digest(*parts: object) -> str:
    """A digest that these parts always have."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()
