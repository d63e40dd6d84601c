"""Labels that people write with a spreadsheet."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import LabelsError
from appliance.tune.labels import parse_labels
from tests.fuzz.effort import effort
from tests.fuzz.hostile import TEXTS, damaged
from tests.fuzz.promise import result_or_refusal
from tests.fuzz.samples import LABELS

cells = st.sampled_from(
    [*TEXTS, "a.jpg", "1", "2", "0.5", "-0", "nan", "1e-400", "\u0660", '"', '""', "x" * 140_000]
)
rows = st.lists(cells | st.just("1"), min_size=1, max_size=5).map(",".join)


@effort(200)
@given(
    st.lists(rows, max_size=5).map(lambda lines: "\n".join(["image,compartment,leftover", *lines]))
    | damaged(LABELS.encode()).map(lambda content: content.decode(errors="replace"))
)
def test_labels_are_read_or_refused_in_one_line(text: str) -> None:
    labels = result_or_refusal(
        lambda: parse_labels(text, "labels.csv", Path("/pictures"), [1, 2]), LabelsError, "labels.csv"
    )
    for label in labels or ():
        assert 0 <= label.leftover <= 1
        assert label.compartment in (1, 2)
