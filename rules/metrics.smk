# metrics: all measures of one (explainer, shard) besides the segment attacks; each measure's records have a place of their own.
rule metrics:
    input:
        [path for name in CONFIG.explainers for path in P.metrics_of(name)],


if CONFIG.metrics:

    rule metrics_shard:
        input:
            images=P.lists / "{shard}.json",
            manifest=FRAMES / "manifest.parquet",
            frames=ancient(P.lmdb),
            counterparts=P.counterparts,
            detector=ancient(DETECTOR),
            weights=WEIGHTS,
            saliency=lambda wildcards: P.measured_maps(
                wildcards.explainer, wildcards.digest, wildcards.shard
            ),
        output:
            rows=str(
                P.store
                / "metrics/{explainer}-{digest}"
                / CONFIG.run
                / "{shard}.parquet"
            ),
            records=update(
                [
                    str(
                        P.measure(name).path
                        / CONFIG.run
                        / "{explainer}-{digest}-{shard}.h5"
                    )
                    for name in CONFIG.metrics
                ]
            ),
        log:
            str(P.logs / CONFIG.run / "metrics_shard/{explainer}-{digest}/{shard}.log"),
        benchmark:
            str(P.logs / CONFIG.run / "metrics_shard/{explainer}-{digest}/{shard}.tsv")
        retries: RETRIES
        conda:
            "../envs/science.yaml"
        threads: CONFIG.detector.threads
        resources:
            gpu=P.gpus,
            images_at_once=lambda wildcards, attempt: P.images_at_once(attempt),
            halvings=lambda wildcards, attempt: attempt - 1,
        params:
            metrics=lambda wildcards: P.metrics_params(wildcards.explainer),
        script:
            "../scripts/metrics_shard.py"
