"""Canaille, an OIDC provider for people, served on loopback until its standard input ends.

Run by Canaille's own Python: `python canaille_service.py FOLDER`. It keeps all in memory and
prints its address, which is its name as an issuer, once it serves. Besides Canaille's own
addresses it has two for the tests: `/-/clients` and `/-/people`, to which a POST makes or changes
one. When this process ends, all is forgotten.
"""

import os
import shutil
import sys
import threading
from pathlib import Path
from typing import Any

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "true"  # loopback has no TLS

import canaille
from canaille.app import models
from canaille.app.flask import csrf
from canaille.backends import Backend
from canaille.backends.memory.backend import MemoryBackend, listify
from flask import Flask, Response, request
from werkzeug.serving import WSGIRequestHandler, make_server

CLAIMS = {
    "PREFERRED_USERNAME": "{{ user.display_name or '' }}",
    # Canaille says nothing of it: here, an address is verified unless it says otherwise.
    "EMAIL_VERIFIED": "{{ 'false' if user.title == 'unverified' else 'true' }}",
}


_fitting_any = MemoryBackend.do_query


def fitting_all(self: MemoryBackend, model: Any, *args: Any, **wanted: Any) -> list[Any]:
    """What fits all conditions. Canaille's own finds what fits any of them, and so would take one
    code of a client for another of its codes."""
    found = _fitting_any(self, model, *args, **wanted)
    return [one for one in found if all(_fits(one, *pair) for pair in wanted.items())]


def _fits(one: Any, attribute: str, value: Any) -> bool:
    has = listify(one._state.get(attribute))
    return any(accepted in has for accepted in type(one).serialize(listify(value)))


class Quiet(WSGIRequestHandler):
    """Says nothing of requests."""

    def log_request(self, *_: Any) -> None:
        """Nothing."""


def make_app(address: str, folder: Path) -> Flask:
    """The application, as the issuer of this address."""
    logging = {"version": 1, "disable_existing_loggers": True}
    MemoryBackend.do_query = fitting_all
    app = canaille.create_app(
        {
            "SECRET_KEY": "a-secret-key-for-tests",
            "SERVER_NAME": address,
            "PREFERRED_URL_SCHEME": "http",
            "CANAILLE": {
                "DATABASE": "memory",
                "FORCE_HTTPS": False,
                "LOGGING": logging,
                "MIN_PASSWORD_LENGTH": 1,
            },
            "CANAILLE_OIDC": {},
        },
        env_file=str(folder / "none"),
    )
    app.config["CANAILLE_OIDC"]["USERINFO_MAPPING"].update(CLAIMS)
    return app


def one(model: Any, **named: str) -> Any:
    """The object of this name, or a new one."""
    return Backend.instance.get(model, **named) or model(**named)


def put_client(given: dict[str, Any]) -> None:
    """Make or change a client that people do not need to be asked about."""
    client = one(models.Client, client_id=given["id"])
    client.client_name = given["id"]
    client.client_uri = "http://127.0.0.1"
    client.client_secret = given.get("secret")
    client.redirect_uris = given["redirect_uris"]
    client.grant_types = ["authorization_code"]
    client.response_types = ["code"]
    client.scope = ["openid", "profile", "email", "groups"]
    client.token_endpoint_auth_method = given.get("auth", "client_secret_basic")
    Backend.instance.save(client)
    client.audience = [client]
    Backend.instance.save(client)


def put_person(given: dict[str, Any]) -> None:
    """Make or change a person with exactly these groups."""
    person = one(models.User, user_name=given["login"])
    person.formatted_name = person.family_name = given["login"]
    person.display_name = given.get("name")
    person.emails = [given.get("email") or f"{given['login']}@example.org"]
    person.title = "verified" if given.get("verified", True) else "unverified"
    person.password = "correct horse"
    Backend.instance.save(person)
    wanted = set(given.get("groups", ()))
    for group in Backend.instance.query(models.Group):
        others = [member for member in group.members if member.id != person.id]
        is_wanted = group.display_name in wanted
        wanted.discard(group.display_name)
        if is_wanted:
            group.members = [*others, person]
            Backend.instance.save(group)
        elif others:
            group.members = others
            Backend.instance.save(group)
        else:
            Backend.instance.delete(group)
    for name in wanted:
        Backend.instance.save(models.Group(display_name=name, members=[person]))


def add_tests_addresses(app: Flask) -> None:
    """What the tests make clients and people with."""

    def put_one(kind: str) -> Response:
        {"clients": put_client, "people": put_person}[kind](request.get_json())
        return Response(status=204)

    csrf.exempt(put_one)
    app.add_url_rule("/-/<kind>", "tests", put_one, methods=["POST"])


def main(folder: Path) -> None:
    """Serve until the input ends."""
    # Bound first: the application must know its own address.
    server = make_server("127.0.0.1", 0, Flask("none"), threaded=True, request_handler=Quiet)
    address = f"127.0.0.1:{server.server_port}"
    server.app = make_app(address, folder)
    add_tests_addresses(server.app)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://{address}", flush=True)
    sys.stdin.read()
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
