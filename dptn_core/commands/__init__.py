"""What each command of the command line takes and does, a file each.

Heavy modules are imported by the command that needs them, when it runs.
"""
