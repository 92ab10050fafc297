"""What each RPC does: one function per RPC, named as the RPC, in the file of its service. `methods` lists them."""
