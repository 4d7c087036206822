# evaluation: NES on the top-k segments; a job is one (explainer, shard) and waits for no other explainer.
rule evaluation:
    input:
        [path for name in CONFIG.explainers for path in P.rows_of(name)],


rule evaluation_shard:
    input:
        images=P.lists / "{shard}.json",
        frames=ancient(P.lmdb),
        detector=ancient(DETECTOR),
        weights=WEIGHTS,
        saliency=lambda wildcards: P.maps_for(
            wildcards.explainer, wildcards.digest, wildcards.shard
        ),
    output:
        rows=str(
            P.store
            / "evaluation/{explainer}-{digest}"
            / CONFIG.run
            / "{shard}.parquet"
        ),
        attacks=update(
            str(P.attacks.path / CONFIG.run / "{explainer}-{digest}-{shard}.h5")
        ),
    log:
        str(P.logs / CONFIG.run / "evaluation_shard/{explainer}-{digest}/{shard}.log"),
    benchmark:
        str(P.logs / CONFIG.run / "evaluation_shard/{explainer}-{digest}/{shard}.tsv")
    retries: RETRIES
    conda:
        "../envs/science.yaml"
    threads: CONFIG.detector.threads
    resources:
        gpu=P.gpus,
        images_at_once=lambda wildcards, attempt: P.images_at_once(attempt),
        halvings=lambda wildcards, attempt: attempt - 1,
    params:
        evaluation=lambda wildcards: P.evaluation_params(wildcards.explainer),
    script:
        "../scripts/evaluation_shard.py"
