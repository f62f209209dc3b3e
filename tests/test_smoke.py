"""Ten seconds that tell whether anything is badly wrong: train, judge, predict, report."""

import numpy as np
from PIL import Image

import striate


def test_from_data_to_a_judged_network(tmp_path):
    """The main job, end to end, once."""
    run = striate.train("digits", model="lenet5", epochs=2, out=tmp_path, where=striate.Where(progress="none"))
    found = striate.evaluate(run)
    assert found.metrics.accuracy > 0.7
    assert {"metrics.json", "predictions.csv", "report.html"} <= {path.name for path in run.path.iterdir()}
    picture = tmp_path / "digit.png"
    image = striate.open_dataset("digits").parts["test"].read(0)
    Image.fromarray(np.round(image[0] * 255).astype(np.uint8)).save(picture)
    (said,) = striate.predict(run, [picture])
    assert said.prediction
    assert said.prediction.classes[0] in "0123456789"
