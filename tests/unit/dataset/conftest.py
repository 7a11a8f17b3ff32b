"""Files that stand for pictures: reading a manifest doesn't decode them."""

import pytest


@pytest.fixture
def folder(tmp_path):
    """Return a folder with three files a.jpg, b.jpg and sub/c.jpg."""
    (tmp_path / "sub").mkdir()
    for name in ("a.jpg", "b.jpg", "sub/c.jpg"):
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


@pytest.fixture
def manifest(folder):
    """Return a function that writes a manifest into the folder."""

    def write(text, encoding="utf-8"):
        path = folder / "manifest.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return write
