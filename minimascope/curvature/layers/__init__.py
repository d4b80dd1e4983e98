"""What single layers contribute: inputs and outputs, Jacobians, Gram matrices."""
