"""The search: what a query says, which rows it means, and looking through them."""
