"""`python -m advxai.config`: write config/schema.json and config/reference.yaml."""

from pathlib import Path

from advxai.config.document import reference, schema

folder = Path("config")
folder.mkdir(exist_ok=True)
(folder / "schema.json").write_text(schema(), encoding="utf-8")
(folder / "reference.yaml").write_text(reference(), encoding="utf-8")
