"""The paper's own figures: mean errors in metres, from its Tables 1 to 4; UTS among the sources."""

import math

# By (target, network): baseline, sequential, collective, enhanced (Table 1).
_TABLE_1 = {
    ("uji", "dnn"): (14.04, 16.05, 21.62, 11.98),
    ("uji", "cnnloc"): (13.12, 15.32, 27.71, 11.67),
    ("uji", "bayescnn"): (12.63, 15.07, 129.95, 10.79),
    ("uji", "baat"): (11.51, 13.46, 98.86, 11.15),
    ("tampere", "dnn"): (11.03, 12.36, 11.84, 8.86),
    ("tampere", "cnnloc"): (10.06, 12.66, 11.36, 8.25),
    ("tampere", "bayescnn"): (10.31, 11.25, 12.06, 9.01),
    ("tampere", "baat"): (7.99, 10.77, 10.63, 7.73),
}
_STUDENTS_1 = ("standalone", "sequential", "collective", "distilled")
# J_Sim, J_MI, both, J_FI, all (Table 2).
_TABLE_2 = {
    ("uji", "dnn"): (13.98, 11.82, 11.70, 12.51, 11.98),
    ("uji", "cnnloc"): (12.96, 12.72, 12.75, 12.12, 11.67),
    ("uji", "bayescnn"): (10.86, 10.92, 10.95, 10.87, 10.79),
    ("uji", "baat"): (11.27, 11.24, 11.15, 14.07, 12.53),
    ("tampere", "dnn"): (10.14, 8.71, 8.39, 9.81, 8.86),
    ("tampere", "cnnloc"): (9.83, 7.74, 7.72, 8.11, 8.04),
    ("tampere", "bayescnn"): (9.97, 9.19, 9.14, 9.13, 9.01),
    ("tampere", "baat"): (8.05, 7.83, 7.73, 13.78, 7.94),
}
_STUDENTS_2 = (
    "similarity",
    "mutual_information",
    "similarity+mutual_information",
    "functional_information",
    "distilled",
)
# By (target, network, source): the teacher of one source (Table 3).
_TABLE_3 = {
    ("uji", "dnn", "tampere"): 11.73,
    ("uji", "cnnloc", "tampere"): 12.05,
    ("uji", "bayescnn", "tampere"): 11.20,
    ("uji", "baat", "tampere"): 11.99,
    ("tampere", "dnn", "uji"): 10.75,
    ("tampere", "cnnloc", "uji"): 8.24,
    ("tampere", "bayescnn", "uji"): 10.01,
    ("tampere", "baat", "uji"): 7.92,
}
# By (target, network, per cent of the train part): baseline, enhanced (Table 4).
_TABLE_4 = {
    ("uji", "dnn", 1): (160.56, 36.36),
    ("uji", "cnnloc", 1): (22.14, 21.93),
    ("uji", "bayescnn", 1): (26.84, 25.3),
    ("uji", "baat", 1): (19.56, 18.18),
    ("uji", "dnn", 10): (18.28, 17.42),
    ("uji", "cnnloc", 10): (14.07, 13.73),
    ("uji", "bayescnn", 10): (16.25, 15.68),
    ("uji", "baat", 10): (13.06, 12.88),
    ("tampere", "dnn", 10): (25.04, 24.28),
    ("tampere", "cnnloc", 10): (15.99, 12.78),
    ("tampere", "bayescnn", 10): (15.14, 15.10),
    ("tampere", "baat", 10): (13.30, 12.33),
}


def paper_figure(
    table: str, target: str, network: str, student: str, *, share: float = 1.0
) -> float | None:
    """The mean error that the paper prints for a row of one of its tables."""
    if table == "4":
        percent = round(100 * share)
        exact = math.isclose(100 * share, percent)
        errors_m = _TABLE_4.get((target, network, percent), ()) if exact else ()
        return dict(zip(("standalone", "distilled"), errors_m, strict=False)).get(student)
    if table == "3" and student.startswith("from-"):
        return _TABLE_3.get((target, network, student.removeprefix("from-")))
    rows = dict(zip(_STUDENTS_1, _TABLE_1.get((target, network), ()), strict=False))
    if table == "2":
        rows |= dict(zip(_STUDENTS_2, _TABLE_2.get((target, network), ()), strict=False))
    return rows.get(student)
