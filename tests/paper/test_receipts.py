"""Result tables: the students that each is about, and the arithmetic of the comparison."""

import pytest

from rsstl_jax.config.schema import flatten
from rsstl_jax.errors import DataError
from rsstl_jax.paper.comparison import compare, paper_figure, render_comparison
from rsstl_jax.paper.distribution import distribution_frame, render_distribution
from rsstl_jax.paper.frame import results_frame, select_table
from rsstl_jax.paper.receipts import changed_fields
from rsstl_jax.paper.rows import SOURCES, row_config, row_students


def figures(mae_m):
    return {
        "mae_m": mae_m,
        "p75_m": [m + 1 for m in mae_m],
        "p95_m": [m + 9 for m in mae_m],
        "within_10_m": [0.5 for _ in mae_m],
    }


def receipt(row, key, mae_m, seeds, network="dnn", **fields):
    result = {"target": "tampere", "network": network, "part": "test", "seeds": seeds}
    return {"row": row, "result": result | {"students": {key: figures(mae_m)}}} | fields


def rendered(receipts, table="1"):
    """The lines of a table without its head, each as {column: cell}."""
    selected = select_table(results_frame(receipts), table, "tampere")
    head, _, *lines = [
        line.split(" | ") for line in cells(render_comparison(compare(selected, table)))
    ]
    return [dict(zip(head, line, strict=True)) for line in lines]


def cells(text):
    return [line.removeprefix("| ").removesuffix(" |") for line in text.splitlines()]


def test_baselines_without_training_stand_before_the_students_of_their_fraction():
    of_share = {"config": {"data.fraction": 0.1}}
    made = [
        receipt("share", "standalone", [12.0], [0], **of_share),
        receipt("knn-share", "knn", [14.0], [0], **of_share),
        receipt("centroid-share", "centroid", [15.0], [0], **of_share),
    ]
    methods = [line["method"] for line in rendered(made, "4")]
    assert methods == [
        "kNN, 10 %",
        "power-weighted centroid of access points, 10 %",
        "dnn: baseline student, 10 %",
    ]


def test_the_comparison_by_hand():
    """distilled - baseline = (-1, 1): mean 0; the control shares seed 1 with it, 8.5 - 8."""
    students = receipt("students", "standalone", [7.0, 8.0], [0, 1])
    students["result"]["students"]["distilled"] = figures([6.0, 9.0])
    knn, alone, distilled, control = rendered(
        [students, receipt("noise", "distilled", [8.5], [1]), receipt("knn", "knn", [8.0], [0])]
    )
    assert (knn["method"], knn["seeds"], knn["mean (m)"]) == ("kNN", "1", "8.00")
    assert (knn["difference, paired"], knn["verdict"], knn["the paper"]) == ("", "", "")
    assert (alone["mean (m)"], alone["the paper"]) == ("7.50 ± 0.71", "11.03")
    assert (alone["75th (m)"], alone["95th (m)"]) == ("8.50 ± 0.71", "16.50 ± 0.71")
    assert distilled["mean (m)"] == "7.50 ± 2.12" and distilled["the paper"] == "8.86"
    assert distilled["difference, paired"].startswith("0.00 [-1.00, ")
    assert distilled["its t-interval"] == "[-12.71, 12.71]"  # t of one degree: 12.706
    assert control["its t-interval"] == ""
    assert (control["difference, paired"], control["verdict"]) == ("0.50", "too few seeds")
    assert control["the paper"] == ""


def test_what_was_trained_otherwise_than_its_recipe_says_so_in_every_table():
    """Of two seeds one had 15 epochs in place of the tuned recipe's 400."""
    made = []
    for seed, epochs in enumerate((400, 15)):
        config = flatten(
            row_config(
                "scratch",
                target="tampere",
                network="dnn",
                sources=("tut7",) if seed else SOURCES,
                overrides={"train.epochs": epochs, "run.log_every_epochs": 7},
            )
        )
        own = receipt("scratch", "scratch", [7.0], [seed], config=config)
        own["result"]["recipe"] = "tuned"
        made.append(own)
    assert changed_fields(made[0]) == {}
    assert changed_fields(made[1]) == {"sources": "tut7", "train.epochs": 15}
    (line,) = rendered([made[0], made[1] | {"changed": "train.epochs=15"}])
    assert line["changed settings"] == "none or train.epochs=15"


def test_transfer_is_compared_with_its_own_network_from_scratch():
    scratch, sequential, collective = rendered(
        [
            receipt("scratch", "scratch", [7.0], [0]),
            receipt("sequential", "sequential", [7.5], [0]),
            receipt("collective", "collective", [6.5], [3]),
        ]
    )
    assert sequential["method"] == "dnn: sequential transfer"
    assert (sequential["difference, paired"], sequential["the paper"]) == ("0.50", "12.36")
    # Without a seed in common there is no paired difference.
    assert (collective["difference, paired"], collective["the paper"]) == ("", "11.84")
    assert (scratch["difference, paired"], scratch["the paper"]) == ("", "")


def test_a_difference_in_all_of_ten_seeds_is_a_verdict():
    """p = 2 / 2^10 each; the second method's differences have both signs."""
    seeds = list(range(10))
    students = receipt("students", "standalone", [7.0 + 0.1 * s for s in seeds], seeds)
    better, mixed = (
        receipt(row, "distilled", [7.0 + 0.1 * s + shift(s) for s in seeds], seeds)
        for row, shift in (("noise", lambda s: -0.2 - 0.01 * s), ("untrained", lambda s: (-1) ** s))
    )
    found = [line["verdict"] for line in rendered([students, better, mixed])]
    assert found == ["", "better", "no significant difference"]


def full_receipt(tables, **fields):
    """A receipt with all students that a row trains for these tables, one metre apart."""
    config = row_config("students", target="tampere", network="dnn", sources=("uji", "tut7"))
    names = list(row_students("students", config, tables))
    made = receipt("students", names[0], [5.0], [0], **fields)
    made["result"]["students"] = {name: figures([5.0 + i]) for i, name in enumerate(names)}
    return made


def test_tables_hold_the_students_that_they_are_about():
    kept = [full_receipt(("1", "2", "3")), receipt("students", "standalone", [4.0], [0], "baat")]
    of_table = lambda table: [line["method"] for line in rendered(kept, table)]  # noqa: E731
    dnn = ["dnn: baseline student", "dnn: distilled, surrogate teachers"]
    assert of_table("1") == ["baat: baseline student", *dnn]
    named = ("baseline student", "J_Sim", "J_MI", "J_Sim, J_MI", "J_FI", "all terms")
    assert of_table("2") == [f"dnn: {name}" for name in named]
    named = ("baseline student", "teachers of tut7", "teachers of uji", "teachers of all sources")
    assert of_table("3") == [f"dnn: {name}" for name in named]
    # 6 - 5, 7 - 5, ... in the order of the ablations.
    differences = [line["difference, paired"] for line in rendered(kept, "2")]
    assert differences == ["", "2.00", "3.00", "4.00", "5.00", "1.00"]
    assert select_table(results_frame(kept), "4", "tampere").empty


def test_shares_and_settings_have_tables_of_their_own():
    share = receipt("share", "standalone", [9.0, 9.5], [0, 1], config={"data.fraction": 0.1})
    share["result"]["students"]["distilled"] = figures([8.0, 9.0])
    literal = receipt("students", "distilled", [6.5], [0], label="literal")
    kept = [full_receipt(("1", "2")), share, literal]
    assert [line["method"] for line in rendered(kept, "1")] == [
        "dnn: baseline student",
        "dnn: distilled, surrogate teachers",
    ]
    alone, distilled = rendered(kept, "4")
    assert (alone["method"], alone["the paper"]) == ("dnn: baseline student, 10 %", "25.04")
    assert distilled["difference, paired"].startswith("-0.75 [")
    lines = {line["method"]: line["difference, paired"] for line in rendered(kept, "settings")}
    assert lines == {
        "dnn: baseline student": "",
        "dnn: all terms": "1.00",
        "dnn: all terms; literal": "1.50",
    }


def test_a_variant_that_changes_the_training_has_a_baseline_student_of_its_own():
    literal = receipt("students", "standalone", [5.0], [0], label="literal")
    literal["result"]["students"]["distilled"] = figures([6.5])
    longer = receipt("students", "standalone", [4.0], [0], label="longer")
    longer["result"]["students"]["distilled"] = figures([3.75])
    kept = [full_receipt(("1", "2")), literal, longer]
    lines = {line["method"]: line["difference, paired"] for line in rendered(kept, "settings")}
    assert lines == {
        "dnn: baseline student": "",
        "dnn: all terms": "1.00",
        "dnn: all terms; literal": "1.50",
        "dnn: baseline student; longer": "-1.00",
        "dnn: all terms; longer": "-0.25",
    }


def test_a_variant_of_a_fraction_stands_behind_the_recipe_with_its_own_baseline_student():
    made = lambda mae_m, **of: receipt("share", "standalone", mae_m, [0, 1], **of)  # noqa: E731
    of_share = {"config": {"data.fraction": 0.1}}
    share, longer = made([9.0, 9.0], **of_share), made([5.0, 6.0], label="longer", **of_share)
    share["result"]["students"]["distilled"] = figures([8.0, 8.0])
    longer["result"]["students"]["distilled"] = figures([4.0, 4.5])
    lines = {
        line["method"]: line["difference, paired"][:5] for line in rendered([longer, share], "4")
    }
    assert lines == {
        "dnn: baseline student, 10 %": "",
        "dnn: distilled, surrogate teachers, 10 %": "-1.00",
        "dnn: baseline student, 10 %; longer": "",
        "dnn: distilled, surrogate teachers, 10 %; longer": "-1.25",
    }


def test_a_variant_of_site_agnostic_teachers_is_compared_with_its_own_baseline_students():
    longer = receipt("agnostic", "standalone", [4.0, 5.0], [0, 1], label="longer")
    longer["result"]["students"]["soft-target"] = figures([3.0, 4.5])
    lines = {
        line["method"]: line["difference, paired"][:5]
        for line in rendered([full_receipt(("1", "2")), longer], "settings")
    }
    assert lines == {
        "dnn: baseline student": "",
        "dnn: all terms": "1.00",
        "dnn: baseline student; longer": "-1.00",
        "dnn: pseudo-labelled by site-agnostic teachers; longer": "-0.75",
    }


def test_site_agnostic_teachers_stand_beside_the_surrogates():
    made = lambda row: receipt(row, "standalone", [9.0], [0], config={"data.fraction": 0.1})  # noqa: E731
    share, agnostic = made("share"), made("agnostic-share")
    share["result"]["students"]["distilled"] = figures([8.0])
    for student, error_m in (("distilled", 7.0), ("soft-target", 6.0), ("agnostic", 5.0)):
        agnostic["result"]["students"][student] = figures([error_m])
    lines = {line["method"]: line for line in rendered([share, agnostic], "4")}
    assert {name: line["difference, paired"] for name, line in lines.items()} == {
        "dnn: baseline student, 10 %": "",
        "dnn: distilled, surrogate teachers, 10 %": "-1.00",
        "dnn: distilled, site-agnostic teachers, 10 %": "-2.00",
        "dnn: pseudo-labelled by site-agnostic teachers, 10 %": "-3.00",
        "dnn: site-agnostic teachers themselves, 10 %": "-4.00",
    }
    shown = [line["the paper"] for line in lines.values()]
    assert shown == ["25.04", "24.28", "", "", ""]


@pytest.mark.parametrize(
    ("suffix", "table", "of_share"),
    [("", "1", {}), ("-share", "4", {"config": {"data.fraction": 0.1}})],
)
def test_a_baseline_student_counts_where_no_row_of_its_own_was_trained(suffix, table, of_share):
    """As of a network that only site-agnostic teachers can teach."""
    told = receipt(f"agnostic{suffix}", "soft-target", [9.0, 8.0], [0, 1], **of_share)
    told["result"]["students"]["standalone"] = figures([12.0, 13.0])
    own = receipt("share" if suffix else "students", "standalone", [11.0], [0], **of_share)
    for rows, mean, difference in (([told], "12.50", "-4.00"), ([told, own], "12.00", "-3.50")):
        alone, places = rendered(rows, table)
        assert alone["method"].startswith("dnn: baseline student")
        assert alone["mean (m)"].startswith(mean)
        assert places["difference, paired"].startswith(difference)


def test_a_seed_with_two_figures_is_refused_and_one_that_is_there_twice_counts_once():
    two = [
        receipt("knn", "knn", [error_m], [0], file=name)
        for name, error_m in (("a.json", 8.0), ("b.json", 9.0))
    ]
    again = receipt("knn", "knn", [8.0, 7.0], [0, 1], file="c.json")
    assert results_frame([two[0], again])["mae_m"].tolist() == [8.0, 7.0]
    with pytest.raises(DataError, match=r"a.json and b.json hold different figures of knn of seed"):
        results_frame(two)


def test_the_papers_figures_are_found_by_table():
    assert paper_figure("1", "uji", "bayescnn", "collective") == 129.95
    assert paper_figure("2", "tampere", "baat", "functional_information") == 13.78
    assert paper_figure("2", "tampere", "baat", "standalone") == 7.99
    assert paper_figure("3", "uji", "dnn", "from-tampere") == 11.73
    assert paper_figure("4", "uji", "dnn", "distilled", share=0.01) == 36.36
    assert paper_figure("4", "uji", "dnn", "distilled", share=0.012) is None
    assert paper_figure("3", "uji", "dnn", "from-tut7") is None
    assert paper_figure("1", "elsewhere", "dnn", "standalone") is None


def test_the_distribution_is_the_mean_over_seeds_of_what_receipts_keep():
    made = full_receipt(("1",))
    made["result"]["students"]["distilled"] = figures([6.0, 6.0]) | {
        "percentiles_m": [[0.0, 4.0, 8.0], [0.0, 6.0, 16.0]],
        "within_10_m": [1.0, 0.5],
    }
    made["result"]["seeds"] = [0, 1]
    first = full_receipt(("1",))
    first["result"]["students"]["distilled"] |= {
        "percentiles_m": [[0.0, 4.0, 8.0]],
        "within_10_m": [1.0],
    }
    # Seed 0 was asked for alone before: it is in two receipts and counts once.
    kept = results_frame([first, made, receipt("knn", "knn", [8.0], [0])])
    frame = distribution_frame(kept, "tampere")
    assert frame["percentile"].tolist() == [0.0, 50.0, 100.0]
    assert frame["error_m"].tolist() == [0.0, 5.0, 12.0]
    assert render_distribution(frame).splitlines()[2:] == [
        "| dnn distilled student | 2 | 75.00 ± 35.36 |"
    ]
