"""What `make gpu` has found, as Markdown."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from advxai.plan.count import PAPER_ITERATIONS
from benchmarks.cuda import ALIKE, ATTENDING, EXPLAINERS, MAGNIFIED, MAP, SIGNS
from benchmarks.gpu.kernels import measured, named
from benchmarks.gpu.precision_text import section
from benchmarks.gpu.summary import GOALS, HOURS, chosen, hours, referred, summary
from benchmarks.speed.projection import IMAGES
from benchmarks.speed.report import markdown

# Images/s of an earlier trial on an H100, of which no more is kept: forward batch, rate
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
    **{
        name: f"{detector['model']}, random weights, on synthetic pictures" for name, (detector, _) in ATTENDING.items()
    },
}


def document(found: Mapping[str, Any]) -> str:
    """The whole text, the summary first; parts that aren't there yet are left out.

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
        *summary(found),
    ]
    if any({"probabilities", "nes", "faults"} & set(one) for one in found.get("agreement", {}).values()):
        lines += _agreement(found)
    if found.get("raw"):
        lines += _raw(found)
    if found.get("kernels"):
        lines += _kernels(found)
    if found.get("stages"):
        lines += _stages(found)
    if "profile" in found:
        lines += _profile(found["profile"])
    if found.get("projection"):
        lines += _projection(found)
    variants = found.get("precision", {}).get("variants", {})
    if any(one.get("signs") for name, one in variants.items() if name != "float32"):
        lines += section(found["precision"])
    return "\n".join(lines).rstrip() + "\n"


def _agreement(found: Mapping[str, Any]) -> Iterator[str]:
    yield from ("## Agreement with the CPU", "")
    if found["on"] == "cpu":
        yield from ("Here the CPU is compared with itself, so nothing may differ.", "")
    explained = [row for one in found["agreement"].values() for row in one["explainers"].values()]
    if any("allowed" in row for row in explained):
        yield (
            f"- Asked of a map: to differ by at most {MAGNIFIED} times what shaking the answers' logarithms by their "
            f"measured rounding changes, or {MAP:.0e}; the same top-3 segments but for what is nearer than that; the "
            "same bits alone and among others."
        )
    if any("alike" in row for row in explained):
        yield f"- Of a white box's, whose single values rounding moves further: to be correlated by {ALIKE}."
    if any("nes" in one for one in found["agreement"].values()):
        yield f"- Of NES's first step, on the same noise: {SIGNS:.1%} of a picture's pixels moved alike."
    yield ""
    for name, one in found["agreement"].items():
        real = f" ({one['called_real']} more are called Real and left out)" if one["called_real"] else ""
        yield f"{WEIGHTS[name]}; images: {one['images']}{real}. " + " ".join(_compared(one))
        yield ""
        rows = [
            [
                explainer,
                f"{row['difference']:.1e}",
                f"{row['allowed']:.1e}" if "allowed" in row else f"correlated by {row['alike']:.5f}",
                f"{row['largest']:.2g}",
                f"{row['same_top_3']} of {row['images']}",
                "yes" if row["alone"] else "no",
            ]
            for explainer, row in one["explainers"].items()
        ]
        if rows:
            yield from markdown(
                ["", "largest difference", "explained by rounding", "largest value", "same top 3", "equal alone"], rows
            )
            yield ""
        if "faults" in one:
            all_rows = 1 if name in ATTENDING else len(EXPLAINERS)
            fine = f"- Agrees as far as it was compared: maps of {len(rows)} of {all_rows} rows."
            yield from [f"- Differs: {sentence}." for sentence in one["faults"]] or [fine]
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
    if referred(found):
        batch, rate = REFERENCE["raw"]
        rows.append(["an earlier trial", *(f"{rate:,}" if one == batch else "" for one in batches)])
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


def _kernels(found: Mapping[str, Any]) -> Iterator[str]:
    yield from ("## Raw forwards by kernels", "")
    goal = f" To be reached in float32: {GOALS['raw']:,}." if referred(found) else ""
    yield (
        f"{found['model']}, each combination in a process of its own, torch's default as above; * a row's answer "
        f"depends on its neighbours.{goal}"
    )
    yield ""
    batches = {one["forward_batch"] for one in found["kernels"]}
    listed = [one for one in measured(found, found["model"]) if one["forward_batch"] in batches]
    yield from markdown(
        ["combination", "forward batch", "images/s"],
        [
            [named(one), one["forward_batch"], f"{one['rate']:,.0f}" + ("" if one["alone"] else " *")]
            for one in sorted(listed, key=lambda one: (one["precision"], -one["rate"]))
        ],
    )
    yield ""
    if "fastest" in found:
        usable = {named(one) for one in listed if one["precision"] == "float32" and one["alone"]}
        which = "the fastest in float32" if len(usable) > 1 else "the only one measured in float32"
        which = which if usable else "torch's default, for none in float32 was measured whose rows stand alone"
        yield from (f"Stages and profile below run with {which}: {chosen(found)}.", "")


def _stages(found: Mapping[str, Any]) -> Iterator[str]:
    batches = [batch for batch, stages in found["stages"].items() if stages]
    if not batches:
        return
    sizes = found["sizes"]
    budgets = "a sixteenth of the paper's budgets" if sizes["small"] else "the paper's budgets (NES: five iterations)"
    model = found["model"]
    rates = [one["rate"] for one in found.get("raw", {}).get(model, ())]
    fastest = found.get("fastest", {}).get("rate") or max(rates, default=None)
    than = f"; in brackets the raw rate's multiple, {fastest:,.0f} at best" if fastest else ""
    yield from ("## Stages by forward batch", "")
    held = "as many in work as in a run" if sizes["held"] is None else f"at most {sizes['held']} held at once"
    goal = (
        f" To be reached: {GOALS['adversary']:,} by NES (adversary), {GOALS['share']} of the raw rate "
        f"({1 / GOALS['share']:.2f}) by every stage."
        if referred(found)
        else ""
    )
    yield (
        f"{model}, {chosen(found)}: images through the detector a second{than}; then rows computed for each one asked "
        f"for, padding included.{goal}"
    )
    yield ""
    yield (
        f"At {budgets}, images explained: {sizes['images']} (SHAP: {2 * sizes['images']}), attacked: "
        f"{sizes['attacks']}, {held}. Random weights that call nothing real, so that no attack ends early; one pass "
        "each, after one to warm up."
    )
    yield ""
    rows = []
    for stage in dict.fromkeys(stage for batch in batches for stage in found["stages"][batch]):
        cells = []
        for batch in batches:
            one = found["stages"][batch].get(stage)
            rate = one and one["images"] / one["seconds"]
            padded = f"; {one['computed'] / one['images']:.3f}" if one and "computed" in one else ""
            cells.append(f"{rate:,.0f}" + (f" ({fastest / rate:.2f})" if fastest else "") + padded if rate else "-")
        if referred(found):
            batch, rate = REFERENCE.get(stage, (0, 0))
            cells.append(f"{rate:,} at {batch}" if rate else "-")
        rows.append([stage, *cells])
    yield from markdown(["forward batch", *batches, *(["an earlier trial"] if referred(found) else [])], rows)
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
    kinds = {"most": found["projection"]}
    if found.get("expected"):
        kinds = {"expected": found["expected"]} | kinds
    summed = hours(found)
    first = next(iter(summed.values()))
    best = min(first, key=first.__getitem__)
    yield from ("## FaceForensics++", "")
    yield (
        f"Hours of one process for all explainers of config/ffpp.yaml on the paper's {IMAGES} images, were every "
        "stage as fast as above: images x forwards an image / images a second / 3600."
    )
    yield ""
    rows: list[Sequence[Any]] = [[HOURS[kind], *(f"{one:,.1f}" for one in summed[kind].values())] for kind in summed]
    yield from markdown(["forward batch", *first], rows)
    yield from ("", f"With a forward batch of {best}:", "")
    each = zip(*(batches[best] for batches in kinds.values()), strict=True)
    rows = [
        [same[0]["name"], same[0]["stage"], *(f"{one['forwards']:,}; {one['hours']:,.1f}" for one in same)]
        for same in each
    ]
    yield from markdown(["forwards an image; hours", "at the rate of", *(HOURS[kind] for kind in kinds)], rows)
    yield ""
    yield (
        f"At their most: {PAPER_ITERATIONS} iterations of NES an image (the paper's table 3), and segment attacks of "
        "the top 1, 2 and 3 with all the iterations that they may make, for each row by itself. As they come: attacks "
        "as long, and as many of them shared by rows, as on the demo's detector at the paper's settings. Every image "
        "called fake; nothing for faces, the database, training, starting jobs, tables."
    )
    yield ""
