"""What the rows of the tables took: receipts of one row and one device added up."""

from rsstl_jax.paper.cost import cost_frame, render_cost


def receipt(row, seeds, **fields):
    return {
        "row": row,
        "result": {"target": "tampere", "network": "dnn", "seeds": seeds, "students": {}},
    } | fields


def test_the_seconds_of_one_rows_receipts_are_added_up():
    common = {"start": {"device": "cpu: cpu"}, "config": {"data.fraction": 0.1}, "starts": 2}
    made = [
        receipt("share", [0, 1, 2], seconds=1000.4, **common),
        receipt("share", [3], seconds=500.2, **common),
        receipt("knn-share", [0], seconds=7.0, **common),
    ]
    assert render_cost(cost_frame(made, "tampere")).splitlines()[2:] == [
        "| knn-share | 10 % | 1 | 7 | 2 |",
        "| dnn share | 10 % | 4 | 1,501 | 4 |",
        "| all rows |  |  | 1,508 | 6 |",
    ]


def test_a_start_with_further_seeds_has_the_seconds_of_the_one_before():
    common = {"start": {"device": "cpu: cpu"}, "starts": 2}
    made = [
        receipt("share", seeds, seconds=s, config={"data.fraction": 0.1, "seeds": seeds}, **common)
        for seeds, s in (([0], 30.0), ([0, 1], 70.0), ([2], 20.0))
    ]
    table = render_cost(cost_frame(made, "tampere"))
    assert table.splitlines()[2] == "| dnn share | 10 % | 3 | 90 | 4 |"


def test_seconds_on_different_devices_are_not_added_up():
    common = {"config": {"data.fraction": 0.1}, "starts": 1}
    made = [
        receipt("share", [seed], seconds=s, start={"device": d}, **common)
        for seed, s, d in ((0, 1000.0, "cpu: cpu"), (1, 20.0, "gpu: NVIDIA H100"))
    ]
    assert render_cost(cost_frame(made, "tampere")).splitlines()[2:] == [
        "| dnn share | 10 % | 1 | 1,000 | 1 |",
        "| dnn share on one NVIDIA H100 | 10 % | 1 | 20 | 1 |",
        "| all rows |  |  | 1,000 | 1 |",
        "| all rows on one NVIDIA H100 |  |  | 20 | 1 |",
    ]
