"""What people see: each card, built of elements that name meaning; the platforms render them."""
