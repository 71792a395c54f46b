"""The command line: one module a verb family. Modules import what is light; commands import the rest."""
