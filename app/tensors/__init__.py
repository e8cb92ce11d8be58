"""What a safetensors file says of its tensors: names, types, shapes and digests.

The header is read once, when the bytes were proven, and kept with the blob. Nothing is ever loaded.
"""
