"""License texts as reviewed data: one YAML file per text, and the reading choices. No code but the validator."""
