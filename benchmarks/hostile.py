"""Texts that try to cheat or to stop a verifier, shared by the tests and the verifier's benchmark.

Most were paid, or did harm, in some public verifier. None is a right answer to
:data:`GOLD`; :data:`LEGAL` are the forms that must be paid.
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
"""Name -> whole response that must be paid."""


def responses() -> dict[str, str]:
    """Every text that must not be paid, as a whole response."""
    return {f"exploit:{name}": answered(text) for name, text in EXPLOITS.items()} | RESPONSES
