"""Live calls: streams joined to calls, fed to the kernel, handed to whoever listens."""
