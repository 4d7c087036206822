# cases: all that the run has computed of one image, or of one clip, as a folder that `python -m advxai replay` computes
# anew.
from advxai.cases import clip_files, shard_files


rule cases_export:
    input:
        unpack(lambda wildcards: shard_files(P, wildcards.key)),
        evaluation=P.explained,
        manifest=FRAMES / "manifest.parquet",
        frames=ancient(P.lmdb),
        counterparts=P.counterparts,
        detector=ancient(DETECTOR),
        weights=WEIGHTS,
    output:
        directory(str(P.run / "cases/{key}")),
    log:
        str(P.logs / CONFIG.run / "cases_export/{key}.log"),
    # an image's key, not a file inside its folder
    wildcard_constraints:
        key=r".+\.mp4/[^/]+\.png",
    conda:
        "../envs/science.yaml"
    threads: CONFIG.detector.threads
    params:
        cases=CONFIG.cases.model_dump(),
    script:
        "../scripts/cases_export.py"


rule cases_export_clip:
    input:
        unpack(lambda wildcards: clip_files(P, wildcards.key)),
        clips=CLIPS / "clips.parquet",
        manifest=CLIPS / "frames.parquet",
        frames=ancient(P.clips_lmdb),
        counterparts=P.clip_counterparts,
        detector=ancient(DETECTOR),
        weights=WEIGHTS,
    output:
        directory(str(P.run / "cases/{key}")),
    log:
        str(P.logs / CONFIG.run / "cases_export_clip/{key}.log"),
    # a clip's key; that of a frame ends in more
    wildcard_constraints:
        key=r".+/clip_[^/#]+",
    conda:
        "../envs/science.yaml"
    threads: CONFIG.detector.threads
    params:
        cases=CONFIG.cases.model_dump(),
    script:
        "../scripts/cases_export_clip.py"
