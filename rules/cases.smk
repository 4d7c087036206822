# cases: all that the run has computed of one image, as a folder that `python -m advxai replay` computes anew.
from advxai.cases import shard_files


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
