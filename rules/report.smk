# report: what a person looks at.
from functools import partial

FIGURES = P.outputs.figure_groups
# Rows and maps of all explainers: figures show no controls and no ceilings.
ALL_ROWS = [path for name in EXPLAINERS for path in P.rows_of(name)]
ALL_MAPS = [path for name in EXPLAINERS for path in P.maps_of(name)]


# A figure's two files, by its name; the PNG is in Snakemake's own report too.
IN_REPORT = partial(report, category="Figures")
DRAWN = {
    name: [
        IN_REPORT(
            P.outputs.figure(name)[0],
            caption=f"captions/{name}.rst",
            labels={"figure": title},
        ),
        P.outputs.figure(name)[1],
    ]
    for name, title in {
        "scorecard": "Scorecard",
        "agreement": "Agreement of measures",
        "accuracy": "Accuracy by method and category",
        "explanations": "Explanations by category",
        "nes": "Adversarial copies",
        "fillings": "Fillings",
        "cost": "Cost",
        "detector": "Detector",
        "roc": "ROC curve",
    }.items()
}


rule report:
    input:
        P.outputs.figures,
        P.run / "provenance.json",
        P.outputs.report,


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
        weights=WEIGHTS,
    output:
        IN_REPORT(
            str(P.run / "figures/{figure}.png"),
            caption="captions/figure.rst",
            labels={"figure": "Maps: {figure}"},
        ),
        str(P.run / "figures/{figure}.pdf"),
    log:
        str(P.logs / CONFIG.run / "report_figure/{figure}.log"),
    wildcard_constraints:
        figure=one_of(FIGURES),
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
        DRAWN["detector"],
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


rule report_roc:
    input:
        P.run / "detector/metrics.json",
    output:
        DRAWN["roc"],
    log:
        P.logs / CONFIG.run / "report_roc.log",
    localrule: True
    conda:
        "../envs/tables.yaml"
    params:
        threshold=P.classes.threshold,
        dpi=CONFIG.report.dpi,
    script:
        "../scripts/report_roc.py"


rule report_scorecard:
    input:
        P.run / "tables/scorecard.parquet",
    output:
        DRAWN["scorecard"],
    log:
        P.logs / CONFIG.run / "report_scorecard.log",
    localrule: True
    conda:
        "../envs/tables.yaml"
    params:
        note=P.outputs.note(),
        dpi=CONFIG.report.dpi,
    script:
        "../scripts/report_scorecard.py"


rule report_agreement:
    input:
        P.outputs.estimates,
    output:
        DRAWN["agreement"],
    log:
        P.logs / CONFIG.run / "report_agreement.log",
    localrule: True
    conda:
        "../envs/tables.yaml"
    params:
        note=P.outputs.note(),
        dpi=CONFIG.report.dpi,
    script:
        "../scripts/report_agreement.py"


rule report_accuracy:
    input:
        evaluation=ALL_ROWS,
        saliency=[path for name in EXPLAINERS[:1] for path in P.maps_of(name)],
        weights=WEIGHTS,
    output:
        DRAWN["accuracy"],
    log:
        P.logs / CONFIG.run / "report_accuracy.log",
    localrule: True
    conda:
        "../envs/tables.yaml"
    params:
        explainers=EXPLAINERS,
        categories=CONFIG.corpus.categories,
        readings=P.outputs.readings if P.beside_published else None,
        note=P.outputs.note(),
        dpi=CONFIG.report.dpi,
    script:
        "../scripts/report_accuracy.py"


rule report_explanations:
    input:
        evaluation=ALL_ROWS,
        saliency=ALL_MAPS,
        manifest=FRAMES / "manifest.parquet",
        counterparts=P.counterparts,
        frames=ancient(P.lmdb),
        detector=ancient(DETECTOR),
        weights=WEIGHTS,
    output:
        DRAWN["explanations"],
    log:
        P.logs / CONFIG.run / "report_explanations.log",
    localrule: True
    conda:
        "../envs/tables.yaml"
    params:
        categories=CONFIG.corpus.categories,
        note=P.outputs.note(attacks=False),
        dpi=CONFIG.report.dpi,
    script:
        "../scripts/report_explanations.py"


if P.any_adversary:

    rule report_nes:
        input:
            adversary=P.copies,
            frames=ancient(P.lmdb),
            detector=ancient(DETECTOR),
            weights=WEIGHTS,
        output:
            DRAWN["nes"],
        log:
            P.logs / CONFIG.run / "report_nes.log",
        localrule: True
        conda:
            "../envs/tables.yaml"
        params:
            note=P.outputs.note(attacks=False),
            dpi=CONFIG.report.dpi,
        script:
            "../scripts/report_nes.py"


# A few forwards, and seconds of them to measure the detector's speed.
rule report_fillings:
    input:
        evaluation=ALL_ROWS,
        saliency=ALL_MAPS,
        adversary=P.copies,
        counterparts=P.counterparts,
        frames=ancient(P.lmdb),
        detector=ancient(DETECTOR),
        weights=WEIGHTS,
    output:
        data=P.outputs.fillings,
        speed=P.outputs.speed,
    log:
        P.logs / CONFIG.run / "report_fillings.log",
    benchmark:
        P.logs / CONFIG.run / "report_fillings.tsv"
    retries: RETRIES
    conda:
        "../envs/science.yaml"
    threads: CONFIG.detector.threads
    resources:
        gpu=P.gpus,
    params:
        categories=CONFIG.corpus.categories,
    script:
        "../scripts/report_fillings.py"


rule report_fillings_figure:
    input:
        P.outputs.fillings,
    output:
        DRAWN["fillings"],
    log:
        P.logs / CONFIG.run / "report_fillings_figure.log",
    localrule: True
    conda:
        "../envs/tables.yaml"
    params:
        note=P.outputs.note(attacks=False),
        dpi=CONFIG.report.dpi,
    script:
        "../scripts/report_fillings_figure.py"


rule report_cost:
    input:
        cost=P.run / "tables/cost.parquet",
        speed=P.outputs.speed,
    output:
        DRAWN["cost"],
    log:
        P.logs / CONFIG.run / "report_cost.log",
    localrule: True
    conda:
        "../envs/tables.yaml"
    params:
        explainers=EXPLAINERS,
        note=P.outputs.note(attacks=False),
        dpi=CONFIG.report.dpi,
    script:
        "../scripts/report_cost.py"


rule report_provenance:
    input:
        P.copies,
        [path for name in CONFIG.explainers for path in P.maps_of(name)],
        [path for name in CONFIG.explainers for path in P.attacks_of(name)],
        P.predicted,
        P.outputs.tables,
        P.outputs.figures,
        weights=WEIGHTS,
    output:
        P.run / "provenance.json",
    log:
        P.logs / CONFIG.run / "report_provenance.log",
    localrule: True
    conda:
        "../envs/tables.yaml"
    params:
        config=P.settings_of_images,
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
        weights=WEIGHTS,
        metrics=P.run / "detector/metrics.json",
        measured=MEASURED,
        tables=P.outputs.tables,
        answer=P.outputs.answer,
        left_out=P.run / "tables/left_out.parquet",
        not_explained=NOT_EXPLAINED,
        summary=P.run / "summary.txt",
        figures=P.outputs.figures,
        provenance=P.run / "provenance.json",
        clips=([P.video_page["data"], *P.video_tables] if CONFIG.video.asked else []),
    output:
        report(P.outputs.report, caption="captions/page.rst", category="Report"),
    log:
        P.logs / CONFIG.run / "report_page.log",
    benchmark:
        P.logs / CONFIG.run / "report_page.tsv"
    retries: RETRIES
    conda:
        "../envs/tables.yaml"
    params:
        tile=CONFIG.report.tile,
        one_file_mb=CONFIG.report.one_file_mb,
    script:
        "../scripts/report_page.py"
