"""`python -m benchmarks [names…]`: measure, and print what was found as Markdown."""

import argparse
import importlib
import pkgutil
import sys
from contextlib import ExitStack
from pathlib import Path

from benchmarks import measurements
from benchmarks.facts import facts
from benchmarks.harness import fresh
from benchmarks.options import Options


def main() -> int:
    """Run the measurements that were named, or all; the exit code says whether all were made."""
    known = [module.name for module in pkgutil.iter_modules(measurements.__path__)]
    asked = _parser(known).parse_args()
    unknown = sorted(set(asked.names) - set(known))
    if unknown:
        print(f"There is no measurement {', '.join(unknown)}: {', '.join(known)}.", file=sys.stderr)
        return 2
    if asked.list:
        print("\n".join(known))
        return 0
    options = Options.quick() if asked.quick else _options(asked)
    told = False
    for name in asked.names or known:
        module = importlib.import_module(f"benchmarks.measurements.{name}")
        if not asked.names and not asked.quick and getattr(module, "ON_DEMAND", False):
            continue
        with ExitStack() as stack:
            bench = getattr(module, "fresh", fresh)(options, stack)
            if not told:
                print("\n".join(f"- {line}" for line in facts(bench.server)), flush=True)
                told = True
            for section in module.measure(bench):
                print(f"\n{section.markdown()}", flush=True)
    return 0


def _parser(known: list[str]) -> argparse.ArgumentParser:
    usual = Options()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=main.__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(known)}; without any, all")
    parser.add_argument("--list", action="store_true", help="say which there are")
    parser.add_argument("--quick", action="store_true", help="only see that all works")
    parser.add_argument("--rounds", type=int, default=usual.rounds)
    parser.add_argument("--seconds", type=float, default=usual.seconds, help="a case and round")
    parser.add_argument("--connections", type=int, default=usual.connections)
    parser.add_argument("--file-mib", type=int, default=usual.file_mib, help="the large file")
    parser.add_argument("--s3-mib", type=int, default=usual.s3_mib, help="the file through S3")
    parser.add_argument("--s3-rounds", type=int, default=usual.s3_rounds)
    parser.add_argument("--folder", type=Path, help="keep what million and search load, or use it")
    return parser


def _options(asked: argparse.Namespace) -> Options:
    return Options(
        rounds=asked.rounds,
        seconds=asked.seconds,
        connections=asked.connections,
        file_mib=asked.file_mib,
        s3_mib=asked.s3_mib,
        s3_rounds=asked.s3_rounds,
        folder=asked.folder and asked.folder.resolve(),
    )


if __name__ == "__main__":
    sys.exit(main())
