"""Training as pure functions of tensors: noising, losses, and the objectives made of them."""
