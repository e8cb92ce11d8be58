"""Whether more of a metric is better: as the policy says, else as its name is understood."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from app.policies.gates import BaselineGate, Gate, MetricGate

Way = Literal["higher", "lower", "unknown"]
Source = Literal["policy", "name"]

LOWER = frozenset(
    {
        *("aic", "bce", "bic", "bpb", "bpc", "brier", "cer", "crps", "deviance", "distance"),
        *("divergence", "ece", "eer", "err", "error", "errors", "fdr", "fid", "fnr", "fpr"),
        *("hinge", "kid", "kl", "latency", "logloss", "loss", "lpips", "mae", "mape", "mce"),
        *("mse", "msle", "nll", "perplexity", "pinball", "ppl", "regret", "rmse", "rmsle"),
        *("smape", "toxicity", "wer"),
    }
)
HIGHER = frozenset(
    {
        *("acc", "accuracy", "ap", "auc", "aucpr", "auprc", "auroc", "bleu", "chrf"),
        *("concordance", "correlation", "coverage", "dice", "exact", "f1", "f2", "fbeta"),
        *("fscore", "gini", "hits", "iou", "kappa", "ks", "lift", "likelihood", "map", "mcc"),
        *("meteor", "miou", "mrr", "ndcg", "pearson", "prauc", "precision", "psnr", "r2"),
        *("recall", "reward", "roc", "rouge", "sensitivity", "spearman", "specificity"),
        *("ssim", "throughput", "tnr", "tpr"),
    }
)
TURNED = frozenset({"neg", "negative"})
_WORD = re.compile(r"[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*|\d+")


@dataclass(frozen=True, slots=True)
class Direction:
    """Which way is better, and who says so."""

    way: Way = "unknown"
    source: Source | None = None


UNKNOWN = Direction()


def by_gates(gates: Iterable[Gate | None]) -> dict[str, Direction]:
    """What gates say of the metrics that they name; where they contradict each other, nothing."""
    said: dict[str, set[Way]] = {}
    for gate in gates:
        if isinstance(gate, BaselineGate):
            way: Way = "higher" if gate.higher_is_better else "lower"
            said.setdefault(gate.metric, set()).add(way)
        elif isinstance(gate, MetricGate) and gate.op[0] in "<>":
            said.setdefault(gate.metric, set()).add("higher" if gate.op[0] == ">" else "lower")
    return {
        metric: Direction(ways.pop(), "policy") for metric, ways in said.items() if len(ways) == 1
    }


def direction(metric: str, by_policy: Mapping[str, Direction]) -> Direction:
    """Which way a metric is better."""
    return by_policy.get(metric) or by_name(metric)


def by_name(metric: str) -> Direction:
    """What the words of a name say: `val_loss` is better lower, `test/AUC` higher, and
    `neg_log_loss` higher. A name that says both says nothing."""
    words = {word.lower() for word in _WORD.findall(metric)}
    lower, higher = bool(words & LOWER), bool(words & HIGHER)
    if lower == higher:
        return UNKNOWN
    return Direction("higher" if higher != bool(words & TURNED) else "lower", "name")
