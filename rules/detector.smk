# detector: trained on the corpus, or imported from a checkpoint; its metrics on the test split.
DETECTOR = P.detector / "detector.safetensors"


rule detector:
    input:
        P.run / "detector/metrics.json",


if CONFIG.detector.checkpoint is None:

    rule detector_train:
        input:
            manifest=ancient(FRAMES / "manifest.parquet"),
            frames=ancient(FRAMES / "frames.lmdb"),
            initial=ancient(P.initial_weights),
        output:
            DETECTOR,
        log:
            P.logs / "detector_train" / f"{P.detector.name}.log",
        benchmark:
            P.logs / "detector_train" / f"{P.detector.name}.tsv"
        conda:
            "../envs/science.yaml"
        threads: CONFIG.detector.training.threads
        resources:
            gpu=P.gpus,
        script:
            "../scripts/detector_train.py"

else:

    rule detector_import:
        input:
            checkpoint=ancient(CONFIG.detector.checkpoint),
        output:
            DETECTOR,
        log:
            P.logs / "detector_import" / f"{P.detector.name}.log",
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
        detector=P.detector.name,
    script:
        "../scripts/detector_metrics.py"
