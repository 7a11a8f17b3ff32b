"""Starting weights: from a server, from files, from nothing, and what is said about them."""

import hashlib
import io
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch
from safetensors.torch import save_file

from hornet.errors import ConfigError, HornetError
from hornet.training.network import HornetNet
from hornet.training.weights import StartingPoint, fetch_imagenet, initialise, read_state, start, take


@pytest.fixture(scope="module")
def state():
    """Return the tensors of some other ResNet-18."""
    torch.manual_seed(7)
    return HornetNet().state_dict()


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Serve ``files`` on loopback, with torch's cache in a temporary folder; yields (address, files, hits)."""
    files: dict[str, bytes] = {}
    hits: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            hits.append(self.path)
            data = files.get(self.path.lstrip("/"))
            self.send_response(404 if data is None else 200)
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            self.wfile.write(data or b"")

        def log_message(self, *_):
            """Stay silent."""

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_port}", files, hits
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def _publish(files, state):
    buffer = io.BytesIO()
    torch.save(state, buffer)
    name = f"resnet18-{hashlib.sha256(buffer.getvalue()).hexdigest()[:8]}.pth"
    files[name] = buffer.getvalue()
    return name


def test_imagenet_weights_are_downloaded_once(server, state, monkeypatch):
    """The download lands in the cache, is loaded from there, and isn't repeated."""
    address, files, hits = server
    name = _publish(files, {k: v for k, v in state.items() if not k.startswith("fc.")})
    monkeypatch.setenv("HORNET_WEIGHTS_URL", f"{address}/{name}")
    network = HornetNet()

    first = start(network, "imagenet", init="kaiming")
    start(HornetNet(), "imagenet", init="kaiming")

    assert [f"/{name}"] == hits
    assert frozenset({"fc.weight", "fc.bias"}) == first.initialised
    assert torch.equal(state["layer3.1.conv2.weight"], network.state_dict()["layer3.1.conv2.weight"])


def test_a_download_that_is_not_what_its_name_says_is_refused(server, state):
    """The hash in the name is checked, and nothing stays in the cache."""
    address, files, _ = server
    name = _publish(files, state)
    files[name] = files[name][:-1] + b"?"

    with pytest.raises(HornetError, match="not the file that its name says"):
        fetch_imagenet(f"{address}/{name}")
    with pytest.raises(HornetError, match="not the file that its name says"):
        fetch_imagenet(f"{address}/{name}")


def test_a_damaged_cached_file_is_downloaded_again(server, state):
    """The hash is checked each time, not only after the download."""
    address, files, hits = server
    name = _publish(files, state)
    file = fetch_imagenet(f"{address}/{name}")
    file.write_bytes(b"half a file")

    again = fetch_imagenet(f"{address}/{name}")

    assert (2, files[name]) == (len(hits), again.read_bytes())


def test_without_a_network_the_advice_is_a_local_file(server):
    """A failed download says how to go on without it."""
    address, _, _ = server

    with pytest.raises(HornetError, match="--weights FILE"):
        fetch_imagenet(f"{address}/resnet18-0123abcd.pth")
    with pytest.raises(HornetError, match="--weights FILE"):
        fetch_imagenet("http://127.0.0.1:9/resnet18-0123abcd.pth")


@pytest.mark.parametrize(
    "address", ["ftp://x/resnet18-0123abcd.pth", "https://x/resnet18.pth", "file:///etc/a-01234567.pth"]
)
def test_an_address_without_a_hash_or_http_is_refused(address):
    """Nothing is downloaded that can't be checked."""
    with pytest.raises(ConfigError, match="HORNET_WEIGHTS_URL"):
        fetch_imagenet(address)


def test_half_precision_is_cast_and_a_thousand_class_head_is_left(state, tmp_path):
    """A float16 ImageNet file gives a float32 network with a new head."""
    half = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
    half["fc.weight"], half["fc.bias"] = torch.ones(1000, 512).half(), torch.ones(1000).half()
    save_file(half, tmp_path / "imagenet.safetensors")
    network = HornetNet()

    point = start(network, str(tmp_path / "imagenet.safetensors"), init="kaiming")

    loaded = network.state_dict()
    assert {"fc.weight", "fc.bias"} == point.initialised == point.left
    assert torch.float32 == loaded["conv1.weight"].dtype
    assert torch.equal(half["conv1.weight"].float(), loaded["conv1.weight"])


def test_a_two_class_head_is_taken(state, tmp_path):
    """A network that already knows hornets keeps its head."""
    torch.save({"state_dict": state}, tmp_path / "w.pth")
    network = HornetNet()

    point = start(network, str(tmp_path / "w.pth"), init="kaiming")

    assert (frozenset(state), frozenset()) == (point.taken, point.initialised)
    assert torch.equal(state["fc.weight"], network.fc.weight)


def test_a_partial_file_says_what_it_gave_and_where_features_can_be_cached(state):
    """Without layer4's 3 x 3 convolutions, the last stage fully loaded is layer3."""
    partial = {k: v for k, v in state.items() if not (k.startswith("layer4") and "downsample" not in k)}
    network = HornetNet()

    point = take(network, {k: v for k, v in partial.items() if not k.startswith("fc.")}, origin="some.pth")

    assert ("stem", "layer1", "layer2", "layer3") == point.frozen_stages()
    assert [
        "weights: some.pth: took 96 tensors (bn1, conv1, layer1, layer2, layer3, layer4.0.downsample)",
        "weights: initialised 26 tensors (fc, layer4.0.bn1, layer4.0.bn2, layer4.0.conv1, layer4.0.conv2, layer4.1)",
    ] == point.describe()


def test_a_starting_point_survives_a_checkpoint():
    """What is stored is what comes back."""
    point = StartingPoint("x.pth", frozenset({"a"}), frozenset({"b", "c"}), frozenset({"d"}))

    assert point == StartingPoint.from_dict(point.to_dict())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s | {"layer1.0.conv3.weight": torch.zeros(1)}, "layer1.0.conv3.weight"),
        (
            lambda s: s | {"conv1.weight": torch.zeros(64, 3, 3, 3)},
            r"conv1.weight has the shape \(64, 3, 3, 3\)",
        ),
        (lambda s: s | {"conv1.weight": s["conv1.weight"] * torch.nan}, "not finite"),
        (lambda _: {"fc.weight": torch.zeros(1000, 512), "fc.bias": torch.zeros(1000)}, "nothing"),
    ],
)
def test_weights_of_something_else_are_refused(state, change, said):
    """Unknown tensors, other shapes and damaged values are errors, not a silent half-load."""
    with pytest.raises(ConfigError, match=said):
        take(HornetNet(), change(dict(state)), origin="x.pth")


class _Evil:
    def __reduce__(self):
        return (print, ("code was run",))


def test_a_file_never_runs_code(tmp_path, capsys):
    """A pickle with more than tensors is refused without being executed."""
    torch.save({"conv1.weight": _Evil()}, tmp_path / "evil.pth")

    with pytest.raises(ConfigError, match="more than tensors"):
        read_state(tmp_path / "evil.pth")
    assert "" == capsys.readouterr().out


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors", "w.bin", "absent.pth"])
def test_a_file_that_is_no_weights_file_is_named(tmp_path, name):
    """Garbage, another extension or no file: a ConfigError with the name."""
    if not name.startswith("absent"):
        (tmp_path / name).write_bytes(b"not weights")

    with pytest.raises(ConfigError, match=name):
        read_state(tmp_path / name)


def test_kaiming_and_xavier_draw_what_their_papers_say():
    """The spread of a convolution is sqrt(2 / fan_out), or sqrt(2 / (fan_in + fan_out))."""
    torch.manual_seed(0)
    network = HornetNet()
    initialise(network, "kaiming")
    kaiming = network.layer3[0].conv1.weight.std().item()
    initialise(network, "xavier")
    xavier = network.layer3[0].conv1.weight.std().item()

    assert (2 / (256 * 9)) ** 0.5 == pytest.approx(kaiming, rel=0.02)
    assert (2 / ((128 + 256) * 9)) ** 0.5 == pytest.approx(xavier, rel=0.02)
