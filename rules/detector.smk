# detector: trained on the corpus, or imported from a checkpoint; its metrics on the test split.
DETECTOR = P.detector.path / "detector.safetensors"
TRAINING = P.detector.path / "rows.parquet"


rule detector:
    input:
        P.run / "detector/metrics.json",


if CONFIG.detector.checkpoint is None:

    # Which images are learnt from. It lies in the store, where every run finds it: a further run's manifest, another path,
    # would make Snakemake train anew.
    rule detector_rows:
        input:
            manifest=ancient(FRAMES / "manifest.parquet"),
            frames=ancient(FRAMES / "frames.lmdb"),
        output:
            update(TRAINING),
        log:
            P.logs / CONFIG.run / "detector_rows.log",
        conda:
            "../envs/data.yaml"
        script:
            "../scripts/detector_rows.py"

    rule detector_train:
        input:
            rows=ancient(TRAINING),
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

else:

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
