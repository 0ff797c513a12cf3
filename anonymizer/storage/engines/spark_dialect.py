"""The statements of `sql/` in Spark's dialect: sqlglot, and a short table of exceptions.

The statements are written for DuckDB, the values of a statement stay bound. What sqlglot does not
know is in `_EXCEPTIONS`, each a rewriting of the parsed statement.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from anonymizer.storage.engines.duckdb import read

# Spark has no unsigned types: these hold the same numbers. What comes back has DuckDB's types.
_UNSIGNED = {"UBIGINT": "DECIMAL(20, 0)", "UINTEGER": "BIGINT", "USMALLINT": "INT"}
_UNSIGNED |= {"UTINYINT": "SMALLINT"}
_HEXADECIMAL = "0x"


@cache
def spark_text(statement: str) -> str:
    """The text of `sql/<statement>.sql` in Spark's dialect, its parameters as `:name`."""
    return translated(read(statement))


def translated(text: str) -> str:
    """A statement of DuckDB's dialect in Spark's."""
    import sqlglot  # noqa: PLC0415  an extra

    parsed = sqlglot.parse_one(text, read="duckdb")
    for exception in _EXCEPTIONS:
        parsed = parsed.transform(exception)
    return str(parsed.sql(dialect="spark", comments=False))


def _numbers_in_hexadecimal(node: Any) -> Any:
    """`CAST('0x' || digits AS UBIGINT)`: Spark reads no numbers in hexadecimal by a cast."""
    from sqlglot import exp  # noqa: PLC0415  an extra

    if not (isinstance(node, exp.Cast) and isinstance(node.this, exp.DPipe)):
        return node
    prefix, digits = node.this.this, node.this.expression
    if prefix.name != _HEXADECIMAL:
        return node
    number = exp.Anonymous(
        this="CONV", expressions=[digits, exp.Literal.number(16), exp.Literal.number(10)]
    )
    return exp.Cast(this=number, to=node.args["to"])


def _unsigned_types(node: Any) -> Any:
    """A type that holds all numbers of the unsigned one."""
    from sqlglot import exp  # noqa: PLC0415  an extra

    if isinstance(node, exp.DataType) and node.this.name in _UNSIGNED:
        return exp.DataType.build(_UNSIGNED[node.this.name], dialect="spark")
    return node


_EXCEPTIONS: tuple[Callable[[Any], Any], ...] = (
    _numbers_in_hexadecimal,
    _unsigned_types,
)
