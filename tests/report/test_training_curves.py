"""What report.html draws of metrics.jsonl."""

from report.test_html_report import RECORDS

from rsstl_jax.report.training_curves import MAX_POINTS, teacher_planes, training_curves


def test_curves_by_hand():
    labels = {"standalone": "baseline student", "distilled": "distilled student"}
    teachers, students = training_curves(RECORDS, labels)
    assert teachers["title"] == "Teachers: expert" and teachers["legend"] == [["mall", 2]]
    assert students["legend"] == [["baseline student", 0], ["distilled student", 1]]
    shown = {
        term["label"]: [(line["label"], line["colour"], line["y"]) for line in term["lines"]]
        for term in students["terms"]
    }
    assert shown == {
        "total": [("seed-0/standalone", 0, [3.0]), ("seed-0/distilled", 1, [2.0])],
        "similarity": [("seed-0/distilled", 1, [0.25])],
        "gradient norm": [("seed-0/standalone", 0, [9.0])],
    }


def test_a_long_training_is_thinned_and_keeps_its_last_epoch():
    records = [{"run": "seed-0/a", "epoch": epoch, "total": 1.0} for epoch in range(1, 1001)]
    ((line,),) = [term["lines"] for term in training_curves(records, {})[0]["terms"]]
    assert len(line["x"]) <= MAX_POINTS + 1 and (line["x"][0], line["x"][-1]) == (1, 1000)


def test_a_teachers_picture_names_its_source_and_the_variance_of_its_axes():
    (plane,) = teacher_planes(RECORDS)
    assert (plane["source"], plane["real"]) == ("mall", [[0.0, 1.0]])
    assert plane["xlabel"] == "first main axis, 75 % of the variance"
