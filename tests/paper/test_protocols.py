"""The table of floors and protocols, from receipts."""

import pytest
from paper.test_receipts import receipt

from rsstl_jax.errors import DataError
from rsstl_jax.paper.comparison import insert_table, render_protocols
from rsstl_jax.paper.frame import protocol_frame, results_frame


def test_floors_and_protocols_are_a_table_of_what_newer_receipts_have():
    """Of two seeds of the DNN one was measured by a version that kept no floors."""
    students = receipt("students", "standalone", [7.0, 8.0], [0, 1])
    of_dnn = {"floor_hit_rate": [0.9, 0.8], "evaal_mae_m": [7.5, 9.0]}
    students["result"]["students"]["standalone"] |= of_dnn
    older = receipt("students", "standalone", [7.0, 9.0], [0, 2])
    knn = receipt("knn", "knn", [8.0], [0])
    knn["result"]["students"]["knn"] |= {"floor_hit_rate": [0.5], "ground_mae_m": [6.0]}
    scratch = receipt("scratch", "scratch", [8.0], [0])
    lines = protocol_frame(results_frame([older, students, knn, scratch]), "tampere")
    assert render_protocols(lines).splitlines() == [
        "| method | seeds | floor (%) | EvAAL mean (m) | mean on the ground (m) |",
        "| --- | --- | --- | --- | --- |",
        "| kNN | 1 | 50.00 |  | 6.00 |",
        "| dnn: baseline student | 2 | 85.00 ± 7.07 | 8.25 ± 1.06 |  |",
    ]
    assert protocol_frame(results_frame([older, scratch]), "tampere").empty


def test_a_table_takes_the_place_between_its_own_marks():
    page = "a\n<!-- x -->\nold\n<!-- end of table -->\nb\n"
    assert insert_table(page, "x", "new") == page.replace("old", "\nnew\n")
    for wrong in ("<!-- x -->\nmine\n", "<!-- x -->\nmine\n<!-- y -->\n<!-- end of table -->\n"):
        with pytest.raises(DataError, match="no mark <!-- end of table --> behind <!-- x -->"):
            insert_table(wrong, "x", "new")
