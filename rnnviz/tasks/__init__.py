"""What small networks on the teaching pages learn: sequences, targets, and how an answer is judged. NumPy."""
