# tables: one file an explainer, one for all; as Parquet, CSV, Markdown and LaTeX.
rule tables:
    input:
        P.tables,
        P.run / "tables/left_out.csv",
        P.run / "summary.txt",


rule tables_explainer:
    input:
        evaluation=lambda wildcards: P.rows_of(wildcards.explainer),
        saliency=lambda wildcards: P.maps_of(wildcards.explainer),
    output:
        multiext(str(P.run / "tables/{explainer}"), ".parquet", ".csv", ".md", ".tex"),
    log:
        str(P.logs / CONFIG.run / "tables_explainer/{explainer}.log"),
    wildcard_constraints:
        explainer="|".join(CONFIG.explainers),
    conda:
        "../envs/tables.yaml"
    params:
        note=lambda wildcards: P.note(wildcards.explainer),
        top=CONFIG.evaluation.top,
        categories=CONFIG.corpus.categories,
    script:
        "../scripts/tables_explainer.py"


rule tables_combined:
    input:
        evaluation=[path for name in CONFIG.explainers for path in P.rows_of(name)],
        saliency=[path for name in CONFIG.explainers for path in P.maps_of(name)],
    output:
        [P.run / f"tables/{table}.{kind}" for table in P.COMBINED for kind in P.FORMATS],
    log:
        P.logs / CONFIG.run / "tables_combined.log",
    conda:
        "../envs/tables.yaml"
    params:
        explainers=list(CONFIG.explainers),
        note=P.note(),
        top=CONFIG.evaluation.top,
        categories=CONFIG.corpus.categories,
    script:
        "../scripts/tables_combined.py"


rule tables_left_out:
    input:
        videos=P.run / "corpus/videos.parquet",
        corpus=P.run / "corpus/left_out.parquet",
        faces=[path.with_suffix(".left_out.parquet") for path in P.crops],
        manifest=FRAMES / "manifest.parquet",
        evaluation=[path for name in CONFIG.explainers for path in P.rows_of(name)],
        adversary=P.copies,
    output:
        multiext(str(P.run / "tables/left_out"), ".parquet", ".csv"),
        summary=P.run / "summary.txt",
    log:
        P.logs / CONFIG.run / "tables_left_out.log",
    conda:
        "../envs/tables.yaml"
    script:
        "../scripts/tables_left_out.py"
