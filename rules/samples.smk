# samples: a list of images, real and fake, explained as one target, with a gallery of them:
# snakemake --cores 2 samples --configfile config.yaml
from advxai.beforehand.samples import images_state, require_samples

SAMPLES = P.run / "samples"
SAMPLED = CONFIG.sampled

if "samples" in sys.argv and not PLANNING:
    try:
        for note in require_samples(P):
            print(f"note: {note}", file=sys.stderr)
    except InputError as error:
        raise WorkflowError(str(error)) from None


rule samples:
    input:
        *P.outputs.samples.values(),


rule samples_list:
    input:
        listed=P.outputs.samples_list,
        crops=ancient([CONFIG.samples.crops] if CONFIG.samples.crops else []),
        manifest=[] if CONFIG.samples.crops else [FRAMES / "manifest.parquet"],
    output:
        table=SAMPLES / "list.parquet",
        frames=[P.outputs.samples_frames] if CONFIG.samples.crops else [],
        shards=[SAMPLES / f"shards/{shard}.json" for shard in P.shards],
    log:
        P.logs / CONFIG.run / "samples_list.log",
    localrule: True
    conda:
        "../envs/data.yaml"
    params:
        samples=CONFIG.samples.model_dump(include={"list", "crops"}),
        compression=CONFIG.corpus.compression,
        shards=CONFIG.shards,
        images=lambda wildcards: images_state(P),
    script:
        "../scripts/samples_list.py"


rule samples_shard:
    input:
        images=SAMPLES / "shards/{shard}.json",
        frames=ancient(P.outputs.samples_frames),
        detector=ancient(DETECTOR),
        weights=WEIGHTS,
    output:
        update(
            str(
                P.store
                / "saliency/{explainer}-{digest}"
                / CONFIG.run
                / "samples-{shard}.h5"
            )
        ),
    log:
        str(P.logs / CONFIG.run / "samples_shard/{explainer}-{digest}/{shard}.log"),
    benchmark:
        str(P.logs / CONFIG.run / "samples_shard/{explainer}-{digest}/{shard}.tsv")
    wildcard_constraints:
        explainer=one_of(SAMPLED or ["-"]),
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
        "../scripts/samples_shard.py"


rule samples_gallery:
    input:
        table=SAMPLES / "list.parquet",
        frames=ancient(P.outputs.samples_frames),
        maps=P.samples,
        weights=WEIGHTS,
    output:
        **P.outputs.samples,
        pictures=directory(SAMPLES / "pictures"),
    log:
        P.logs / CONFIG.run / "samples_gallery.log",
    benchmark:
        P.logs / CONFIG.run / "samples_gallery.tsv"
    localrule: True
    conda:
        "../envs/tables.yaml"
    params:
        explainers=SAMPLED,
        threshold=P.classes.threshold,
        note=P.outputs.samples_note,
    script:
        "../scripts/samples_gallery.py"
