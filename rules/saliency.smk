# saliency: maps, segments and rankings; a job is one (explainer, shard).
# Controls and ceilings, which stand beside the explainers, have no forward.
EXPLAINERS = list(CONFIG.of_kind("explainer"))
BESIDE = [name for name in CONFIG.explainers if name not in EXPLAINERS]
SALIENCY_SHARD = str(
    P.store / "saliency/{explainer}-{digest}" / CONFIG.run / "{shard}.h5"
)
# What a row is made from besides the image.
IF_NEEDED = lambda what, *files: lambda wildcards: (
    list(files) if P.needs(wildcards.explainer, what) else []
)


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
        counterparts=IF_NEEDED("counterpart", *P.counterparts),
    output:
        update(SALIENCY_SHARD),
    log:
        str(P.logs / CONFIG.run / "saliency_shard/{explainer}-{digest}/{shard}.log"),
    benchmark:
        str(P.logs / CONFIG.run / "saliency_shard/{explainer}-{digest}/{shard}.tsv")
    wildcard_constraints:
        explainer=one_of(EXPLAINERS),
    retries: RETRIES
    conda:
        "../envs/science.yaml"
    threads: CONFIG.detector.threads
    resources:
        gpu=P.gpus,
        images_at_once=lambda wildcards, attempt: P.images_at_once(attempt),
        halvings=lambda wildcards, attempt: attempt - 1,
    params:
        saliency=lambda wildcards: P.saliency_params(wildcards.explainer),
    script:
        "../scripts/saliency_shard.py"


if BESIDE:

    rule saliency_control:
        input:
            images=P.lists / "{shard}.json",
            frames=ancient(P.lmdb),
            weights=WEIGHTS,
            host=lambda wildcards: P.host_for(
                wildcards.explainer, wildcards.digest, wildcards.shard
            ),
            manifest=IF_NEEDED("mask", FRAMES / "manifest.parquet"),
            counterparts=IF_NEEDED("counterpart", *P.counterparts),
            prior=IF_NEEDED("prior", P.face_prior),
            network=IF_NEEDED("prior", ancient(P.face_model)),
        output:
            update(SALIENCY_SHARD),
        log:
            str(
                P.logs
                / CONFIG.run
                / "saliency_control/{explainer}-{digest}/{shard}.log"
            ),
        benchmark:
            str(
                P.logs
                / CONFIG.run
                / "saliency_control/{explainer}-{digest}/{shard}.tsv"
            )
        wildcard_constraints:
            explainer=one_of(BESIDE),
        retries: RETRIES
        conda:
            "../envs/data.yaml"
        params:
            saliency=lambda wildcards: P.saliency_params(wildcards.explainer),
        script:
            "../scripts/saliency_control.py"


if P.any_needs("prior"):

    rule saliency_prior:
        input:
            manifest=FRAMES / "manifest.parquet",
            frames=ancient(P.lmdb),
            network=ancient(P.face_model),
        output:
            P.face_prior,
        log:
            P.logs / CONFIG.run / "saliency_prior.log",
        benchmark:
            P.logs / CONFIG.run / "saliency_prior.tsv"
        retries: RETRIES
        conda:
            "../envs/data.yaml"
        threads: CONFIG.threads.faces
        script:
            "../scripts/saliency_prior.py"
