"""The nouns of the engine as frozen values: history, contracts' state, deployments."""
