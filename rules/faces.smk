# faces: RetinaFace on the videos' frames, crops as PNG.
from advxai.config.data import LATER_KEYS

# Keys that are younger than many a crop count when they are set, as in the digests.
FACES_PARAMS = (
    CONFIG.faces.model_dump(exclude={"model", *LATER_KEYS}) | CONFIG.faces.later
)


rule faces:
    input:
        P.crops,


# Once it is there no rule makes it: a job of its own, all of whose followers take it as ancient, would hide from Snakemake
# what else has changed after it.
if not P.face_model.exists():

    rule faces_model:
        input:
            ancient(P.medium(CONFIG.faces.model)),
        output:
            update(P.face_model),
        log:
            P.logs / "faces_model.log",
        localrule: True
        conda:
            "../envs/data.yaml"
        script:
            "../scripts/faces_model.py"


rule faces_shard:
    input:
        videos=P.run / "corpus/shards/{shard}.json",
        model=ancient(P.face_model),
    output:
        faces=str(P.faces.path / CONFIG.run / "{shard}.parquet"),
        left_out=str(P.faces.path / CONFIG.run / "{shard}.left_out.parquet"),
    log:
        str(P.logs / CONFIG.run / "faces_shard/{shard}.log"),
    benchmark:
        str(P.logs / CONFIG.run / "faces_shard/{shard}.tsv")
    conda:
        "../envs/data.yaml"
    threads: CONFIG.threads.faces
    resources:
        gpu=int(CONFIG.faces.device == "cuda"),
    params:
        faces=FACES_PARAMS,
    script:
        "../scripts/faces_shard.py"
