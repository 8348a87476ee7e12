"""Training as pure functions of tensors: noising, losses and objectives."""
