# corpus: the videos. The demo's are made from face clips; FF++'s are listed where they lie.
LISTED = [CONFIG.frames.manifest] if CONFIG.frames.manifest else []


rule corpus:
    input:
        P.run / "corpus/videos.parquet",


rule corpus_media:
    output:
        update(str(P.store / "media/{package}/{file}")),
    log:
        str(P.logs / "corpus_media/{package}/{file}.log"),
    retries: RETRIES
    localrule: True
    conda:
        "../envs/data.yaml"
    params:
        medium=lambda wildcards, output: P.packaged(output[0]).model_dump(
            exclude={"path"}
        ),
    script:
        "../scripts/corpus_media.py"


rule corpus_clip:
    input:
        clip=lambda wildcards: ancient(P.clip_source(wildcards.clip, wildcards.digest)),
        face_model=ancient(P.face_model),
        face_mesh=lambda wildcards: ancient(P.face_mesh),
    output:
        update(str(P.store / "corpus/{clip}-{digest}/clip.json")),
    log:
        str(P.logs / "corpus_clip/{clip}-{digest}.log"),
    benchmark:
        str(P.logs / "corpus_clip/{clip}-{digest}.tsv")
    conda:
        "../envs/data.yaml"
    threads: CONFIG.threads.corpus
    params:
        clip=lambda wildcards: P.clip_params(wildcards.clip),
    script:
        "../scripts/corpus_clip.py"


rule corpus_videos:
    input:
        clips=[folder.path / "clip.json" for folder in P.clips],
        listed=ancient(LISTED if P.unlearnt else []),
    output:
        videos=P.run / "corpus/videos.parquet",
        left_out=P.run / "corpus/left_out.parquet",
        shards=[P.run / f"corpus/shards/{shard}.json" for shard in P.shards],
    log:
        P.logs / f"corpus_videos/{CONFIG.run}.log",
    localrule: True
    conda:
        "../envs/data.yaml"
    params:
        corpus=CONFIG.corpus.model_dump(),
        unlearnt=P.unlearnt and P.listed,
        shards=CONFIG.shards,
    script:
        "../scripts/corpus_videos.py"
