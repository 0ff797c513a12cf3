"""Warnings on a screen: one line a kind and file, short, and never a value."""

from anonymizer.intake.intake_outcome import Warned
from cli.command_limits import REMARKS_OF_A_KIND
from cli.remarks import warning_lines


def test_a_line_says_where_how_many_and_which_rows() -> None:
    warned = Warned("profiles", "gender_not_mapped", 7, "p.csv", ("gender",), (1, 4, 9, 12, 30))
    few = Warned("profiles", "gender_not_mapped", 2, "q.csv", ("gender",), (3, 5))
    words = "row(s) with an unknown word for gender; set codings.gender"
    assert warning_lines([warned, few]) == [
        f"p.csv, gender: 7 {words}; row 1, 4, 9, 12, 30, ...",
        f"q.csv, gender: 2 {words}; row 3, 5",
    ]


def test_of_many_files_of_a_kind_the_first_are_told_and_how_many_more() -> None:
    many = [
        Warned("visits", "no_campaign", 3, f"v{n}.csv", ("url",))
        for n in range(REMARKS_OF_A_KIND + 7)
    ]
    other = Warned("visits", "unknown_columns", 2, "v0.csv", ("a", "column 3"))
    lines = warning_lines([*many, other])
    assert len(lines) == REMARKS_OF_A_KIND + 2
    assert lines[REMARKS_OF_A_KIND] == "visits: 7 more of this kind (Dagster lists all)"
    assert lines[-1] == "v0.csv, a, column 3: 2 column(s) that are not in the contract, not read"


def test_every_code_has_words() -> None:
    codes = {
        "ignored:pipe": "ignored: pipe",
        "ignored:not_a_day": "ignored: not a folder day=YYYY-MM-DD",
        "column_absent:gender": "the file does not have this column",
        "quarantined:bad_url": "1 row(s) quarantined, bad_url",
        "no_rows": "the file has no rows",
    }
    for code, words in codes.items():
        assert warning_lines([Warned("visits", code, file="v.csv")]) == [f"v.csv: {words}"]


def test_what_is_told_elsewhere_is_not_told_twice() -> None:
    assert warning_lines([Warned("requests", "unread", 3)]) == []
