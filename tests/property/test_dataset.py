"""What holds for any data set."""

import tempfile
from pathlib import Path

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hornet.dataset import SPLITS, Dataset, Record, read_manifest, split_dataset, write_manifest
from hornet.errors import EmptyClass

# No surrogates and no NUL: what a file name can be on every system; the manifest's own columns aside.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
NAME = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0/\\"), min_size=1, max_size=20
).filter(lambda name: name.strip() and name not in {".", ".."})
EDGE = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted).filter(lambda edge: edge[0] < edge[1])
BOX = st.tuples(EDGE, EDGE).map(lambda xy: (xy[0][0], xy[1][0], xy[0][1], xy[1][1]))


@st.composite
def records(draw):
    """Draw records with distinct names and any text in their columns."""
    names = draw(st.lists(NAME, min_size=1, max_size=6, unique_by=str.casefold))
    return tuple(
        Record(
            name=name,
            path=Path("/pictures") / name,
            label=draw(st.sampled_from([0, 1])),
            group=draw(TEXT).strip(),
            source=draw(TEXT).strip(),
            camera=draw(TEXT).strip(),
            captured_at=draw(st.one_of(st.just(""), st.datetimes().map(lambda t: t.isoformat()))),
            split=draw(st.sampled_from(["", *SPLITS])),
            masks=tuple(draw(st.lists(BOX, max_size=2))),
            extra=(("remark", draw(TEXT)),),
        )
        for name in names
    )


@given(records())
@settings(max_examples=60, deadline=None)
def test_manifests_round_trip(made):
    """Whatever text is in the columns, reading what was written gives the same records."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run" / "manifest.csv"
        write_manifest(Dataset(made, Path("/pictures"), ("path", "label", "remark")), path)
        again = read_manifest(path, check_files=False)

        def content(record):
            return (
                record.label,
                *(record.column(c) for c in ("group", "source", "camera", "captured_at", "split")),
            )

        assert [content(r) for r in made] == [content(r) for r in again.records]
        assert [(r.masks, r.extra) for r in made] == [(r.masks, r.extra) for r in again.records]
        assert [r.path.name for r in made] == [r.path.name for r in again.records]


@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, 40), st.sampled_from("ab")), min_size=6, max_size=120
    ),
    st.floats(0.05, 0.4),
    st.floats(0, 0.4),
    st.integers(0, 3),
)
@settings(max_examples=40, deadline=None)
def test_splits_share_no_group(rows, validation, test, seed):
    """No group lies in two splits, every picture has one, and each split that was asked for has both classes."""
    data = Dataset(
        tuple(Record(str(i), Path(str(i)), y, f"g{g}", s) for i, (y, g, s) in enumerate(rows)), Path()
    )
    try:
        result = split_dataset(data, validation=validation, test=test, seed=seed)
    except EmptyClass:
        # Only where a class really lies in too few groups.
        needed = 2 + (test > 0)
        groups = [{g for y, g, _ in rows if y == c} for c in (0, 1)]
        assume(min(map(len, groups)) >= needed)
        raise
    where: dict[str, set[str]] = {}
    for group, split in zip(result.groups(), result.splits(), strict=True):
        where.setdefault(group, set()).add(split)

    assert {1} == {len(splits) for splits in where.values()}
    for split in SPLITS if test > 0 else SPLITS[:2]:
        assert {0, 1} == set(result.subset(split).labels().tolist())
