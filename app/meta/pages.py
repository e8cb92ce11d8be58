"""The few HTML pages: the browsable API, the quick start and the problems.

No page loads anything from another host, and the Content-Security-Policy holds it to that.
"""

import html
import re
from pathlib import Path
from string import Template

from fastapi.responses import HTMLResponse

from app import __version__
from app.meta.assets import ROOT, address
from app.meta.schemas import ProblemPage

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# Swagger UI sets style attributes on what it draws.
_DOCS_POLICY = _POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
_CODE = re.compile(r"`([^`]+)`")


def docs_page(signed_in: str | None = None) -> HTMLResponse:
    """Swagger UI under our own header. `signed_in`: where a sign-in leads back to, if people can
    sign in here."""
    back = f' data-signed-in="{html.escape(signed_in)}"' if signed_in else ""
    body = Template(
        f'<div id="api" data-document="/openapi.json"{back}></div>\n$scripts'
    ).substitute(
        scripts="\n".join(
            f'<script src="{address(name)}"></script>'
            for name in ("swagger-ui-bundle.js", "docs.js")
        )
    )
    return _page("Stageward API", body, policy=_DOCS_POLICY, styles=("swagger-ui.css",))


def signed_in_page() -> HTMLResponse:
    """Where a sign-in that /docs began ends: it hands the code to the page that began, and says
    what went wrong. The code is in its address, so it leads nowhere and tells no other page."""
    body = (
        '<main id="signed-in"><h1>Signing in</h1><p>This window closes by itself.</p></main>\n'
        f'<script src="{address("signed-in.js")}"></script>'
    )
    page = _page("Signing in · Stageward", body)
    page.headers["Referrer-Policy"] = "no-referrer"
    page.headers["Cache-Control"] = "no-store"
    return page


def start_page(base_url: str) -> HTMLResponse:
    """The quick start, with the address of this server in its commands."""
    text = (ROOT / "start.html").read_text(encoding="utf-8")
    body = text.replace("{{base_url}}", html.escape(base_url))
    return _page("Quick start · Stageward", f"<main>{body}</main>")


def problems_page(problems: list[ProblemPage]) -> HTMLResponse:
    """Every kind of problem, with a link to each."""
    rows = "\n".join(
        f'<tr><td>{p.status}</td><td><a href="/problems/{p.slug}">{p.slug}</a></td>'
        f"<td>{html.escape(p.title)}</td></tr>"
        for p in problems
    )
    body = (
        "<main><h1>Problems</h1><p>Every error of the API is one of these. Its <code>type</code> "
        "is the address of a page here.</p><table><thead><tr><th>Status</th><th>Problem</th>"
        f"<th>In a few words</th></tr></thead><tbody>{rows}</tbody></table></main>"
    )
    return _page("Problems · Stageward", body)


def problem_page(problem: ProblemPage) -> HTMLResponse:
    """What one kind of problem means."""
    paragraphs = "\n".join(f"<p>{_inline(text)}</p>" for text in problem.explanation.split("\n\n"))
    body = (
        f"<main><p class=crumb><a href=/problems>Problems</a></p>"
        f"<h1>{html.escape(problem.title)}</h1>"
        f"<p><code>{problem.slug}</code> · HTTP status {problem.status}</p>{paragraphs}</main>"
    )
    return _page(f"{problem.title} · Stageward", body)


def _inline(text: str) -> str:
    return _CODE.sub(r"<code>\1</code>", html.escape(text))


def _page(
    title: str, body: str, *, policy: str = _POLICY, styles: tuple[str, ...] = ()
) -> HTMLResponse:
    links = "\n".join(
        f'<link rel="stylesheet" href="{address(name)}">' for name in (*styles, "docs.css")
    )
    content = _shell().substitute(
        title=html.escape(title),
        links=links,
        logo=address("logo.svg"),
        version=__version__,
        body=body,
    )
    headers = {
        "Content-Security-Policy": policy,
        "Vary": "Accept",
    }
    return HTMLResponse(content, headers=headers)


def _shell() -> Template:
    return Template((Path(ROOT) / "shell.html").read_text(encoding="utf-8"))
