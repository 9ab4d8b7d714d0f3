"""What a form sends, read with limits; and whether it came from a page of ours."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request

from app.domain.refusals import BadLine, NotAllowed

FIELDS_MAX: Final = 200
FORM: Final = "application/x-www-form-urlencoded"
FOREIGN: Final = "This button works from our own pages only."


class Fields:
    """The fields of a form or of a query; a name may occur more than once."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs

    def one(self, name: str) -> str:
        """The first value without spaces around it; empty where there is none."""
        return next((value.strip() for key, value in self._pairs if key == name), "")

    def every(self, name: str) -> list[str]:
        """All values that say something, in their order."""
        return [value.strip() for key, value in self._pairs if key == name and value.strip()]


async def form(request: Request) -> Fields:
    """The fields of a POST from a page of ours; raises NotAllowed for another site's, BadLine for what is no form."""
    check_origin(request)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise BadLine("Send this form as a browser does.")
    try:
        body = (await request.body()).decode("ascii")
        return Fields(parse_qsl(body, keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict"))
    except ValueError:
        raise BadLine("This form could not be read; open the page again.") from None


def query(request: Request) -> Fields:
    """The fields of an address; raises BadLine where there are too many."""
    pairs = request.query_params.multi_items()
    if len(pairs) > FIELDS_MAX:
        raise BadLine("This address has too many parts; open the page again.")
    return Fields(pairs)


def check_origin(request: Request) -> None:
    """Refuse what another site's page makes a browser send; raises NotAllowed.

    Browsers say where a form comes from in Sec-Fetch-Site, older ones in Origin; those that say neither cannot be told
    from a program, which has no cookies of anybody's to misuse.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in {"same-origin", "none"}:
            raise NotAllowed(FOREIGN)
        return
    origin = request.headers.get("origin")
    if origin is None:
        return
    ours = {urlsplit(request.app.state.public_url).netloc, request.headers.get("host", "")}
    if urlsplit(origin).netloc not in ours - {""}:
        raise NotAllowed(FOREIGN)
