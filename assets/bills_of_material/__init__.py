"""Bills of material: what bundles are made of."""
