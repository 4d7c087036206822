# clips: face crops of clips, decoded for themselves: which ones, their crops in shards by video, their database, and the
# original's frame behind each frame of a fake.
from advxai.clips.lists import files_of

CLIPS = P.clips_run
CLIPS_LISTED = [CONFIG.video.list] if CONFIG.video.list else []
CLIPS_OWN = [one for path in CLIPS_LISTED for one in files_of(Path(path))]


rule clips:
    input:
        CLIPS / "clips.parquet",
        P.clips_lmdb,
        P.clip_counterparts,
        # of this number of shards: where they lack, Snakemake doesn't notice that the list is another
        P.clips_cut,
        P.clips_left_out,
        [CLIPS / f"shards/{shard}.json" for shard in P.shards],


rule clips_list:
    input:
        videos=P.run / "corpus/videos.parquet",
        listed=ancient(CLIPS_LISTED),
    output:
        clips=CLIPS / "list.parquet",
        left_out=CLIPS / "list_left_out.parquet",
        shards=[CLIPS / f"videos/{shard}.json" for shard in P.shards],
    log:
        P.logs / CONFIG.run / "clips_list.log",
    localrule: True
    conda:
        "../envs/data.yaml"
    params:
        video=CONFIG.video.model_dump(include={"list", "fakes", "reals", "track"}),
        listed=P.clips_listed,
        own=CLIPS_OWN,
        seed=CONFIG.seed,
        categories=CONFIG.corpus.categories,
        learns=CONFIG.detector.checkpoint is None,
        shards=CONFIG.shards,
    script:
        "../scripts/clips_list.py"


rule clips_shard:
    input:
        clips=CLIPS / "videos/{shard}.json",
        model=ancient(P.face_model),
    output:
        frames=str(P.clip_crops.path / CONFIG.run / "{shard}.parquet"),
        left_out=str(P.clip_crops.path / CONFIG.run / "{shard}.left_out.parquet"),
    log:
        str(P.logs / CONFIG.run / "clips_shard/{shard}.log"),
    benchmark:
        str(P.logs / CONFIG.run / "clips_shard/{shard}.tsv")
    conda:
        "../envs/data.yaml"
    threads: CONFIG.threads.faces
    resources:
        gpu=int(CONFIG.faces.device == "cuda"),
    params:
        clips=P.clips_params,
        own=CLIPS_OWN,
    script:
        "../scripts/clips_shard.py"


rule clips_manifest:
    input:
        frames=P.clips_cut,
    output:
        clips=CLIPS / "clips.parquet",
        frames=CLIPS / "frames.parquet",
        shards=[CLIPS / f"shards/{shard}.json" for shard in P.shards],
    log:
        P.logs / CONFIG.run / "clips_manifest.log",
    localrule: True
    conda:
        "../envs/data.yaml"
    params:
        shards=CONFIG.shards,
    script:
        "../scripts/clips_manifest.py"


rule clips_lmdb:
    input:
        frames=CLIPS / "frames.parquet",
    output:
        P.clips_lmdb,
    log:
        P.logs / CONFIG.run / "clips_lmdb.log",
    benchmark:
        P.logs / CONFIG.run / "clips_lmdb.tsv"
    conda:
        "../envs/data.yaml"
    script:
        "../scripts/clips_lmdb.py"


rule clips_counterparts:
    input:
        frames=CLIPS / "frames.parquet",
    output:
        table=P.clip_counterparts[0],
        lmdb=P.clip_counterparts[1],
        left_out=CLIPS / "counterparts_left_out.parquet",
    log:
        P.logs / CONFIG.run / "clips_counterparts.log",
    benchmark:
        P.logs / CONFIG.run / "clips_counterparts.tsv"
    conda:
        "../envs/data.yaml"
    params:
        aligned=CONFIG.frames.aligned,
    script:
        "../scripts/clips_counterparts.py"
