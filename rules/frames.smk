# frames: the manifest, the frames to explain in shards, the LMDB of all crops; or the authors' list and LMDB as they are.
FRAMES = P.run / "frames"
FRAMES_MADE = dict(
    manifest=FRAMES / "manifest.parquet",
    csv=FRAMES / "manifest.csv",
    evaluation=FRAMES / "evaluation.parquet",
    evaluation_csv=FRAMES / "evaluation.csv",
    left_out=FRAMES / "left_out.parquet",
    shards=[FRAMES / f"shards/{shard}.json" for shard in P.shards],
)


rule frames:
    input:
        FRAMES / "manifest.parquet",
        P.lmdb,


if CONFIG.frames.lmdb is None:

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
            frames=CONFIG.frames.model_dump(include={"per_video", "manifest"}),
            listed=P.listed,
            trained=bool(LISTED) and CONFIG.detector.checkpoint is None,
            unlearnt=P.unlearnt,
            categories=CONFIG.corpus.categories,
            also=CONFIG.corpus.also,
            shards=CONFIG.shards,
        script:
            "../scripts/frames_manifest.py"

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
            frames=CONFIG.frames.model_dump(include={"per_video", "manifest", "lmdb"}),
            listed=P.listed,
            categories=CONFIG.corpus.categories,
            also=CONFIG.corpus.also,
            shards=CONFIG.shards,
        script:
            "../scripts/frames_import.py"
