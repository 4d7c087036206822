"""A table as Parquet, CSV, Markdown and LaTeX."""

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

import pandas as pd

from advxai.common import parquet
from advxai.common.files import publish
from advxai.common.rows import columns
from advxai.tables.compute import ORIGINAL
from advxai.tables.layout import Table

N = " n"
RULE = "\N{EM DASH}"
DAGGER = "\N{DAGGER}"
ESCAPES = str.maketrans(
    {
        "_": r"\_",
        "%": r"\%",
        "&": r"\&",
        "#": r"\#",
        "<": "$<$",
        ">": "$>$",
        "|": "$|$",
        "$": r"\$",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "\\": r"\textbackslash{}",
        "\N{MINUS SIGN}": "$-$",
        "\N{UPWARDS ARROW}": r"$\uparrow$",
        "\N{DOWNWARDS ARROW}": r"$\downarrow$",
        DAGGER: r"$^\dagger$",
        "\N{GREEK SMALL LETTER TAU}": r"$\tau$",
        "\N{GREEK SMALL LETTER RHO}": r"$\rho$",
        "\N{GREEK SMALL LETTER MU}": r"$\mu$",
    }
)


def _decimal(value: float, decimals: int) -> str:
    return "" if pd.isna(value) else f"{value:z.{decimals}f}"


def _decimals(table: Table, column: str) -> list[str]:
    """Values of a column, each with its interval where it has one."""
    decimals = table.decimals.get(column, 3)
    texts = [_decimal(value, decimals) for value in table.wide[column]]
    if column not in table.intervals:
        return texts
    low, high = ([_decimal(value, decimals) for value in table.wide[end]] for end in table.intervals[column])
    lines = zip(texts, low, high, strict=True)
    return [f"{text} [{least}, {most}]" if least else text for text, least, most in lines]


def _text(value: str | float | None) -> str:
    return "" if pd.isna(value) else str(value)


def _is_original(row: str) -> bool:
    """The row Original, or `Original, published` and the like: one number holds for every k."""
    return row.split(", ")[0] == ORIGINAL


def as_text(table: Table) -> pd.DataFrame:
    """The cells of the shown table as text; the counts of the categories stand in one column beside n, an interval
    behind its value."""
    wide = table.wide
    name, *others = columns(wide)
    parts = [column for column in others if column.endswith(N)]
    ends = {end for pair in table.intervals.values() for end in pair}
    cells = pd.DataFrame({name: wide[name].astype(str)})
    for column in others:
        if column in parts or column in ends:
            continue
        if column == "n" and parts:
            heading = f"n ({', '.join(part.removesuffix(N) for part in parts)})"
            inner = [", ".join(map(str, counts)) for counts in wide[parts].itertuples(index=False)]
            cells[heading] = [f"{n} ({text})" if _text(n) else "" for n, text in zip(wide["n"], inner, strict=True)]
        elif column in table.counts:
            totals = wide[table.counts[column]]
            cells[column] = [f"{part}/{n}" if n else "" for part, n in zip(wide[column], totals, strict=True)]
        elif pd.api.types.is_float_dtype(wide[column]):
            cells[column] = _decimals(table, column)
        else:
            cells[column] = [_text(value) for value in wide[column]]
    for line, column in table.flagged:
        if cells[column][line]:
            cells.loc[line, column] = f"{cells[column][line]}{DAGGER}"
    return cells


def marks(table: Table) -> dict[tuple[int, str], int]:
    """(row, column) -> 1 for the best, 2 for the second best value of a column; 1 for each cell that the table itself
    says is marked.

    Values that are shown alike are alike: all of them are marked, and the second best is the next other value. The
    row Original isn't ranked, nor are controls and ceilings, nor what the table says isn't.
    """
    if table.best is None:
        return dict.fromkeys(table.marked, 1)
    cells, name = as_text(table), table.wide.columns[0]
    last = min((line for line, below in table.rules.items() if below), default=len(cells))
    found: dict[tuple[int, str], int] = {}
    for column in [column for column in columns(cells) if " top-" in column]:
        shown = zip(cells.index, cells[name], cells[column], strict=True)
        unranked = {ORIGINAL, *table.unranked}
        ranked = {row: float(cell) for row, line, cell in shown if cell and line not in unranked and row <= last}
        order = sorted(set(ranked.values()), reverse=table.best == "highest")[:2]
        found |= {(row, column): order.index(value) + 1 for row, value in ranked.items() if value in order}
    return found


def markdown(table: Table, note: str = "") -> str:
    """Caption, table (best in bold, second best underlined) and notes as Markdown.

    Markdown has no rules between lines: a line that says what those below it are, or a line of dashes, stands for one.
    """
    cells, marked = as_text(table), marks(table)
    wrap = {None: "{}", 1: "**{}**", 2: "<u>{}</u>"}
    lines = [table.caption, "", _row(columns(cells))]
    lines.append(f"|:---|{'---:|' * (len(cells.columns) - 1)}")
    for row in cells.index:
        texts = [wrap[marked.get((row, column))].format(cells[column][row]) for column in columns(cells)]
        lines.append(_row(texts))
        if row in table.rules:
            below = table.rules[row]
            rule = [f"*{below}*"] + [""] * (len(texts) - 1) if below else [RULE] * len(texts)
            lines.append(_row(rule))
    if table.best:
        lines += ["", "Best in bold, second best underlined, at the precision shown."]
    for text in (*table.notes, note):
        lines += ["", text] if text else []
    return "\n".join(lines) + "\n"


def _row(cells: Iterable[str]) -> str:
    """A line of a Markdown table, in which a title of the user's may have the sign that stands between cells."""
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _heading(columns: list[str]) -> list[tuple[str, list[str]]]:
    """Columns that share their first word stand under it: (group or "", columns)."""
    groups = [(word, list(part)) for word, part in groupby(columns, key=lambda column: column.split(" ")[0])]
    return [(word if len(part) > 1 else "", part) for word, part in groups]


def _line(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"


def latex(table: Table, note: str = "") -> str:
    """The table as a LaTeX tabular (package booktabs), to be \\input into a table environment."""
    cells, marked = as_text(table), marks(table)
    groups = _heading(columns(cells))
    wrap = {None: "{}", 1: r"\textbf{{{}}}", 2: r"\underline{{{}}}"}
    over, rules, start = [], [], 1
    for word, part in groups:
        if word:
            over.append(rf"\multicolumn{{{len(part)}}}{{c}}{{{word.translate(ESCAPES)}}}")
            rules.append(rf"\cmidrule(lr){{{start}-{start + len(part) - 1}}}")
        else:
            over.append("")
        start += len(part)
    under = [column.removeprefix(f"{word} ").translate(ESCAPES) for word, part in groups for column in part]
    lines = [f"% {' '.join(text.split())}" for text in (table.caption, *table.notes, note) if text]
    lines += [rf"\begin{{tabular}}{{l{'r' * (len(cells.columns) - 1)}}}", r"\toprule"]
    lines += [_line(over), " ".join(rules)] if rules else []
    lines += [_line(under), r"\midrule"]
    for row in cells.index:
        texts = []
        for word, part in groups:
            same = len({cells[column][row] for column in part}) == 1
            if word and same and _is_original(cells.iloc[row, 0]):
                texts.append(rf"\multicolumn{{{len(part)}}}{{c}}{{{cells[part[0]][row]}}}")
            else:
                shown = {column: cells[column][row].translate(ESCAPES) for column in part}
                texts += [wrap[marked.get((row, column))].format(text) for column, text in shown.items()]
        lines.append(_line(texts))
        if row in table.rules:
            lines.append(r"\midrule")
            if table.rules[row]:
                lines.append(rf"\multicolumn{{{len(cells.columns)}}}{{l}}{{\textit{{{table.rules[row]}}}}} \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def write(table: Table, stem: Path, note: str = "") -> None:
    """Publish <stem>.parquet (tidy, full precision), .csv (wide, full precision), .md and .tex (three decimals).

    Args:
        table: of `advxai.tables.layout`.
        stem: path without suffix.
        note: a line under the table, for example the attacks' budget.
    """
    parquet.write(table.tidy, stem.with_name(f"{stem.name}.parquet"))
    publish(stem.with_name(f"{stem.name}.csv"), lambda path: table.wide.to_csv(path, index=False, lineterminator="\n"))
    publish(stem.with_name(f"{stem.name}.md"), lambda path: path.write_text(markdown(table, note), encoding="utf-8"))
    publish(stem.with_name(f"{stem.name}.tex"), lambda path: path.write_text(latex(table, note), encoding="utf-8"))
