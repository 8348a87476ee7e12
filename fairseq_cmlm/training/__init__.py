"""Training as pure functions of tensors: noising, the random numbers behind it, and the loss."""
