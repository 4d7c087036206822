# answer: which explainer is better than which, how surely, and by which evidence; it opens report, summary and console.
MEASURED = [path for name in CONFIG.explainers for path in P.metrics_of(name)]


rule answer:
    input:
        P.outputs.answer,
        P.outputs.tables_of(P.outputs.ANSWER),
        P.outputs.figure("scorecard"),
        P.outputs.figure("agreement"),


rule answer_tests:
    input:
        evaluation=[path for name in CONFIG.explainers for path in P.rows_of(name)],
        metrics=MEASURED,
        weights=WEIGHTS,
        not_explained=NOT_EXPLAINED,
    output:
        TABLE_FILES(P.outputs.ANSWER),
        answer=P.outputs.answer,
        estimates=P.outputs.estimates,
    log:
        P.logs / CONFIG.run / "answer_tests.log",
    benchmark:
        P.logs / CONFIG.run / "answer_tests.tsv"
    localrule: True
    conda:
        "../envs/tables.yaml"
    params:
        explainers=list(CONFIG.explainers),
        note=P.outputs.note(),
        top=CONFIG.evaluation.top,
        categories=CONFIG.corpus.categories,
    script:
        "../scripts/answer_tests.py"
