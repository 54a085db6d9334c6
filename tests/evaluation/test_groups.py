from sfray.evaluation.groups import group, ordered


def test_group_names_task_and_level():
    assert group("countdown", "3") == "countdown-3"
    assert group("gsm8k", "-") == "gsm8k"


def test_numbers_are_ordered_by_value():
    names = ["countdown-10", "acronym-4", "countdown-4", "gsm8k", "countdown-9"]
    assert ordered(names) == ["acronym-4", "countdown-4", "countdown-9", "countdown-10", "gsm8k"]
