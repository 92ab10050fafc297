"""The wheel as users install it: what is in it, and that it runs outside the checkout, on every CPython of this machine."""
