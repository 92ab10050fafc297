"""What is checked before anything is read in full or written: whether the source is whole, and what may go wrong on the way.

`completeness` refuses a source that lacks what it should have. The others ask and look, and only warn, except where an import
would fail for certain.
"""
