# video: clips explained as one, over time: what the detector says of them, adversarial copies, maps, attacks and measures of
# their segments, tables, films and the page that plays them. `snakemake --cores 2 video --configfile FILE`
CLIP_SHARD = CLIPS / "shards/{shard}.json"
CLIP_ROWS = CONFIG.video.ordered
CLIP_EXPLAINERS = list(CONFIG.video.of_kind("explainer"))
CLIP_CONTROLS = [name for name in CLIP_ROWS if name not in CLIP_EXPLAINERS]
VIDEO_SHARD = str(
    P.store / "video_saliency/{explainer}-{digest}" / CONFIG.run / "{shard}.h5"
)
# What a row is made from besides the clip.
IF_CLIPS_NEED = lambda what, *files: lambda wildcards: (
    list(files) if P.clips_need(wildcards.explainer, what) else []
)


rule video:
    input:
        P.video_tables,
        P.video_page.values(),
        P.run / "video/provenance.json",


rule video_scores:
    input:
        clips=CLIP_SHARD,
        frames=ancient(P.clips_lmdb),
        detector=ancient(DETECTOR),
        weights=WEIGHTS,
    output:
        update(str(P.video_scores.path / CONFIG.run / "{shard}.h5")),
    log:
        str(P.logs / CONFIG.run / "video_scores/{shard}.log"),
    benchmark:
        str(P.logs / CONFIG.run / "video_scores/{shard}.tsv")
    retries: RETRIES
    conda:
        "../envs/science.yaml"
    threads: CONFIG.detector.threads
    resources:
        gpu=P.gpus,
    params:
        scores=P.video_scores_params,
    script:
        "../scripts/video_scores.py"


rule video_adversary:
    input:
        clips=CLIP_SHARD,
        frames=ancient(P.clips_lmdb),
        detector=ancient(DETECTOR),
        weights=WEIGHTS,
    output:
        update(str(P.video_adversary.path / CONFIG.run / "{shard}.h5")),
    log:
        str(P.logs / CONFIG.run / "video_adversary/{shard}.log"),
    benchmark:
        str(P.logs / CONFIG.run / "video_adversary/{shard}.tsv")
    retries: RETRIES
    conda:
        "../envs/science.yaml"
    threads: CONFIG.detector.threads
    resources:
        gpu=P.gpus,
        images_at_once=lambda wildcards, attempt: P.images_at_once(attempt),
        halvings=lambda wildcards, attempt: attempt - 1,
    params:
        adversary=P.video_adversary_params,
    script:
        "../scripts/video_adversary.py"


rule video_saliency:
    input:
        clips=CLIP_SHARD,
        frames=ancient(P.clips_lmdb),
        detector=ancient(DETECTOR),
        weights=WEIGHTS,
        scores=str(P.video_scores.path / CONFIG.run / "{shard}.h5"),
        adversary=lambda wildcards: P.video_copies_for(
            wildcards.explainer, wildcards.digest, wildcards.shard
        ),
        counterparts=IF_CLIPS_NEED("counterpart", *P.clip_counterparts),
    output:
        update(VIDEO_SHARD),
    log:
        str(P.logs / CONFIG.run / "video_saliency/{explainer}-{digest}/{shard}.log"),
    benchmark:
        str(P.logs / CONFIG.run / "video_saliency/{explainer}-{digest}/{shard}.tsv")
    wildcard_constraints:
        explainer=one_of(CLIP_EXPLAINERS),
    retries: RETRIES
    conda:
        "../envs/science.yaml"
    threads: CONFIG.detector.threads
    resources:
        gpu=P.gpus,
        images_at_once=lambda wildcards, attempt: P.images_at_once(attempt),
        halvings=lambda wildcards, attempt: attempt - 1,
    params:
        saliency=lambda wildcards: P.video_saliency_params(wildcards.explainer),
    script:
        "../scripts/video_saliency.py"


rule video_control:
    input:
        clips=CLIP_SHARD,
        frames=ancient(P.clips_lmdb),
        weights=WEIGHTS,
        scores=str(P.video_scores.path / CONFIG.run / "{shard}.h5"),
        manifest=IF_CLIPS_NEED("mask", CLIPS / "frames.parquet"),
        counterparts=IF_CLIPS_NEED("counterpart", *P.clip_counterparts),
    output:
        update(VIDEO_SHARD),
    log:
        str(P.logs / CONFIG.run / "video_control/{explainer}-{digest}/{shard}.log"),
    benchmark:
        str(P.logs / CONFIG.run / "video_control/{explainer}-{digest}/{shard}.tsv")
    wildcard_constraints:
        explainer=one_of(CLIP_CONTROLS),
    retries: RETRIES
    conda:
        "../envs/data.yaml"
    params:
        saliency=lambda wildcards: P.video_saliency_params(wildcards.explainer),
    script:
        "../scripts/video_control.py"


rule video_attacks:
    input:
        clips=CLIP_SHARD,
        frames=ancient(P.clips_lmdb),
        detector=ancient(DETECTOR),
        weights=WEIGHTS,
        saliency=lambda wildcards: P.video_maps_for(
            wildcards.explainer,
            P.video_evaluation(wildcards.explainer),
            wildcards.digest,
            wildcards.shard,
        ),
    output:
        rows=str(
            P.store
            / "video_evaluation/{explainer}-{digest}"
            / CONFIG.run
            / "{shard}.parquet"
        ),
        attacks=update(
            str(P.video_attacks.path / CONFIG.run / "{explainer}-{digest}-{shard}.h5")
        ),
    log:
        str(P.logs / CONFIG.run / "video_attacks/{explainer}-{digest}/{shard}.log"),
    benchmark:
        str(P.logs / CONFIG.run / "video_attacks/{explainer}-{digest}/{shard}.tsv")
    wildcard_constraints:
        explainer=one_of(CLIP_ROWS),
    retries: RETRIES
    conda:
        "../envs/science.yaml"
    threads: CONFIG.detector.threads
    resources:
        gpu=P.gpus,
        images_at_once=lambda wildcards, attempt: P.images_at_once(attempt),
        halvings=lambda wildcards, attempt: attempt - 1,
    params:
        evaluation=lambda wildcards: P.video_evaluation_params(wildcards.explainer),
    script:
        "../scripts/video_attacks.py"


rule video_metrics:
    input:
        clips=CLIP_SHARD,
        frames=ancient(P.clips_lmdb),
        manifest=CLIPS / "frames.parquet",
        counterparts=P.clip_counterparts,
        detector=ancient(DETECTOR),
        weights=WEIGHTS,
        saliency=lambda wildcards: P.video_maps_for(
            wildcards.explainer,
            P.video_metrics(wildcards.explainer),
            wildcards.digest,
            wildcards.shard,
        ),
    output:
        rows=str(
            P.store
            / "video_metrics/{explainer}-{digest}"
            / CONFIG.run
            / "{shard}.parquet"
        ),
        records=update(
            str(P.video_measures.path / CONFIG.run / "{explainer}-{digest}-{shard}.h5")
        ),
    log:
        str(P.logs / CONFIG.run / "video_metrics/{explainer}-{digest}/{shard}.log"),
    benchmark:
        str(P.logs / CONFIG.run / "video_metrics/{explainer}-{digest}/{shard}.tsv")
    wildcard_constraints:
        explainer=one_of(CLIP_ROWS),
    retries: RETRIES
    conda:
        "../envs/science.yaml"
    threads: CONFIG.detector.threads
    resources:
        gpu=P.gpus,
        images_at_once=lambda wildcards, attempt: P.images_at_once(attempt),
        halvings=lambda wildcards, attempt: attempt - 1,
    params:
        metrics=lambda wildcards: P.video_metrics_params(wildcards.explainer),
    script:
        "../scripts/video_metrics.py"


rule video_tables:
    input:
        clips=CLIPS / "clips.parquet",
        scores=P.scored,
        saliency=[path for name in CLIP_ROWS for path in P.video_maps_of(name)],
        metrics=[path for name in CLIP_ROWS for path in P.video_metrics_of(name)],
        left_out=P.clips_left_out,
        weights=WEIGHTS,
    output:
        P.video_table("video"),
        P.video_table("video_restoration"),
        P.video_page["summary"],
    log:
        P.logs / CONFIG.run / "video_tables.log",
    localrule: True
    conda:
        "../envs/tables.yaml"
    params:
        explainers=CLIP_ROWS,
        note=P.outputs.video_note,
        beside=P.beside_pino,
    script:
        "../scripts/video_tables.py"


rule video_tables_attacks:
    input:
        clips=CLIPS / "clips.parquet",
        scores=P.scored,
        saliency=[path for name in CLIP_ROWS for path in P.video_maps_of(name)],
        evaluation=[path for name in CLIP_ROWS for path in P.video_rows_of(name)],
        weights=WEIGHTS,
    output:
        P.video_table("video_attacks"),
    log:
        P.logs / CONFIG.run / "video_tables_attacks.log",
    localrule: True
    conda:
        "../envs/tables.yaml"
    params:
        explainers=CLIP_ROWS,
        note=P.outputs.video_note,
    script:
        "../scripts/video_tables_attacks.py"


rule video_films:
    input:
        clips=CLIPS / "clips.parquet",
        manifest=CLIPS / "frames.parquet",
        frames=ancient(P.clips_lmdb),
        scores=P.scored,
        saliency=[path for name in CLIP_ROWS for path in P.video_maps_of(name)],
        weights=WEIGHTS,
    output:
        P.video_page["data"],
    log:
        P.logs / CONFIG.run / "video_films.log",
    benchmark:
        P.logs / CONFIG.run / "video_films.tsv"
    conda:
        "../envs/tables.yaml"
    params:
        explainers=CLIP_ROWS,
        films=CONFIG.video.films.model_dump(),
        threshold=P.classes.threshold,
        top=CONFIG.video.top,
    script:
        "../scripts/video_films.py"


rule video_page:
    input:
        data=P.video_page["data"],
        tables=P.video_tables,
        summary=P.video_page["summary"],
    output:
        P.video_page["page"],
    log:
        P.logs / CONFIG.run / "video_page.log",
    localrule: True
    conda:
        "../envs/tables.yaml"
    params:
        note=P.outputs.video_note,
    script:
        "../scripts/video_page.py"


rule video_provenance:
    input:
        P.video_tables,
        weights=WEIGHTS,
    output:
        P.run / "video/provenance.json",
    log:
        P.logs / CONFIG.run / "video_provenance.log",
    localrule: True
    conda:
        "../envs/tables.yaml"
    params:
        config=P.settings_of_clips,
    script:
        "../scripts/video_provenance.py"
