from sfray.names import suggestion


def test_the_nearest_name_or_all_of_them() -> None:
    assert suggestion("unifrom", ["random", "uniform"]) == "; did you mean 'uniform'?"
    assert suggestion("x", ["random", "uniform"]) == "; there are random, uniform"


def test_aliases_are_found_but_not_listed() -> None:
    names = {"star_c": 1, "*C": 2}
    assert suggestion("stra_c", names, ["star_c"]) == "; did you mean 'star_c'?"
    assert suggestion("x", names, ["star_c"]) == "; there are star_c"
