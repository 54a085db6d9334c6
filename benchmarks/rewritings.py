r"""Golds of a mathematics data set against rewritings of them: what is equal must be right, what is not must be wrong.

    python -m benchmarks.rewritings MATH-500.jsonl [--least 20] [--others 20] [--shown 20]

The file has one object a line, with ``problem`` (or ``question``) and ``answer``. Each gold is rewritten
in every way of :data:`WAYS` that its form allows, and then dressed (:data:`DRESS`), until there are at least
``--least`` texts. Printed are the counts and those texts that are judged wrongly:

- ``refused``: rewritings of a gold that are not right for it
- ``confused``: other golds and their rewritings that are right for a gold of another value
- ``handed_back``: formulas of the question that are right without being the gold's own text
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from sfray.tasks.formula import contents
from sfray.tasks.mathematics import gold_of, gold_problem, judge

Way = Callable[[str], str | None]
"""Another way to write a formula; None, or the same, where it does not apply."""

_WHOLE = re.compile(r"-?[0-9]+")
_FRACTION = re.compile(r"(-?)\\[dt]?frac\{(-?[0-9]+)\}\{([0-9]+)\}")
_POLYNOMIAL = re.compile(r"-?[0-9a-z^{}]+(?: ?[+-] ?[0-9a-z^{}]+)+")
_TERM = re.compile(r"[+-]?[^+-]+")
_INTERVAL = re.compile(r"(?:\\left ?)?([(\[])([^()\[\],]+),([^()\[\],]+?)(?:\\right ?)?([)\]])")
_TEXT = re.compile(r"\\text\{([^{}]*)\}")
_MEASURED = re.compile(r"(-?[0-9.,]+|-?\\[dt]?frac\{[0-9]+\}\{[0-9]+\})(?:\\ |~|\\,)?\s*\\(?:text|mbox)\{ ?([a-z ]+)\}")


def swap(old: str, new: str) -> Way:
    """One text in the place of another."""
    return lambda gold: gold.replace(old, new)


def pattern(old: str, new: str) -> Way:
    """One pattern in the place of another, everywhere."""
    compiled = re.compile(old)
    return lambda gold: compiled.sub(new, gold)


def whole(make: Callable[[int], str | None]) -> Way:
    """Ways to write a whole number."""
    return lambda gold: make(int(gold)) if _WHOLE.fullmatch(gold) else None


def fraction(make: Callable[[Fraction], str | None]) -> Way:
    """Ways to write a fraction of whole numbers."""

    def way(gold: str) -> str | None:
        """The fraction in another notation."""
        match = _FRACTION.fullmatch(gold)
        return make(Fraction(f"{match[1]}{match[2]}/{match[3]}")) if match and match[1] + match[2][0] != "--" else None

    return way


def _decimal(value: Fraction) -> str | None:
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return f"{float(value):.10f}".rstrip("0") if rest == 1 else None


def _mixed(value: Fraction) -> str | None:
    whole_part, rest = divmod(abs(value.numerator), value.denominator)
    sign = "-" if value < 0 else ""
    return rf"{sign}{whole_part}\frac{{{rest}}}{{{value.denominator}}}" if whole_part and rest else None


def _turned(gold: str) -> str | None:
    """A polynomial with its terms in the opposite order."""
    if not _POLYNOMIAL.fullmatch(gold):
        return None
    terms = _TERM.findall(re.sub(r"(?<=[+-]) | (?=[+-])", "", gold))
    turned = "".join(term if term[0] in "+-" else f"+{term}" for term in reversed(terms))
    return turned.removeprefix("+")


def _listed(join: str, opened: str = "", closed: str = "", turned: bool = True) -> Way:
    """A list of values without brackets, in another order or with other words between."""

    def way(gold: str) -> str | None:
        """The list, joined in another way."""
        kind, items = contents(gold)
        if kind or len(items) < 2 or "=" in gold or r"\text" in gold or re.search(r"[0-9],(?:\\! ?)?[0-9]{3}", gold):
            return None
        return opened + join.join(reversed(items) if turned else items) + closed

    return way


def _interval(make: Callable[[str, str, str, str], str]) -> Way:
    """One interval with an infinite or an open end, which no tuple has."""

    def way(gold: str) -> str | None:
        """The interval in another notation."""
        match = _INTERVAL.fullmatch(gold)
        if match is None or (match[1] + match[4] in ("()", "[]") and "infty" not in gold and match[1] == "("):
            return None
        return make(match[1], match[2].strip(), match[3].strip(), match[4])

    return way


def _relation(opened: str, low: str, high: str, closed: str) -> str:
    left, right = (r"\le" if opened == "[" else "<"), (r"\le" if closed == "]" else "<")
    if "infty" in low:
        return f"x {right} {high}"
    if "infty" in high:
        return f"x {left.replace('<', '>').replace('le', 'ge')} {low}"
    return f"{low} {left} x {right} {high}"


def _measure(make: Callable[[str, str], str]) -> Way:
    """A value with a unit."""

    def way(gold: str) -> str | None:
        """The value with its unit in another notation, or without."""
        match = _MEASURED.fullmatch(gold)
        return make(match[1], match[2].strip()) if match else None

    return way


def _words(make: Callable[[str], str]) -> Way:
    """A word or a name as the whole answer."""

    def way(gold: str) -> str | None:
        """The word in another dress."""
        match = _TEXT.fullmatch(gold)
        return make(match[1]) if match and len(match[1]) > 3 else None

    return way


def _single(gold: str) -> bool:
    """Whether the gold is one value that a name may be given."""
    kind, items = contents(gold)
    return not kind and len(items) == 1 and not re.search(r"=|[<>]|\\[lg]e|\\text|\\cup|\\in(?![a-z])|_", gold)


def _alone(make: Callable[[str], str]) -> Way:
    return lambda gold: make(gold) if _single(gold) else None


WAYS: Mapping[str, Way] = {
    "large_fraction": swap(r"\frac", r"\dfrac"),
    "small_fraction": swap(r"\frac", r"\tfrac"),
    "bare_fraction": pattern(r"\\frac\{([0-9])\}\{([0-9])\}", r"\\frac\1\2"),
    "spaced_fraction": pattern(r"\\frac\{([0-9]+)\}\{([0-9]+)\}", r"\\frac {\1} {\2}"),
    "slash": pattern(r"(?<![0-9])\\[dt]?frac\{([0-9]+)\}\{([0-9]+)\}(?! ?[A-Za-z\\(^{0-9])", r"\1/\2"),
    "slash_sign": fraction(lambda value: {"1/2": "½", "3/4": "¾", "1/4": "¼", "1/3": "⅓", "2/3": "⅔"}.get(str(value))),
    "long_fraction": swap(r"\frac", r"\cfrac"),
    "in_brackets": _alone(lambda gold: f"({gold})"),
    "in_braces": _alone(lambda gold: f"{{{gold}}}"),
    "function": _alone(lambda gold: f"f(x) = {gold}"),
    "function_of_n": _alone(lambda gold: f"a_n = {gold}"),
    "probability": _alone(lambda gold: rf"P(A) = {gold}"),
    "segment": _alone(lambda gold: rf"\overline{{AB}} = {gold}"),
    "subscript": _alone(lambda gold: rf"x_{{\text{{max}}}} = {gold}"),
    "capital": _alone(lambda gold: f"S = {gold}"),
    "word_name": _alone(lambda gold: rf"\text{{Area}} = {gold}"),
    "slash_of_brackets": pattern(r"^\\[dt]?frac\{([^{}]+)\}\{([^{}]+)\}$", r"(\1)/(\2)"),
    "minus_above": pattern(r"^-\\[dt]?frac\{([0-9]+)\}", r"\\frac{-\1}"),
    "decimal": fraction(_decimal),
    "mixed": fraction(_mixed),
    "no_frames": pattern(r"\\(?:left|right) ?(?![A-Za-z])", ""),
    "frames": pattern(r"(?<!\\left)(?<!\\right)(?<![\\A-Za-z])([(\[])([^()\[\]]*)([)\]])", r"\\left\1\2\\right\3"),
    "thin_space": pattern(r"(?<=[0-9a-z)}]) ?([+-]) ?(?=[0-9a-z\\(])", r"\\,\1\\,"),
    "wide_sign": pattern(r"(?<=[0-9a-z)}]) ?([+-]) ?(?=[0-9a-z\\(])", r" \1 "),
    "narrow_sign": pattern(r"(?<=[0-9a-z)}]) ?([+-]) ?(?=[0-9a-z\\(])", r"\1"),
    "space_after_comma": pattern(r"(?<![0-9]),(?!\\) ?|,(?!\\) ?(?![0-9])", ", "),
    "thin_space_after_comma": pattern(r"(?<![0-9]),(?!\\) ?|,(?!\\) ?(?![0-9])", r",\\,"),
    "quad_after_comma": pattern(r"(?<![0-9]),(?!\\) ?|,(?!\\) ?(?![0-9])", r",\\quad "),
    "root_sign": pattern(r"\\sqrt\{([0-9]+)\}", r"√\1"),
    "bare_root": pattern(r"\\sqrt\{([0-9])\}", r"\\sqrt\1"),
    "braced_root": pattern(r"\\sqrt ?([0-9])", r"\\sqrt{\1}"),
    "spaced_root": pattern(r"\\sqrt\{", r"\\sqrt {"),
    "power_for_root": pattern(r"(?<![0-9])([0-9]*)\\sqrt\{([0-9]+)\}$", r"\1(\2)^{1/2}"),
    "dot_before_root": pattern(r"(?<=[0-9])\\sqrt", r" \\cdot \\sqrt"),
    "star_before_root": pattern(r"(?<=[0-9])\\sqrt", r"*\\sqrt"),
    "root_first": pattern(r"^([0-9]+)\\sqrt\{([0-9]+)\}$", r"\\sqrt{\2} \\cdot \1"),
    "pi_sign": swap(r"\pi", "π"),
    "pi_word": pattern(r"(?<=[0-9])\\pi(?![A-Za-z])", " pi"),
    "dot_before_pi": pattern(r"(?<=[0-9])\\pi(?![A-Za-z])", r" \\cdot \\pi"),
    "pi_first": pattern(r"^([0-9]+)\\pi$", r"\\pi \\cdot \1"),
    "times": swap(r"\cdot", r"\times"),
    "times_before_pi": pattern(r"(?<=[0-9])\\pi(?![A-Za-z])", r" \\times \\pi"),
    "star_before_pi": pattern(r"(?<=[0-9])\\pi(?![A-Za-z])", r"*\\pi"),
    "over": pattern(r"^\\frac\{([^{}]+)\}\{([^{}]+)\}$", r"{\1 \\over \2}"),
    "style": pattern(r"^", r"\\textstyle "),
    "braced_power": pattern(r"\^([0-9a-z])", r"^{\1}"),
    "bare_power": pattern(r"\^\{([0-9a-z])\}", r"^\1"),
    "star_power": pattern(r"(?<=[0-9a-z)])\^([0-9])", r"**\1"),
    "star_braced_power": pattern(r"(?<=[0-9a-z)])\^\{([0-9]+)\}", r"**\1"),
    "square_sign": pattern(r"\^2(?![0-9])", "²"),
    "terms_turned": _turned,
    "dot_before_letter": pattern(r"(?<![0-9A-Za-z\\{_^])([0-9]+)([a-z])(?![a-z])", r"\1 \\cdot \2"),
    "star_before_letter": pattern(r"(?<![0-9A-Za-z\\{_^])([0-9]+)([a-z])(?![a-z])", r"\1*\2"),
    "space_before_letter": pattern(r"(?<![0-9A-Za-z\\{_^])([0-9]+)([a-z])(?![a-z])", r"\1 \2"),
    "minus_sign": pattern(r"^-(?=[0-9])", "−"),
    "one_decimal": whole(lambda n: f"{n}.0"),
    "two_decimals": whole(lambda n: f"{n}.00"),
    "commas": whole(lambda n: f"{n:,}"),
    "braced_commas": whole(lambda n: f"{n:,}".replace(",", "{,}")),
    "back_commas": whole(lambda n: f"{n:,}".replace(",", r",\!")),
    "thin_groups": whole(lambda n: f"{n:,}".replace(",", r"\,")),
    "plus": whole(lambda n: f"+{n}" if n > 0 else None),
    "units": whole(lambda n: f"{n} units"),
    "text_units": whole(lambda n: rf"{n} \text{{ units}}"),
    "text_square_units": whole(lambda n: rf"{n} \text{{ square units}}"),
    "text_inches": whole(lambda n: rf"{n}\text{{ inches}}"),
    "text_number": whole(lambda n: rf"\text{{{n}}}"),
    "bold_number": whole(lambda n: rf"\mathbf{{{n}}}"),
    "upright_number": whole(lambda n: rf"\mathrm{{{n}}}"),
    "value_of_function": whole(lambda n: f"f(2) = {n}"),
    "ways": whole(lambda n: f"{n} ways"),
    "text_ways": whole(lambda n: rf"{n} \text{{ ways}}"),
    "text_centimeters": whole(lambda n: rf"{n} \text{{ cm}}^2"),
    "currency": whole(lambda n: rf"\${n}"),
    "no_commas": pattern(r"^(\\\$)?([0-9]+),(?:\\!)? ?([0-9]{3})$", r"\1\2\3"),
    "braced_degree": swap(r"^\circ", r"^{\circ}"),
    "degree_sign": pattern(r"\^\{?\\circ\}?", "°"),
    "degree_command": pattern(r"\^\{?\\circ\}?", r"\\degree"),
    "raised_degree_command": pattern(r"\^\{?\\circ\}?", r"^\\degree"),
    "degree_word": pattern(r"\^\{?\\circ\}?", " degrees"),
    "degree_text": pattern(r"\^\{?\\circ\}?", r"\\text{ degrees}"),
    "no_degree": pattern(r"\^\{?\\circ\}?", ""),
    "angle": pattern(r"^([0-9]+)\^\{?\\circ\}?$", r"\\angle ABC = \1^\\circ"),
    "percent_sign": swap(r"\%", "%"),
    "percent_word": pattern(r"\\%$", " percent"),
    "percent_text": pattern(r"\\%$", r"\\text{ percent}"),
    "no_percent": pattern(r"\\%$", ""),
    "no_currency": pattern(r"^\\\$", ""),
    "currency_word": pattern(r"^\\\$([0-9.,]+)$", r"\1 dollars"),
    "currency_text": pattern(r"^\\\$([0-9.,]+)$", r"\1 \\text{ dollars}"),
    "plain_unit": _measure(lambda value, unit: f"{value} {unit}"),
    "upright_unit": _measure(lambda value, unit: rf"{value}\,\mathrm{{{unit}}}"),
    "mbox_unit": _measure(lambda value, unit: rf"{value}\mbox{{ {unit}}}"),
    "textrm_unit": _measure(lambda value, unit: rf"{value}\ \textrm{{{unit}}}"),
    "no_unit": _measure(lambda value, _: value),
    "plain_word": _words(lambda word: word),
    "bold_word": _words(lambda word: rf"\textbf{{{word}}}"),
    "upright_word": _words(lambda word: rf"\mathrm{{{word}}}"),
    "roman_word": _words(lambda word: rf"\textrm{{{word}}}"),
    "normal_word": _words(lambda word: rf"\textnormal{{{word}}}"),
    "box_word": _words(lambda word: rf"\mbox{{{word}}}"),
    "lower_word": _words(lambda word: word.lower()),
    "upper_word": _words(lambda word: word.upper()),
    "capital_word": _words(lambda word: word.capitalize()),
    "lower_text": _words(lambda word: rf"\text{{{word.lower()}}}"),
    "upper_text": _words(lambda word: rf"\text{{{word.upper()}}}"),
    "letter": pattern(r"^\\text\{\(?([A-Z])\)?\}$", r"\1"),
    "letter_in_brackets": pattern(r"^\\text\{\(?([A-Z])\)?\}$", r"(\1)"),
    "letter_text": pattern(r"^\\text\{\(([A-Z])\)\}$", r"\\text{\1}"),
    "union_sign": swap(r"\cup", "∪"),
    "infinity_sign": pattern(r"\\infty(?![A-Za-z])", "∞"),
    "plus_infinity": pattern(r"(?<![-+])\\infty", r"+\\infty"),
    "element": _interval(lambda opened, low, high, closed: rf"x \in {opened}{low}, {high}{closed}"),
    "relation": _interval(_relation),
    "angle_brackets": pattern(r"^(?:\\left ?)?\(([^()\[\]]+),([^()\[\]]+)\)$", r"\\langle \1,\2\\rangle"),
    "column": pattern(r"^\\begin\{pmatrix\}([^&]*)\\end\{pmatrix\}$", r"\\begin{bmatrix}\1\\end{bmatrix}"),
    "matrix_without_spaces": pattern(r" ?\\\\ ?(?=[-0-9\\])", r"\\\\"),
    "pair_of_names": pattern(r"^(\((?!.*infty)[^(),]+,[^(),]+\))$", r"(x,y) = \1"),
    "triple_of_names": pattern(r"^(\([^(),]+,[^(),]+,[^(),]+\))$", r"(a, b, c) = \1"),
    "point": pattern(r"^(\((?!.*infty)[^(),]+,[^(),]+\))$", r"P = \1"),
    "braced_base": pattern(r"_([0-9])$", r"_{\1}"),
    "bare_base": pattern(r"_\{([0-9])\}$", r"_\1"),
    "base_of_brackets": pattern(r"^([0-9]+)_\{?([0-9])\}?$", r"(\1)_{\2}"),
    "base_text": pattern(r"^([0-9]+)_\{?([0-9])\}?$", r"\1_{\\text{\2}}"),
    "list_turned": _listed(", "),
    "list_narrow": _listed(",", turned=False),
    "list_of_and": _listed(r" \text{ and } "),
    "list_of_plain_and": _listed(" and "),
    "list_of_or": _listed(r" \text{ or } "),
    "list_as_set": _listed(", ", r"\{", r"\}"),
    "list_of_names": _listed(", x = ", "x = "),
    "list_of_or_names": _listed(r" \text{ or } x = ", "x = "),
    "list_as_element": _listed(", ", r"x \in \{", r"\}"),
    "name": _alone(lambda gold: f"x = {gold}"),
    "narrow_name": _alone(lambda gold: f"x={gold}"),
    "greek_name": _alone(lambda gold: rf"\theta = {gold}"),
    "answer": _alone(lambda gold: f"answer = {gold}"),
    "length": _alone(lambda gold: f"AB = {gold}"),
    "display": lambda gold: rf"\displaystyle {gold}",
    "sides_turned": pattern(r"^([^=<>,]+?) ?= ?([^=<>,]+)$", r"\2 = \1"),
}
"""Ways to write the same answer, by kind."""

DRESS: Mapping[str, Callable[[str], str]] = {
    "bare": lambda text: text,
    "dollars": lambda text: f"${text}$",
    "boxed": lambda text: rf"\boxed{{{text}}}",
    "parentheses": lambda text: rf"\({text}\)",
    "brackets": lambda text: rf"\[{text}\]",
    "two_dollars": lambda text: f"$${text}$$",
    "boxed_in_dollars": lambda text: rf"$\boxed{{{text}}}$",
    "period": lambda text: f"{text}.",
    "dollars_and_period": lambda text: f"${text}$.",
    "bold": lambda text: f"**{text}**",
    "bold_dollars": lambda text: f"**${text}$**",
    "spaces": lambda text: f" {text} \n",
    "spaces_in_dollars": lambda text: f"$ {text} $",
    "boxed_twice": lambda text: rf"\boxed{{\boxed{{{text}}}}}",
    "boxed_in_brackets": lambda text: rf"\[ \boxed{{{text}}} \]",
    "boxed_with_spaces": lambda text: rf"\boxed{{ {text} }}",
}
"""What may be around an answer."""


def rewritings(gold: str, least: int = 20) -> Iterator[tuple[str, str]]:
    """Names and texts of the rewritings of a gold, each text once.

    Args:
        gold: The answer, as the data set has it.
        least: How many there must be; rewritings are dressed in turn until there are as many.
    """
    forms = {"as_it_is": gold.strip()}
    for name, way in WAYS.items():
        text = way(gold.strip())
        if text and text not in forms.values():
            forms[name] = text
    seen: set[str] = set()
    for dressed, dress in DRESS.items():
        for name, text in forms.items():
            if (made := dress(text)) not in seen and (dressed in ("bare", "dollars", "boxed") or name == "as_it_is"):
                seen.add(made)
                yield f"{name}/{dressed}", made
    rest = ((f"{name}/{dressed}", dress(text)) for name, text in forms.items() for dressed, dress in DRESS.items())
    for name, made in rest:
        if len(seen) >= least:
            return
        if made not in seen:
            seen.add(made)
            yield name, made


def read(path: Path) -> list[tuple[str, str]]:
    """Problems and answers of a file; answers without the dollar signs around them."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [(str(line.get("problem", line.get("question"))), _bare(str(line["answer"]))) for line in lines]


def _bare(answer: str) -> str:
    return answer[1:-1] if re.fullmatch(r"\$[^$]+\$", answer) else answer


def refused(data: Sequence[tuple[str, str]], least: int) -> dict[str, Any]:
    """Rewritings of each gold, and those that are not right for it."""
    judged, wrong = 0, []
    for problem, answer in data:
        gold = gold_of(problem, answer)
        for name, text in rewritings(answer, least):
            judged += 1
            if not (outcome := judge(gold, text)).correct:
                wrong.append((name, answer, text, outcome.reason.value))
    return {"judged": judged, "wrong": wrong}


def confused(data: Sequence[tuple[str, str]], least: int, others: int) -> dict[str, Any]:
    """Other golds, and all rewritings of ``others`` of them, that are right for a gold."""
    rng, judged, wrong = random.Random(0), 0, []
    for problem, answer in data:
        gold = gold_of(problem, answer)
        equal = {other for _, other in data if judge(gold, other).correct}
        judged += len(data)
        wrong += [("gold", answer, other) for other in sorted(equal) if other.strip() != answer.strip()]
        for _, other in rng.sample(list(data), min(others, len(data))):
            if other in equal:
                continue
            for name, text in rewritings(other, least):
                judged += 1
                if judge(gold, text).correct:
                    wrong.append((name, answer, text))
    return {"judged": judged, "right": wrong}


def handed_back(data: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Formulas of each question that are right for it."""
    judged, wrong = 0, []
    for problem, answer in data:
        gold = gold_of(problem, answer)
        found = (
            next(filter(None, each)) for each in re.findall(r"\$\$(.+?)\$\$|\$(.+?)\$|\\\[(.+?)\\\]", problem, re.S)
        )
        for text in dict.fromkeys(part.strip(" .,") for formula in found for part in (formula, *formula.split("="))):
            judged += 1
            if text and judge(gold, text).correct:
                wrong.append((answer, text))
    return {"judged": judged, "right": wrong}


def main() -> None:
    """Prints the three counts and the first texts of each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--least", type=int, default=20)
    parser.add_argument("--others", type=int, default=20)
    parser.add_argument("--shown", type=int, default=20)
    options = parser.parse_args()
    data = read(options.path)
    usable = [(problem, answer) for problem, answer in data if gold_problem(gold_of(problem, answer)) is None]
    results = {
        "refused": refused(usable, options.least),
        "confused": confused(usable, options.least, options.others),
        "handed_back": handed_back(usable),
    }
    report: dict[str, Any] = {"golds": len(data), "usable": len(usable)}
    for name, result in results.items():
        (kind,) = result.keys() - {"judged"}
        report[name] = {"judged": result["judged"], kind: len(result[kind]), "first": result[kind][: options.shown]}
    print(json.dumps(report, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
