"""What stands on the wire: pydantic models, one file for each subject.

Input is lenient where the official SDKs are (unknown fields, booleans as `True`) and strict where
leniency would lose or corrupt something. Output names are the contract's.
"""
