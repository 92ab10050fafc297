"""Options that several commands have: format, filter, order and number of what is listed."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from lineal.cli.formats import Format
from lineal.filters import Expression, FilterError, parse

Function = TypeVar("Function", bound=Callable[..., Any])
Decorator = Callable[[Function], Function]

SCREENFUL = 20
"""How many rows a table has unless --limit says otherwise."""


class FormatType(click.Choice):  # type: ignore[type-arg]
    """One of the formats that a command has."""

    def __init__(self, *formats: Format) -> None:
        super().__init__([format.value for format in formats or tuple(Format)])  # pyright: ignore[reportUnknownMemberType]

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Format:
        """Return the format of a name."""
        return value if isinstance(value, Format) else Format(super().convert(value, param, ctx))


class FilterType(click.ParamType):  # type: ignore[type-arg]
    """A filter as people type it."""

    name = "filter"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Expression:
        """Return the expression of a text; what it does not understand is wrong usage."""
        if isinstance(value, Expression):
            return value
        try:
            return parse(value)
        except FilterError as error:
            self.fail(str(error), param, ctx)


class LimitType(click.ParamType):  # type: ignore[type-arg]
    """A number of rows, or all of them."""

    name = "limit"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number, 0 for all."""
        if value == "all":
            return 0
        try:
            number = int(value)
        except ValueError:
            number = 0
        if number < 1:
            self.fail(f"{value!r} is not a number of rows of at least 1, or 'all'", param, ctx)
        return number


def output_option(*formats: Format, default: Format = Format.TABLE) -> Decorator[Any]:
    """Add -o, with all formats unless some are given."""
    return click.option(
        "-o",
        "--output",
        "format",
        type=FormatType(*formats),
        default=default.value,
        show_default=True,
        help="In which format to print.",
    )


def list_options(keys: str) -> Decorator[Any]:
    """Add --filter, --sort and --limit; `keys` are some of those that a list can be filtered by, for its help."""

    def decorate(function: Any) -> Any:
        filtered = click.option(
            "--filter",
            type=FilterType(),
            metavar="FILTER",
            help=f"List only what this holds for, such as {keys}.",
        )
        sorted_by = click.option("--sort", metavar="KEY", help="Order: a key, then asc or desc, as in 'name asc'.")
        return filtered(sorted_by(limit_option()(function)))

    return decorate


def namespace_option() -> Decorator[Any]:
    """Add --namespace."""
    return click.option("--namespace", metavar="NAME", help="The namespace, if the server has several.")


def limit_option() -> Decorator[Any]:
    """Add --limit."""
    return click.option(
        "--limit",
        type=LimitType(),
        metavar="NUMBER|all",
        help=f"How many to list. By default a table has {SCREENFUL}, and other formats have all.",
    )


def effective_limit(limit: int | None, format: Format) -> int | None:
    """Return how many rows to show, None for all."""
    if limit is None:
        return SCREENFUL if format is Format.TABLE else None
    return limit or None
