"""Arithmetic expressions over + - * / as small trees: read, write, evaluate exactly.

The grammar is all there is; nothing outside it can be read, let alone executed:

    expression = term   (("+" | "-") term)*
    term       = factor (("*" | "/") factor)*
    factor     = integer | "(" expression ")"
    integer    = "0" | [1-9][0-9]*              ASCII digits only

``×`` ``·`` and ``⋅`` are read as ``*``, ``÷`` as ``/`` and ``−`` as ``-``; the letter x
is not an operator. Space, tab and line breaks may come between symbols. There is no
sign: a leading minus makes no value reachable that a difference does not, and what
binds tighter, sign or power, is a question the grammar then never has to answer.
"""

from __future__ import annotations

import re
from fractions import Fraction

Tree = int | tuple[str, "Tree", "Tree"]
"""An expression: a literal, or (operator, left, right) with operator in ``+-*/``."""

PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2}

_SYMBOL = re.compile(r"[ \t\r\n]*(?:(0|[1-9][0-9]*)(?![0-9])|([-+*/()]))")
_SYNONYMS = str.maketrans({"×": "*", "·": "*", "⋅": "*", "÷": "/", "−": "-"})
_BLANK = " \t\r\n"


class ExpressionError(ValueError):
    """The text is not an expression of the grammar."""


class ExpressionTooLong(ExpressionError):
    """The text is over a cap on length, size or nesting."""


def parse(text: str, max_chars: int = 1_000, max_nodes: int = 64, max_depth: int = 64) -> Tree:
    """Reads an expression, in one pass with an explicit stack.

    Args:
        text: The expression.
        max_chars: Cap on the length of the text.
        max_nodes: Cap on literals and operators together.
        max_depth: Cap on open parentheses.

    Raises:
        ExpressionTooLong: A cap is exceeded.
        ExpressionError: Anything that is not in the grammar.
    """
    if len(text) > max_chars:
        raise ExpressionTooLong(f"{len(text)} characters, at most {max_chars}")
    values: list[Tree] = []
    operators: list[str] = []
    wants_value, nodes, depth = True, 0, 0
    for symbol in _symbols(text):
        is_value = symbol[0].isdigit()
        if (is_value or symbol == "(") != wants_value:
            raise ExpressionError(f"{symbol!r} is out of place")
        nodes += symbol not in "()"
        depth += {"(": 1, ")": -1}.get(symbol, 0)
        if nodes > max_nodes or depth > max_depth:
            raise ExpressionTooLong(f"more than {max_nodes} symbols or {max_depth} parentheses deep")
        if is_value:
            values.append(int(symbol))
        elif symbol == "(":
            operators.append(symbol)
        elif symbol == ")":
            _reduce(values, operators, 0)
            if not operators:
                raise ExpressionError("a parenthesis closes that was not opened")
            operators.pop()
        else:
            _reduce(values, operators, PRECEDENCE[symbol])
            operators.append(symbol)
        wants_value = not is_value and symbol != ")"
    if not wants_value:
        _reduce(values, operators, 0)
    if wants_value or operators:
        raise ExpressionError("the expression is incomplete")
    return values[0]


def _symbols(text: str) -> list[str]:
    text = text.translate(_SYNONYMS).rstrip(_BLANK)
    symbols, at = [], 0
    while at < len(text):
        match = _SYMBOL.match(text, at)
        if match is None:
            raise ExpressionError(f"{text[at : at + 20]!r} is not in the grammar")
        symbols.append(match[1] or match[2])
        at = match.end()
    return symbols


def _reduce(values: list[Tree], operators: list[str], precedence: int) -> None:
    """Joins what binds at least as tightly as the operator that comes, back to a parenthesis."""
    while operators and operators[-1] != "(" and PRECEDENCE[operators[-1]] >= precedence:
        right, left = values.pop(), values.pop()
        values.append((operators.pop(), left, right))


def literals(tree: Tree) -> list[int]:
    """The integers of an expression, from left to right."""
    if isinstance(tree, int):
        return [tree]
    return literals(tree[1]) + literals(tree[2])


def value(tree: Tree) -> Fraction | None:
    """The exact value; None where it divides by zero."""
    if isinstance(tree, int):
        return Fraction(tree)
    op, left, right = tree
    x, y = value(left), value(right)
    if x is None or y is None or (op == "/" and y == 0):
        return None
    if op == "+":
        return x + y
    if op == "-":
        return x - y
    return x * y if op == "*" else x / y


def render(tree: Tree) -> str:
    """Writes a tree with the fewest parentheses that keep its meaning."""
    if isinstance(tree, int):
        return str(tree)
    op, left, right = tree
    mine = PRECEDENCE[op]

    def wrap(child: Tree, tight: bool) -> str:
        """Renders an operand, in brackets where precedence or the right side calls for them."""
        text = render(child)
        if isinstance(child, int):
            return text
        theirs = PRECEDENCE[child[0]]
        return f"({text})" if theirs < mine or (tight and theirs == mine) else text

    return f"{wrap(left, False)} {op} {wrap(right, op in '-/')}"


def steps(tree: Tree) -> list[str]:
    """The tree as arithmetic steps in evaluation order: ``["3 + 5 = 8", "8 * 8 = 64"]``."""
    lines: list[str] = []

    def walk(node: Tree) -> Fraction:
        """Computes a subtree and writes down its step after those of its operands."""
        if isinstance(node, int):
            return Fraction(node)
        op, left, right = node
        x, y = walk(left), walk(right)
        value = {"+": x + y, "-": x - y, "*": x * y}[op] if op != "/" else x / y
        lines.append(f"{x} {op} {y} = {value}")
        return value

    walk(tree)
    return lines
