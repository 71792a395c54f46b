"""The configuration as one YAML file: written for a backup or a second installation, and brought in again.

`shape` is what the file may say, `written` puts a database into that shape, `brought` does what a file says.
"""
