"""A run as one file for people without mipro_nb: a page with chart, tables and prompts.

It is the page of a saved notebook in a frame of its own, with a chart and tables that can be
sorted. Its policy lets the browser run the one script that stands in it, and fetch nothing.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape

from mipro_nb.amounts import format_score
from mipro_nb.notebook.plain import visible
from mipro_nb.notebook.saved.static_html import run_html
from mipro_nb.runs import view_model as vm

_STYLE = """
:root { color-scheme: light dark; --line: light-dark(#d5d9de, #3a3f46) }
body { max-width: 1100px; margin: 24px auto; padding: 0 16px;
  font: 14px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif }
table { border-collapse: collapse; margin: 8px 0 }
td, th { border-bottom: 1px solid var(--line); vertical-align: top }
th { white-space: nowrap }
th button { font: inherit; font-weight: 600; color: inherit; background: none; border: 0;
  padding: 0; cursor: pointer }
details { margin: 8px 0 }
summary { cursor: pointer }
pre { font: 13px/1.5 ui-monospace, Menlo, Consolas, monospace; margin: 4px 0 }
del { background: light-dark(#f6d5d3, #5a2522) }
ins { background: light-dark(#d2efdd, #1d4a31) }
svg { width: 100%; height: auto; max-width: 800px }
svg text { fill: currentColor; font-size: 11px }
svg circle { color: light-dark(#0b5cad, #7cb8f5) }
@media (width < 800px) {
  body { padding: 0 8px; font-size: 13px }
  th { white-space: normal }
  /* Their own style has twice as much. */
  td, th { padding-inline: 4px !important }
}
"""
_SCRIPT = """
const TIMES = { ms: 1, s: 1e3, min: 6e4, h: 36e5 };
const SIZES = { k: 1e3, M: 1e6, B: 1e9 };
const AMOUNT = /([-\\u2212]?\\d[\\d,]*\\.?\\d*)(?: (ms|s|min|h)|(k|M|B))?(?!\\w)/g;
const amount = ([, digits, time, size]) =>
  Number(digits.replaceAll(",", "").replace("\\u2212", "-")) * (TIMES[time] ?? SIZES[size] ?? 1);
// The first amount of a cell; a length of time has up to two, such as 3 min 5 s.
const number = (text) => {
  const [first, second] = text.matchAll(AMOUNT);
  if (!first) return NaN;
  return amount(first) + (first[2] && second?.[2] ? amount(second) : 0);
};
for (const table of document.querySelectorAll("table:has(thead)")) {
  [...table.tHead.rows[0].cells].forEach((cell, column) => {
    const button = document.createElement("button");
    button.textContent = cell.textContent;
    cell.replaceChildren(button);
    let sign = 1;
    button.addEventListener("click", () => {
      const rows = [...table.tBodies[0].rows];
      const text = (row) => row.cells[column]?.textContent ?? "";
      rows.sort((a, b) => {
        const [x, y] = [number(text(a)), number(text(b))];
        if (Number.isNaN(x) || Number.isNaN(y)) {
          return Number.isNaN(x) && Number.isNaN(y)
            ? sign * text(a).localeCompare(text(b))
            : Number.isNaN(x) ? 1 : -1;
        }
        return sign * (x - y);
      });
      table.tBodies[0].append(...rows);
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      cell.setAttribute("aria-sort", sign === 1 ? "ascending" : "descending");
      sign = -sign;
    });
  });
}
"""
_WIDTH, _HEIGHT, _LEFT, _BELOW = 800, 220, 40, 24
_MOST_POINTS = 1000


def shared_page(snapshot: vm.RunSnapshot) -> str:
    """Return a run as a page of its own."""
    summary = snapshot["summary"]
    title = escape(visible(summary["name"] or summary["program"]))
    digest = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body>"
        f"{run_html(snapshot)}{_scores(snapshot)}"
        f"<script>{_SCRIPT}</script></body></html>\n"
    )


def _scores(snapshot: vm.RunSnapshot) -> str:
    """Return the chart below its title; a run that measures headroom makes no trials."""
    if snapshot["summary"]["measured_rows"]:
        return ""
    return f"<h2>Score by trial</h2>{_chart(snapshot)}"


def _chart(snapshot: vm.RunSnapshot) -> str:
    """Return the scores of the trials in their order, full evaluations filled."""
    scored = [row for row in snapshot["trials"] if row["score"] is not None]
    rows = scored[-_MOST_POINTS:]
    if not rows:
        return "<p>No trial has a score.</p>"
    last = max(1, rows[-1]["trial"])
    scores = [row["score"] or 0.0 for row in rows]
    low, high = min(0.0, *scores), max(100.0, *scores)

    def place(trial: int, score: float) -> tuple[float, float]:
        x = _LEFT + (_WIDTH - _LEFT - 10) * trial / last
        return x, 10 + (_HEIGHT - _BELOW - 10) * (high - score) / (high - low)

    parts = [_line(place(0, at), place(last, at), at) for at in (low, (low + high) / 2, high)]
    parts += [_point(row, *place(row["trial"], row["score"] or 0.0)) for row in rows]
    parts.append(f'<text x="{_LEFT}" y="{_HEIGHT - 4}">trial 0</text>')
    parts.append(f'<text x="{_WIDTH - 10}" y="{_HEIGHT - 4}" text-anchor="end">{last}</text>')
    which = f"the last {len(rows):,} of " if len(rows) < len(scored) else ""
    told = f"{which}{len(scored):,} scored trials; filled points are full evaluations"
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{told}">'
        f"{''.join(parts)}</svg><p>{told}.</p>"
    )


def _line(begin: tuple[float, float], end: tuple[float, float], score: float) -> str:
    return (
        f'<line x1="{begin[0]:.1f}" y1="{begin[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}" '
        f'stroke="currentColor" stroke-opacity="0.2"/>'
        f'<text x="0" y="{begin[1] + 4:.1f}">{format_score(score)}</text>'
    )


def _point(row: vm.TrialRow, x: float, y: float) -> str:
    fill = "none" if row["kind"] == "minibatch" else "currentColor"
    told = f"trial {row['trial']}, {row['kind']}: {format_score(row['score'])}"
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{fill}" stroke="currentColor">'
        f"<title>{told}</title></circle>"
    )
