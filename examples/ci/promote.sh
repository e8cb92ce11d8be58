#!/usr/bin/env bash
# Apply the oldest approved promotion of a model, after proving and trying the bytes it is about.
#
#   STAGEWARD_URL    the server, for example https://models.example.com
#   STAGEWARD_TOKEN  a service account's token with the scope `write`; left out, exchange.sh beside
#                    this script gets one of minutes for the job's own OIDC token
#   MODEL            the model's name
#   STAGE            the stage to look at (default: production)
#   TRY_COMMAND      run in the folder with the files, before the promotion is applied
#   DEPLOY_COMMAND   run in the same folder, after it
#
# Needs bash, curl 7.76 or later, jq and sha256sum. Ends with 0 where nothing is approved.
set -euo pipefail
: "${STAGEWARD_URL:?}" "${MODEL:?}"
if [ -z "${STAGEWARD_TOKEN:-}" ]; then
  STAGEWARD_TOKEN=$("$(dirname -- "${BASH_SOURCE[0]}")/exchange.sh")
fi
stage=${STAGE:-production}
root=${STAGEWARD_URL%/}/api/v1

api() { # the token goes through a file descriptor: arguments can be seen by other processes
  curl --silent --show-error --fail-with-body --max-time 60 --retry 5 \
    --config <(printf 'header = "Authorization: Bearer %s"\n' "$STAGEWARD_TOKEN") "$@"
}
encoded() { jq -rn --arg text "$1" '$text | @uri'; }

promotion=$(api --get "$root/promotions" --data-urlencode "model=$MODEL" \
  --data-urlencode "to=$stage" --data-urlencode "status=approved" | jq '.items | min_by(.created_at)')
if [ "$promotion" = null ]; then
  echo "Nothing is approved for $stage of $MODEL."
  exit 0
fi
id=$(jq -r .id <<<"$promotion")
number=$(jq -r .version <<<"$promotion")
echo "Promotion $id: $MODEL version $number to $stage ($(jq -r .reason <<<"$promotion"))"

manifest=$(api "$root/models/$(encoded "$MODEL")/versions/$number/manifest")
lines=$(jq -r '.files | sort_by(.path)[] | "\(.sha256)  \(.path)"' <<<"$manifest")
digest=$(printf '%s\n' "$lines" | sha256sum | cut -d' ' -f1)
if [ "$digest" != "$(jq -r .manifest_sha256 <<<"$promotion")" ]; then
  echo "The files are not the ones that were approved." >&2
  exit 1
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
while IFS=$'\t' read -r path url; do # the links are signed: they need no token
  mkdir -p "$(dirname -- "./$path")"
  curl --silent --show-error --fail --location --retry 5 --output "./$path" -- "$url"
done < <(jq -r '.files[] | [.path, .url] | @tsv' <<<"$manifest")
printf '%s\n' "$lines" | sha256sum --check --strict

bash -c "${TRY_COMMAND:-true}"
# The key makes a retry after a lost answer find the promotion applied, instead of a conflict.
api --request POST --header "Idempotency-Key: apply-$id" "$root/promotions/$id/apply" | jq -r .status
bash -c "${DEPLOY_COMMAND:-true}"
echo "$MODEL version $number holds $stage."
