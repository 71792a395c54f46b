"""What people ask about a company's clouds: whether they let us in, and how the machines there are patched."""
