"""``valetkey doctor``: one module per thing that can be wrong. Changes nothing."""
