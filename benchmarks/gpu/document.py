"""What `make gpu` has found, as Markdown."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from advxai.plan.count import PAPER_ITERATIONS
from benchmarks.cuda import ALIKE, MAP, SIGNS
from benchmarks.speed.projection import IMAGES
from benchmarks.speed.report import markdown

# Images/s of a first trial on an H100: forward batch, rate
REFERENCE = {
    "raw": (1024, 8695),
    "adversary": (512, 6635),
    "LIME": (512, 7165),
    "SHAP": (512, 4794),
    "SOBOL": (512, 7371),
    "RISE": (512, 8069),
}
WIDTH = 90  # of a kernel's name
WEIGHTS = {
    "trained": "The demo's detector, trained, on face crops",
    "random": "Random weights, batch norms set to the pictures' statistics, on synthetic pictures",
}


def document(found: Mapping[str, Any]) -> str:
    """The whole text; parts that aren't there yet are left out.

    Args:
        found: see `benchmarks.gpu.parts` and `benchmarks.gpu.run`.
    """
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    small = "" if not found["sizes"]["small"] else " Small settings: they try the command and say little of a GPU."
    lines = [
        f"# {found['device']}: agreement, rates, profile",
        "",
        f"`make gpu` ({found['command']}) on {found['date']}, commit {found['commit']}; {versions}; CPU "
        f"{found['cpu']}, {found['threads']} thread(s). {found['spent']:.0f} of {60 * found['minutes']:.0f} s.{small}",
        "",
        *(f"- Failed: {part}: {reason}" for part, reason in found["failed"].items()),
        *(f"- Left out: {sentence}." for sentence in found["left_out"]),
    ]
    if found["failed"] or found["left_out"]:
        lines.append("")
    if "agreement" in found:
        lines += _agreement(found)
    if found.get("raw"):
        lines += _raw(found)
    if "stages" in found:
        lines += _stages(found)
    if "profile" in found:
        lines += _profile(found["profile"])
    if found.get("projection"):
        lines += _projection(found)
    return "\n".join(lines).rstrip() + "\n"


def _agreement(found: Mapping[str, Any]) -> Iterator[str]:
    yield from ("## Agreement with the CPU", "")
    itself = " Here the CPU is compared with itself, so nothing may differ." if found["on"] == "cpu" else ""
    yield (
        f"The same machine's CPU computes all of it too. Asked for: maps within {MAP:.0e} (those of white boxes, whose "
        f"single values rounding moves further, correlated by {ALIKE}), the same top-3 segments, "
        f"maps that don't depend on the images in work beside, {SIGNS:.1%} of a picture's pixels moved alike by NES's "
        f"first step on the same noise.{itself}"
    )
    yield ""
    for name, one in found["agreement"].items():
        real = f" ({one['called_real']} more are called Real and left out)" if one["called_real"] else ""
        yield f"{WEIGHTS[name]}; images: {one['images']}{real}. " + " ".join(_compared(one))
        yield ""
        rows = [
            [
                explainer,
                f"{row['difference']:.1e}",
                f"{row['largest']:.2g}",
                f"{row['same_top_3']} of {row['images']}",
                "yes" if row["alone"] else "no",
            ]
            for explainer, row in one["explainers"].items()
        ]
        if rows:
            yield from markdown(["", "largest difference", "largest value", "same top 3", "equal alone"], rows)
            yield ""
        if "faults" in one:
            yield from [f"- Differs: {sentence}." for sentence in one["faults"]] or ["All that was compared agrees."]
            yield ""


def _compared(one: Mapping[str, Any]) -> Iterator[str]:
    if "probabilities" in one:
        apart, spread = one["probabilities"]["difference"], one["probabilities"]["spread"]
        about = f" (their standard deviation: {spread:.2f})" if one["images"] > 1 else ""
        yield f"Probabilities differ by at most {apart:.1e}{about}."
    if "nes" in one:
        least, mean = one["nes"]["least"], one["nes"]["mean"]
        yield f"NES's first step moves {least:.3%} of the pixels alike at least, {mean:.3%} on average."


def _raw(found: Mapping[str, Any]) -> Iterator[str]:
    yield from ("## Raw forwards", "", "Full batches in float32 (no TF32) on torch, images a second:", "")
    batches = sorted({one["forward_batch"] for listed in found["raw"].values() for one in listed})
    rows: list[Sequence[Any]] = []
    for model, listed in found["raw"].items():
        rates = {one["forward_batch"]: one["rate"] for one in listed}
        rows.append([model, *(f"{rates[batch]:,.0f}" if batch in rates else "-" for batch in batches)])
    if _referred(found):
        batch, rate = REFERENCE["raw"]
        rows.append(["first trial", *(f"{rate:,}" if one == batch else "" for one in batches)])
    yield from markdown(["forward batch", *map(str, batches)], rows)
    yield ""
    dependent = [
        f"{model} with {one['forward_batch']}"
        for model, listed in found["raw"].items()
        for one in listed
        if not one["alone"]
    ]
    if dependent:
        yield from (f"- A row's answer depends on its neighbours: {', '.join(dependent)}.", "")


def _stages(found: Mapping[str, Any]) -> Iterator[str]:
    batches = [batch for batch, stages in found["stages"].items() if stages]
    if not batches:
        return
    sizes = found["sizes"]
    budgets = "a sixteenth of the paper's budgets" if sizes["small"] else "the paper's budgets (NES: five iterations)"
    model = found["model"]
    fastest = max((one["rate"] for one in found.get("raw", {}).get(model, ())), default=None)
    than = f"; in brackets the raw rate's multiple, {fastest:,.0f} at best" if fastest else ""
    yield from ("## Stages by forward batch", "")
    yield (
        f"{model}, {budgets}, {sizes['images']} images explained and {sizes['attacks']} attacked, at most "
        f"{sizes['held']} held at once: images through the detector a second{than}. "
        "Random weights that call nothing real, so that no attack ends early; one pass each, after one to warm up."
    )
    yield ""
    rows = []
    for stage in dict.fromkeys(stage for batch in batches for stage in found["stages"][batch]):
        cells = []
        for batch in batches:
            one = found["stages"][batch].get(stage)
            rate = one and one["images"] / one["seconds"]
            cells.append(f"{rate:,.0f}" + (f" ({fastest / rate:.2f})" if fastest else "") if rate else "-")
        if _referred(found):
            batch, rate = REFERENCE.get(stage, (0, 0))
            cells.append(f"{rate:,} at {batch}" if rate else "-")
        rows.append([stage, *cells])
    yield from markdown(["forward batch", *batches, *(["first trial"] if _referred(found) else [])], rows)
    yield ""


def _profile(found: Mapping[str, Any]) -> Iterator[str]:
    yield from ("## NES by kernel", "")
    busy = f"; they add up to {found['total'] / found['profiled']:.0%} of the profiled time"
    if not found["rows"]:
        busy = "; the profiler has seen none of them"
    yield (
        f"{found['images']} images, {found['iterations']} iteration(s), forward batch {found['batch']}: "
        f"{found['seconds']:.2f} s, {found['profiled']:.2f} s under the profiler. Time of {found['kind']} by their own"
        f"{busy}."
    )
    yield ""
    if found["rows"]:
        yield from markdown(
            [f"the {len(found['rows'])} longest {found['kind']}", "calls", "ms", "share"],
            [
                [
                    _name(row["name"]),
                    row["calls"],
                    f"{1000 * row['seconds']:.1f}",
                    f"{row['seconds'] / max(found['total'], 1e-12):.1%}",
                ]
                for row in found["rows"]
            ],
        )
        yield ""


def _name(kernel: str) -> str:
    short = kernel if len(kernel) <= WIDTH else kernel[: WIDTH - 3] + "..."
    return "`" + short.replace("|", "/").replace("`", "'") + "`"


def _projection(found: Mapping[str, Any]) -> Iterator[str]:
    totals = {batch: sum(row["hours"] for row in rows) for batch, rows in found["projection"].items()}
    best = min(totals, key=totals.__getitem__)
    yield from ("## FaceForensics++", "")
    yield (
        f"Hours of one process for all explainers of config/ffpp.yaml on the paper's {IMAGES} images, were every "
        "stage as fast as above: images x forwards an image / images a second / 3600."
    )
    yield ""
    yield from markdown(["forward batch", *totals], [["hours", *(f"{hours:,.1f}" for hours in totals.values())]])
    yield from ("", f"With a forward batch of {best}:", "")
    rows = [
        [row["name"], row["stage"], f"{row['forwards']:,}", f"{row['hours']:,.1f}"] for row in found["projection"][best]
    ]
    yield from markdown(["", "at the rate of", "forwards an image", "hours"], rows)
    yield ""
    yield (
        f"Assumed: {PAPER_ITERATIONS} iterations of NES an image (the paper's table 3); segment attacks of the top 1, "
        "2 and 3 with all the iterations that they may make, for each row by itself, though rows share attacks on the "
        "same segments; every image called fake; nothing for faces, the database, training, starting jobs, tables."
    )


def _referred(found: Mapping[str, Any]) -> bool:
    return "H100" in found["device"]
