# explain: a picture or a clip of the user's own, or an image of the run, explained as the run does it:
# snakemake --cores 2 explain --config image=me.jpg
from advxai.explain.earlier import require_possible
from advxai.explain.request import asked, configured, names, require_rows

if asked(CONFIG, sys.argv):
    from advxai.media.pictures import kind_of  # which loads what reads pictures

    try:
        EXPLAINED = configured(CONFIG)
        # rather than in a job, which would be tried again
        KIND = kind_of(Path(CONFIG.image)) if EXPLAINED.kind == "file" else ""
        if not names(CONFIG, None):
            require_rows(
                CONFIG,
                EXPLAINED,
                KIND,
                CONFIG.explains_clips and not CONFIG.explain.whole,
            )
        # before Snakemake deletes the JSON that it is to make anew
        require_possible(EXPLAINED, P.run / "explain" / EXPLAINED.stem)
    except InputError as error:
        raise WorkflowError(str(error)) from None

    rule explain:
        input:
            image=[CONFIG.image] if EXPLAINED.kind == "file" else [],
            detector=ancient(DETECTOR),
            weights=WEIGHTS,
            face_model=ancient([P.face_model] if EXPLAINED.kind == "file" else []),
            listed={
                "key": [FRAMES / "manifest.parquet"],
                "number": [P.explained],
                "random": [P.explained],
            }.get(EXPLAINED.kind, []),
            frames=ancient([P.lmdb] if EXPLAINED.kind != "file" else []),
        output:
            P.run / "explain" / EXPLAINED.stem / f"{EXPLAINED.stem}.json",
        log:
            P.logs / CONFIG.run / "explain" / f"{EXPLAINED.stem}.log",
        benchmark:
            P.logs / CONFIG.run / "explain" / f"{EXPLAINED.stem}.tsv"
        retries: RETRIES
        conda:
            "../envs/science.yaml"
        threads: CONFIG.detector.threads
        resources:
            gpu=P.gpus,
            images_at_once=lambda wildcards, attempt: P.images_at_once(attempt),
            halvings=lambda wildcards, attempt: attempt - 1,
        params:
            key=CONFIG.image if EXPLAINED.kind != "file" else None,
            explain=CONFIG.explain.model_dump(),
            faces=CONFIG.faces.model_dump(include={"score", "scale", "device"}),
            adversary=P.adversary_params,
            explainers={name: P.saliency_params(name) for name in names(CONFIG, None)},
            attacks=P.attacks_params,
            evaluation=CONFIG.evaluation.model_dump(include={"top", "population"}),
            dpi=CONFIG.report.dpi,
            clips=CONFIG.video.model_dump() if CONFIG.explains_clips else None,
        script:
            "../scripts/explain.py"
