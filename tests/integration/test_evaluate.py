"""`hornet evaluate` from its arguments to its exit code, with a small artifact."""

import json
import sys

import numpy as np
import pytest
from PIL import Image

from hornet.classifier import Classifier


@pytest.fixture
def hornet(monkeypatch, capsys):
    """Return a function that runs the command line and returns exit code, stdout and stderr."""
    from hornet.cli import main

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["hornet", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
        return (exit_.value.code or 0, *capsys.readouterr())

    return run


@pytest.fixture
def model(make_artifact, tmp_path):
    """Return a model file that is unsure from 0.4 to 0.6; the redder, the more present."""
    return make_artifact(tmp_path / "model.onnx", low=0.4, high=0.6)


@pytest.fixture
def data(tmp_path):
    """Return a manifest of 24 pictures in 12 groups, half of them test, some turned by their EXIF tag."""
    generator = np.random.default_rng(0)
    lines = ["path,label,group,source,camera,captured_at,split,mask"]
    exif = Image.Exif()
    exif[0x0112] = 6
    for i in range(24):
        label = i % 2
        red = int(np.clip(generator.normal(30 if label else -30, 40), -255, 255))
        image = Image.new("RGB", (24, 16), (max(red, 0), 0, max(-red, 0)))
        image.paste((0, 0, 255), (0, 0, 6, 16))
        image.save(tmp_path / f"{i}.png", exif=exif if i % 5 == 0 else None)
        mask = "0 0 1 0.25" if i % 3 == 0 else ""
        lines.append(
            f"{i}.png,{['absence', 'presence'][label]},g{i // 2},{'trap' if i < 12 else 'portal'},c{i % 3},"
            f"2024-08-{1 + i // 8:02}T12:00:00,{'test' if i >= 4 else 'train'},{mask}"
        )
    (tmp_path / "manifest.csv").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path / "manifest.csv"


def test_figures_in_text_and_json(hornet, model, data, tmp_path):
    """The table goes to stdout, the same figures to the JSON file; test pictures only."""
    code, out, err = hornet(
        "evaluate", data, "--model", model, "--stratum", "camera,day", "--json", tmp_path / "out.json"
    )
    document = json.loads((tmp_path / "out.json").read_text("utf-8"))
    auc = document["overall"]["metrics"]["roc_auc"]

    assert 0 == code
    assert f"model {model}" in err
    assert ("test", 20, 10) == (document["split"], document["pictures"], document["overall"]["groups"])
    assert "group-bootstrap" == document["overall"]["interval"]
    assert f"{auc['value']:.3f} ({auc['low']:.3f} to {auc['high']:.3f})" in out
    assert ["camera", "day"] == document["within_strata"]["columns"]
    assert {"trap", "portal"} == set(document["by_source"])
    assert {"count", "share", "low", "high"} == set(document["unsure"])


def test_same_answers_as_predict(hornet, model, data):
    """The confusion is what single predictions give, masks and turned pictures included."""
    from hornet.dataset import load_dataset

    classifier = Classifier.open(model, threads=1)
    counts = dict.fromkeys(("tp", "fp", "fn", "tn"), 0)
    for record in load_dataset(data).records:
        assert record.label is not None
        called = classifier.predict(record.path, masks=record.masks).probability >= 0.5
        counts[("tn", "fp", "fn", "tp")[2 * record.label + called]] += 1
    code, out, _ = hornet("evaluate", data, "--model", model, "--split", "all", "--json", "-", "--quiet")

    assert 0 == code
    assert counts == json.loads(out)["overall"]["confusion"]


@pytest.mark.parametrize(
    "options", [("--batch", "1"), ("--batch", "7", "--workers", "1"), ("--workers", "3")]
)
def test_batches_and_workers(hornet, model, data, options):
    """Batch size and workers change nothing."""
    _, expected, _ = hornet("evaluate", data, "--model", model)

    assert expected == hornet("evaluate", data, "--model", model, *options)[1]


def test_class_folders(hornet, model, tmp_path):
    """A folder of class folders works, and says what it understood."""
    for name, colour in (("frelon", (255, 0, 0)), ("pas_frelon", (0, 0, 255))):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        Image.new("RGB", (8, 8), colour).save(tmp_path / "pictures" / name / "a.png")
    code, out, err = hornet("evaluate", tmp_path / "pictures", "--model", model)

    assert 0 == code
    assert "folder frelon -> present" in err
    assert "All 2 pictures, 1 with a hornet, 2 groups" in out


def test_some_failed(hornet, model, data):
    """A damaged picture is told, the others are measured, and the exit code is 3."""
    (data.parent / "20.png").write_bytes(b"damaged")
    code, out, err = hornet("evaluate", data, "--model", model)

    assert 3 == code
    assert "20.png: unreadable: " in out
    assert "1 picture could not be read" in err
    assert "19 pictures" in out


def test_one_class(hornet, model, tmp_path):
    """Pictures of one class only have no AUC, and say so instead of crashing."""
    Image.new("RGB", (8, 8), (255, 0, 0)).save(tmp_path / "a.png")
    (tmp_path / "m.csv").write_text("path,label\na.png,1\n", encoding="utf-8")
    code, out, _ = hornet("evaluate", tmp_path / "m.csv", "--model", model)

    assert 0 == code
    assert "- (all pictures are of one class)" in out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("{folder}/none.csv",), 1, "isn't there"),
        (("{data}", "--split", "validation"), 1, "No picture has the split 'validation'"),
        (("{data}", "--stratum", "hive"), 1, "There is no column 'hive'"),
        (("{data}", "--split", "dev"), 2, "dev"),
        (("{data}", "--batch", "0"), 2, "--batch"),
        ((), 2, "DATA"),
    ],
)
def test_mistakes(hornet, model, data, *, arguments, code, message):
    """Mistakes end with a sentence and the documented exit code; nothing is on stdout."""
    filled = [a.format(folder=data.parent, data=data) for a in arguments]
    got, out, err = hornet("evaluate", *filled, "--model", model)

    assert (code, "") == (got, out)
    assert message in err
    assert "Traceback" not in err


def test_test_time_augmentation_changes_the_figures_and_is_reported(hornet, model, data, tmp_path):
    """Text and JSON say how many views there were, and that predicting has one."""
    found = {}
    for tta in ("none", "tencrop"):
        code, out, _ = hornet("evaluate", data, "--model", model, "--tta", tta, "--json", tmp_path / tta)
        assert 0 == code
        document = json.loads((tmp_path / tta).read_text("utf-8"))
        found[tta] = document["overall"]["metrics"]["log_loss"]["value"]
        assert ("10 views" in out) == (tta == "tencrop")
        assert {"name": tta, "views": 10 if tta == "tencrop" else 1} == document["tta"]

    assert found["none"] != found["tencrop"]


@pytest.fixture
def drawn(tmp_path):
    """Return class folders of drawn pictures."""
    from hornet.dataset.drawings import draw

    for i in range(12):
        folder = tmp_path / "drawn" / ("presence" if i % 2 else "absence")
        folder.mkdir(parents=True, exist_ok=True)
        kind = "hornet" if i % 2 else ("wasp", "bee", "leaves")[i // 2 % 3]
        draw(kind, seed=i, size=(40, 30)).save(folder / f"{i}.png")
    return tmp_path / "drawn"


def test_all_corruptions(hornet, model, drawn, tmp_path):
    """`--corruptions` alone measures all eight in five severities; table, JSON and plot agree on them."""
    code, out, _ = hornet(
        "evaluate",
        "--corruptions",
        drawn,
        "--model",
        model,
        "--json",
        tmp_path / "out.json",
        "--out",
        tmp_path / "p",
    )
    document = json.loads((tmp_path / "out.json").read_text("utf-8"))["corruptions"]
    names = ["noise", "defocus", "motion", "brightness", "fog", "rain", "jpeg", "downscale"]

    assert 0 == code
    assert names == list(document["by_corruption"])
    assert ["1", "2", "3", "4", "5"] == list(document["by_corruption"]["rain"]["severities"])
    assert f"{document['mean']['f1']['value']:.3f}" in next(
        x for x in out.splitlines() if x.startswith("mean corr")
    )
    assert 40 == sum(
        line.split()[:1] == [name] and line.split()[1] in "12345"
        for name in names
        for line in out.splitlines()
    )
    assert (tmp_path / "p" / "corruptions.png").stat().st_size > 10_000
    assert (tmp_path / "p" / "examples.png").stat().st_size > 10_000


def test_some_corruptions(hornet, model, drawn):
    """Chosen ones are measured, others not; clean figures stay what they are without."""
    _, plain, _ = hornet("evaluate", drawn, "--model", model, "--json", "-")
    options = ("--corruption", "rain,fog", "--corruption", "jpeg", "--severities", "5,1")
    code, out, _ = hornet("evaluate", drawn, "--model", model, *options, "--json", "-")
    document = json.loads(out)
    corruptions = document.pop("corruptions")

    assert 0 == code
    assert json.loads(plain) == document
    assert ["rain", "fog", "jpeg"] == list(corruptions["by_corruption"])
    assert [1, 5] == corruptions["severities"]
    assert document["overall"]["confusion"] == corruptions["clean"]["confusion"]


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--corruption", "snow"), 1, "There is no corruption 'snow'"),
        (("--corruptions", "--severities", "0"), 1, "There is no severity 0"),
        (("--corruptions", "--severities", "high"), 2, "write numbers such as 1,3,5"),
        (("--severities", "1"), 2, "needs --corruptions or --corruption NAME"),
        (("--out", "plots"), 2, "needs --corruptions: nothing else is drawn"),
        (("--corruptions", "--tta", "flip"), 2, "leave --tta out"),
    ],
)
def test_mistakes_with_corruptions(hornet, model, data, *, options, code, message):
    """They are told before anything is predicted."""
    got, out, err = hornet("evaluate", data, "--model", model, *options)

    assert (code, "") == (got, out)
    assert message in " ".join(err.split())


def test_report_of_any_model_on_any_pictures(hornet, model, data, tmp_path):
    """A report is written beside the figures: what the file is asked about, with pictures, and how to repeat it."""
    audit = {
        "findings": [{"name": "leakage", "sentence": "Older words.", "facts": {}, "pictures": ["5.png"]}]
    }
    (tmp_path / "audit.json").write_text(json.dumps(audit), encoding="utf-8")
    report = tmp_path / "sub" / "report.html"
    code, out, err = hornet(
        "evaluate", data, "--model", model, "--report", report, "--audit", tmp_path / "audit.json"
    )
    text = report.read_text("utf-8")

    assert 0 == code
    assert f"report {report}" in err
    assert "On these pictures, it finds" in text
    assert "Don&#x27;t believe these figures yet. The audit found: leakage" in text
    assert f"hornet evaluate {data}" in text
    # Each with its heatmap beside it, but the audit's example.
    assert 1 == text.count('<img src="data:image/jpeg;base64,') % 2
    assert "5.png" in text
    assert 0 == hornet("evaluate", data, "--model", model, "--report", report, "--no-pictures")[0]
    assert "<img" not in report.read_text("utf-8")
    assert out == hornet("evaluate", data, "--model", model)[1]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--audit", "{folder}/none.json"), 2, "needs --report"),
        (("--report", "{folder}/r.html", "--audit", "{folder}/none.json"), 1, "none.json can't be read"),
        (("--report", "{folder}/r.html", "--audit", "{folder}/list.json"), 1, "is no audit"),
        (("--report", "{folder}"), 1, "choose another --report"),
    ],
)
def test_mistakes_with_reports(hornet, model, data, *, arguments, code, message):
    """What can't be read or written is told in a sentence."""
    (data.parent / "list.json").write_text("[]", encoding="utf-8")
    filled = [a.format(folder=data.parent) for a in arguments]
    got, _, err = hornet("evaluate", data, "--model", model, *filled)

    assert code == got
    assert message in err
    assert "Traceback" not in err
