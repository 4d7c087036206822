# tables: one file an explainer, one for all; as Parquet, CSV, Markdown and LaTeX.
# What a table doesn't show but counts beside it.
NOT_EXPLAINED = (
    [P.lists / "left_out.parquet"] if CONFIG.frames.explain == "called_fake" else []
)


# Snakemake's own report shows the CSV of each.
CSV = {"caption": "captions/table.rst", "category": "Tables"}
TABLE_FILES = lambda names: [
    (
        str(path)
        if path.suffix != ".csv"
        else report(str(path), labels={"table": path.stem}, **CSV)
    )
    for path in P.outputs.tables_of(names)
]


rule tables:
    input:
        P.outputs.tables,
        P.run / "tables/left_out.csv",
        P.run / "summary.txt",


rule tables_explainer:
    input:
        evaluation=lambda wildcards: P.rows_of(wildcards.explainer),
        saliency=lambda wildcards: P.maps_of(wildcards.explainer),
        weights=WEIGHTS,
        not_explained=NOT_EXPLAINED,
    output:
        TABLE_FILES(["{explainer}"]),
    log:
        str(P.logs / CONFIG.run / "tables_explainer/{explainer}.log"),
    wildcard_constraints:
        explainer=one_of(CONFIG.explainers),
    localrule: True
    conda:
        "../envs/tables.yaml"
    params:
        note=lambda wildcards: P.outputs.note(wildcards.explainer),
        top=CONFIG.evaluation.top,
        categories=CONFIG.corpus.categories,
    script:
        "../scripts/tables_explainer.py"


rule tables_combined:
    input:
        evaluation=[path for name in CONFIG.explainers for path in P.rows_of(name)],
        saliency=[path for name in CONFIG.explainers for path in P.maps_of(name)],
        weights=WEIGHTS,
        not_explained=NOT_EXPLAINED,
    output:
        TABLE_FILES(P.outputs.COMBINED),
    log:
        P.logs / CONFIG.run / "tables_combined.log",
    localrule: True
    conda:
        "../envs/tables.yaml"
    params:
        explainers=list(CONFIG.explainers),
        note=P.outputs.note(),
        top=CONFIG.evaluation.top,
        categories=CONFIG.corpus.categories,
    script:
        "../scripts/tables_combined.py"


if CONFIG.metrics:

    rule tables_measured:
        input:
            metrics=[path for name in CONFIG.explainers for path in P.metrics_of(name)],
            weights=WEIGHTS,
            not_explained=NOT_EXPLAINED,
        output:
            TABLE_FILES(P.outputs.MEASURED),
        log:
            P.logs / CONFIG.run / "tables_measured.log",
        localrule: True
        conda:
            "../envs/tables.yaml"
        params:
            explainers=list(CONFIG.explainers),
            note=P.outputs.note(attacks=False),
            categories=CONFIG.corpus.categories,
        script:
            "../scripts/tables_measured.py"


# Only FF++'s numbers can stand beside the paper's.
if P.beside_published:

    rule tables_published:
        input:
            accuracy=P.run / "tables/accuracy.parquet",
            sufficiency=P.run / "tables/sufficiency.parquet",
            cost=P.run / "tables/cost.parquet",
            not_explained=NOT_EXPLAINED,
        output:
            TABLE_FILES(P.outputs.PUBLISHED),
        log:
            P.logs / CONFIG.run / "tables_published.log",
        localrule: True
        conda:
            "../envs/tables.yaml"
        params:
            readings=P.outputs.readings,
            note=P.outputs.note(),
            top=CONFIG.evaluation.top,
            categories=CONFIG.corpus.categories,
        script:
            "../scripts/tables_published.py"


rule tables_left_out:
    input:
        left_out=P.left_out,
        videos=[] if CONFIG.frames.ready else [P.run / "corpus/videos.parquet"],
        manifest=FRAMES / "manifest.parquet",
        evaluation=[path for name in CONFIG.explainers for path in P.rows_of(name)],
        adversary=P.copies,
        weights=WEIGHTS,
        answer=P.outputs.answer,
        metrics=P.run / "detector/metrics.json",
    output:
        P.run / "tables/left_out.parquet",
        report(
            P.run / "tables/left_out.csv",
            caption="captions/left_out.rst",
            category="Tables",
            labels={"table": "left out"},
        ),
        summary=P.run / "summary.txt",
    log:
        P.logs / CONFIG.run / "tables_left_out.log",
    localrule: True
    conda:
        "../envs/tables.yaml"
    script:
        "../scripts/tables_left_out.py"
