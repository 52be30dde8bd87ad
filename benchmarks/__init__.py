"""Measurements that back numbers in the documents; each file or folder is one command."""
