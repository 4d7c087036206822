# frames: the manifest, the LMDB of all crops, the images to explain in shards; or a tree of crops that is there already; or
# the authors' list and LMDB as they are.
FRAMES = P.run / "frames"
FRAMES_MADE = dict(
    manifest=FRAMES / "manifest.parquet",
    csv=FRAMES / "manifest.csv",
    left_out=FRAMES / "left_out.parquet",
)


rule frames:
    input:
        FRAMES / "manifest.parquet",
        P.lmdb,
        P.counterparts,
        # of this number of shards: where they lack, Snakemake doesn't notice what else has changed
        [] if CONFIG.frames.ready else P.crops,


if not CONFIG.frames.ready:

    rule frames_manifest:
        input:
            faces=P.crops,
            listed=ancient(LISTED),
        output:
            **FRAMES_MADE,
        log:
            P.logs / CONFIG.run / "frames_manifest.log",
        localrule: True
        conda:
            "../envs/data.yaml"
        params:
            manifest=CONFIG.frames.manifest,
            listed=P.listed,
            trained=bool(LISTED) and CONFIG.detector.checkpoint is None,
            unlearnt=P.unlearnt,
            categories=CONFIG.corpus.categories,
            also=CONFIG.corpus.also,
        script:
            "../scripts/frames_manifest.py"


if CONFIG.frames.crops is not None:

    # `listing` is asked for when the job is planned: it takes a look at every file, and with an exchanged one the manifest is made anew.
    rule frames_crops:
        input:
            crops=ancient(CONFIG.frames.crops),
            listed=ancient(LISTED),
        output:
            **FRAMES_MADE,
        log:
            P.logs / CONFIG.run / "frames_crops.log",
        benchmark:
            P.logs / CONFIG.run / "frames_crops.tsv"
        conda:
            "../envs/data.yaml"
        params:
            listing=lambda wildcards: P.all_crops,
            listed=P.listed,
            unlearnt=P.unlearnt,
            trained=bool(LISTED) and CONFIG.detector.checkpoint is None,
            compression=CONFIG.corpus.compression,
            categories=CONFIG.corpus.categories,
            also=CONFIG.corpus.also,
        script:
            "../scripts/frames_crops.py"


if CONFIG.frames.lmdb is None:

    rule frames_lmdb:
        input:
            manifest=FRAMES / "manifest.parquet",
        output:
            P.lmdb,
        log:
            P.logs / CONFIG.run / "frames_lmdb.log",
        benchmark:
            P.logs / CONFIG.run / "frames_lmdb.tsv"
        conda:
            "../envs/data.yaml"
        script:
            "../scripts/frames_lmdb.py"

else:

    rule frames_import:
        input:
            listed=ancient(LISTED),
            lmdb=ancient(P.lmdb),
        output:
            **FRAMES_MADE,
        log:
            P.logs / CONFIG.run / "frames_import.log",
        benchmark:
            P.logs / CONFIG.run / "frames_import.tsv"
        conda:
            "../envs/data.yaml"
        params:
            frames=CONFIG.frames.model_dump(include={"manifest", "lmdb"}),
            listed=P.listed,
            categories=CONFIG.corpus.categories,
            also=CONFIG.corpus.also,
        script:
            "../scripts/frames_import.py"


# Apart from the manifest, so that more frames of a video, or other shards, neither store nor classify any image anew.
rule frames_images:
    input:
        manifest=FRAMES / "manifest.parquet",
        listed=ancient(LISTED),
    output:
        evaluation=FRAMES / "evaluation.parquet",
        csv=FRAMES / "evaluation.csv",
        shards=[FRAMES / f"shards/{shard}.json" for shard in P.shards],
    log:
        P.logs / CONFIG.run / "frames_images.log",
    localrule: True
    conda:
        "../envs/data.yaml"
    params:
        frames=CONFIG.frames.model_dump(include={"per_video", "passes"}),
        seed=CONFIG.seed if CONFIG.frames.passes else None,  # the authors' rule draws nothing
        listed=P.listed,
        categories=CONFIG.corpus.categories,
        shards=CONFIG.shards,
    script:
        "../scripts/frames_images.py"


# The original's frame behind each explained fake. Its video is looked for when the job runs; one that is missing is listed.
rule frames_counterparts:
    input:
        manifest=FRAMES / "manifest.parquet",
        images=FRAMES / "evaluation.parquet",
    output:
        table=P.counterparts[0],
        lmdb=P.counterparts[1],
        left_out=FRAMES / "counterparts_left_out.parquet",
    log:
        P.logs / CONFIG.run / "frames_counterparts.log",
    benchmark:
        P.logs / CONFIG.run / "frames_counterparts.tsv"
    conda:
        "../envs/data.yaml"
    params:
        aligned=CONFIG.frames.aligned,
    script:
        "../scripts/frames_counterparts.py"
