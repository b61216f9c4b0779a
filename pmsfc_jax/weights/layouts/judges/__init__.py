"""Networks that judge images, and heads on them."""
