# detector: trained on the corpus, or imported from a checkpoint; its metrics on the test split.
DETECTOR = P.detector.path / "detector.safetensors"


rule detector:
    input:
        P.run / "detector/metrics.json",


# A detector that is there already, perhaps another run's, is no longer made by any rule: that run's lists, of another path,
# would count as changed inputs. To make it anew, delete it.
if not DETECTOR.exists() and CONFIG.detector.checkpoint is None:

    rule detector_train:
        input:
            manifest=ancient(FRAMES / "manifest.parquet"),
            frames=ancient(FRAMES / "frames.lmdb"),
            initial=ancient(P.initial_weights),
        output:
            update(DETECTOR),
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
            checkpoint=ancient(CONFIG.detector.checkpoint),
        output:
            update(DETECTOR),
        log:
            P.logs / "detector_import" / f"{P.detector.path.name}.log",
        conda:
            "../envs/science.yaml"
        script:
            "../scripts/detector_import.py"


rule detector_metrics:
    input:
        manifest=FRAMES / "manifest.parquet",
        frames=ancient(FRAMES / "frames.lmdb"),
        detector=ancient(DETECTOR),
    output:
        json=P.run / "detector/metrics.json",
        csv=P.run / "detector/metrics.csv",
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
    script:
        "../scripts/detector_metrics.py"
