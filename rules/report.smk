# report: what a person looks at.
FIGURES = P.figure_groups


rule report:
    input:
        P.figures,


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
        frames=ancient(FRAMES / "frames.lmdb"),
        detector=ancient(DETECTOR),
    output:
        multiext(str(P.run / "figures/{figure}"), ".png", ".pdf"),
    log:
        str(P.logs / CONFIG.run / "report_figure/{figure}.log"),
    wildcard_constraints:
        figure="|".join(FIGURES),
    conda:
        "../envs/tables.yaml"
    params:
        explainers=lambda wildcards: FIGURES[wildcards.figure],
        categories=CONFIG.corpus.categories,
    script:
        "../scripts/report_figure.py"
