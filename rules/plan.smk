# plan: what the run will cost. Without an output it runs whenever it is asked for; it needs no data and makes nothing of
# the run but results/<run>/plan.txt.
rule plan:
    log:
        P.logs / CONFIG.run / "plan.log",
    localrule: True
    conda:
        "../envs/science.yaml"
    threads: CONFIG.detector.threads
    resources:
        gpu=P.gpus,
    params:
        cores=lambda wildcards: workflow.resource_settings.cores or 1,
        submitted=lambda wildcards: (
            workflow.resource_settings.nodes if workflow.non_local_exec else None
        ),
        gpus=lambda wildcards: workflow.resource_settings.resources.get("gpu").value,
    script:
        "../scripts/plan.py"
