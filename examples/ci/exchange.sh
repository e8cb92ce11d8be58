#!/usr/bin/env bash
# Exchange the token that the CI platform signed for this job for one of Stageward's, which lives
# for minutes, and print that. Nothing is stored anywhere; see docs/ci.md.
#
#   STAGEWARD_URL       the server, for example https://models.example.com
#   STAGEWARD_ID_TOKEN  the platform's token (GitLab: `id_tokens`); on GitHub Actions it is asked
#                       for here, with `permissions: id-token: write`
#   STAGEWARD_AUDIENCE  for whom that token shall be (default: STAGEWARD_URL)
#   STAGEWARD_TRUST     the trust that is meant; needed only where several fit
#
# Needs bash, curl 7.76 or later and jq.
set -euo pipefail
: "${STAGEWARD_URL:?}"
root=${STAGEWARD_URL%/}
audience=${STAGEWARD_AUDIENCE:-$root}

if [ -z "${STAGEWARD_ID_TOKEN:-}" ]; then
  : "${ACTIONS_ID_TOKEN_REQUEST_URL:?set STAGEWARD_ID_TOKEN, or permissions: id-token: write}"
  encoded=$(jq -rn --arg text "$audience" '$text | @uri')
  STAGEWARD_ID_TOKEN=$(curl --silent --show-error --fail --max-time 30 --retry 5 \
    --config <(printf 'header = "Authorization: Bearer %s"\n' "$ACTIONS_ID_TOKEN_REQUEST_TOKEN") \
    "$ACTIONS_ID_TOKEN_REQUEST_URL&audience=$encoded" | jq -r .value)
fi

# Each of the platform's tokens counts once: what is sent again after a lost answer is refused.
# The body goes through a pipe: arguments can be seen by other processes.
secret=$(STAGEWARD_ID_TOKEN=$STAGEWARD_ID_TOKEN jq -n \
  '{token: env.STAGEWARD_ID_TOKEN} + if (env.STAGEWARD_TRUST // "") == "" then {} else {trust: env.STAGEWARD_TRUST} end' |
  curl --silent --show-error --fail-with-body --max-time 60 --retry 3 \
    --header "Content-Type: application/json" --data-binary @- "$root/api/v1/auth/exchange" |
  jq -r 'if .secret then .secret else (.detail | halt_error(1)) end')

if [ "${GITHUB_ACTIONS:-}" = true ]; then
  echo "::add-mask::$secret" >&2 # should the job print it, its log shows stars
fi
printf '%s\n' "$secret"
