# evaluation: NES on the top-k segments; a job is one (explainer, shard) and waits for no other explainer.
rule evaluation:
    input:
        [path for name in CONFIG.explainers for path in P.rows_of(name)],


rule evaluation_shard:
    input:
        images=FRAMES / "shards/{shard}.json",
        frames=ancient(FRAMES / "frames.lmdb"),
        detector=ancient(DETECTOR),
        saliency=lambda wildcards: P.saliency(wildcards.explainer)
        / CONFIG.run
        / f"{wildcards.shard}.h5",
    output:
        rows=str(
            P.store
            / "evaluation/{explainer}-{digest}"
            / CONFIG.run
            / "{shard}.parquet"
        ),
        attacks=update(str(P.attacks / CONFIG.run / "{explainer}-{digest}-{shard}.h5")),
    log:
        str(P.logs / CONFIG.run / "evaluation_shard/{explainer}-{digest}/{shard}.log"),
    benchmark:
        str(P.logs / CONFIG.run / "evaluation_shard/{explainer}-{digest}/{shard}.tsv")
    conda:
        "../envs/science.yaml"
    threads: CONFIG.detector.threads
    resources:
        gpu=P.gpus,
    params:
        evaluation=lambda wildcards: P.evaluation_params(wildcards.explainer),
    script:
        "../scripts/evaluation_shard.py"
