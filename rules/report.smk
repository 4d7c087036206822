# report: what a person looks at.
FIGURES = P.figure_groups


rule report:
    input:
        P.figures,
        P.run / "provenance.json",
        P.report,


rule report_figure:
    input:
        saliency=lambda wildcards: [
            path for name in FIGURES[wildcards.figure] for path in P.maps_of(name)
        ],
        evaluation=lambda wildcards: [
            path for name in FIGURES[wildcards.figure] for path in P.rows_of(name)
        ],
        adversary=P.copies,
        manifest=FRAMES / "manifest.parquet",
        frames=ancient(P.lmdb),
        detector=ancient(DETECTOR),
    output:
        multiext(str(P.run / "figures/{figure}"), ".png", ".pdf"),
    log:
        str(P.logs / CONFIG.run / "report_figure/{figure}.log"),
    wildcard_constraints:
        figure="|".join(FIGURES),
    localrule: True
    conda:
        "../envs/tables.yaml"
    params:
        explainers=lambda wildcards: FIGURES[wildcards.figure],
        categories=CONFIG.corpus.categories,
        dpi=CONFIG.report.dpi,
    script:
        "../scripts/report_figure.py"


rule report_detector:
    input:
        predictions=P.run / "detector/predictions.parquet",
        metrics=P.run / "detector/metrics.json",
    output:
        P.figure("detector"),
    log:
        P.logs / CONFIG.run / "report_detector.log",
    localrule: True
    conda:
        "../envs/tables.yaml"
    params:
        categories=CONFIG.corpus.categories,
        dpi=CONFIG.report.dpi,
    script:
        "../scripts/report_detector.py"


rule report_provenance:
    input:
        P.copies,
        [path for name in CONFIG.explainers for path in P.maps_of(name)],
        [path for name in CONFIG.explainers for path in P.attacks_of(name)],
        P.predicted,
        P.tables,
        P.figures,
    output:
        P.run / "provenance.json",
    log:
        P.logs / CONFIG.run / "report_provenance.log",
    localrule: True
    conda:
        "../envs/tables.yaml"
    params:
        config=CONFIG.model_dump(mode="json", exclude={"plan", "prune"}),
    script:
        "../scripts/report_provenance.py"


rule report_page:
    input:
        saliency=[path for name in CONFIG.explainers for path in P.maps_of(name)],
        evaluation=[path for name in CONFIG.explainers for path in P.rows_of(name)],
        adversary=P.copies,
        manifest=FRAMES / "manifest.parquet",
        frames=ancient(P.lmdb),
        detector=ancient(DETECTOR),
        metrics=P.run / "detector/metrics.json",
        tables=P.tables,
        left_out=P.run / "tables/left_out.parquet",
        not_explained=NOT_EXPLAINED,
        summary=P.run / "summary.txt",
        figures=P.figures,
        provenance=P.run / "provenance.json",
    output:
        report(P.report, caption="captions/page.rst", category="Report"),
    log:
        P.logs / CONFIG.run / "report_page.log",
    retries: RETRIES
    conda:
        "../envs/tables.yaml"
    params:
        tile=CONFIG.report.tile,
        one_file_mb=CONFIG.report.one_file_mb,
    script:
        "../scripts/report_page.py"
