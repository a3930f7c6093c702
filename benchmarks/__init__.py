"""What the library costs, measured; each module is a program that prints its figures."""
