"""The fields of a card and the variables behind them: what they begin with, what is chosen, what a choice sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mobile_gateway.browser.deck import Card, Input, Select, Tick
from mobile_gateway.browser.formats import Mask, mask_of
from mobile_gateway.browser.variables import filled, named, with_values

NONE = "0"
"""The position that says that nothing is chosen (WML 1.1 section 11.5.2)."""


def mask_for(field: Input) -> Mask:
    return mask_of(field.format, field.letters_max)


def accepts(field: Input, text: str) -> bool:
    """Whether a field may hold `text`."""
    return (not text and field.empty_ok) or mask_for(field).fits(text)


def initialised(card: Card, variables: Mapping[str, str]) -> Mapping[str, str]:
    """The variables as the card's fields begin (WML 1.1 sections 11.5.2 and 11.6.1), first field first."""
    for one in card.everything():
        if isinstance(one, Input):
            name = named(one.name, variables)
            default = filled(one.value, variables)
            found = next((value for value in (variables.get(name, ""), default) if value and accepts(one, value)), "")
            variables = with_values(variables, [(name, found)])
        elif isinstance(one, Select):
            variables = with_choice(one, _initial(one, variables), variables)
        elif isinstance(one, Tick) and one.ticked and one.name not in variables:
            variables = with_values(variables, [(one.name, one.value)])
    return variables


def chosen(select: Select, variables: Mapping[str, str]) -> tuple[int, ...]:
    """The options that are chosen, as positions from 0; the first of a single choice that has no variable."""
    iname, name = named(select.iname, variables), named(select.name, variables)
    found = _by_number(select, variables.get(iname, ""))
    if not found and name and not iname:
        found = _by_value(select, variables.get(name, ""), variables)
    return found if found or select.multiple or not select.options else (0,)


def _initial(select: Select, variables: Mapping[str, str]) -> tuple[int, ...]:
    """What is chosen when the card is entered: as the variables say, else as the page does, else the first of one."""
    iname, name = named(select.iname, variables), named(select.name, variables)
    if select.multiple and variables.get(iname) == NONE:
        return ()
    for numbers in (variables.get(iname, ""), filled(select.ivalue, variables)):
        if found := _by_number(select, numbers):
            return found
    for values in (variables.get(name, ""), filled(select.value, variables)):
        if values and (found := _by_value(select, values, variables)):
            return found
    return () if select.multiple or not select.options else (0,)


def _by_number(select: Select, numbers: str) -> tuple[int, ...]:
    wanted = set(numbers.split(";"))
    found = tuple(index for index in range(len(select.options)) if str(index + 1) in wanted)
    return found if select.multiple else found[:1]


def _by_value(select: Select, values: str, variables: Mapping[str, str]) -> tuple[int, ...]:
    wanted = set(values.split(";")) - {""} if select.multiple else {values}
    found = tuple(index for index, option in enumerate(select.options) if filled(option.value, variables) in wanted)
    return found if select.multiple else found[:1]


def chosen_labels(select: Select, variables: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(select.options[index].label for index in chosen(select, variables))


def with_choice(select: Select, picked: Sequence[int], variables: Mapping[str, str]) -> Mapping[str, str]:
    """The variables with exactly these options chosen."""
    values = ";".join(filled(select.options[index].value, variables) for index in picked)
    numbers = ";".join(str(index + 1) for index in picked) or NONE
    # The name first: where the page calls both alike, the positions count.
    return with_values(variables, [(named(select.name, variables), values), (named(select.iname, variables), numbers)])


def with_ticked(tick: Tick, variables: Mapping[str, str]) -> Mapping[str, str]:
    """The variables after a box is ticked, or not any more; of several, the one that is ticked stays."""
    ticked = variables.get(tick.name) == tick.value and not tick.single
    return with_values(variables, [(tick.name, "" if ticked else tick.value)])
