"""What is wrong with an installation: one module per thing that can be. Changes nothing."""
