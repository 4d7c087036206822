# store: what no configuration refers to is listed and, if the configuration says so, deleted. Nothing else deletes
# finished work. Without an output it runs whenever it is asked for.
rule prune:
    log:
        P.logs / CONFIG.run / "prune.log",
    localrule: True
    conda:
        "../envs/data.yaml"
    params:
        configurations=CONFIG.prune.configurations,
        delete=CONFIG.prune.delete,
    script:
        "../scripts/prune.py"
