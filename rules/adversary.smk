# adversary: one adversarial copy an image, by NES; every explainer and table shares it.
rule adversary:
    input:
        P.copies,


rule adversary_shard:
    input:
        images=P.lists / "{shard}.json",
        frames=ancient(P.lmdb),
        detector=ancient(DETECTOR),
        weights=WEIGHTS,
    output:
        update(str(P.adversary.path / CONFIG.run / "{shard}.h5")),
    log:
        str(P.logs / CONFIG.run / "adversary_shard/{shard}.log"),
    benchmark:
        str(P.logs / CONFIG.run / "adversary_shard/{shard}.tsv")
    retries: RETRIES
    conda:
        "../envs/science.yaml"
    threads: CONFIG.detector.threads
    resources:
        gpu=P.gpus,
        images_at_once=lambda wildcards, attempt: P.images_at_once(attempt),
        halvings=lambda wildcards, attempt: attempt - 1,
    params:
        adversary=P.adversary_params,
    script:
        "../scripts/adversary_shard.py"
