"""The recipe of a version from its model and number, as the JSON texts of its columns.

The texts are canonical (RFC 8785) as they are written, because making them so one by one would take
longer than all the rest: keys in order, no spaces, a number without a needless `.0`. After loading,
`verifying.py` holds digests of them against those that the service itself computes.
"""

import hashlib
import random
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from benchmarks.million.population import SEED, TEAMS
from benchmarks.recipes import COLUMNS, PACKAGES, digest

SOURCES = ("nightly", "manual", "ci", "backfill")
SOURCES_UP_TO = (0.7, 0.9, 0.99, 1.0)
DATASETS = 6_000  # that versions train on, the first ones often and the last ones hardly ever
ENVIRONMENTS = 40
AUDITED = 1_000  # one of so many versions was looked at by auditors
OBJECTIVES = ("binary", "multiclass", "ranking", "regression")
OPTIMIZERS = ("adam", "adamw", "sgd", "lion")
_USES = list(accumulate(1 / (place + 1) ** 1.1 for place in range(DATASETS)))
_SIGNATURE = (
    '{"inputs":[' + ",".join(f'{{"name":"{name}","type":"float"}}' for name in COLUMNS) + "],"
    '"outputs":[{"name":"probability","type":"float"}]}'
)
_PACKAGES = ",".join(f'"{name}":"{PACKAGES[name]}"' for name in sorted(PACKAGES))


@dataclass(frozen=True, slots=True)
class Recipe:
    """JSON texts, and the two that are no JSON."""

    description: str
    tags: dict[str, str]
    params: str
    metrics: str
    code: str
    datasets: str
    preprocessing: str
    environment: str
    seed: int
    signature: str
    run: str
    source: str

    def digest(self, parents: Sequence[tuple[str, int]]) -> str:
        """The recipe's digest, as the service computes it."""
        named = ",".join(f'{{"model":"{model}","version":{number}}}' for model, number in parents)
        text = (
            f'{{"code":{self.code},"datasets":{self.datasets},"environment":{self.environment},'
            f'"metrics":{self.metrics},"params":{self.params},"parents":[{named}],'
            f'"preprocessing":{self.preprocessing},"run":{self.run},"seed":{self.seed},'
            f'"signature":{self.signature},"source":"{self.source}"}}'
        )
        return hashlib.sha256(text.encode()).hexdigest()


def recipe(model: int, number: int, name: str) -> Recipe:
    """What made the version; `name` is its model's."""
    chance = random.Random(SEED * 31 + model * 1_000_003 + number)
    run = f"{chance.getrandbits(128):032x}"
    return Recipe(
        description=f"Run {run[:8]}: depth and learning rate tuned on the new split; the tenure "
        "feature is clipped at its 99th percentile.",
        tags=_tags(chance, model, number),
        params=_params(chance),
        metrics=_metrics(chance),
        code=_code(model, number, name),
        datasets=_datasets(chance),
        preprocessing=_PREPROCESSING[number % len(_PREPROCESSING)],
        environment=_ENVIRONMENTS[(model + number // 200) % ENVIRONMENTS],
        seed=chance.randrange(100_000),
        signature=_SIGNATURE,
        run=f'{{"id":"{run}","tracker":"mlflow","url":null}}',
        source=f"s3://models/{name}/{run}/artifacts/model",
    )


def train_digest(place: int) -> str:
    """The digest of the data set at this place."""
    return digest("train", place)


def commit(model: int, number: int) -> str:
    """The commit that a version was trained from: three versions each."""
    return digest("commit", model, number // 3)[:40]


def _tags(chance: random.Random, model: int, number: int) -> dict[str, str]:
    tags = {
        "source": SOURCES[bisect(SOURCES_UP_TO, chance.random())],
        "team": TEAMS[model % len(TEAMS) if model else number % len(TEAMS)],
    }
    if (model * 31 + number) % AUDITED == 0:
        tags["audit"] = "2026-q1"
    return tags


def _params(chance: random.Random) -> str:
    return (
        f'{{"batch_size":{2 ** chance.randint(5, 10)},"depth":{chance.randint(3, 12)},'
        f'"dropout":{_number(round(chance.uniform(0, 0.5), 2))},'
        f'"lr":{_number(round(10 ** chance.uniform(-3, -0.5), 5))},'
        f'"objective":"{chance.choice(OBJECTIVES)}","optimizer":"{chance.choice(OPTIMIZERS)}"}}'
    )


def _metrics(chance: random.Random) -> str:
    auc = min(max(chance.gauss(0.86, 0.04), 0.5), 0.9999)
    f1 = f',"f1":{_number(round(chance.uniform(0.5, 0.95), 5))}' if chance.random() < 0.95 else ""
    return (
        f'{{"accuracy":{_number(round(chance.uniform(0.7, 0.98), 5))},'
        f'"auc":{_number(round(auc, 6))}{f1},'
        f'"log_loss":{_number(round(chance.uniform(0.1, 0.6), 5))}}}'
    )


def _code(model: int, number: int, name: str) -> str:
    return (
        f'{{"branch":"main","commit":"{commit(model, number)}","diff_sha256":null,"dirty":false,'
        '"entrypoint":"python train.py --config configs/nightly.yaml",'
        f'"repository":"https://git.example.com/models/{name}.git"}}'
    )


def _datasets(chance: random.Random) -> str:
    place = bisect(_USES, chance.random() * _USES[-1])
    month = f"2026-{place % 12 + 1:02}"
    return (
        f"[{_dataset(f'events-{place:04}', 'train', month, train_digest(place), 481_230)},"
        f"{_dataset('holdout', 'test', month, digest('test', place % 50), 60_154)}]"
    )


def _dataset(name: str, role: str, month: str, sha256: str, rows: int) -> str:
    return (
        f'{{"name":"{name}","role":"{role}","rows":{rows},"sha256":"{sha256}",'
        f'"uri":"s3://data/{month}/{name}/{role}.parquet","version":"{month}"}}'
    )


def _number(value: float) -> str:
    return repr(value).removesuffix(".0")


_PREPROCESSING = tuple(
    f'[{{"description":null,"name":"clip-outliers","sha256":"{digest("clip", 2)}","version":"2"}},'
    f'{{"description":null,"name":"standard-scaler","sha256":"{digest("scaler", place)}",'
    f'"version":"1.9.{place}"}}]'
    for place in range(20)
)
_ENVIRONMENTS = tuple(
    f'{{"container_image":"registry.example.com/train@sha256:{digest("image", place)}",'
    f'"hardware":"1x A10G 24GB","packages":{{{_PACKAGES}}},"platform":"Linux-6.1-x86_64",'
    f'"python":"3.{11 + place % 3}.9"}}'
    for place in range(ENVIRONMENTS)
)
