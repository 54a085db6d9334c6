from sfray.names import suggestion


def test_the_nearest_name_or_all_of_them() -> None:
    assert suggestion("unifrom", ["random", "uniform"]) == "; did you mean 'uniform'?"
    assert suggestion("x", ["random", "uniform"]) == "; there are random, uniform"


def test_aliases_are_found_but_not_listed() -> None:
    names = {"last_two": 1, "*CC": 2}
    assert suggestion("lats_two", names, ["last_two"]) == "; did you mean 'last_two'?"
    assert suggestion("x", names, ["last_two"]) == "; there are last_two"
