"""Activity as one SVG: rates with intervals by hour, day and site. No library draws it: the base install has none."""

from __future__ import annotations

from datetime import date, timedelta
from html import escape
from typing import TYPE_CHECKING, Final

from hornet.inference.sinks import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hornet.inference.activity import Activity, Rate

_WIDTH: Final = 760
_LEFT, _RIGHT = 58, 16
_TITLE: Final = 64
_PANEL: Final = 210  # from one panel to the next
_PLOT: Final = 130  # height of a panel's axes
_ROW: Final = 24  # height of a site
_MOST_DAYS_NAMED: Final = 8
_MOST_DAYS: Final = 370
_MOST_SITES: Final = 40
_LONGEST: Final = 26  # characters of a site
#: Fewer pictures make a pale bar.
FEW: Final = 10
_STEPS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0)

_STYLE: Final = """
text{font:12px system-ui,sans-serif;fill:#222}.head{font-size:17px;font-weight:600}.name{font-size:13px;font-weight:600}
.quiet{fill:#667}.bar{fill:#d98324}.few{fill:#ecc698}.whisker{stroke:#5b3a10;stroke-width:1.4;fill:none}
.grid{stroke:#ddd;stroke-width:1}.axis{stroke:#888;stroke-width:1;fill:none}.paper{fill:#fff}
"""


def draw_activity(activity: Activity, title: str) -> str:
    """Return the drawing.

    Args:
        activity: What to draw; parts without pictures are left out.
        title: What the verdicts are of.
    """
    parts: list[str] = []
    y = _TITLE
    hours = {int(rate.name): rate for rate in activity.hours}
    if hours:
        slots = [(f"{hour}", hours.get(hour)) for hour in range(24)]
        parts += _upright("by hour of the day", slots, y, lambda at: at % 3 == 0)
        y += _PANEL
    if activity.days:
        slots = _calendar(activity.days)
        step = -(-len(slots) // _MOST_DAYS_NAMED)
        parts += _upright("by day", slots, y, lambda at: at % step == 0)
        y += _PANEL
    shown = sorted(activity.sites, key=lambda rate: -rate.share)[:_MOST_SITES]
    if shown:
        parts += _across(shown, len(activity.sites), y)
        y += 46 + _ROW * len(shown)
    total = activity.total
    summary = "no picture has a verdict"
    if total is not None:
        summary = (
            f"{total.present:,} of {total.pictures:,} pictures show a hornet: {_percent(total.share)} "
            f"({_percent(total.low)} to {_percent(total.high)}); {total.unsure:,} unsure"
        )
    height = y + 30
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" '
        f'role="img" aria-label="{escape(printable(f"{title}: {summary}"))}"><style>{_STYLE}</style>'
        f'<rect class="paper" width="{_WIDTH}" height="{height}"/>'
        f'<text class="head" x="16" y="26">{escape(printable(title))}</text><text class="quiet" x="16" y="46">{escape(summary)}</text>'
        + "".join(parts)
        + f'<text class="quiet" x="16" y="{height - 10}">Hornets per picture taken, with 95 % intervals. Pale: fewer than 10 '
        "pictures. Grey numbers: pictures.</text></svg>\n"
    )


def _upright(
    name: str, slots: Sequence[tuple[str, Rate | None]], top: int, named: Callable[[int], bool]
) -> list[str]:
    """Draw upright bars, one a slot, from ``top`` down."""
    rates = [rate for _, rate in slots if rate is not None]
    most = _scale(rates)
    base, width = top + 22 + _PLOT, _WIDTH - _LEFT - _RIGHT
    step = width / len(slots)
    parts = [f'<text class="name" x="16" y="{top + 12}">{escape(name)}</text>']
    for share in (0.0, most / 2, most):
        y = base - _PLOT * share / most
        parts.append(f'<path class="grid" d="M{_LEFT},{y:.1f}H{_WIDTH - _RIGHT}"/>')
        parts.append(
            f'<text class="quiet" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_percent(share)}</text>'
        )
    for at, (text, rate) in enumerate(slots):
        middle = _LEFT + step * (at + 0.5)
        if rate is not None:
            bar = min(step * 0.7, 40.0)
            high, low = (base - _PLOT * min(end, most) / most for end in (rate.high, rate.low))
            parts.append(
                f'<rect class="{_kind(rate)}" x="{middle - bar / 2:.1f}" y="{base - _PLOT * rate.share / most:.1f}" '
                f'width="{bar:.1f}" height="{_PLOT * rate.share / most:.1f}">{_tip(rate)}</rect>'
                f'<path class="whisker" d="M{middle:.1f},{high:.1f}V{low:.1f}"/>'
            )
        if named(at):
            parts.append(f'<text x="{middle:.1f}" y="{base + 16}" text-anchor="middle">{escape(text)}</text>')
            if rate is not None:
                parts.append(
                    f'<text class="quiet" x="{middle:.1f}" y="{base + 31}" text-anchor="middle">{rate.pictures:,}</text>'
                )
    parts.append(f'<path class="axis" d="M{_LEFT},{base}H{_WIDTH - _RIGHT}"/>')
    return parts


def _calendar(days: Sequence[Rate]) -> list[tuple[str, Rate | None]]:
    """Return every day from the first to the last, so that a gap shows; over long times those with pictures only."""
    known: dict[str, Rate] = {rate.name: rate for rate in days}
    first, last = (date.fromisoformat(rate.name) for rate in (days[0], days[-1]))
    if (last - first).days >= _MOST_DAYS:
        return [(rate.name, rate) for rate in days]
    names = [(first + timedelta(days=at)).isoformat() for at in range((last - first).days + 1)]
    return [(name, known.get(name)) for name in names]


def _across(rates: Sequence[Rate], every: int, top: int) -> list[str]:
    """Draw bars to the right, one a site, from ``top`` down."""
    more = f", the {len(rates)} with most hornets of {every}" if every > len(rates) else ""
    most = _scale(rates)
    left, width = 210, _WIDTH - 210 - 130
    parts = [f'<text class="name" x="16" y="{top + 12}">{escape(f"by site{more}")}</text>']
    for row, rate in enumerate(rates):
        y = top + 26 + _ROW * row
        low, high = (left + width * min(end, most) / most for end in (rate.low, rate.high))
        name = rate.name if len(rate.name) <= _LONGEST else "\u2026" + rate.name[1 - _LONGEST :]
        parts.append(
            f'<text x="{left - 8}" y="{y + 13}" text-anchor="end">{escape(printable(name))}</text>'
            f'<rect class="{_kind(rate)}" x="{left}" y="{y + 2}" width="{width * rate.share / most:.1f}" '
            f'height="{_ROW - 8}">{_tip(rate)}</rect>'
            f'<path class="whisker" d="M{low:.1f},{y + 10}H{high:.1f}"/>'
            f'<text x="{left + width + 8}" y="{y + 13}">{_percent(rate.share)} '
            f'<tspan class="quiet">{rate.pictures:,}</tspan></text>'
        )
    parts.append(f'<path class="axis" d="M{left},{top + 22}V{top + 26 + _ROW * len(rates)}"/>')
    return parts


def _scale(rates: Sequence[Rate]) -> float:
    """Return where an axis ends: above every bar, and above the intervals of those that say something."""
    wanted = max((rate.high if rate.pictures >= FEW else rate.share for rate in rates), default=1.0)
    wanted = max(wanted, max((rate.share for rate in rates), default=0.0))
    return next((step for step in _STEPS if step >= wanted), 1.0)


def _kind(rate: Rate) -> str:
    return "bar" if rate.pictures >= FEW else "few"


def _tip(rate: Rate) -> str:
    words = (
        f"{rate.name}: {rate.present:,} of {rate.pictures:,}, {_percent(rate.share)} ({_percent(rate.low)} to "
        f"{_percent(rate.high)})"
    )
    return f"<title>{escape(printable(words))}</title>"


def _percent(share: float) -> str:
    """Write a share with two digits that count."""
    percent = 100 * share
    return f"{percent:.0f} %" if percent >= 10 or percent == 0 else f"{percent:.2g} %"  # noqa: PLR2004
