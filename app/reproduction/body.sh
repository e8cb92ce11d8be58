
say() { printf '%s\n' "$*"; }
fail() {
  code=$1
  shift
  printf 'reproduce: %s\n' "$*" >&2
  exit "$code"
}

usage() {
  cat <<'END'
Makes a version of a model again, as far as its recipe says how.

  sh reproduce.sh          check the code out, make the environment, check the data
  sh reproduce.sh --run    the same, then run the training and compare its metrics

Nothing of the repository is run without --run. Read what is checked out before you give it.

From the environment:
  STAGEWARD_DIR          the directory to work in, which must be empty or not there
  STAGEWARD_PYTHON       an interpreter that has the packages already: none are installed
  STAGEWARD_DATA_1 ...   a local copy of each data set; its SHA-256 is checked
  STAGEWARD_DIFF         the uncommitted change, where there was one; its SHA-256 is checked
  STAGEWARD_TOLERANCE    how far a metric may be off, relative to its size; 1e-6 if not given
  STAGEWARD_SDISTS=1     also install packages that have to be built, which runs their code
  GIT_ALLOW_PROTOCOL     what git may fetch by; https:ssh if not given

The training finds, in its environment:
  STAGEWARD_PARAMS       a file: the hyperparameters as JSON
  STAGEWARD_SEED         the random seed
  STAGEWARD_DATA_1 ...   the data sets, in the order of the recipe
  STAGEWARD_RECIPE       a file: the whole recipe as JSON
  STAGEWARD_METRICS      where to write the metrics, as a JSON object of numbers

Ends with 0 if all went well, 2 for a wrong option, 3 if something that is needed is not there,
4 for the code, 5 for the environment, 6 for the data, 7 if the training failed, 8 if its metrics
differ, 9 if it wrote none to compare.
END
}

# Our own Python: isolated from the working directory and from the packages of the recipe.
helper() { "$base_python" -I "$@"; }

sha256_of() {
  helper -c '
import hashlib, sys
digest = hashlib.sha256()
with open(sys.argv[1], "rb") as file:
    for block in iter(lambda: file.read(1 << 20), b""):
        digest.update(block)
print(digest.hexdigest())
' "$1"
}

absolute() {
  case $1 in
    /*) printf '%s\n' "$1" ;;
    *) printf '%s/%s\n' "$here" "$1" ;;
  esac
}

series_of() { "$1" -I -c 'import sys; print("%d.%d" % sys.version_info[:2])' </dev/null; }

find_python() {
  if [ -n "${STAGEWARD_PYTHON:-}" ]; then
    case $STAGEWARD_PYTHON in
      */*) STAGEWARD_PYTHON=$(absolute "$STAGEWARD_PYTHON") ;;
    esac
    base_python=$STAGEWARD_PYTHON
    found=$(series_of "$base_python") || fail 5 "STAGEWARD_PYTHON cannot be run: $base_python"
    if [ -n "$python_series" ] && [ "$found" != "$python_series" ]; then
      say "Note: the version was made with Python $python_version, and this is $found."
    fi
    return
  fi
  base_python=
  for candidate in ${python_series:+"python$python_series"} python3 python; do
    if command -v "$candidate" >/dev/null 2>&1 && found=$(series_of "$candidate" 2>/dev/null); then
      base_python=$candidate
      if [ -z "$python_series" ] || [ "$found" = "$python_series" ]; then
        return
      fi
    fi
  done
  [ -n "$base_python" ] || fail 3 "Python is needed and was not found."
  fail 5 "Python $python_series is needed, and $base_python is $found. Install it, or name an" \
    "interpreter in STAGEWARD_PYTHON."
}

make_directory() {
  directory=$(absolute "${STAGEWARD_DIR:-$default_directory}")
  mkdir -p -- "$directory" || fail 3 "The directory cannot be made: $directory"
  if [ -n "$(ls -A -- "$directory")" ]; then
    fail 3 "The directory is not empty: $directory. Remove it, or name another in STAGEWARD_DIR."
  fi
  STAGEWARD_RECIPE=$directory/recipe.json
  STAGEWARD_PARAMS=$directory/params.json
  STAGEWARD_METRICS=$directory/metrics.json
  STAGEWARD_SEED=$seed
  export STAGEWARD_RECIPE STAGEWARD_PARAMS STAGEWARD_METRICS STAGEWARD_SEED
  recipe_json >"$STAGEWARD_RECIPE"
  params_json >"$STAGEWARD_PARAMS"
  requirements >"$directory/requirements.txt"
}

git_in() { git -C "$directory/code" -c core.hooksPath=/dev/null -c advice.detachedHead=false "$@"; }

check_out() {
  if [ -z "$repository" ] || [ -z "$commit" ]; then
    fail 3 "There is no code to check out: $no_code"
  fi
  command -v git >/dev/null 2>&1 || fail 3 "git is needed and was not found."
  GIT_ALLOW_PROTOCOL=${GIT_ALLOW_PROTOCOL:-https:ssh}
  export GIT_ALLOW_PROTOCOL
  unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_NAMESPACE
  say "Code: $repository at $commit"
  git -c core.hooksPath=/dev/null clone --quiet --no-checkout --no-recurse-submodules -- \
    "$repository" "$directory/code" ||
    fail 4 "The repository cannot be fetched. git may fetch by $GIT_ALLOW_PROTOCOL here" \
      "(GIT_ALLOW_PROTOCOL)."
  if ! git_in cat-file -e "$commit^{commit}" 2>/dev/null; then
    # Not on any branch any more; many servers still give it to who asks for it.
    git_in fetch --quiet --no-recurse-submodules origin "$commit" ||
      fail 4 "The repository does not have the commit $commit."
  fi
  git_in checkout --quiet --detach "$commit" || fail 4 "The commit cannot be checked out."
  [ "$(git_in rev-parse --verify HEAD)" = "$commit" ] ||
    fail 4 "What was checked out is not the commit $commit."
  [ -z "$(git_in status --porcelain)" ] || fail 4 "The checkout is not clean."
  [ ! -f "$directory/code/.gitmodules" ] ||
    say "Note: the repository has submodules, and they were not fetched."
  apply_difference
}

apply_difference() {
  [ "$dirty" != no ] || return 0
  if [ -z "$diff_sha256" ]; then
    say "Note: the code may have been changed after the commit, and nobody recorded how."
    return 0
  fi
  if [ -z "${STAGEWARD_DIFF:-}" ]; then
    say "Note: the code was changed after the commit. Name that change in STAGEWARD_DIFF; its"
    say "      SHA-256 is $diff_sha256. $diff_is_file"
    return 0
  fi
  difference=$(absolute "$STAGEWARD_DIFF")
  [ -f "$difference" ] || fail 4 "STAGEWARD_DIFF is no file: $difference"
  [ "$(sha256_of "$difference")" = "$diff_sha256" ] ||
    fail 4 "STAGEWARD_DIFF is not the change that was made: its SHA-256 differs."
  git_in apply -- "$difference" || fail 4 "STAGEWARD_DIFF cannot be applied."
}

make_environment() {
  [ -z "$container_image" ] || say "Environment: instead of what follows, the image $container_image"
  [ -z "$unpinned" ] || say "Note: these packages are left out, no version of them is named: $unpinned"
  if [ -n "${STAGEWARD_PYTHON:-}" ]; then
    interpreter=$STAGEWARD_PYTHON
    say "Environment: $interpreter, as it is"
    compare_packages || fail 5 "The packages of $interpreter cannot be read."
    return 0
  fi
  say "Environment: Python $found, and what is in requirements.txt"
  "$base_python" -I -m venv "$directory/environment" </dev/null ||
    fail 5 "The environment cannot be made."
  interpreter=$directory/environment/bin/python
  [ -s "$directory/requirements.txt" ] || return 0
  set -- --only-binary :all:
  [ "${STAGEWARD_SDISTS:-}" != 1 ] || set --
  "$interpreter" -I -m pip install --quiet --disable-pip-version-check --no-input "$@" \
    --requirement "$directory/requirements.txt" </dev/null ||
    fail 5 "The packages cannot be installed. If one has to be built, give STAGEWARD_SDISTS=1."
}

compare_packages() {
  "$interpreter" -I -c '
import importlib.metadata, sys
for line in open(sys.argv[1], encoding="utf-8"):
    name, _, wanted = line.strip().partition("==")
    try:
        found = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        found = "not installed"
    if found != wanted:
        print("Note: %s was %s, and here it is %s." % (name, wanted, found))
' "$directory/requirements.txt"
}

# position role name uri sha256
data_set() {
  say "Data $1: $3 ($2)${4:+ from $4}"
  eval "given=\${STAGEWARD_DATA_$1:-}" # $1 is a number that this script wrote itself
  if [ -z "$given" ]; then
    say "      Not checked: name a local copy in STAGEWARD_DATA_$1${5:+ with the SHA-256 $5}."
    return 0
  fi
  given=$(absolute "$given")
  [ -f "$given" ] || fail 6 "STAGEWARD_DATA_$1 is no file: $given"
  if [ -z "$5" ]; then
    say "      Not checked: its SHA-256 was not recorded."
  elif [ "$(sha256_of "$given")" = "$5" ]; then
    say "      Its SHA-256 is the recorded one."
  else
    fail 6 "STAGEWARD_DATA_$1 is not the data that was used: its SHA-256 differs."
  fi
  eval "STAGEWARD_DATA_$1=\$given; export STAGEWARD_DATA_$1"
}

show_words() {
  for word in "$@"; do
    printf " '%s'" "$(printf '%s\n' "$word" | sed "s/'/'\\\\''/g")"
  done
  printf '\n'
}

# Where in the checkout the program is, links followed.
inside() {
  helper -c '
import os, sys
root = os.path.realpath(sys.argv[1])
found = os.path.realpath(os.path.join(root, sys.argv[2]))
sys.exit(0 if os.path.isfile(found) and found.startswith(root + os.sep) else 1)
' "$directory/code" "$1"
}

program_is_there() {
  for path in "$@"; do
    if inside "$path"; then return 0; fi
  done
  return 1
}

train() {
  [ -n "$runnable" ] || fail 3 "The entrypoint is not run: $not_runnable It was: $entrypoint"
  with_program program_is_there ||
    fail 3 "The repository has no such program at this commit. The entrypoint was: $entrypoint"
  say "Training:"
  (
    unset STAGEWARD_TOKEN # the code of the repository is not given it
    cd -- "$directory/code" || exit 1
    with_words "$interpreter" </dev/null
  ) || fail 7 "The training failed."
}

compare_metrics() {
  if [ -z "$has_metrics" ]; then
    say "The version names no metrics: there is nothing to compare."
    return 0
  fi
  [ -s "$STAGEWARD_METRICS" ] ||
    fail 9 "The training wrote no metrics to STAGEWARD_METRICS: there is nothing to compare."
  helper -c '
import json, math, sys
with open(sys.argv[1], encoding="utf-8") as file:
    expected = json.load(file)["expected"]["metrics"]
try:
    with open(sys.argv[2], encoding="utf-8") as file:
        found = {key: float(value) for key, value in json.load(file).items()}
    tolerance = float(sys.argv[3])
except (ValueError, TypeError, AttributeError) as error:
    sys.exit("reproduce: not an object of numbers, or not a tolerance: %s" % error)
differs = 0
for key in sorted(expected):
    value = found.get(key)
    same = value is not None and math.isclose(
        value, expected[key], rel_tol=tolerance, abs_tol=tolerance * 1e-3)
    differs += not same
    print("  %s %s: %r expected, %r found" % ("same" if same else "DIFFERS", ascii(key)[1:-1],
        expected[key], value))
sys.exit(1 if differs else 0)
' "$STAGEWARD_RECIPE" "$STAGEWARD_METRICS" "${STAGEWARD_TOLERANCE:-1e-6}" ||
    fail 8 "The metrics are not those of the version."
  say "The metrics are those of the version."
}

main() {
  set -eu
  run=no
  for option in "$@"; do
    case $option in
      --run) run=yes ;;
      -h | --help)
        usage
        return 0
        ;;
      *) fail 2 "There is no option $option. See --help." ;;
    esac
  done
  unset CDPATH
  here=$(pwd)
  say "$title"
  [ -z "$recalled" ] || say "Warning: it was recalled and is not to be used: $recalled"
  [ -z "$missing" ] || say "Missing for a full reproduction: $missing"
  find_python
  make_directory
  check_out
  make_environment
  data_sets
  if [ "$run" = no ]; then
    say "All that the recipe names is in $directory. Nothing of it was run."
    [ -z "$entrypoint" ] || say "The version was made by: $entrypoint"
    if [ -n "$runnable" ]; then
      printf 'With --run, in %s:' "$directory/code"
      with_words show_words "$interpreter"
    fi
    return 0
  fi
  train
  compare_metrics
}

main "$@"
