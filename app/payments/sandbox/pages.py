"""What the network's pages share: templates, the one style sheet, and a policy that allows no script."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.payments.sandbox.addresses import origin
from app.payments.sandbox.words import WORDS, language

HERE = Path(__file__).parent
CSS_SECONDS = 3_600
STYLE = (HERE / "static" / "card.css").read_bytes()

router = APIRouter(include_in_schema=False)
templates = Environment(
    loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, auto_reload=False
)


@router.get("/card.css")
async def style() -> Response:
    return Response(STYLE, media_type="text/css", headers={"Cache-Control": f"public, max-age={CSS_SECONDS}"})


def language_of(request: Request, asked: str | None) -> str:
    return language(asked, request.headers.get("accept-language", ""))


def policy(return_url: str | None) -> dict[str, str]:
    """No script at all. Browsers apply form-action to the redirect after the form too, so the shop is named."""
    shop = f" {origin(return_url)}" if return_url else ""
    return {
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'{shop}"
        )
    }


def wrong(lang: str, *, title: str, sentence: str, status: int) -> Response:
    """A page that says what is wrong and what to do; title and sentence are names in words.py."""
    words = WORDS[lang]
    html = templates.get_template("wrong.html").render(
        lang=lang, words=words, title=words[title], sentence=words[sentence]
    )
    headers = {
        "Content-Security-Policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'"
    }
    return Response(html, status, headers, media_type="text/html")
