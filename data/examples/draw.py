"""Draw the pictures in this folder: `python data/examples/draw.py`.

They are drawn by the project's own code, so anybody may use them for anything. They prove that the plumbing
works, not that a model is good: nobody's hornets look like this.
"""

from pathlib import Path

from hornet.dataset.drawings import draw, encode_jpeg

FOLDER = Path(__file__).parent


def main() -> None:
    """Write the six pictures beside this script."""
    hornet = draw("hornet", seed=0, size=(400, 300))
    (FOLDER / "hornet-on-flower.jpg").write_bytes(encode_jpeg(hornet, quality=90))
    # What a phone held upright writes: the same picture, stored lying on its side with an EXIF tag.
    (FOLDER / "hornet-on-flower-turned.jpg").write_bytes(encode_jpeg(hornet, quality=90, orientation=6))
    draw("hornet", seed=2, size=(240, 180)).save(FOLDER / "hornet-on-hive.png", optimize=True)
    (FOLDER / "wasp-on-flower.jpg").write_bytes(encode_jpeg(draw("wasp", seed=3, size=(400, 300))))
    (FOLDER / "bee-on-hive.jpg").write_bytes(encode_jpeg(draw("bee", seed=1, size=(400, 300))))
    (FOLDER / "leaves.jpg").write_bytes(encode_jpeg(draw("leaves", seed=1, size=(300, 400))))
    for path in sorted(FOLDER.glob("*.[jp][pn]g")):
        print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
