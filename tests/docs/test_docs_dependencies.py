"""The page of dependencies names each one, with the licence and the types that the installed package has."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import distribution

import pytest
from docs_pages import ROOT

PAGE = (ROOT / "docs/decisions/0009-dependencies.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def names(requirements: list[str]) -> list[str]:
    found = (re.match("[A-Za-z0-9-]+", requirement) for requirement in requirements)
    return sorted(match[0] for match in found if match)


RUNTIME = names(PROJECT["project"]["dependencies"])
DEVELOPMENT = names(PROJECT["dependency-groups"]["dev"])


def rows(heading: str) -> dict[str, list[str]]:
    """The cells after the first by each package that the first names."""
    section = PAGE.split(f"### {heading}\n")[1].split("\n##")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if "`" in line[:4]]
    return {name: row[1:] for row in cells for name in re.findall("`([^`]+)`", row[0])}


def families(text: str) -> set[str]:
    """Licences by their family: metadata writes them in a dozen ways."""
    return set(re.findall("MIT|Apache|BSD|MPL|PSF", text.replace("Python Software Foundation", "PSF")))


def licence_of(name: str) -> str:
    metadata = distribution(name).metadata
    classifiers = [one for one in metadata.get_all("Classifier") or [] if one.startswith("License ::")]
    return metadata["License-Expression"] or " ".join(classifiers) or metadata["License"]


@pytest.mark.parametrize(("heading", "known"), [("At run time", RUNTIME), ("For development", DEVELOPMENT)])
def test_the_page_and_the_project_name_the_same_packages(heading: str, known: list[str]) -> None:
    assert sorted(rows(heading)) == known


@pytest.mark.parametrize("name", RUNTIME)
def test_a_package_that_we_ship_beside_has_the_licence_and_the_types_that_the_page_says(name: str) -> None:
    why, licence, typed, alive = rows("At run time")[name]
    assert why
    assert alive
    assert families(licence) == families(licence_of(name)) != set()
    marked = any(file.name == "py.typed" for file in distribution(name).files or [])
    assert marked == (typed == "yes")


@pytest.mark.parametrize("name", DEVELOPMENT)
def test_a_package_for_development_has_the_licence_that_the_page_says(name: str) -> None:
    assert families(licence_of(name)) <= families(rows("For development")[name][1])


def test_what_the_image_copies_is_there_and_is_not_kept_out() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = [word for line in re.findall("^COPY (?!--)(.+) ", dockerfile, re.MULTILINE) for word in line.split()]
    assert "requirements.lock" in copied
    for path in copied:
        assert (ROOT / path).exists()
        assert f"!{path}" in ignored
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert set(wheel) <= set(copied)


def test_the_image_runs_as_nobody_special_says_how_it_is_and_takes_only_what_is_locked() -> None:
    last = (ROOT / "Dockerfile").read_text(encoding="utf-8").split("\nFROM ")[-1]
    steps = dict(re.findall(r"^([A-Z]+) (.+)", last, re.MULTILINE))
    assert steps["USER"] == "cyberticket"
    assert "HEALTHCHECK" in steps
    assert "/healthz" in last
    assert "PYTHONUNBUFFERED=1" in last
    assert steps["CMD"] == '["cyberticket", "serve", "--host", "0.0.0.0"]'
    assert "--require-hashes -r requirements.lock" in (ROOT / "Dockerfile").read_text(encoding="utf-8")
