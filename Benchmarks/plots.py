"""Figures -> SVG text, written by hand: bars of ratios, and lines over logarithmic axes.

    bars(title, [(label, value, low, high)], marks=[(10, "10 times")])
    lines(title, x_label, y_label, {name: [(x, y), ...]})
"""
import html
import math

INK, FAINT, BAR = "#24292f", "#d0d7de", "#2f6f9f"
COLOURS = ["#2f6f9f", "#c8553d", "#588157", "#8d6a9f", "#b08900", "#4d908e", "#6c757d", "#9d0208"]
FONT = 'font-family="ui-sans-serif, Helvetica, Arial, sans-serif" font-size="12"'


def svg(width, height, parts):
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" {FONT} fill="{INK}">'
    )
    return "\n".join([head, f'<rect width="{width}" height="{height}" fill="white"/>'] + parts) + (
        "\n</svg>\n"
    )


def text(x, y, words, anchor="start", extra=""):
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f"<text {place}{extra}>{html.escape(words)}</text>"


def line(x1, y1, x2, y2, colour=FAINT, width=1):
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{colour}" stroke-width="{width}"/>'
    )


def bars(title, rows, marks=()):
    """Horizontal bars from 1 on a logarithmic scale, each with its range as a thin line."""
    left, right, top, step = 250, 60, 46, 20
    width, height = 860, top + step * len(rows) + 24
    most = max([high for *_, high in rows] + [value for value, _ in marks] + [2])
    least = min([low for _, _, low, _ in rows] + [1])
    scale = (width - left - right) / math.log(most / least)

    def x(value):
        return left + math.log(value / least) * scale

    parts = [text(12, 22, title, extra=' font-size="15" font-weight="600"')]
    for value, words in [(1, "1"), *marks]:
        parts.append(line(x(value), top - 6, x(value), height - 18, INK if value == 1 else FAINT))
        parts.append(text(x(value), height - 6, words, "middle"))
    for index, (label, value, low, high) in enumerate(rows):
        y = top + index * step
        start, end = sorted((x(1), x(value)))
        parts.append(text(left - 8, y + 11, label, "end"))
        parts.append(
            f'<rect x="{start:.1f}" y="{y + 1}" width="{end - start:.1f}" height="13" '
            f'fill="{BAR if value >= 1 else COLOURS[1]}"/>'
        )
        parts.append(line(x(low), y + 7.5, x(high), y + 7.5, INK))
        parts.append(text(max(end, x(high)) + 6, y + 11, f"{value:.1f}"))
    return svg(width, height, parts)


def powers(least, most):
    """The powers of 10 that enclose both."""
    return range(math.floor(math.log10(least)), math.ceil(math.log10(most)) + 1)


def power_text(power):
    prefixes = {-9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G"}
    base = math.floor(power / 3) * 3
    return f"{10 ** (power - base)}{prefixes[base]}" if base in prefixes else f"1e{power}"


def lines(title, x_label, y_label, series):
    """One line a name over two logarithmic axes, named in a legend on the right."""
    left, right, top, bottom, width = 70, 230, 46, 50, 860
    height = max(420, top + bottom + 18 * len(series))
    points = [point for line_points in series.values() for point in line_points]
    xs = powers(min(x for x, _ in points), max(x for x, _ in points))
    ys = powers(min(y for _, y in points), max(y for _, y in points))

    def place(x, y):
        along = (math.log10(x) - xs[0]) / max(1, xs[-1] - xs[0])
        up = (math.log10(y) - ys[0]) / max(1, ys[-1] - ys[0])
        return left + along * (width - left - right), height - bottom - up * (height - top - bottom)

    parts = [text(12, 22, title, extra=' font-size="15" font-weight="600"')]
    for power in xs:
        x, y = place(10.0**power, 10.0 ** ys[0])
        parts += [line(x, top, x, y), text(x, y + 16, power_text(power), "middle")]
    for power in ys:
        x, y = place(10.0 ** xs[0], 10.0**power)
        parts += [line(x, y, width - right, y), text(x - 6, y + 4, power_text(power), "end")]
    parts.append(text((left + width - right) / 2, height - 12, x_label, "middle"))
    parts.append(text(left, top - 8, y_label))
    for index, (name, line_points) in enumerate(series.items()):
        colour = COLOURS[index % len(COLOURS)]
        places = [place(*point) for point in sorted(line_points)]
        dash = ' stroke-dasharray="5 3"' if index >= len(COLOURS) else ""
        parts.append(
            f'<polyline fill="none" stroke="{colour}" stroke-width="1.6"{dash} points="'
            + " ".join(f"{x:.1f},{y:.1f}" for x, y in places) + '"/>'
        )
        y = top + 6 + index * 18
        parts.append(line(width - right + 14, y, width - right + 34, y, colour, 3))
        parts.append(text(width - right + 40, y + 4, name))
    return svg(width, height, parts)
