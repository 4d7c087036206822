"""What keeps a run going: paths, digests, jobs, the store of finished work, what a person is told."""
