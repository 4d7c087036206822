# saliency: maps, segments and rankings; a job is one (explainer, shard).
rule saliency:
    input:
        [path for name in CONFIG.explainers for path in P.maps_of(name)],


rule saliency_shard:
    input:
        images=P.lists / "{shard}.json",
        frames=ancient(P.lmdb),
        detector=ancient(DETECTOR),
        weights=WEIGHTS,
        adversary=lambda wildcards: P.copies_for(
            wildcards.explainer, wildcards.digest, wildcards.shard
        ),
    output:
        update(
            str(P.store / "saliency/{explainer}-{digest}" / CONFIG.run / "{shard}.h5")
        ),
    log:
        str(P.logs / CONFIG.run / "saliency_shard/{explainer}-{digest}/{shard}.log"),
    benchmark:
        str(P.logs / CONFIG.run / "saliency_shard/{explainer}-{digest}/{shard}.tsv")
    retries: RETRIES
    conda:
        "../envs/science.yaml"
    threads: CONFIG.detector.threads
    resources:
        gpu=P.gpus,
        images_at_once=lambda wildcards, attempt: P.images_at_once(attempt),
    params:
        saliency=lambda wildcards: P.saliency_params(wildcards.explainer),
    script:
        "../scripts/saliency_shard.py"
