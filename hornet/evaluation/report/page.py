"""The page around the sections: style, language switch, tables, pictures, and a policy that lets nothing in or out."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Final

from hornet.evaluation.words import WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from hornet.evaluation.facts import Illustration
    from hornet.evaluation.words import Said, Words

STYLE: Final = """
:root { color-scheme: light dark; --paper: #fdfcfa; --ink: #1c1917; --quiet: #57534e; --line: #d6d3d1; --soft: #f2efea;
  --mark: #9a4a00; --good: #dcefe3; --bad: #fbe0d3; --a: #0072b2; --b: #c24a00; --c: #00795a; --frame: #78716c; }
@media (prefers-color-scheme: dark) { :root { --paper: #191715; --ink: #ebe7e3; --quiet: #b5afa8; --line: #45403c; --soft: #26231f;
  --mark: #fbbf24; --good: #173a28; --bad: #4d2415; --a: #56b4e9; --b: #f2a03d; --c: #3ecf9e; --frame: #a8a29e; } }
* { box-sizing: border-box; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0; background: var(--paper); color: var(--ink); overflow-wrap: anywhere; }
header, main { max-width: 66rem; margin: 0 auto; padding: 0 1rem; }
header { padding-top: 1rem; display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; align-items: flex-start; }
h1 { font-size: 1.35rem; line-height: 1.25; margin: 0; flex: 1 1 18rem; }
h2 { font-size: 1.2rem; line-height: 1.3; margin: 2.6rem 0 .4rem; padding-top: .9rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.4rem 0 .3rem; }
p { margin: .4rem 0 .8rem; max-width: 46rem; } ul { padding-left: 1.2rem; max-width: 46rem; }
a { color: inherit; text-underline-offset: .15em; }
a:focus-visible, input:focus-visible + span, summary:focus-visible, .wide:focus-visible, pre:focus-visible {
  outline: 3px solid var(--a); outline-offset: 2px; }
.switch { border: 0; margin: 0; padding: 0; display: flex; gap: .25rem; }
.switch legend { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.switch input { position: absolute; opacity: 0; }
.switch span { display: block; padding: .3rem .7rem; border: 1px solid var(--frame); border-radius: .4rem; cursor: pointer; }
.switch input:checked + span { background: var(--ink); color: var(--paper); }
@supports not selector(:has(a)) { .switch { display: none; } .fr { border-top: 1px dashed var(--line); } }
:root:not(:has(#fr:checked)) .fr:not(html), :root:has(#fr:checked) .en:not(html) { display: none; }
nav { margin-top: 1rem; } nav ul { list-style: none; padding: 0; margin: 0; display: flex; flex-wrap: wrap; gap: .1rem 1rem; max-width: none; font-size: .92rem; }
.verdict { border-left: .35rem solid var(--mark); background: var(--soft); padding: .9rem 1.1rem; margin-top: 1.1rem; }
.verdict p { margin: 0; max-width: none; } .verdict .sentence { font-size: 1.3rem; line-height: 1.35; font-weight: 600; }
.verdict .details { margin-top: .5rem; color: var(--quiet); } .doubt, .warning { font-weight: 600; }
.verdict .doubt { color: var(--mark); margin-bottom: .5rem; }
.warning { border-left: .35rem solid var(--mark); padding: .2rem 0 .2rem 1rem; }
.quiet { color: var(--quiet); font-size: .92rem; }
.wide { overflow-x: auto; max-width: 100%; margin: .6rem 0 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
caption { text-align: left; padding-bottom: .35rem; color: var(--quiet); font-size: .92rem; }
caption span { display: inline-block; position: sticky; left: 0; max-width: calc(100vw - 2rem); }
th, td { padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; font-weight: 400; }
thead th { color: var(--quiet); font-size: .92rem; } th:first-child, .left th, .left td { text-align: left; }
tbody th { max-width: 18rem; overflow-wrap: break-word; } .left td, .left tbody th { overflow-wrap: anywhere; min-width: 8.5rem; }
.confusion td { text-align: center; padding: .7rem 1rem; border: 1px solid var(--line); }
.confusion td strong { display: block; font-size: 1.3rem; } .confusion thead th { text-align: center; padding: .3rem .6rem; } .confusion thead td { border: 0; }
@media (max-width: 32rem) { .confusion { font-size: .8rem; } .confusion td { padding: .5rem .25rem; } }
.tight td { white-space: nowrap; }
.right { background: var(--good); } .wrong { background: var(--bad); }
pre { background: var(--soft); padding: .7rem; overflow-x: auto; } code { font-size: .92em; } p code, li code { display: inline-block; max-width: 100%; overflow-wrap: anywhere; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); gap: 1.2rem; margin: .8rem 0; }
figure { margin: 0; } .chart svg:not(.key) { width: 100%; height: auto; display: block; }
.chart figcaption { font-weight: 600; } svg text { font-size: 11px; fill: var(--quiet); }
.axis { fill: none; stroke: var(--frame); } .grid { fill: none; stroke: var(--line); stroke-width: .7; }
.line { fill: none; stroke-width: 2; } .line.thin { stroke-width: 1.2; }
.line.a { stroke: var(--a); } .line.b { stroke: var(--b); stroke-dasharray: 7 3; } .line.c { stroke: var(--c); stroke-dasharray: 2 3; }
.line.guide { stroke: var(--frame); stroke-dasharray: 4 4; stroke-width: 1.2; }
.dot.a { fill: var(--a); } .dot.b { fill: var(--b); } .dot.c { fill: var(--c); } .dot { stroke: var(--paper); stroke-width: 1; }
.span.c { fill: var(--c); opacity: .22; }
details { margin: .6rem 0; } summary { cursor: pointer; }
.legend li { display: flex; gap: .5rem; } .legend { list-style: none; padding: 0; margin: .2rem 0 0; font-size: .88rem; color: var(--quiet); }
.key { flex: none; width: 24px; height: 12px; margin-top: .35em; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 14rem), 1fr)); gap: 1.1rem; margin: .8rem 0 1.2rem; }
.gallery.pairs { grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); }
.pictures { display: flex; gap: 2px; align-items: flex-start; } .pictures > * { flex: 1 1 0; min-width: 0; }
.pictures img { display: block; width: 100%; height: auto; background: var(--soft); }
.pictures .alone { flex: 0 1 auto; } .marked { position: relative; display: block; }
.marked svg { position: absolute; inset: 0; width: 100%; height: 100%; } .marked rect { fill: none; stroke: #ffd400; stroke-width: 2; vector-effect: non-scaling-stroke; }
.gallery figcaption { font-size: .88rem; padding-top: .3rem; } .gallery figcaption code { display: block; font-size: .95em; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 9.5rem), 1fr)); gap: .6rem; margin: 1rem 0 0; padding: 0; list-style: none; max-width: none; }
.tiles li { border: 1px solid var(--line); border-radius: .5rem; padding: .5rem .7rem; font-size: .88rem; color: var(--quiet); }
.tiles strong { display: block; font-size: 1.25rem; color: var(--ink); font-variant-numeric: tabular-nums; }
@media print { :root { color-scheme: light; --paper: #fff; --ink: #1c1917; --quiet: #57534e; --line: #d6d3d1; --soft: #f2efea; --mark: #9a4a00;
  --good: #dcefe3; --bad: #fbe0d3; --a: #0072b2; --b: #c24a00; --c: #00795a; --frame: #78716c; }
  .switch, nav { display: none; } figure, tr { break-inside: avoid; } h2, h3 { break-after: avoid; } .wide { overflow: visible; } }
"""

#: Chooses French where the browser does, or where the address ends in #fr. Without it the switch works all the same.
SCRIPT: Final = (
    "var f=document.getElementById('fr');"
    "if(location.hash==='#lang=fr'||(location.hash!=='#lang=en'&&/^fr/i.test(navigator.language)))f.checked=true;"
    "function s(){document.documentElement.lang=f.checked?'fr':'en'}"
    "document.querySelectorAll('.switch input').forEach(function(i){i.addEventListener('change',s)});s()"
)


def render_page(title: Said, verdict: str, sections: Sequence[tuple[str, str, str]]) -> str:
    """Return the whole file.

    Args:
        title: Of the page.
        verdict: HTML of the top, in both languages.
        sections: Name for links, key of the heading, HTML of the body in both languages.
    """
    allowed = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{allowed}'; base-uri 'none'; form-action 'none'"
    body = "\n".join(
        f'<section id="{slug}">\n{heading(key, "h2")}\n{html}\n</section>' for slug, key, html in sections
    )
    name = both(lambda words: escape(words.say(title)), "span")
    links = both(lambda w: _links(w, sections))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(WORDS[0].say(title))}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<header>\n<h1>{name}</h1>\n{_switch()}\n</header>\n<main>\n{verdict}\n{links}\n{body}\n</main>\n"
        f"<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )


def both(render: Callable[[Words], str], tag: str = "div") -> str:
    """Return what a function says in each language, of which the page shows one."""
    return "".join(
        f'<{tag} class="{words.language}" lang="{words.language}">{render(words)}</{tag}>' for words in WORDS
    )


def heading(key: str, tag: str) -> str:
    """Return a heading in both languages."""
    return both(lambda words: f"<{tag}>{escape(words(key))}</{tag}>")


def paragraph(text: str, kind: str = "") -> str:
    """Return a paragraph; nothing for no text."""
    name = f' class="{kind}"' if kind else ""
    return f"<p{name}>{_prose(text)}</p>" if text else ""


def _prose(text: str) -> str:
    """Escape a text; what stands between backticks is shown as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def items(texts: Iterable[str]) -> str:
    """Return a list."""
    return "<ul>" + "".join(f"<li>{_prose(text)}</li>" for text in texts) + "</ul>"


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], *, kind: str = "") -> str:
    """Return a table whose cells are escaped; it scrolls by itself where the screen is narrow.

    Args:
        caption: What it shows.
        head: Names of the columns.
        rows: Cells; the first one names the row.
        kind: ``left`` if cells are text rather than numbers, ``tight`` if they are short.
    """
    top = "".join(f'<th scope="col">{escape(text)}</th>' if text else "<td></td>" for text in head)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td>{escape(text)}</td>" for text in row[1:])
        + "</tr>"
        for row in rows
    )
    style = f' class="{kind}"' if kind else ""
    return scrolling(
        caption,
        f"<table{style}><caption><span>{escape(caption)}</span></caption><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>",
    )


def scrolling(name: str, html: str) -> str:
    """Let something scroll sideways by itself, by keyboard too."""
    return f'<div class="wide" tabindex="0" role="group" aria-label="{escape(name)}">{html}</div>'


def gallery(pictures: Sequence[Illustration], describe: Callable[[Words, Illustration], str]) -> str:
    """Return pictures, each with its heatmap beside it where it has one, and what they are in both languages.

    Args:
        pictures: What to show; each one is in the file once, for both languages.
        describe: Says what a picture shows, as text.
    """
    figures = []
    for picture in pictures:
        told = describe(WORDS[0], picture)
        texts = both(partial(_describe, describe, picture), "span") + "<br>" if told else ""
        about = escape(" · ".join(picture.about))
        figures.append(
            f'<figure><div class="pictures">{_image(picture)}</div>'
            f"<figcaption><code>{_breakable(picture.name)}</code>{texts}{about}</figcaption></figure>"
        )
    pairs = " pairs" if any(picture.overlay for picture in pictures) else ""
    return f'<div class="gallery{pairs}">{"".join(figures)}</div>'


def _breakable(name: str) -> str:
    """Escape a path that may be broken after its folders."""
    return escape(name).replace("/", "/<wbr>")


def _describe(describe: Callable[[Words, Illustration], str], picture: Illustration, words: Words) -> str:
    return escape(describe(words, picture))


def _image(picture: Illustration) -> str:
    width, height = picture.size

    def tag(data: bytes, alternative: str) -> str:
        source = f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
        return f'<img src="{source}" width="{width}" height="{height}" alt="{escape(alternative)}">'

    boxes = "".join(
        f'<rect x="{100 * x0:.1f}" y="{100 * y0:.1f}" width="{100 * (x1 - x0):.1f}" height="{100 * (y1 - y0):.1f}"/>'
        for x0, y0, x1, y1 in picture.boxes
    )
    marks = (
        f'<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">{boxes}</svg>'
        if boxes
        else ""
    )
    alone = "" if picture.overlay else " alone"
    shown = f'<span class="marked{alone}">{tag(picture.image, picture.name)}{marks}</span>'
    return shown + (
        f"<span>{tag(picture.overlay, f'heatmap, carte de chaleur : {picture.name}')}</span>"
        if picture.overlay
        else ""
    )


def _switch() -> str:
    choices = "".join(
        f'<label lang="{words.language}"><input type="radio" name="language" id="{words.language}"'
        f"{' checked' if words is WORDS[0] else ''}><span>{words('language')}</span></label>"
        for words in WORDS
    )
    return f'<fieldset class="switch"><legend>Language, langue</legend>{choices}</fieldset>'


def _links(words: Words, sections: Sequence[tuple[str, str, str]]) -> str:
    entries = "".join(f'<li><a href="#{name}">{escape(words(key))}</a></li>' for name, key, _ in sections)
    return f'<nav aria-label="{escape(words("contents"))}"><ul>{entries}</ul></nav>'
