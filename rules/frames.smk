# frames: the manifest, the frames to explain in shards, the LMDB of all crops.
FRAMES = P.run / "frames"


rule frames:
    input:
        FRAMES / "manifest.parquet",
        FRAMES / "frames.lmdb",


rule frames_manifest:
    input:
        faces=P.crops,
    output:
        manifest=FRAMES / "manifest.parquet",
        csv=FRAMES / "manifest.csv",
        evaluation=FRAMES / "evaluation.parquet",
        shards=[FRAMES / f"shards/{shard}.json" for shard in P.shards],
    log:
        P.logs / CONFIG.run / "frames_manifest.log",
    conda:
        "../envs/data.yaml"
    params:
        frames=CONFIG.frames.model_dump(),
        categories=CONFIG.corpus.categories,
        shards=CONFIG.shards,
    script:
        "../scripts/frames_manifest.py"


rule frames_lmdb:
    input:
        manifest=FRAMES / "manifest.parquet",
    output:
        FRAMES / "frames.lmdb",
    log:
        P.logs / CONFIG.run / "frames_lmdb.log",
    benchmark:
        P.logs / CONFIG.run / "frames_lmdb.tsv"
    conda:
        "../envs/data.yaml"
    script:
        "../scripts/frames_lmdb.py"
