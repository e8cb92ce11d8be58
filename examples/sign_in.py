"""Sign in with your account at the team's OIDC provider and print a token that lives an hour.

    export STAGEWARD_URL=http://127.0.0.1:8000
    export STAGEWARD_TOKEN=$(python examples/sign_in.py)

It opens your browser and listens on your own machine for the answer (OAuth 2 with PKCE). Only the
token goes to standard output. Needs httpx.
"""

import argparse
import base64
import hashlib
import http.server
import os
import secrets
import sys
import webbrowser
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

CLIENT = "stageward-cli"
PATIENCE = 600  # seconds; a sign-in that takes longer is over at the server too
DONE = "You are signed in. Close this window and go back to the terminal."
FAILED = "You are not signed in. The terminal says why."


def main(argv=None, show=webbrowser.open):
    """Print a token; `show` opens an address in a browser. The exit code says how it went."""
    args = arguments(argv)
    try:
        granted = sign_in(args.url.rstrip("/"), args.scope, show)
    except SignInError as error:
        print(error, file=sys.stderr)
        return 1
    minutes = granted["expires_in"] // 60
    print(f"Signed in for {minutes} minutes ({granted['scope']}).", file=sys.stderr)
    print(granted["access_token"])
    return 0


def arguments(argv):
    """The flags: where, and what for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default=os.environ.get("STAGEWARD_URL", "http://127.0.0.1:8000"))
    parser.add_argument("--scope", default="read write review", help="add admin to administer")
    return parser.parse_args(argv)


class SignInError(Exception):
    """Why there is no token."""


def sign_in(url, scope, show):
    """The server's answer with the token in it."""
    verifier, state = secrets.token_urlsafe(64), secrets.token_urlsafe(32)
    with Listener(("127.0.0.1", 0), Handler) as listener:
        back = f"http://127.0.0.1:{listener.server_port}/"
        asked = {
            "response_type": "code",
            "client_id": CLIENT,
            "redirect_uri": back,
            "scope": scope,
            "state": state,
            "code_challenge": challenge(verifier),
            "code_challenge_method": "S256",
        }
        address = f"{url}/api/v1/auth/authorize?{urlencode(asked)}"
        print(f"If no browser opens, go to\n{address}", file=sys.stderr)
        show(address)
        answer = listener.wait(state)
    if "code" not in answer:
        raise SignInError(answer.get("error_description") or answer.get("error") or "No answer.")
    return exchange(url, answer["code"], verifier, back)


def challenge(verifier):
    """PKCE: what is shown of the verifier at first."""
    return (
        base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    )


def exchange(url, code, verifier, back):
    """The token for a code."""
    form = {
        "grant_type": "authorization_code",
        "client_id": CLIENT,
        "code": code,
        "code_verifier": verifier,
        "redirect_uri": back,
    }
    answer = httpx.post(f"{url}/api/v1/auth/token", data=form, timeout=30)
    if answer.status_code != 200:
        raise SignInError(answer.json().get("detail", answer.text))
    return answer.json()


class Listener(http.server.HTTPServer):
    """Waits for the answer to one sign-in, and lets others pass by."""

    answer = None

    def wait(self, state):
        """The answer of this state."""
        self.state, self.timeout = state, PATIENCE
        while self.answer is None:
            self.handle_request()
            if self.timed_out:
                raise SignInError("Nobody signed in within ten minutes.")
        return self.answer

    timed_out = False

    def handle_timeout(self):
        """Give up."""
        self.timed_out = True


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers the browser."""

    timeout = 10

    def do_GET(self):
        """Take the answer, if it is the one that is waited for."""
        asked = urlsplit(self.path)
        given = {name: values[-1] for name, values in parse_qs(asked.query).items()}
        is_ours = asked.path == "/" and secrets.compare_digest(
            given.get("state", "").encode(), self.server.state.encode()
        )
        if is_ours and self.server.answer is None:
            self.server.answer = given
        text = (DONE if "code" in given else FAILED) if is_ours else "Not here."
        body = text.encode()
        self.send_response(200 if is_ours else 404)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """The code is in the path: it is not written anywhere."""


if __name__ == "__main__":
    sys.exit(main())
