"""Reading YAML strictly: every fault has its line, no unknown key passes, nothing is built but texts, lists and maps.

Scalars are taken as they are written, so `amount: 45000` and `phone: 02-555-0100` never become floats, dates or octal
numbers on the way. Aliases are refused: a file of a few lines can unfold into gigabytes of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import yaml

from app.domain.catalogue import SLUG_CHARS_MAX, Text, is_slug
from app.importers.reading import CODE_CHARS_MAX, NAME_CHARS_MAX, Faults, did_you_mean, refusal, unfit

DEPTH_MAX = 16
CORE_TAG = re.compile(r"tag:yaml\.org,2002:(?:str|int|float|bool|timestamp|map|seq|value|merge|null)")
NULL_TAG = "tag:yaml.org,2002:null"
LANGUAGE = re.compile(r"[a-z]{2,3}")
WHOLE = re.compile(r"[0-9]{1,9}")


class _Loader(yaml.SafeLoader):
    """Composes nodes and constructs nothing; refuses aliases and deep nesting before they cost anything."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # types-PyYAML leaves it bare
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="aliases (*) are not read; write it out", problem_mark=mark)
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise yaml.MarkedYAMLError(problem=f"is nested more than {DEPTH_MAX} deep", problem_mark=mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def compose(file: str, content: bytes) -> yaml.Node:
    """The one document of the file as nodes; raises ImportRefused."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as why:
        row = content.count(b"\n", 0, why.start) + 1
        raise refusal(file, "is not UTF-8; save it as UTF-8", row=row) from None
    try:
        node = _Loader(text).get_single_node()
    except yaml.MarkedYAMLError as why:
        mark = why.problem_mark or why.context_mark
        words = why.problem or why.context or "unreadable"
        raise refusal(file, f"is not YAML as we read it: {words}", row=mark.line + 1 if mark else None) from None
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as why:
        # ValueError and OverflowError: PyYAML's escapes and directives hold numbers that it converts unguarded.
        words = str(why).partition("\n")[0] or type(why).__name__
        raise refusal(file, f"is not YAML: {words}") from None
    if node is None:
        raise refusal(file, "is empty; docs/reference/catalogue-file.md shows what to write")
    return node


@dataclass(frozen=True, slots=True)
class Block:
    """One map of the file on its way to a draft. Every getter answers something harmless after telling a fault."""

    file: str
    faults: Faults
    at: str
    line: int
    values: Mapping[str, yaml.Node]
    lines: Mapping[str, int]

    @classmethod
    def of(cls, file: str, faults: Faults, at: str, *, node: yaml.Node, keys: str = "") -> Block:
        """Take the map `node`; `keys` are those it may have, and none given means any."""
        line = node.start_mark.line + 1
        values: dict[str, yaml.Node] = {}
        lines: dict[str, int] = {}
        if not isinstance(node, yaml.MappingNode):
            faults.add(file, f"is {_kind(node)} and must be a map of keys and values", row=line, field=at or None)
            return cls(file, faults, at, line, values, lines)
        allowed = keys.split()
        for key_node, value in node.value:
            row = key_node.start_mark.line + 1
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else ""
            where = f"{at}.{key[:40]}".lstrip(".")
            if not key or (allowed and key not in allowed):
                faults.add(file, f"this key is not known{did_you_mean(key, allowed)}", row=row, field=where)
            elif key in lines:
                faults.add(file, f"this key is on line {lines[key]} too; keep one", row=row, field=where)
            elif not CORE_TAG.fullmatch(value.tag):
                faults.add(file, f"the tag {value.tag[:40]} is not read; leave it out", row=row, field=where)
            else:
                lines[key] = row
                if value.tag != NULL_TAG:
                    values[key] = value
        return cls(file, faults, at, line, values, lines)

    def has(self, key: str) -> bool:
        return key in self.values

    def fault(self, key: str, reason: str) -> None:
        """At the key's line, or the block's when it has no such key."""
        field = f"{self.at}.{key}".strip(".")
        self.faults.add(self.file, reason, row=self.lines.get(key, self.line), field=field or None)

    def scalar(self, key: str, wanted: str) -> str | None:
        """The single value as written, which must be there."""
        node = self.values.get(key)
        if node is None:
            self.fault(key, f"is missing; write {wanted}")
            return None
        if not isinstance(node, yaml.ScalarNode):
            self.fault(key, f"is {_kind(node)} and must be {wanted}")
            return None
        return str(node.value)

    def text(self, key: str, *, wanted: str = "a text", chars_max: int = NAME_CHARS_MAX) -> str:
        value = self.scalar(key, wanted)
        if value is not None and (reason := unfit(value, chars_max=chars_max)):
            self.fault(key, reason)
        return value or ""

    def optional_text(self, key: str, *, chars_max: int = NAME_CHARS_MAX) -> str | None:
        return self.text(key, chars_max=chars_max) if self.has(key) else None

    def code(self, key: str) -> str:
        return self.text(key, chars_max=CODE_CHARS_MAX)

    def slug(self, key: str = "slug") -> str:
        value = self.scalar(key, "a slug such as main-hall")
        if value is not None and not is_slug(value):
            self.fault(
                key, f'"{value[:40]}" is not a slug: a-z, 0-9, single hyphens, at most {SLUG_CHARS_MAX} characters'
            )
        return value or ""

    def count(self, key: str, *, default: int | None, least: int = 1, most: int) -> int | None:
        """A whole number in the range; `default` where the file has none."""
        if not self.has(key):
            return default
        value = self.scalar(key, "a whole number")
        if value is None:
            return default
        if not WHOLE.fullmatch(value) or not least <= int(value) <= most:
            self.fault(key, f'"{value[:40]}" is not a whole number between {least} and {most:,}')
            return default
        return int(value)

    def truth(self, key: str) -> bool:
        """`true` or `false`; false where the file has none."""
        return self.choice(key, ("false", "true"), default="false") == "true"

    def choice(self, key: str, options: tuple[str, ...], *, default: str | None = None) -> str:
        """One of the words; the first, with a fault told, when it is another."""
        if default is not None and not self.has(key):
            return default
        value = self.scalar(key, " or ".join(options))
        if value is None:
            return options[0]
        if value not in options:
            listed = ", ".join(options)
            self.fault(key, f'"{value[:40]}" is not one of {listed}{did_you_mean(value, list(options))}')
            return options[0]
        return value

    def words(self, key: str, *, language: str, chars_max: int = NAME_CHARS_MAX, lines: bool = False) -> Text:
        """A text in several languages, or one bare text in the issuer's; "" when that language is at fault itself."""
        node = self.values.get(key)
        if isinstance(node, yaml.ScalarNode):
            found = {language: str(node.value)}
        elif node is None:
            self.fault(key, f"is missing; write a text, or one for each language: {{{language}: …}}")
            return {}
        elif not isinstance(node, yaml.MappingNode):
            self.fault(key, f"is {_kind(node)} and must be a text, or one for each language")
            return {}
        else:
            block = Block.of(self.file, self.faults, f"{self.at}.{key}".lstrip("."), node=node)
            for strange in (name for name in block.lines if not LANGUAGE.fullmatch(name)):
                block.fault(strange, "is not a language such as ko; a text with a comma needs quotes here")
            found = {name: block.scalar(name, "a text") or "" for name in block.values}
        if language and language not in found:
            self.fault(key, f"has no words in {language}, the issuer's language")
        for name, words in found.items():
            if reason := unfit(words.strip() if lines else words, chars_max=chars_max, lines=lines):
                self.fault(key, f"{reason} ({name})")
        return {name: words.strip() for name, words in found.items()}

    def blocks(self, key: str, keys: str) -> Iterator[Block]:
        """The maps of a list, which may be missing."""
        for at, node in self.items(key):
            yield Block.of(self.file, self.faults, at, node=node, keys=keys)

    def items(self, key: str) -> Iterator[tuple[str, yaml.Node]]:
        """The items of a list, which may be missing, each with its path."""
        node = self.values.get(key)
        if node is None:
            return
        if not isinstance(node, yaml.SequenceNode):
            self.fault(key, f"is {_kind(node)} and must be a list, each item behind a hyphen")
            return
        for index, item in enumerate(node.value):
            yield f"{self.at}.{key}[{index}]".lstrip("."), item

    def codes(self, key: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Lists of codes inside a list, each with its path."""
        for at, node in self.items(key):
            row = node.start_mark.line + 1
            if isinstance(node, yaml.SequenceNode) and all(isinstance(item, yaml.ScalarNode) for item in node.value):
                yield at, tuple(str(item.value) for item in node.value)
            else:
                self.faults.add(self.file, "must be a list of codes", row=row, field=at)


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "a map"
    return "a list" if isinstance(node, yaml.SequenceNode) else "a single value"
