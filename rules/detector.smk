# detector: trained on the corpus, or imported from a checkpoint; its metrics on the test split, and their figures.
# Other rules take WEIGHTS, a small file with the hash of DETECTOR, which Snakemake compares by its checksum: P.check() mends
# it when other weights lie there, whatever their age. (Made by a rule of its own, or as params, it would repeat all.)
DETECTOR = P.weights
WEIGHTS = P.weights_hash


rule detector:
    input:
        P.run / "detector/metrics.json",
        P.outputs.tested,
        P.outputs.figure("detector"),
        P.outputs.figure("roc"),
        P.outputs.beside_detector,
        P.predicted,


# A detector that is there already, perhaps another run's, is no longer made by any rule: that run's lists, of another path,
# would count as changed inputs. To make it anew, delete it.
if not DETECTOR.exists() and P.source is None:

    rule detector_train:
        input:
            manifest=ancient(FRAMES / "manifest.parquet"),
            frames=ancient(P.lmdb),
            initial=ancient(lambda wildcards: P.to_start_from()),
        output:
            update(DETECTOR),
            update(WEIGHTS),
        log:
            P.logs / "detector_train" / f"{P.detector.path.name}.log",
        benchmark:
            P.logs / "detector_train" / f"{P.detector.path.name}.tsv"
        conda:
            "../envs/science.yaml"
        threads: CONFIG.detector.training.threads
        resources:
            gpu=P.gpus,
        script:
            "../scripts/detector_train.py"

elif not DETECTOR.exists():

    rule detector_import:
        input:
            checkpoint=ancient(P.source),
        output:
            update(DETECTOR),
            update(WEIGHTS),
        log:
            P.logs / "detector_import" / f"{P.detector.path.name}.log",
        localrule: True
        conda:
            "../envs/science.yaml"
        script:
            "../scripts/detector_import.py"


rule detector_metrics:
    input:
        manifest=FRAMES / "manifest.parquet",
        frames=ancient(P.lmdb),
        detector=ancient(DETECTOR),
        weights=WEIGHTS,
    output:
        json=P.run / "detector/metrics.json",
        tested=P.outputs.tested,
        published=P.outputs.beside_detector,
        predictions=P.run / "detector/predictions.parquet",
        probabilities=update(P.predicted),
    log:
        P.logs / CONFIG.run / "detector_metrics.log",
    benchmark:
        P.logs / CONFIG.run / "detector_metrics.tsv"
    conda:
        "../envs/science.yaml"
    threads: CONFIG.detector.threads
    resources:
        gpu=P.gpus,
    params:
        detector=P.detector.path.name,
        categories=CONFIG.tested,
        apart=CONFIG.untested,
        published=P.published_detector,
        threshold=P.classes.threshold,
        video_score=CONFIG.detector.video_score,
    script:
        "../scripts/detector_metrics.py"


# With `frames.explain: called_fake` the lists of images to explain are those of the frames less the ones called Real.
rule detector_called_fake:
    input:
        predictions=P.run / "detector/predictions.parquet",
        # of this detector: the table's path is the run's alone
        probabilities=P.predicted,
        evaluation=FRAMES / "evaluation.parquet",
        weights=WEIGHTS,
    output:
        evaluation=P.run / "detector/called_fake/evaluation.parquet",
        left_out=P.run / "detector/called_fake/left_out.parquet",
        shards=[P.run / f"detector/called_fake/{shard}.json" for shard in P.shards],
    log:
        P.logs / CONFIG.run / "detector_called_fake.log",
    localrule: True
    conda:
        "../envs/tables.yaml"
    script:
        "../scripts/detector_called_fake.py"
