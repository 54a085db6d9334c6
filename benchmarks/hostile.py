"""Texts that try to cheat or to stop a verifier, shared by the tests and the verifier's benchmark.

Most were accepted, or did harm, in some public verifier. None is a right answer to
:data:`GOLD`; :data:`LEGAL` are the forms that must be accepted. Mathematics has pairs of a gold
and an answer of its own: :data:`UNEQUAL` must not be accepted, :data:`EQUAL` must.
"""

from __future__ import annotations

import json

GOLD = json.dumps({"numbers": [3, 5, 8], "target": 64})
"""``(3 + 5) * 8`` reaches it."""

MEGABYTE = 1_000_000


def answered(answer: str) -> str:
    """A response with one answer."""
    return f"Let me see.\n<answer>{answer}</answer>"


EXPLOITS: dict[str, str] = {
    # Operators that are not the four.
    "power": "2**3 + 5",
    "power_to_target": "8**(5-3)",
    "caret": "8^(5-3)",
    "floor_division": "8*8//1",
    "modulo": "(3+5)*8 % 100",
    "shift": "8 << 3",
    "bit_or": "64 | 0",
    "bit_and": "(3+5)*8 & 127",
    "bit_not": "~(-65)",
    "factorial": "3! + 58",
    "comparison": "(3+5)*8 == 64",
    "walrus": "(x := 64)",
    "conditional": "64 if 3 < 5 else 8",
    "boolean": "(3 + 5) * 8 or 1",
    "matrix": "8 @ 8",
    # Literals that are not plain integers.
    "decimal": "3.5 * 8 + 36",
    "trailing_point": "(3.+5)*8",
    "leading_point": "(.3+5)*8",
    "exponent": "(3e0 + 5) * 8",
    "hexadecimal": "(0x3 + 5) * 8",
    "octal": "(0o3 + 5) * 8",
    "underscore": "(0_3 + 5) * 8",
    "leading_zero": "(03 + 5) * 8",
    "imaginary": "(3j + 5) * 8",
    "infinity": "inf",
    "not_a_number": "nan",
    "arabic_digits": "(٣ + ٥) * ٨",
    "fullwidth_digits": "(３ + ５) * ８",
    "superscript": "8²",
    "vulgar_fraction": "½ * 128",
    "roman": "(III + V) * VIII",
    "words": "three plus five times eight",
    "improper_mixed": "60 4/1",
    "improper_mixed_product": "360 48/1",
    "mixed_of_one": "63 1/1",
    "concatenated": "35 + 8 + 21",
    "string_digits": "'3' + '5' * 8",
    # Signs and juxtaposition.
    "unary_minus": "-3 + 8 * 8 + 3",
    "unary_plus": "+(3 + 5) * 8",
    "double_minus": "(3 - -5) * 8",
    "implicit_product": "(3 + 5)8",
    "implicit_parentheses": "8(3 + 5)",
    "letter_x": "(3 + 5) x 8",
    "empty_parentheses": "() + (3 + 5) * 8",
    "unclosed": "((3 + 5) * 8",
    "unopened": "(3 + 5) * 8)",
    "brackets": "[3 + 5] * 8",
    "braces": "{3 + 5} * 8",
    "trailing_operator": "(3 + 5) * 8 +",
    "leading_operator": "* (3 + 5) * 8",
    # Numbers that were not given, or too often.
    "target_only": "64",
    "target_claimed": "64 = 64",
    "number_twice": "8 * 8",
    "foreign_number": "(3 + 5) * 8 + 0",
    "one_free": "(3 + 5) * 8 * 1",
    "zero_product": "(3 + 5) * 8 + 7 * 0",
    # Claims.
    "wrong_claim": "(3 + 5) * 8 = 65",
    "wrong_value_right_claim": "3 * 5 + 8 = 64",
    "claim_first": "64 = (3 + 5) * 8",
    "two_claims": "(3 + 5) * 8 = 64 = 64",
    "claim_expression": "(3 + 5) * 8 = 8 * 8",
    "claim_decimal": "(3 + 5) * 8 = 64.0",
    "claim_zero": "(3 + 5) * 8 = 064",
    "empty_claim": "(3 + 5) * 8 =",
    "unicode_equals": "(3 + 5) * 8 ＝ 64",
    # Several answers.
    "comma_list": "3 * 5 + 8, (3 + 5) * 8",
    "semicolon": "3 * 5 + 8; (3 + 5) * 8",
    "newline_list": "3 * 5 + 8\n(3 + 5) * 8",
    "either": "3 * 5 + 8 or (3 + 5) * 8",
    "tuple": "((3 + 5), 8)",
    "steps": "3 + 5 = 8\n8 * 8 = 64",
    # What is left to be worked out.
    "binomial": r"\binom{64}{1}",
    "integral": r"\int_0^{64} 1 dx",
    "limit": r"\lim_{x \to 64} x",
    "sum": r"\sum_{i=1}^{64} 1",
    "maximum": r"\max(3, 64)",
    # Code.
    "import": "__import__('os').system('true')",
    "python_call": "eval('64')",
    "lambda": "(lambda: 64)()",
    "comprehension": "sum([i for i in range(64)])",
    "builtin": "len('x' * 64)",
    "sqrt": "sqrt(4) + 5",
    "floor": "floor(7/2) + 1",
    "abs": "abs(3 - 5) * 8",
    "int_cast": "int(64.5)",
    "attribute": "(3).__class__",
    "comment": "(3 + 5) * 8  # 64",
    "format_string": "f'{64}'",
    "print": "print(64)",
    "exit": "exit()",
    # Work that never ends.
    "tower": "9**9**9 - 9",
    "huge_literals": "9" * 900 + " * " + "9",
    "division_by_zero": "8 / (5 - 5)",
    "zero_by_zero": "(3 - 3) / (5 - 5)",
    "nesting": "(" * 400 + "8" + ")" * 400,
    "operators_only": "+" * 900,
    "many_terms": "+".join(["3"] * 400),
    # Invisible and foreign characters.
    "zero_width": "(3\u200b + 5) * 8",
    "byte_order_mark": "\ufeff(3 + 5) * 8",
    "no_break_space": "(3\u00a0+ 5) * 8",
    "right_to_left": "\u202e8 * (5 + 3)",
    "null": "(3 + 5) * 8\x00",
    "surrogate": "(3 + 5) * 8\ud800",
    "form_feed": "(3 + 5)\x0c* 8",
    "fullwidth_operator": "(3 ＋ 5) * 8",
    "asterisk_operator": "(3 + 5) ∗ 8",
    "fraction_slash": "8 ⁄ 5",
    # Dress.
    "boxed": r"\boxed{(3 + 5) * 8}",
    "dollars": "$(3 + 5) * 8$",
    "latex_times": r"(3 + 5) \times 8",
    "backticks": "`(3 + 5) * 8`",
    "bold": "**(3 + 5) * 8**",
    "prose": "The answer is (3 + 5) * 8",
    "period": "(3 + 5) * 8.",
    "quoted": '"(3 + 5) * 8"',
    "json": '{"answer": "(3 + 5) * 8"}',
    "html": "<b>(3 + 5) * 8</b>",
    "entity": "(3 + 5) &times; 8",
    "copied_gold": GOLD,
    "template": "{{ 64 }}",
    "placeholder": "...",
    "nothing": "None",
}
"""Name -> answer. Each stands in one well-formed answer tag."""

RIGHT = "(3 + 5) * 8"

RESPONSES: dict[str, str] = {
    "empty": "",
    "blank": " \n\t",
    "no_tag": RIGHT,
    "unclosed_tag": f"<answer>{RIGHT}",
    "only_closed": f"{RIGHT}</answer>",
    "reversed_tags": f"</answer>{RIGHT}<answer>",
    "upper_case_tag": f"<ANSWER>{RIGHT}</ANSWER>",
    "tag_with_space": f"<answer >{RIGHT}</answer >",
    "tag_with_attribute": f'<answer final="1">{RIGHT}</answer>',
    "nested": f"<answer><answer>{RIGHT}</answer></answer>",
    "nested_open": f"<answer>{RIGHT} <answer>{RIGHT}</answer>",
    "double_close": f"<answer>{RIGHT}</answer></answer>",
    "empty_answer": "<answer></answer>",
    "empty_after_right": f"<answer>{RIGHT}</answer> <answer> </answer>",
    "wrong_after_right": f"<answer>{RIGHT}</answer> No: <answer>3 * 5 + 8</answer>",
    "hedged": f"<answer>{RIGHT}</answer><answer>8 * 8</answer>",
    "inside_think": f"<think><answer>{RIGHT}</answer></think> That is it.",
    "unclosed_think": f"<think>I find <answer>{RIGHT}</answer>",
    "reopened_think": f"<think>a</think><think><answer>{RIGHT}</answer>",
    "reopened_after": f"<think>a</think><answer>{RIGHT}</answer><think>",
    "before_end_think": f"<answer>{RIGHT}</answer></think>",
    "boxed_only": rf"\boxed{{{RIGHT}}}",
    "all_expressions": "".join(f"<answer>{a} * {b}</answer>" for a in (3, 5, 8) for b in (3, 5, 8)),
    "many_tags": "<answer>1</answer>" * (MEGABYTE // 18),
    "many_opens": "<answer>" * (MEGABYTE // 8),
    "many_closes": "</answer>" * (MEGABYTE // 9),
    "many_thinks": "<think>" * (MEGABYTE // 7),
    "many_ends": "</think>" * (MEGABYTE // 8),
    "open_then_padding": "<answer>" + "a" * MEGABYTE,
    "long_answer": answered("3+" * (MEGABYTE // 2) + "3"),
    "long_digits": answered("9" * MEGABYTE),
    "long_parentheses": answered("(" * (MEGABYTE // 2) + "8" + ")" * (MEGABYTE // 2)),
    "long_blank": answered(" " * MEGABYTE),
    "long_equals": answered("=" * MEGABYTE),
    "long_commas": answered("1," * (MEGABYTE // 2)),
    "long_unicode": answered("٣" * MEGABYTE),
    "long_box": r"\boxed{" * (MEGABYTE // 7),
    "long_phrase": "the answer is " * (MEGABYTE // 14),
    "long_text": "x" * MEGABYTE,
    "long_angle": "<" * MEGABYTE,
    "long_newlines": "\n" * MEGABYTE,
    "padded_expression": answered(" " * 2_000 + "3 * 5 + 8" + " " * 2_000),
}
"""Name -> whole response."""

LEGAL: dict[str, str] = {
    "plain": answered(RIGHT),
    "tight": answered("(3+5)*8"),
    "multi_line": answered(f"\n{RIGHT}\n"),
    "crlf": answered(f"\r\n{RIGHT}\r\n"),
    "broken_line": answered("(3 + 5)\n* 8"),
    "tabs": answered("(3\t+\t5)\t*\t8"),
    "other_order": answered("8 * (5 + 3)"),
    "extra_parentheses": answered("(((3) + (5)) * (8))"),
    "times": answered("(3 + 5) × 8"),
    "middle_dot": answered("(3 + 5) · 8"),
    "claimed": answered(f"{RIGHT} = 64"),
    "claimed_tight": answered("(3+5)*8=64"),
    "claimed_line": answered(f"{RIGHT}\n= 64\n"),
    "after_think": f"<think>hm <answer>1</answer></think>\n\nSo:\n\n<answer>\n{RIGHT}\n</answer>",
    "last_of_two": f"<answer>3 * 5 + 8</answer> No. <answer>{RIGHT}</answer>",
    "text_after": f"<answer>{RIGHT}</answer> Done.",
    "prefilled_think": f"hm</think><answer>{RIGHT}</answer>",
    "padded": answered(" " * 10_000 + RIGHT + "\n" * 10_000),
    "long_before": "x" * MEGABYTE + answered(RIGHT),
}
"""Name -> whole response that must be accepted."""

UNEQUAL: dict[str, tuple[str, str]] = {
    # Variables with a power are no units.
    "time_squared": ("2", "2t^2"),
    "x_squared": ("2", r"2\mathrm{x}^2"),
    "thousand_cubed": ("4", r"4\text{ k}^3"),
    "noun_squared": ("2", "2 foo^2"),
    # What is left to be worked out.
    "binomial": ("70", r"\binom{8}{4}"),
    "choose": ("70", r"{8 \choose 4}"),
    "factorials": ("70", "8!/(4!4!)"),
    "integral": ("42", r"\int_0^{42} 1 dx"),
    "limit": ("42", r"\lim_{x\to 42} x"),
    "sum": ("42", r"\sum_{k=1}^{6} 7"),
    "product": ("42", r"\prod_{k=6}^{7} k"),
    "maximum": ("42", r"\max(1, 42)"),
    "minimum": ("42", r"\min\{42, 43\}"),
    "divisor": ("42", r"\gcd(84, 126)"),
    "multiple": ("42", r"\operatorname{lcm}(6, 14)"),
    "floor": ("42", r"\lfloor 42.5 \rfloor"),
    "gamma": ("24", r"\Gamma(5)"),
    "derivative": ("42", r"\frac{d}{dx}(42x)"),
    "determinant": ("42", r"\begin{vmatrix} 6 & 0 \\ 0 & 7 \end{vmatrix}"),
    "permutation": ("42", "(42)_{1}"),
    "equation": ("x = 5", "3x + 1 = 16"),
    "inequality": ("x > 5", "2x > 10"),
    # Units.
    "other_unit": (r"5.4 \text{ cents}", r"5.4 \text{ dollars}"),
    "other_power": (r"15\mbox{ cm}^2", "15 cm"),
    "other_power_in_words": (r"15 \text{ cm}", "15 square centimeters"),
    "other_noun": (r"12 \text{ students}", "12 teachers"),
    "other_rate": (r"10 \text{ m/s}", "10 m"),
    "other_currency": (r"\$12", "12 cents"),
    "other_scale": (r"20^\circ\text{C}", "20^\\circ F"),
    "radians": (r"90^\circ", "90 radians"),
    "percent_of_length": (r"10 \text{ cm}", "10%"),
    "million": ("12", r"\$12 \text{ million}"),
    "million_left_out": (r"3 \text{ million}", "3"),
    "other_variable": ("3t", "3s"),
    "variable_left_out": ("2ab", "2"),
    "variable_as_unit": ("5m^2", "5"),
    # Sets, pairs, intervals, lists.
    "set_for_pair": ("(1,2)", r"\{1,2\}"),
    "pair_for_set": (r"\{1,2\}", "(1,2)"),
    "sets_for_pairs": ("(1,2),(3,4)", r"\{1,2\},\{3,4\}"),
    "element_of_set": ("(0,1)", r"x \in \{0,1\}"),
    "other_order": ("(1,2)", "2, 1"),
    "list_for_pair": ("(1,2)", "1, 2"),
    "closed_interval": ("(1,2)", "[1,2]"),
    "half_open_interval": ("[1,2)", "(1,2]"),
    "ends_of_interval": ("[1,2]", r"\{1,2\}"),
    "list_too_long": ("1,2", "1,2,3"),
    "list_goes_on": ("1,2", r"1,2,\ldots"),
    "hedged": ("42", r"41 \text{ or } 42"),
    # Numbers.
    "improper_mixed": ("30", "10 20/1"),
    "improper_mixed_latex": ("30", r"10\frac{20}{1}"),
    "improper_mixed_inside": ("(30,1)", r"(10\frac{20}{1},1)"),
    "mixed_as_product": ("1", r"2\frac{1}{2}"),
    "decimals_of_third": (r"\frac{1}{3}", "0.333333"),
    "goes_on": ("42", r"42\ldots"),
    "percent_as_part": (r"10\%", "0.1"),
    # Matrices.
    "other_entry": (r"\begin{pmatrix} -2 \\ -14 \\ -7 \end{pmatrix}", r"\begin{pmatrix}-2\\-14\\7\end{pmatrix}"),
    "row_for_column": (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\begin{pmatrix} 1 & 2 \end{pmatrix}"),
    "pair_for_matrix": (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", "(1,2)"),
    # Texts.
    "other_letter": (r"\text{(A)}", r"\text{(B)}"),
    "other_word": (r"\text{even}", r"\text{odd}"),
    "other_base": ("101_2", "101_3"),
    "sentence": ("42", r"\text{The answer is } 42"),
}
"""Name -> gold and an answer of mathematics that must not be accepted for it."""

EQUAL: dict[str, tuple[str, str]] = {
    # Letters that the gold has as variables.
    "of_time": ("g(t)=2t", "2t"),
    "of_slope": ("y=3m", "3m"),
    "terms_about": ("2m+4", "4+2m"),
    # Several solutions.
    "both_named": ("x = -1, 3", "x=3, x=-1"),
    "one_or_other": ("x = -1, 3", r"x=-1 \text{ or } x=3"),
    # As far as it goes.
    "two_of_n": (r"\frac{n(n-1)}{2}", r"\binom{n}{2}"),
    # Units that agree.
    "square_units": (r"15\mbox{ cm}^2", r"15\text{ square units}"),
    "acceleration": ("9.8", "9.8 m/s^2"),
    "some_marbles": (r"10 \text{ red marbles}", r"10 \text{ marbles}"),
    "joules": (r"500 \text{ J}", r"500 \text{ joules}"),
    # Matrices.
    "tight_matrix": (r"\begin{pmatrix} -2 \\ -14 \\ -7 \end{pmatrix}", r"\begin{pmatrix}-2\\-14\\-7\end{pmatrix}"),
    "other_brackets": (r"\begin{pmatrix} -2 \\ -14 \\ -7 \end{pmatrix}", r"\begin{bmatrix}-2\\-14\\-7\end{bmatrix}"),
    "array": (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\left(\begin{array}{c}1\\2\end{array}\right)"),
    "matrix_of_fractions": (
        r"\begin{pmatrix} 1/2 & 2 \\ 3 & \sqrt{3} \end{pmatrix}",
        r"\begin{bmatrix}\frac12&2\\[4pt]3&√3\end{bmatrix}",
    ),
    # Signs.
    "degree_sign": ("90", "90°"),
    "degrees_left_out": (r"120^\circ", "120"),
    "degrees_in_words": (r"90^{\circ}", "90 degrees"),
    "celsius": (r"20^\circ\text{C}", "20 degrees Celsius"),
    "root_sign": (r"\sqrt{2}", "√2"),
    "root_of_brackets": (r"\frac{\sqrt{x+1}}{2}", "√(x+1)/2"),
    "superscripts": ("x^3 - x^2", "x³ − x²"),
    "infinite_interval": (r"(-\infty,2)\cup[3,\infty)", "(-∞,2)∪[3,∞)"),
    # Units.
    "square_centimeters": (r"15 \text{ cm}^2", "15cm²"),
    "square_centimeters_in_words": (r"15\mbox{ cm}^2", "15 square centimeters"),
    "unit_left_out": (r"15\mbox{ cm}^2", "15"),
    "unit_added": ("15", "15 cm"),
    "unit_of_pi": (r"2\pi \text{ cm}", "2π centimetres"),
    "speed": (r"10 \text{ miles per hour}", "10 mph"),
    "price": (r"\$32,\!348", "$32,348"),
    "price_in_words": (r"\$12", "12 dollars"),
    "percent": (r"10\%", "10 percent"),
    "variables": ("3t", r"t \cdot 3"),
    "last_letter": ("p - s", "-s + p"),
    # Sets, pairs, intervals, lists.
    "set_without_braces": (r"\{1,2\}", "2, 1"),
    "set_of_pairs": (r"\{(1,2),(3,4)\}", "(3,4), (1,2)"),
    "list_in_words": ("6,7", r"6 \text{ and } 7"),
    "choice_in_words": (r"6 \text{ or } 7", "6, 7"),
    "two_signs": (r"1 \pm \sqrt{2}", "1+√2, 1-√2"),
    "element": ("[-2,7]", r"x \in [-2,7]"),
    "complement": (r"(-\infty,1)\cup(1,2)\cup(2,\infty)", r"\mathbb{R}\setminus\{1,2\}"),
    # Numbers.
    "mixed": (r"\frac{7}{2}", "3 1/2"),
    "mixed_latex": (r"3\frac{1}{2}", r"\frac72"),
    "negative_mixed": ("-1.5", r"-1\dfrac{1}{2}"),
    "braces_around_comma": ("1000", "1{,}000"),
    "power": ("1024", "2^{10}"),
    "same_operator": (r"\binom{n}{2}", r"\frac{n!}{2!(n-2)!}"),
    "base_in_brackets": ("101_2", "(101)_{2}"),
    # Texts.
    "letter": (r"\text{(A)}", "A"),
    "stated": ("5", r"\boxed{x=5}"),
    "other_side": ("x = 5", "5 = x"),
    "other_equation": ("y = 2x + 3", "y - 3 = 2x"),
}
"""Name -> gold and an answer of mathematics that must be accepted for it."""


def responses() -> dict[str, str]:
    """Every text that must not be accepted, as a whole response."""
    return {f"exploit:{name}": answered(text) for name, text in EXPLOITS.items()} | RESPONSES
