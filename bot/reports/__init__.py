"""Reports: gathered from the rows, told as a card, drawn as a picture, written as PDF, CSV and JSON."""
