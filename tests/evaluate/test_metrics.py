"""evaluate.metrics: equal to scikit-learn, absent classes included, and explains what it refuses."""

import json

import numpy as np
import pytest
import torch
from sklearn import metrics as sk

from striate.errors import DataError, ShapeError
from striate.evaluate.metrics import Average, Metrics, measure, wilson


def draw(samples: int, classes: int, *, labels_below: int | None = None, seed: int = 0):
    """Draw rows of probabilities and labels; `labels_below` leaves the last classes out of the truth."""
    random = torch.Generator().manual_seed(seed)
    p = (2 * torch.randn(samples, classes, generator=random)).softmax(1)
    labels = torch.randint(0, labels_below or classes, (samples,), generator=random)
    return p, labels, [f"class {i}" for i in range(classes)]


# One line per corner: (name, samples, classes, classes in the truth).
CASES = [
    ("two classes", 50, 2, 2),
    ("ten classes", 360, 10, 10),
    ("more classes than samples", 20, 100, 100),
    ("classes absent from the truth", 200, 12, 7),
    ("truth of one class", 30, 4, 1),
    ("single sample", 1, 3, 3),
    ("six classes: top 5 means something", 80, 6, 6),
]
cases = pytest.mark.parametrize("case", [c[1:] for c in CASES], ids=[c[0] for c in CASES])


@cases
def test_equals_scikit_learn(case):
    """Every number that scikit-learn has is scikit-learn's, with its own defaults and zero_division=0."""
    samples, k, below = case
    p, labels, names = draw(samples, k, labels_below=below)
    m, everything = measure(p, labels, names), list(range(k))
    guess, truth = p.argmax(1).numpy(), labels.numpy()
    assert m.accuracy == pytest.approx(sk.accuracy_score(truth, guess))
    assert np.array_equal(m.confusion, sk.confusion_matrix(truth, guess, labels=everything))
    rows = sk.precision_recall_fscore_support(truth, guess, labels=everything, zero_division=0)
    for row, precision, recall, f1, support in zip(m.classes, *rows, strict=True):
        assert (row.precision, row.recall, row.f1) == pytest.approx((precision, recall, f1))
        assert (row.support, row.predicted) == (support, (guess == names.index(row.name)).sum())
    for how, average in (("macro", m.macro), ("weighted", m.weighted)):
        want = sk.precision_recall_fscore_support(truth, guess, average=how, zero_division=0)[:3]
        assert (average.precision, average.recall, average.f1) == pytest.approx(want)
    assert m.cross_entropy == pytest.approx(sk.log_loss(truth, p.numpy(), labels=everything), rel=1e-5)


@pytest.mark.parametrize(("samples", "k"), [(80, 6), (360, 10), (50, 100)])
def test_top_k_equals_scikit_learn(samples, k):
    """The true class is among the five most probable as often as scikit-learn says."""
    p, labels, names = draw(samples, k)
    m = measure(p, labels, names)
    want = sk.top_k_accuracy_score(labels.numpy(), p.numpy(), k=5, labels=list(range(k)))
    assert (m.top_k, m.top_k_accuracy) == (5, pytest.approx(want))


def test_top_k_of_few_classes_is_all_of_them():
    """With three classes there is no fourth to look at, and the number says so."""
    m = measure(*draw(20, 3))
    assert (m.top_k, m.top_k_accuracy) == (3, 1.0)


def test_perfect_predictions_score_one_though_a_class_is_absent():
    """A class in neither truth nor prediction is left out of the macro average instead of counting as 0."""
    labels = torch.tensor([0, 1, 1, 3])
    m = measure(torch.eye(5)[labels], labels, list("abcde"))
    assert m.macro == m.weighted == Average(1, 1, 1)
    assert [row.occurs for row in m.classes] == [True, True, False, True, False]
    assert (m.classes[2].precision, m.classes[2].recall, m.classes[2].f1) == (0, 0, 0)
    assert (m.calibration_error, m.cross_entropy) == (0, 0)


@pytest.mark.parametrize("k", [2, 10, 97])
def test_perfect_is_exactly_one(k):
    """Not 1.0000001: the shares are of whole numbers, in double precision."""
    labels = torch.arange(3 * k) % k
    m = measure(torch.eye(k)[labels], labels, [str(i) for i in range(k)])
    assert (m.macro, m.weighted) == (Average(1, 1, 1), Average(1, 1, 1))


@cases
def test_shares_are_those_of_torchmetrics(case):
    """Per class and averaged, to the precision with which the library divides."""
    from torchmetrics.functional import classification as tm

    samples, k, below = case
    p, labels, names = draw(samples, k, labels_below=below)
    m = measure(p, labels, names)
    for score in ("precision", "recall", "f1"):
        function = getattr(tm, f"multiclass_{score}" + "_score" * (score == "f1"))
        for how, found in (("macro", getattr(m.macro, score)), ("weighted", getattr(m.weighted, score))):
            assert found == pytest.approx(float(function(p.argmax(1), labels, k, average=how)), abs=1e-6)
        each = function(p.argmax(1), labels, k, average="none").tolist()
        assert [getattr(row, score) for row in m.classes] == pytest.approx(each, abs=1e-6)


def test_whole_set_is_not_the_mean_of_its_batches():
    """Macro F1 of two halves, averaged, is another number than that of the whole: only the latter is given."""
    p, labels, names = draw(40, 4)
    halves = [measure(p[half], labels[half], names).macro.f1 for half in (slice(20), slice(20, 40))]
    whole = measure(p, labels, names).macro.f1
    assert whole == pytest.approx(sk.f1_score(labels, p.argmax(1), average="macro"))
    assert abs(sum(halves) / 2 - whole) > 1e-3


def test_order_of_the_samples_does_not_matter():
    """The same rows in another order give the same numbers."""
    p, labels, names = draw(100, 5)
    order = torch.randperm(100, generator=torch.Generator().manual_seed(3))
    one, other = measure(p, labels, names), measure(p[order], labels[order], names)
    assert one.confusion == other.confusion
    assert one.calibration_error == pytest.approx(other.calibration_error)


def test_calibration_error_by_hand():
    """Four predictions in three bins: 1/4 |1 - 0.95| + 1/4 |0 - 0.55| + 2/4 |1/2 - 0.72|."""
    confidence = torch.tensor([0.95, 0.55, 0.71, 0.73], dtype=torch.float64)
    m = measure(torch.stack([confidence, 1 - confidence], 1), torch.tensor([0, 1, 0, 1]), ["yes", "no"])
    assert m.calibration_error == pytest.approx(0.0125 + 0.1375 + 0.11)
    filled = {i: b for i, b in enumerate(m.calibration_bins) if b.count}
    assert [(i, b.count, b.accuracy) for i, b in filled.items()] == [(8, 1, 0.0), (10, 2, 0.5), (14, 1, 1.0)]
    assert filled[10].confidence == pytest.approx(0.72)
    assert (m.calibration_bins[0].confidence, m.calibration_bins[0].accuracy) == (None, None)
    assert [m.calibration_bins[i].upper for i in (2, 14)] == pytest.approx([0.2, 1])


def test_calibration_error_is_torchmetrics_where_nothing_is_certain():
    """Away from a confidence of exactly 1 the library's number is the same."""
    from torchmetrics.functional.classification import multiclass_calibration_error

    p, labels, names = draw(500, 7)
    want = multiclass_calibration_error(p.double(), labels, 7, n_bins=15, norm="l1")
    assert measure(p, labels, names).calibration_error == pytest.approx(float(want), abs=1e-6)


def test_certainty_belongs_to_the_last_bin():
    """A confidence of 1 is in the bin that ends at 1."""
    m = measure(torch.tensor([[1.0, 0.0], [0.97, 0.03]]), torch.tensor([0, 1]), ["a", "b"])
    assert m.calibration_bins[-1].count == 2
    assert m.calibration_error == pytest.approx(abs(0.5 - 0.985))


def test_impossible_truth_costs_much_and_not_infinity():
    """A true class of probability 0 counts as 1.2e-7."""
    m = measure(torch.tensor([[1.0, 0.0]]), torch.tensor([1]), ["a", "b"])
    assert m.cross_entropy == pytest.approx(-np.log(1.1920929e-07))


def test_half_precision_is_judged_as_it_is():
    """Rows of bfloat16 sum to 1 only roughly, and are taken."""
    p, labels, names = draw(50, 10)
    assert measure(p.bfloat16(), labels.int(), names).samples == 50


@pytest.mark.parametrize(
    ("correct", "samples", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662), (355, 360, 0.9679, 0.9941)],
)
def test_wilson_interval(correct, samples, low, high):
    """Published and independently computed values (81 of 263: Newcombe 1998, method 3)."""
    assert wilson(correct, samples) == pytest.approx((low, high), abs=5e-5)


@cases
def test_json_round_trip(case):
    """Plain numbers out, an equal Metrics back in."""
    samples, k, below = case
    m = measure(*draw(samples, k, labels_below=below))
    assert Metrics.from_json(json.loads(json.dumps(m.to_json(), allow_nan=False))) == m


@pytest.mark.refusal
@pytest.mark.parametrize(
    ("p", "labels", "classes"),
    [((3, 2), (4,), 2), ((3, 2), (3,), 3), ((0, 2), (0,), 2), ((3, 1), (3,), 1), ((3,), (3,), 2)],
    ids=["labels", "classes", "no samples", "one class", "one axis"],
)
def test_sizes_that_do_not_fit_are_explained(p, labels, classes):
    """The message names the rule and every size."""
    with pytest.raises(ShapeError) as error:
        measure(torch.ones(p), torch.zeros(labels, dtype=torch.long), ["a"] * classes)
    assert str(error.value) == (
        "measure: probabilities, labels and classes do not fit together.\n"
        f"  probabilities  {p}\n"
        f"  labels         {labels}\n"
        f"  classes        {classes}\n"
        "Pass one row of probabilities a label and one column a class; at least one sample and two classes."
    )


@pytest.mark.refusal
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_non_finite_probabilities_are_explained(value):
    """The message says which rows."""
    p, labels, names = draw(20, 3)
    p[[3, 5, 6, 7, 8, 11], 1] = value
    with pytest.raises(DataError) as error:
        measure(p, labels, names)
    assert str(error.value) == (
        "measure: not every probability is finite.\n"
        "  rows     3, 5, 6, 7, 8 and 1 more\n"
        "  samples  20\n"
        "Look at these samples and at the weights of the network: an infinite or NaN score judges nothing."
    )


@pytest.mark.refusal
@pytest.mark.parametrize("row", [[2.0, 1.0, -1.0], [-0.5, 1.0, 0.5], [0.0, 0.0, 0.0]], ids=str)
def test_logits_are_explained(row):
    """What is no distribution is refused before it is taken for one."""
    p, labels, names = draw(4, 3)
    p[2] = torch.tensor(row)
    with pytest.raises(DataError) as error:
        measure(p, labels, names)
    assert str(error.value) == (
        "measure: not every row is a distribution: numbers from 0 that sum to 1.\n"
        "  rows     2\n"
        "  samples  4\n"
        "Pass probabilities; of logits take softmax(1) first."
    )


@pytest.mark.refusal
def test_labels_out_of_range_are_explained():
    """The message names the labels, the rows and the number of classes."""
    p, labels, names = draw(4, 3)
    labels[[0, 2, 3]] = torch.tensor([3, -1, 3])
    with pytest.raises(DataError) as error:
        measure(p, labels, names)
    assert str(error.value) == (
        "measure: not every label is an index into classes.\n"
        "  rows     0, 2, 3\n"
        "  labels   -1, 3\n"
        "  classes  3\n"
        "Pass labels from 0 up to the number of classes less one."
    )


@pytest.mark.refusal
def test_record_of_something_else_is_explained():
    """The message lists the fields that are missing and those that are unknown."""
    record = measure(*draw(4, 3)).to_json()
    record["precision"] = record.pop("macro")
    with pytest.raises(DataError) as error:
        Metrics.from_json(record)
    assert str(error.value) == (
        "Metrics.from_json: these are not the fields of a Metrics.\n"
        "  missing  macro\n"
        "  unknown  precision\n"
        "Pass what Metrics.to_json gave, of this version; or evaluate again."
    )
